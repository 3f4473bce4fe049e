import KerasSpec

/// A function of TensorFlow and the operation of Keras 3 that computes the same.
struct OperationRule: Sendable {
    /// A setting that Keras 3 keeps with the operation and TensorFlow is told with each call.
    struct Setting: Sendable {
        var keras3: String
        var tf: String
        /// What leaving it out means, in each one's words; nil where it must be said.
        var fallback: ConfigValue?
        var keras3Default: ConfigValue?
        var form: Form
    }

    /// How the value of a setting differs.
    enum Form: Sendable {
        case same
        /// TensorFlow shouts.
        case upperCase
        /// TensorFlow says the square.
        case square
        /// TensorFlow also takes null for the default.
        case nullIsDefault
        /// TensorFlow takes a list of one for an axis.
        case listOfOne
    }

    /// As `TFOpLambda` writes it: `math.add`.
    let function: String
    /// As a spec writes it: `ops.numpy.Add`.
    let className: String
    /// Names of the arguments that come after the first, which are tensors or numbers.
    let inputs: [String]
    let settings: [Setting]
    /// Settings of TensorFlow that must have these values, or be left out.
    let neutral: [String: ConfigValue]
    /// Settings that only Keras 3 has, with the value that means what TensorFlow does.
    let added: [(key: String, value: ConfigValue)]

    private init(
        _ function: String, _ className: String, _ inputs: String = "", _ settings: [Setting] = [],
        neutral: [String: ConfigValue] = [:], added: [(key: String, value: ConfigValue)] = []
    ) {
        self.function = function
        self.className = OperationName.prefix + className
        self.inputs = inputs.split(separator: " ").map(String.init)
        self.settings = settings
        self.neutral = neutral
        self.added = added
    }

    /// By TensorFlow's names.
    static let byFunction: [String: OperationRule] = Dictionary(
        all.map { ($0.function, $0) }, uniquingKeysWith: { first, _ in first })

    /// By Keras 3's names: of several functions the one that stands first.
    static let byClass: [String: OperationRule] = Dictionary(
        all.map { ($0.className, $0) }, uniquingKeysWith: { first, _ in first })

    // MARK: - The table

    private static func set(
        _ key: String, tf: String? = nil, _ fallback: ConfigValue? = nil, _ form: Form = .same, keras3Default: ConfigValue? = nil
    ) -> Setting {
        Setting(keras3: key, tf: tf ?? key, fallback: fallback, keras3Default: keras3Default ?? fallback, form: form)
    }

    private static let axis = set("axis", nil as ConfigValue?)
    private static let anyAxis = set("axis", .null)
    private static let keepdims = set("keepdims", false)

    private static let all: [OperationRule] = arithmetic + elementwise + activations + reductions + arrangement

    private static let arithmetic: [OperationRule] =
        [
            ("__operators__.add", "Add"), ("math.add", "Add"), ("math.subtract", "Subtract"), ("math.multiply", "Multiply"),
            ("math.truediv", "TrueDivide"), ("math.divide", "Divide"), ("compat.v1.div", "Divide"), ("math.pow", "Power"),
            ("compat.v1.floor_div", "FloorDivide"), ("math.floordiv", "FloorDivide"), ("math.floormod", "Mod"),
            ("math.divide_no_nan", "DivideNoNan"), ("math.maximum", "Maximum"), ("math.minimum", "Minimum"),
            ("math.equal", "Equal"), ("math.not_equal", "NotEqual"), ("math.greater", "Greater"),
            ("math.greater_equal", "GreaterEqual"), ("math.less", "Less"), ("math.less_equal", "LessEqual"),
            ("math.logical_and", "LogicalAnd"), ("math.logical_or", "LogicalOr"), ("math.logical_xor", "LogicalXor"),
            ("__operators__.eq", "Equal"), ("__operators__.ne", "NotEqual"), ("bitwise.bitwise_and", "BitwiseAnd"),
            ("bitwise.bitwise_or", "BitwiseOr"), ("bitwise.bitwise_xor", "BitwiseXor"),
        ].map { OperationRule($0, "numpy." + $1, "y") }
        + [
            OperationRule("math.atan2", "numpy.Arctan2", "x"),
            OperationRule("where", "numpy.Where", "x y"),
            OperationRule("tensordot", "numpy.Tensordot", "b", [set("axes")]),
            OperationRule(
                "linalg.matmul", "numpy.Matmul", "b",
                neutral: [
                    "transpose_a": false, "transpose_b": false, "adjoint_a": false, "adjoint_b": false, "a_is_sparse": false,
                    "b_is_sparse": false, "output_type": nil,
                ]),
        ]

    private static let elementwise: [OperationRule] =
        [
            ("math.negative", "numpy.Negative"), ("math.abs", "numpy.Absolute"), ("math.exp", "numpy.Exp"),
            ("math.expm1", "numpy.Expm1"), ("math.log", "numpy.Log"), ("math.log1p", "numpy.Log1p"),
            ("math.sqrt", "numpy.Sqrt"), ("math.square", "numpy.Square"), ("math.rsqrt", "math.Rsqrt"),
            ("math.reciprocal", "numpy.Reciprocal"), ("math.sin", "numpy.Sin"), ("math.cos", "numpy.Cos"),
            ("math.tan", "numpy.Tan"), ("math.asin", "numpy.Arcsin"), ("math.acos", "numpy.Arccos"),
            ("math.atan", "numpy.Arctan"), ("math.sinh", "numpy.Sinh"), ("math.cosh", "numpy.Cosh"),
            ("math.tanh", "numpy.Tanh"), ("math.asinh", "numpy.Arcsinh"), ("math.acosh", "numpy.Arccosh"),
            ("math.atanh", "numpy.Arctanh"), ("math.floor", "numpy.Floor"), ("math.ceil", "numpy.Ceil"),
            ("math.sign", "numpy.Sign"), ("math.erf", "math.Erf"), ("math.is_nan", "numpy.Isnan"),
            ("math.is_inf", "numpy.Isinf"), ("math.is_finite", "numpy.Isfinite"), ("math.logical_not", "numpy.LogicalNot"),
            ("identity", "numpy.Copy"), ("math.erfc", "math.Erfc"), ("math.erfinv", "math.Erfinv"), ("math.log_sigmoid", "nn.LogSigmoid"),
            ("math.real", "numpy.Real"), ("math.conj", "numpy.Conjugate"),
            ("linalg.det", "linalg.Det"), ("stop_gradient", "core.StopGradient"), ("math.softplus", "nn.Softplus"), ("math.sigmoid", "nn.Sigmoid"),
        ].map { OperationRule($0, $1) }
        + [
            OperationRule("math.round", "numpy.Round", added: [("decimals", 0)]),
            OperationRule("math.rint", "numpy.Round", added: [("decimals", 0)]),
            OperationRule("linalg.inv", "linalg.Inv", neutral: ["adjoint": false]),
            OperationRule("linalg.cholesky", "linalg.Cholesky", added: [("upper", false)]),
            OperationRule(
                "clip_by_value", "numpy.Clip",
                "", [set("x_min", tf: "clip_value_min"), set("x_max", tf: "clip_value_max")]),
            OperationRule("cast", "core.Cast", "", [set("dtype")]),
            OperationRule("compat.v1.cast", "core.Cast", "", [set("dtype")]),
            OperationRule("zeros_like", "numpy.ZerosLike", "", [set("dtype", .null)]),
            OperationRule("ones_like", "numpy.OnesLike", "", [set("dtype", .null)]),
            OperationRule("compat.v1.zeros_like", "numpy.ZerosLike", "", [set("dtype", .null)], neutral: ["optimize": true]),
            OperationRule("compat.v1.ones_like", "numpy.OnesLike", "", [set("dtype", .null)], neutral: ["optimize": true]),
        ]

    private static let activations: [OperationRule] =
        [("relu", "Relu"), ("relu6", "Relu6"), ("selu", "Selu"), ("softsign", "Softsign"), ("elu", "Elu")].map { name, className in
            OperationRule("nn." + name, "nn." + className, added: className == "Elu" ? [("alpha", 1.0)] : [])
        }
        + [
            OperationRule("nn.silu", "nn.Silu", neutral: ["beta": 1.0]),
            OperationRule("nn.gelu", "nn.Gelu", "", [set("approximate", false, keras3Default: true)]),
            OperationRule("nn.leaky_relu", "nn.LeakyRelu", "", [set("negative_slope", tf: "alpha", 0.2)]),
            OperationRule("nn.softmax", "nn.Softmax", "", [set("axis", -1, .nullIsDefault)]),
            OperationRule("nn.log_softmax", "nn.LogSoftmax", "", [set("axis", -1, .nullIsDefault)]),
            OperationRule("compat.v1.nn.softmax", "nn.Softmax", "", [set("axis", -1, .nullIsDefault)], neutral: ["dim": nil]),
            OperationRule("compat.v1.nn.log_softmax", "nn.LogSoftmax", "", [set("axis", -1, .nullIsDefault)], neutral: ["dim": nil]),
            OperationRule(
                "math.l2_normalize", "nn.Normalize", "", [axis, set("epsilon", 1e-12, .square, keras3Default: .null)],
                added: [("order", 2)]),
        ]

    private static let reductions: [OperationRule] =
        [("mean", "Mean"), ("sum", "Sum"), ("std", "Std"), ("variance", "Var"), ("any", "Any"), ("all", "All")].map {
            OperationRule("math.reduce_" + $0, "numpy." + $1, "", [anyAxis, keepdims])
        }
        + [("max", "Max"), ("min", "Min")].map {
            OperationRule("math.reduce_" + $0, "numpy." + $1, "", [anyAxis, keepdims], added: [("initial", nil)])
        }
        + [
            OperationRule("math.reduce_prod", "numpy.Prod", "", [anyAxis, keepdims], added: [("dtype", nil)]),
            OperationRule("math.reduce_logsumexp", "math.Logsumexp", "", [anyAxis, keepdims]),
            // TensorFlow's default is the first axis, Keras's all together.
            OperationRule(
                "math.argmax", "numpy.Argmax", "", [set("axis", 0, .nullIsDefault, keras3Default: .null)],
                neutral: ["output_type": "int64"], added: [("keepdims", false)]),
            OperationRule(
                "math.argmin", "numpy.Argmin", "", [set("axis", 0, .nullIsDefault, keras3Default: .null)],
                neutral: ["output_type": "int64"], added: [("keepdims", false)]),
            OperationRule(
                "math.cumsum", "numpy.Cumsum", "", [set("axis", 0, keras3Default: .null)],
                neutral: ["exclusive": false, "reverse": false], added: [("dtype", nil)]),
            OperationRule("math.top_k", "math.TopK", "", [set("k", 1), set("sorted", true)]),
        ]

    private static let arrangement: [OperationRule] = [
        OperationRule("reshape", "numpy.Reshape", "", [set("newshape", tf: "shape")]),
        OperationRule("concat", "numpy.Concatenate", "", [axis]),
        OperationRule("stack", "numpy.Stack", "", [set("axis", 0)]),
        OperationRule("unstack", "core.Unstack", "", [set("num", .null), set("axis", 0)]),
        OperationRule("expand_dims", "numpy.ExpandDims", "", [axis]),
        OperationRule("compat.v1.squeeze", "numpy.Squeeze", "", [anyAxis], neutral: ["squeeze_dims": nil]),
        OperationRule("squeeze", "numpy.Squeeze", "", [anyAxis]),
        OperationRule("compat.v1.transpose", "numpy.Transpose", "", [set("axes", tf: "perm", .null)], neutral: ["conjugate": false]),
        OperationRule("transpose", "numpy.Transpose", "", [set("axes", tf: "perm", .null)], neutral: ["conjugate": false]),
        OperationRule("tile", "numpy.Tile", "", [set("repeats", tf: "multiples")]),
        OperationRule("reverse", "numpy.Flip", "", [set("axis", nil, .listOfOne)]),
        OperationRule("roll", "numpy.Roll", "", [set("shift"), axis]),
        OperationRule("broadcast_to", "numpy.BroadcastTo", "", [set("shape")]),
        OperationRule(
            "compat.v1.gather", "numpy.Take", "indices", [set("axis", 0, .nullIsDefault, keras3Default: .null)],
            neutral: ["validate_indices": nil, "batch_dims": 0]),
        OperationRule(
            "gather", "numpy.Take", "indices", [set("axis", 0, .nullIsDefault, keras3Default: .null)],
            neutral: ["validate_indices": nil, "batch_dims": 0]),
        OperationRule("compat.v1.pad", "numpy.Pad", "", [set("pad_width", tf: "paddings"), set("mode", "CONSTANT", .upperCase)]),
        OperationRule("pad", "numpy.Pad", "", [set("pad_width", tf: "paddings"), set("mode", "CONSTANT", .upperCase)]),
        OperationRule(
            "split", "numpy.Split", "", [set("indices_or_sections", tf: "num_or_size_splits"), set("axis", 0)],
            neutral: ["num": nil]),
        OperationRule(
            "one_hot", "nn.OneHot", "", [set("num_classes", tf: "depth"), set("axis", -1), set("dtype", "float32")],
            neutral: ["on_value": nil, "off_value": nil], added: [("sparse", false)]),
        OperationRule("__operators__.getitem", "numpy.GetItem", "slice_spec"),
    ]
}
