internal import KerasSpec

/// How many axes each layer's input has, as far as classes and configurations tell: for reading axes that are counted from the
/// end in one file and from the beginning in another.
struct LayerRanks {
    private var inputs: [String: Int] = [:]

    init(_ spec: ModelSpec) { _ = add(spec, [], given: []) }

    /// nil where nobody knows.
    subscript(path: [String]) -> Int? { inputs[LayerPairing.key(path)] }

    /// Gives the rank of the model's first output.
    private mutating func add(_ spec: ModelSpec, _ path: [String], given: [Int?]) -> Int? {
        switch spec.kind {
        case .sequential:
            var rank = given.first ?? nil
            for layer in spec.layers { rank = output(of: layer, path, rank) }
            return rank
        case .functional:
            var ranks: [String: Int?] = [:]
            for (input, rank) in zip(spec.inputs.tensors, given) { ranks[input.layer] = rank }
            // In the order of files, which may name a layer before what it reads: a second walk finds the rest.
            for _ in 0..<2 {
                for layer in spec.layers {
                    let source = layer.calls.lazy.flatMap { $0.arguments.flatMap(\.tensors) + $0.keywords.values.flatMap(\.tensors) }.first
                    let rank = source.flatMap { ranks[$0.layer] ?? nil } ?? (layer.className == "InputLayer" ? ranks[layer.name] ?? nil : nil)
                    ranks[layer.name] = output(of: layer, path, rank)
                }
            }
            return spec.outputs.tensors.first.flatMap { ranks[$0.layer] ?? nil }
        }
    }

    private mutating func output(of layer: LayerSpec, _ outer: [String], _ input: Int?) -> Int? {
        let path = outer + [layer.name]
        if let model = layer.model?.value { return add(model, path, given: [input]) }
        let shape = layer.config["batch_shape"]?.array ?? layer.source?.json.object?["build_config"]?.object?["input_shape"]?.array
        let input = input ?? (layer.className == "InputLayer" ? nil : shape?.count)
        if let input { inputs[LayerPairing.key(path)] = input }
        return Self.output(of: layer.className, layer.config, input)
    }

    private static func output(of className: String, _ config: ConfigObject, _ input: Int?) -> Int? {
        switch className {
        case "InputLayer": return config["batch_shape"]?.array?.count ?? input
        case "Flatten": return 2
        case "Reshape": return config["target_shape"]?.array.map { $0.count + 1 }
        case "RepeatVector": return 3
        case "Embedding": return input.map { $0 + 1 }
        case "Dot", "CategoryEncoding", "Lambda": return nil
        case "LSTM", "GRU", "SimpleRNN", "RNN": return config["return_sequences"] == true ? 3 : 2
        case "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
            return (className.last(where: \.isNumber)?.wholeNumberValue).map { $0 + (config["return_sequences"] == true ? 3 : 2) }
        case "Bidirectional":
            let inner = config["layer"]?.object
            return output(of: inner?["class_name"]?.string ?? "", inner?["config"]?.object ?? [:], input)
        case _ where className.hasPrefix("Global"): return config["keepdims"] == true ? input : 2
        case _ where className.hasSuffix("D") || className.hasSuffix("DTranspose"):
            // Conv2D, MaxPooling1D, ZeroPadding3D…: samples, channels, and so many axes between.
            return className.last(where: \.isNumber)?.wholeNumberValue.map { $0 + 2 } ?? input
        case _ where className.hasPrefix("ops.") || className.contains(">"): return nil
        default: return input
        }
    }

    /// A configuration with its axes counted from the beginning.
    static func plain(_ config: ConfigObject, of className: String, rank: Int?) -> ConfigObject {
        guard let rank, withAxis.contains(className), let axis = config["axis"] else { return config }
        func counted(_ value: ConfigValue) -> ConfigValue {
            if let items = value.array { return .array(items.map(counted)) }
            guard let axis = value.integer, axis < 0, axis >= -rank else { return value }
            return .integer(axis + rank)
        }
        var config = config
        config["axis"] = counted(axis)
        return config
    }

    private static let withAxis: Set<String> = [
        "BatchNormalization", "LayerNormalization", "GroupNormalization", "RMSNormalization", "UnitNormalization", "Normalization",
        "Softmax", "Concatenate",
    ]
}
