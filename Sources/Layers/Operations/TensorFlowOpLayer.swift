internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
package import Tensors

/// A node of TensorFlow's own graph in a functional model, as tf.keras 2.0 to 2.3 writes what isn't a layer.
///
/// Computed as the function of `keras.ops` that means the same. Masks end here.
/// Config: `name`, `node_def` (an op, its inputs, its attributes), `constants` (inputs that are fixed, by number). Kept as read.
/// Source: tensorflow/python/keras/engine/base_layer.py (2.1), TensorFlowOpLayer.
package struct TensorFlowOpLayer: BuiltInLayer {
    package static let className = "TensorFlowOpLayer"
    package var common: LayerCommon
    /// Kept for writing.
    package let config: ConfigObject
    private let op: String
    private let inputCount: Int
    private let constants: [Int: ConfigValue]
    private let attributes: ConfigObject
    private let rule: Rule

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        throw LocatedError(.unsupported, "layer.unknown", "expected TensorFlowOpLayer to be made of its whole configuration")
    }

    package init(config: ConfigObject) throws(LocatedError) {
        self.config = config
        var reader = ConfigReader(config)
        common = try LayerCommon(&reader)
        guard let definition = reader.value("node_def")?.object, let op = definition["op"]?.string,
            let inputs = definition["input"]?.array ?? (definition["input"] == nil ? [] : nil)
        else {
            throw LocatedError(.invalid, "config.value", "expected a node of TensorFlow, got none", at: ["config/node_def"])
        }
        // Control inputs begin with ^: they only order.
        inputCount = inputs.count { !($0.string ?? "").hasPrefix("^") }
        var constants: [Int: ConfigValue] = [:]
        for (key, value) in reader.value("constants")?.object ?? [:] {
            guard let number = Int(key), (0..<inputCount).contains(number) else {
                throw LocatedError(.invalid, "config.value", "expected constants by the number of an input, got \"\(key)\"", at: ["config/constants"])
            }
            constants[number] = value
        }
        attributes = definition["attr"]?.object ?? [:]
        try reader.finish()
        guard let rule = Self.rules[op], let operation = Operation.all[Operation.prefix + rule.operation] else {
            throw LocatedError(.unsupported, "operation.tensorflow", "expected an op of TensorFlow that is computed, got \(op)", at: ["config/node_def"])
        }
        _ = operation
        (self.op, self.constants, self.rule) = (op, constants, rule)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        var rest = inputs[...], arguments: [CallArguments.Argument] = []
        for number in 0..<inputCount {
            if let constant = constants[number] {
                arguments.append(.constant(constant))
            } else {
                guard let signal = rest.popFirst() else { throw wrong("\(inputCount) inputs and constants", "\(inputs.count + constants.count)", context) }
                arguments.append(.signal(signal))
            }
        }
        guard rest.isEmpty, let operation = Operation.all[Operation.prefix + rule.operation] else {
            throw wrong("\(inputCount) inputs and constants", "\(inputs.count + constants.count)", context)
        }
        var keywords: OrderedDictionary<String, CallArguments.Argument> = [:]
        for (key, attribute) in rule.attributes {
            if let value = try value(attribute, context) { keywords[key] = .constant(value) }
        }
        for (key, wanted) in rule.required {
            guard let own = try value(key, context), own != wanted else { continue }
            throw wrong("\(key) to be \(wanted.summary)", own.summary, context)
        }
        switch op {
        case "ConcatV2":
            keywords["xs"] = .list(Array(arguments.dropLast()))
            keywords["axis"] = arguments.last
        case "Pack": keywords["x"] = .list(arguments)
        case "OneHot":
            // 1 and 0 only: what Keras writes.
            guard arguments.count == 4, number(arguments[2]) == 1, number(arguments[3]) == 0 else {
                throw wrong("on and off values 1 and 0", arguments.dropFirst(2).map(\.kindName).joined(separator: " and "), context)
            }
            keywords["x"] = arguments[0]
            keywords["num_classes"] = arguments[1]
        case "SquaredDifference":
            // The square of the difference, in two steps.
            keywords = ["x1": arguments[0], "x2": arguments.count == 2 ? arguments[1] : arguments[0]]
        case "StridedSlice": keywords = ["x": arguments[0], "key": .constant(try slices(arguments, context))]
        default:
            guard arguments.count <= rule.inputs.count else {
                throw wrong("at most \(rule.inputs.count) inputs", "\(arguments.count)", context)
            }
            for (name, argument) in zip(rule.inputs, arguments) { keywords[name] = argument }
        }
        if let key = rule.flipped {
            for (name, flag) in key where try value(flag, context)?.bool == true {
                let own = OperationCall(operation: operation, config: [:], context: context, arguments: CallArguments(keywords: keywords))
                let x = try own.tensor(name), rank = context.rank(x)
                guard rank >= 2 else { throw wrong("matrices", "a tensor of shape \(context.shape(x))", context) }
                keywords[name] = .signal(Signal(try context.transposed(x, Array(0..<(rank - 2)) + [rank - 1, rank - 2])))
            }
        }
        let call = OperationCall(
            operation: operation, config: rule.settings, context: context, arguments: CallArguments(keywords: keywords))
        do {
            let outputs = try operation.lower(call)
            guard op == "SquaredDifference" else { return outputs.map { Signal($0) } }
            return try outputs.map { Signal(try context.unary(.square, $0)) }
        } catch let error as LocatedError { throw error } catch {
            throw LocatedError(.bug, "operation.error", "\(op): \(error)")
        }
    }

    private func number(_ argument: CallArguments.Argument) -> Double? {
        if case .constant(let value) = argument { value.number ?? value.bool.map { $0 ? 1 : 0 } } else { nil }
    }

    private func wrong(_ expected: String, _ got: String, _ context: LoweringContext) -> LocatedError {
        LocatedError(.unsupported, "operation.tensorflow", "expected \(expected) of TensorFlow's \(op), got \(got)", at: [context.label])
    }

    /// An attribute's value: numbers come as text, types as `DT_FLOAT`.
    private func value(_ key: String, _ context: LoweringContext) throws(LocatedError) -> ConfigValue? {
        guard let attribute = attributes[key]?.object else { return nil }
        func plain(_ kind: String, _ value: ConfigValue) -> ConfigValue? {
            switch kind {
            case "i": value.integer != nil ? value : value.string.flatMap { Int($0) }.map(ConfigValue.integer)
            case "b", "f": value
            case "type": value.string.map { .string(Self.types[$0] ?? $0) }
            case "list":
                if let (kind, items) = value.object?.elements.first, let items = items.array {
                    .array(items.compactMap { plain(kind, $0) })
                } else {
                    .array([])
                }
            default: nil
            }
        }
        guard let (kind, content) = attribute.elements.first else { return nil }
        guard let value = plain(kind, content) else {
            throw wrong("\(key) to be a number, a truth value, a type or a list of them", content.summary, context)
        }
        return value
    }

    private static let types = [
        "DT_FLOAT": "float32", "DT_DOUBLE": "float64", "DT_HALF": "float16", "DT_INT32": "int32", "DT_INT64": "int64", "DT_BOOL": "bool",
        "DT_UINT8": "uint8", "DT_INT8": "int8", "DT_INT16": "int16", "DT_UINT16": "uint16", "DT_BFLOAT16": "bfloat16",
    ]

    /// The index that begin, end, strides and masks spell.
    private func slices(_ arguments: [CallArguments.Argument], _ context: LoweringContext) throws(LocatedError) -> ConfigValue {
        var lists: [[Int]] = []
        for argument in arguments.dropFirst() {
            guard case .constant(let value) = argument, let items = value.array?.compactMap(\.integer), items.count == value.array?.count else {
                throw wrong("bounds of slices to be whole numbers", argument.kindName, context)
            }
            lists.append(items)
        }
        guard lists.count == 3, lists[0].count == lists[1].count, lists[1].count == lists[2].count, lists[0].count < 32 else {
            throw wrong("as many begins as ends and strides, fewer than 32", lists.map { "\($0.count)" }.joined(separator: ", "), context)
        }
        func mask(_ name: String, _ place: Int) throws(LocatedError) -> Bool {
            ((try value(name, context)?.integer ?? 0) >> place) & 1 == 1
        }
        var items: [ConfigValue] = []
        for place in lists[0].indices {
            if try mask("ellipsis_mask", place) {
                items.append(["class_name": "__ellipsis__", "config": [:]])
            } else if try mask("new_axis_mask", place) {
                items.append(.null)
            } else if try mask("shrink_axis_mask", place) {
                items.append(.integer(lists[0][place]))
            } else {
                items.append([
                    "class_name": "__slice__",
                    "config": [
                        "start": try mask("begin_mask", place) ? .null : .integer(lists[0][place]),
                        "stop": try mask("end_mask", place) ? .null : .integer(lists[1][place]), "step": .integer(lists[2][place]),
                    ],
                ])
            }
        }
        return .array(items)
    }

    // MARK: the table

    /// How an op of TensorFlow is said in Keras.
    private struct Rule {
        var operation: String
        /// Names of the inputs, in TensorFlow's order.
        var inputs: [String]
        /// Keras's settings by TensorFlow's attributes.
        var attributes: [String: String] = [:]
        /// Settings that are fixed.
        var settings: ConfigObject = [:]
        /// Attributes that must have these values, or be absent.
        var required: [String: ConfigValue] = [:]
        /// Inputs that are transposed where an attribute says so.
        var flipped: [String: String]?
    }

    private static let rules: [String: Rule] = {
        var rules: [String: Rule] = [:]
        for (name, operation) in [
            ("Add", "Add"), ("AddV2", "Add"), ("BiasAdd", "Add"), ("Sub", "Subtract"), ("Mul", "Multiply"), ("RealDiv", "Divide"),
            ("Div", "Divide"), ("FloorDiv", "FloorDivide"), ("FloorMod", "Mod"), ("Mod", "Fmod"), ("DivNoNan", "DivideNoNan"),
            ("Pow", "Power"), ("Maximum", "Maximum"), ("Minimum", "Minimum"), ("Atan2", "Arctan2"), ("Equal", "Equal"),
            ("NotEqual", "NotEqual"), ("Less", "Less"), ("LessEqual", "LessEqual"), ("Greater", "Greater"),
            ("GreaterEqual", "GreaterEqual"), ("LogicalAnd", "LogicalAnd"), ("LogicalOr", "LogicalOr"),
        ] { rules[name] = Rule(operation: "numpy." + operation, inputs: ["x1", "x2"]) }
        rules["BiasAdd"]?.required = ["data_format": "NHWC"]
        for (name, operation) in [
            ("Abs", "Absolute"), ("Neg", "Negative"), ("Sign", "Sign"), ("Square", "Square"), ("Sqrt", "Sqrt"), ("Exp", "Exp"),
            ("Expm1", "Expm1"), ("Log", "Log"), ("Log1p", "Log1p"), ("Sin", "Sin"), ("Cos", "Cos"), ("Tan", "Tan"), ("Asin", "Arcsin"),
            ("Acos", "Arccos"), ("Atan", "Arctan"), ("Sinh", "Sinh"), ("Cosh", "Cosh"), ("Tanh", "Tanh"), ("Asinh", "Arcsinh"),
            ("Acosh", "Arccosh"), ("Atanh", "Arctanh"), ("Floor", "Floor"), ("Ceil", "Ceil"), ("Round", "Round"), ("Rint", "Round"),
            ("Reciprocal", "Reciprocal"), ("Inv", "Reciprocal"), ("IsNan", "Isnan"), ("IsInf", "Isinf"), ("IsFinite", "Isfinite"),
            ("LogicalNot", "LogicalNot"), ("ZerosLike", "ZerosLike"), ("OnesLike", "OnesLike"), ("Identity", "Copy"),
        ] { rules[name] = Rule(operation: "numpy." + operation, inputs: ["x"]) }
        for (name, operation) in [
            ("Relu", "Relu"), ("Relu6", "Relu6"), ("Sigmoid", "Sigmoid"), ("Softplus", "Softplus"), ("Softsign", "Softsign"),
            ("Selu", "Selu"), ("Elu", "Elu"), ("Softmax", "Softmax"), ("LogSoftmax", "LogSoftmax"),
        ] { rules[name] = Rule(operation: "nn." + operation, inputs: ["x"]) }
        for (name, operation) in [
            ("Sum", "Sum"), ("Mean", "Mean"), ("Max", "Max"), ("Min", "Min"), ("Prod", "Prod"), ("All", "All"), ("Any", "Any"),
        ] { rules[name] = Rule(operation: "numpy." + operation, inputs: ["x", "axis"], attributes: ["keepdims": "keep_dims"]) }
        for (name, rule) in [
            "Rsqrt": Rule(operation: "math.Rsqrt", inputs: ["x"]),
            "Erf": Rule(operation: "math.Erf", inputs: ["x"]),
            "LeakyRelu": Rule(operation: "nn.LeakyRelu", inputs: ["x"], attributes: ["negative_slope": "alpha"]),
            "StopGradient": Rule(operation: "core.StopGradient", inputs: ["variable"]),
            "Cast": Rule(operation: "core.Cast", inputs: ["x"], attributes: ["dtype": "DstT"]),
            "Select": Rule(operation: "numpy.Where", inputs: ["condition", "x1", "x2"]),
            "SelectV2": Rule(operation: "numpy.Where", inputs: ["condition", "x1", "x2"]),
            "MatMul": Rule(
                operation: "numpy.Matmul", inputs: ["x1", "x2"], flipped: ["x1": "transpose_a", "x2": "transpose_b"]),
            "BatchMatMul": Rule(operation: "numpy.Matmul", inputs: ["x1", "x2"], flipped: ["x1": "adj_x", "x2": "adj_y"]),
            "BatchMatMulV2": Rule(operation: "numpy.Matmul", inputs: ["x1", "x2"], flipped: ["x1": "adj_x", "x2": "adj_y"]),
            "OneHot": Rule(operation: "nn.OneHot", inputs: [], attributes: ["axis": "axis", "dtype": "T"]),
            "SquaredDifference": Rule(operation: "numpy.Subtract", inputs: ["x1", "x2"]),
            "ConcatV2": Rule(operation: "numpy.Concatenate", inputs: []),
            "Pack": Rule(operation: "numpy.Stack", inputs: [], attributes: ["axis": "axis"]),
            "Unpack": Rule(operation: "core.Unstack", inputs: ["x"], attributes: ["axis": "axis", "num": "num"]),
            "Split": Rule(operation: "numpy.Split", inputs: ["axis", "x"], attributes: ["indices_or_sections": "num_split"]),
            "StridedSlice": Rule(operation: "numpy.GetItem", inputs: []),
            "Reshape": Rule(operation: "numpy.Reshape", inputs: ["x", "newshape"]),
            "ExpandDims": Rule(operation: "numpy.ExpandDims", inputs: ["x", "axis"]),
            "Squeeze": Rule(operation: "numpy.Squeeze", inputs: ["x"], attributes: ["axis": "squeeze_dims"]),
            "Transpose": Rule(operation: "numpy.Transpose", inputs: ["x", "axes"]),
            "Tile": Rule(operation: "numpy.Tile", inputs: ["x", "repeats"]),
            "Pad": Rule(operation: "numpy.Pad", inputs: ["x", "pad_width"]),
            "PadV2": Rule(operation: "numpy.Pad", inputs: ["x", "pad_width", "constant_values"]),
            "ReverseV2": Rule(operation: "numpy.Flip", inputs: ["x", "axis"]),
            "Roll": Rule(operation: "numpy.Roll", inputs: ["x", "shift", "axis"]),
            "BroadcastTo": Rule(operation: "numpy.BroadcastTo", inputs: ["x", "shape"]),
            "GatherV2": Rule(
                operation: "numpy.Take", inputs: ["x", "indices", "axis"], required: ["batch_dims": 0]),
            "ArgMax": Rule(operation: "numpy.Argmax", inputs: ["x", "axis"]),
            "ArgMin": Rule(operation: "numpy.Argmin", inputs: ["x", "axis"]),
            "Cumsum": Rule(operation: "numpy.Cumsum", inputs: ["x", "axis"], required: ["exclusive": false, "reverse": false]),
            "Cumprod": Rule(operation: "numpy.Cumprod", inputs: ["x", "axis"], required: ["exclusive": false, "reverse": false]),
            "TopKV2": Rule(operation: "math.TopK", inputs: ["x", "k"]),
        ] { rules[name] = rule }
        return rules
    }()
}
