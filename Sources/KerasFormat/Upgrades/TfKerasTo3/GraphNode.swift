import KerasSpec
import OrderedCollections

/// Nodes of TensorFlow's own graph, which tf.keras 2.0 to 2.3 keeps where 2.4 and later keep functions, as those functions.
///
/// Source: `TensorFlowOpLayer` of `tensorflow/python/keras/engine/base_layer.py` 2.1; the ops' inputs and attributes in
/// `tensorflow/core/ops`.
enum GraphNode {
    /// The same as a `TFOpLambda`; nil for an op that isn't known, or says what its function can't.
    static func function(_ layer: LayerSpec) -> LayerSpec? {
        guard layer.className == "TensorFlowOpLayer", let node = layer.config["node_def"]?.object, let op = node["op"]?.string,
            let rule = rules[op], layer.calls.count == 1, let call = layer.calls.first, call.arguments.count == 1
        else { return nil }
        let names = (node["input"]?.array ?? []).filter { !($0.string ?? "").hasPrefix("^") }
        var tensors: ArraySlice<Nest> = if case .list(let items) = call.arguments[0] { items[...] } else { call.arguments[...] }
        let constants = layer.config["constants"]?.object ?? [:]
        var inputs: [Nest] = []
        for number in names.indices {
            if let constant = constants[String(number)] {
                inputs.append(.constant(constant))
            } else {
                guard let tensor = tensors.popFirst() else { return nil }
                inputs.append(tensor)
            }
        }
        guard tensors.isEmpty, !inputs.isEmpty else { return nil }
        let attributes = node["attr"]?.object ?? [:]
        for (key, wanted) in rule.required {
            if let own = attributes[key].flatMap(value), own != wanted { return nil }
        }
        var keywords: OrderedDictionary<String, Nest> = [:]
        for (name, key) in rule.attributes {
            if let own = attributes[key].flatMap(value) { keywords[name] = .constant(own) }
        }
        var first = inputs[0]
        switch rule.listed {
        case .none:
            // In TensorFlow's order; "*" stands for the first argument of the function.
            guard let place = rule.inputs.firstIndex(of: "*"), inputs.count <= rule.inputs.count, place < inputs.count else { return nil }
            first = inputs[place]
            for (name, input) in zip(rule.inputs, inputs) where name != "*" { keywords[name] = input }
        case .all: first = .list(inputs)
        case .allButLast(let name):
            guard inputs.count > 1, let last = inputs.popLast() else { return nil }
            first = .list(inputs)
            keywords[name] = last
        }
        for (name, setting) in rule.settings { keywords[name] = .constant(setting) }
        var result = layer
        result.className = "TFOpLambda"
        result.config = ["name": .string(layer.name), "trainable": true, "dtype": "float32", "function": .string(rule.function)]
        result.calls = [LayerCall(arguments: [first], keywords: keywords)]
        return result
    }

    /// An attribute: numbers come as text, types as `DT_FLOAT`, words in base 64.
    private static func value(_ attribute: ConfigValue) -> ConfigValue? {
        func plain(_ kind: String, _ value: ConfigValue) -> ConfigValue? {
            switch kind {
            case "i": return value.integer != nil ? value : value.string.flatMap { Int($0) }.map(ConfigValue.integer)
            case "b", "f": return value
            case "type": return value.string.flatMap { types[$0] }
            case "s": return value.string.flatMap { words[$0] }
            case "list":
                guard let (kind, items) = value.object?.elements.first, let items = items.array else { return .array([]) }
                let plains = items.compactMap { plain(kind, $0) }
                return plains.count == items.count ? .array(plains) : nil
            default: return nil
            }
        }
        guard let (kind, content) = attribute.object?.elements.first else { return nil }
        return plain(kind, content)
    }

    private static let types: [String: ConfigValue] = [
        "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_INT32": "int32", "DT_INT64": "int64", "DT_BOOL": "bool",
        "DT_UINT8": "uint8", "DT_INT8": "int8", "DT_INT16": "int16", "DT_UINT16": "uint16", "DT_BFLOAT16": "bfloat16",
    ]

    /// The words that the ops below are told, in base 64.
    private static let words: [String: ConfigValue] = [
        "TkhXQw==": "NHWC", "TkNIVw==": "NCHW", "VkFMSUQ=": "VALID", "U0FNRQ==": "SAME", "UkVGTEVDVA==": "REFLECT", "U1lNTUVUUklD": "SYMMETRIC",
    ]

    // MARK: - The table

    private struct Rule {
        enum Listed {
            case none
            case all
            case allButLast(String)
        }

        var function: String
        /// What the inputs are called, in TensorFlow's order.
        var inputs: [String] = ["*"]
        /// What the function calls TensorFlow's attributes.
        var attributes: [String: String] = [:]
        var settings: [String: ConfigValue] = [:]
        /// Attributes that must have these values, or be absent.
        var required: [String: ConfigValue] = [:]
        var listed = Listed.none
    }

    private static let rules: [String: Rule] = {
        var rules: [String: Rule] = [:]
        for (op, function) in [
            ("Abs", "math.abs"), ("Neg", "math.negative"), ("Exp", "math.exp"), ("Expm1", "math.expm1"), ("Log", "math.log"), ("Log1p", "math.log1p"),
            ("Sin", "math.sin"), ("Cos", "math.cos"), ("Tan", "math.tan"), ("Sinh", "math.sinh"), ("Cosh", "math.cosh"), ("Tanh", "math.tanh"),
            ("Asin", "math.asin"), ("Acos", "math.acos"), ("Atan", "math.atan"), ("Asinh", "math.asinh"), ("Acosh", "math.acosh"),
            ("Atanh", "math.atanh"), ("Floor", "math.floor"), ("Ceil", "math.ceil"), ("Round", "math.round"), ("Rint", "math.rint"),
            ("Sign", "math.sign"), ("Square", "math.square"), ("Sqrt", "math.sqrt"), ("Rsqrt", "math.rsqrt"), ("Erf", "math.erf"),
            ("Erfc", "math.erfc"), ("Erfinv", "math.erfinv"), ("Softplus", "math.softplus"), ("Sigmoid", "math.sigmoid"),
            ("Reciprocal", "math.reciprocal"), ("Inv", "math.reciprocal"), ("IsNan", "math.is_nan"), ("IsInf", "math.is_inf"),
            ("IsFinite", "math.is_finite"), ("LogicalNot", "math.logical_not"), ("Relu", "nn.relu"), ("Relu6", "nn.relu6"), ("Elu", "nn.elu"),
            ("Selu", "nn.selu"), ("Softsign", "nn.softsign"), ("Softmax", "nn.softmax"), ("LogSoftmax", "nn.log_softmax"),
            ("ZerosLike", "zeros_like"), ("OnesLike", "ones_like"), ("Identity", "identity"), ("StopGradient", "stop_gradient"),
            ("L2Loss", "nn.l2_loss"), ("MatrixDiagPart", "linalg.diag_part"), ("MatrixInverse", "linalg.inv"), ("MatrixDeterminant", "linalg.det"),
            ("RGBToHSV", "image.rgb_to_hsv"), ("HSVToRGB", "image.hsv_to_rgb"), ("Cholesky", "linalg.cholesky"), ("Shape", "compat.v1.shape"),
            ("LogMatrixDeterminant", "linalg.slogdet"), ("SelfAdjointEigV2", "linalg.eigh"), ("BesselI0e", "math.bessel_i0e"),
            ("MatrixDiag", "linalg.diag"),
        ] { rules[op] = Rule(function: function) }
        rules["MatrixInverse"]?.attributes = ["adjoint": "adjoint"]
        rules["LeakyRelu"] = Rule(function: "nn.leaky_relu", attributes: ["alpha": "alpha"])
        rules["Cast"] = Rule(function: "cast", attributes: ["dtype": "DstT"])
        for (op, function) in [
            ("Add", "math.add"), ("AddV2", "math.add"), ("Sub", "math.subtract"), ("Mul", "math.multiply"), ("RealDiv", "math.truediv"),
            ("Div", "math.truediv"), ("FloorDiv", "math.floordiv"), ("FloorMod", "math.floormod"), ("DivNoNan", "math.divide_no_nan"),
            ("MulNoNan", "math.multiply_no_nan"), ("Xlogy", "math.xlogy"), ("Pow", "math.pow"), ("Maximum", "math.maximum"),
            ("Minimum", "math.minimum"), ("SquaredDifference", "math.squared_difference"), ("Equal", "math.equal"), ("NotEqual", "math.not_equal"),
            ("Greater", "math.greater"), ("GreaterEqual", "math.greater_equal"), ("Less", "math.less"), ("LessEqual", "math.less_equal"),
            ("LogicalAnd", "math.logical_and"), ("LogicalOr", "math.logical_or"),
        ] { rules[op] = Rule(function: function, inputs: ["*", "y"]) }
        for (op, function) in [
            ("Sum", "reduce_sum"), ("Mean", "reduce_mean"), ("Max", "reduce_max"), ("Min", "reduce_min"), ("Prod", "reduce_prod"),
            ("All", "reduce_all"), ("Any", "reduce_any"), ("EuclideanNorm", "reduce_euclidean_norm"),
        ] { rules[op] = Rule(function: "math." + function, inputs: ["*", "axis"], attributes: ["keepdims": "keep_dims"]) }
        for (op, data) in [("AvgPool", "nn.avg_pool"), ("MaxPool", "nn.max_pool"), ("AvgPool3D", "nn.avg_pool3d"), ("MaxPool3D", "nn.max_pool3d")] {
            rules[op] = Rule(
                function: data, attributes: ["ksize": "ksize", "strides": "strides", "padding": "padding"], required: ["data_format": "NHWC"])
        }
        for (op, rule) in [
            "Atan2": Rule(function: "math.atan2", inputs: ["*", "x"]),
            "Select": Rule(function: "where", inputs: ["*", "x", "y"]), "SelectV2": Rule(function: "where", inputs: ["*", "x", "y"]),
            "AddN": Rule(function: "math.add_n", listed: .all),
            "ConcatV2": Rule(function: "concat", listed: .allButLast("axis")),
            "Pack": Rule(function: "stack", attributes: ["axis": "axis"], listed: .all),
            "Unpack": Rule(function: "unstack", attributes: ["axis": "axis", "num": "num"]),
            "Split": Rule(function: "split", inputs: ["axis", "*"], attributes: ["num_or_size_splits": "num_split"]),
            "SplitV": Rule(function: "split", inputs: ["*", "num_or_size_splits", "axis"]),
            "MatMul": Rule(
                function: "linalg.matmul", inputs: ["*", "b"], attributes: ["transpose_a": "transpose_a", "transpose_b": "transpose_b"]),
            "BatchMatMul": Rule(function: "linalg.matmul", inputs: ["*", "b"], attributes: ["adjoint_a": "adj_x", "adjoint_b": "adj_y"]),
            "BatchMatMulV2": Rule(function: "linalg.matmul", inputs: ["*", "b"], attributes: ["adjoint_a": "adj_x", "adjoint_b": "adj_y"]),
            "ArgMax": Rule(function: "math.argmax", inputs: ["*", "axis"], attributes: ["output_type": "output_type"]),
            "ArgMin": Rule(function: "math.argmin", inputs: ["*", "axis"], attributes: ["output_type": "output_type"]),
            "Cumsum": Rule(function: "math.cumsum", inputs: ["*", "axis"], attributes: ["exclusive": "exclusive", "reverse": "reverse"]),
            "Cumprod": Rule(function: "math.cumprod", inputs: ["*", "axis"], attributes: ["exclusive": "exclusive", "reverse": "reverse"]),
            "TopKV2": Rule(function: "math.top_k", inputs: ["*", "k"], attributes: ["sorted": "sorted"]),
            "InTopKV2": Rule(function: "compat.v1.math.in_top_k", inputs: ["*", "targets", "k"]),
            "OneHot": Rule(
                function: "one_hot", inputs: ["*", "depth", "on_value", "off_value"], attributes: ["axis": "axis", "dtype": "T"]),
            "Reshape": Rule(function: "reshape", inputs: ["*", "shape"]),
            "ExpandDims": Rule(function: "expand_dims", inputs: ["*", "axis"]),
            "Squeeze": Rule(function: "squeeze", attributes: ["axis": "squeeze_dims"]),
            "Transpose": Rule(function: "transpose", inputs: ["*", "perm"]),
            "Tile": Rule(function: "tile", inputs: ["*", "multiples"]),
            "ReverseV2": Rule(function: "reverse", inputs: ["*", "axis"]),
            "Roll": Rule(function: "roll", inputs: ["*", "shift", "axis"]),
            "BroadcastTo": Rule(function: "broadcast_to", inputs: ["*", "shape"]),
            "GatherV2": Rule(function: "gather", inputs: ["*", "indices", "axis"], attributes: ["batch_dims": "batch_dims"]),
            "Pad": Rule(function: "pad", inputs: ["*", "paddings"]),
            "PadV2": Rule(function: "pad", inputs: ["*", "paddings", "constant_values"]),
            "MirrorPad": Rule(function: "pad", inputs: ["*", "paddings"], attributes: ["mode": "mode"]),
            "Slice": Rule(function: "slice", inputs: ["*", "begin", "size"]),
            "StridedSlice": Rule(
                function: "strided_slice", inputs: ["*", "begin", "end", "strides"],
                attributes: [
                    "begin_mask": "begin_mask", "end_mask": "end_mask", "ellipsis_mask": "ellipsis_mask", "new_axis_mask": "new_axis_mask",
                    "shrink_axis_mask": "shrink_axis_mask",
                ]),
            "MatrixBandPart": Rule(function: "linalg.band_part", inputs: ["*", "num_lower", "num_upper"]),
            "MatrixDiagV3": Rule(function: "linalg.diag", inputs: ["*", "k", "num_rows", "num_cols", "padding_value"]),
            "MatrixDiagPartV3": Rule(function: "linalg.diag_part", inputs: ["*", "k", "padding_value"]),
            "Svd": Rule(function: "linalg.svd", attributes: ["compute_uv": "compute_uv", "full_matrices": "full_matrices"]),
            "Qr": Rule(function: "linalg.qr", attributes: ["full_matrices": "full_matrices"]),
            "MatrixSolve": Rule(function: "linalg.solve", inputs: ["*", "rhs"], attributes: ["adjoint": "adjoint"]),
            "MatrixTriangularSolve": Rule(
                function: "linalg.triangular_solve", inputs: ["*", "rhs"], attributes: ["lower": "lower", "adjoint": "adjoint"]),
            "AdjustHue": Rule(function: "image.adjust_hue", inputs: ["*", "delta"]),
            "AdjustSaturation": Rule(function: "image.adjust_saturation", inputs: ["*", "saturation_factor"]),
            "ExtractImagePatches": Rule(
                function: "image.extract_patches",
                attributes: ["sizes": "ksizes", "strides": "strides", "rates": "rates", "padding": "padding"]),
            "TensorScatterUpdate": Rule(function: "tensor_scatter_nd_update", inputs: ["*", "indices", "updates"]),
            "Conv2D": Rule(
                function: "nn.conv2d", inputs: ["*", "filters"],
                attributes: ["strides": "strides", "padding": "padding", "dilations": "dilations"], required: ["data_format": "NHWC"]),
            "Cross": Rule(function: "linalg.cross", inputs: ["*", "b"]),
            "BiasAdd": Rule(function: "nn.bias_add", inputs: ["*", "bias"], required: ["data_format": "NHWC"]),
            "DepthToSpace": Rule(
                function: "nn.depth_to_space", attributes: ["block_size": "block_size"], required: ["data_format": "NHWC"]),
            "SpaceToDepth": Rule(
                function: "nn.space_to_depth", attributes: ["block_size": "block_size"], required: ["data_format": "NHWC"]),
            "AdjustContrastv2": Rule(function: "image.adjust_contrast", inputs: ["*", "contrast_factor"]),
            // Those that put half a pixel between, as TensorFlow 2 does.
            "ResizeBilinear": Rule(
                function: "image.resize", inputs: ["*", "size"], settings: ["method": "bilinear"],
                required: ["half_pixel_centers": true, "align_corners": false]),
            "ResizeNearestNeighbor": Rule(
                function: "image.resize", inputs: ["*", "size"], settings: ["method": "nearest"],
                required: ["half_pixel_centers": true, "align_corners": false]),
            "ResizeBicubic": Rule(
                function: "image.resize", inputs: ["*", "size"], settings: ["method": "bicubic"],
                required: ["half_pixel_centers": true, "align_corners": false]),
        ] { rules[op] = rule }
        return rules
    }()
}
