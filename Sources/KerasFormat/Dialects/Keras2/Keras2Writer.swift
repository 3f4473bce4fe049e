import KerasSpec
import OrderedCollections
import Tensors

/// Writes a spec as Keras 2.3.1 would, and collects what Keras 2.3 can't say.
///
/// Source: `get_config` of `keras/engine/sequential.py` and `network.py` of 2.3.1.
struct Keras2Writer {
    /// Whether layers that nobody changed since they were read from this dialect are written as they stood in their file.
    let usesSources: Bool
    /// What can't be said, as `layer: reason`.
    private(set) var refusals: [String] = []

    /// Whether what is written becomes Keras 1's, which has classes that Keras 2 dropped.
    let isForKeras1: Bool

    init(usesSources: Bool = true, isForKeras1: Bool = false) { (self.usesSources, self.isForKeras1) = (usesSources, isForKeras1) }

    /// `{"class_name": …, "config": …}`. Throws 69 `architecture.inexpressible` with all layers that Keras 2.3 can't say.
    static func model(_ spec: ModelSpec, usesSources: Bool = true) throws(LocatedError) -> ConfigObject {
        var writer = Keras2Writer(usesSources: usesSources)
        let object = writer.model(spec)
        guard writer.refusals.isEmpty else {
            throw .inexpressible(writer.refusals, in: KerasTarget(.keras2))
        }
        return object
    }

    mutating func model(_ spec: ModelSpec, inputShape: ConfigValue? = nil, path: String = "") -> ConfigObject {
        switch spec.kind {
        case .sequential: ["class_name": "Sequential", "config": .object(sequential(spec, inputShape, path: path))]
        case .functional: ["class_name": "Model", "config": .object(functional(spec, path: path))]
        }
    }

    // MARK: - Sequential

    /// - Parameter inputShape: what the surrounding Sequential knows of this model's input.
    private mutating func sequential(_ spec: ModelSpec, _ inputShape: ConfigValue?, path: String) -> ConfigObject {
        var layers = spec.layers[...]
        var shape = inputShape
        var buildShape: ConfigValue?
        if let input = layers.first, input.className == "InputLayer" {
            layers.removeFirst()
            shape = input.config["batch_shape"] ?? inputShape
            refuseInput(input, path: path)
            if input.name == spec.name + "_input", layers.first.map({ $0.name + "_input" != input.name }) ?? false {
                buildShape = shape
                shape = nil as ConfigValue?
            }
        }
        var items: [ConfigValue] = []
        for (index, layer) in layers.enumerated() {
            items.append(.object(self.layer(layer, inputShape: index == 0 ? shape : .none, path: path)))
        }
        var config: ConfigObject = ["name": .string(spec.name), "layers": .array(items)]
        if let buildShape { config["build_input_shape"] = buildShape }
        return config
    }

    /// An input that becomes its reader's `batch_input_shape` may say no more than a shape.
    private mutating func refuseInput(_ input: LayerSpec, path: String) {
        guard let rule = ClassRule.all["InputLayer"] else { return }
        _ = ConfigUpgrade.downgrade(input.config, by: rule) { refuse(input, $0, path: path) }
        if input.config["sparse"] == true { refuse(input, "sparse true", path: path) }
    }

    // MARK: - Layers

    private mutating func layer(_ layer: LayerSpec, inputShape: ConfigValue?, path: String) -> ConfigObject {
        if let model = layer.model?.value {
            return self.model(model, inputShape: inputShape, path: path + layer.name + "/")
        }
        guard let rule = ClassRule.rule(for: layer.className) else {
            let isForeign = layer.source?.dialect != .keras2
            if layer.className.hasPrefix(OperationName.prefix) {
                let constants = layer.calls.contains { $0.arguments.contains { if case .constant = $0 { true } else { false } } }
                let name = layer.className.split(separator: ".").last ?? ""
                refuse(layer, "operation \(name)\(constants ? " with a constant" : "")", path: path)
            } else if isForeign, layer.className == "Lambda", layer.source?.dialect != .keras1 {
                refuse(layer, "a Lambda, whose code is another Keras's", path: path)
            } else if isForeign, Self.foreignClasses.contains(layer.className), !(isForKeras1 && Self.keras1Classes.contains(layer.className)) {
                refuse(layer, "class \(layer.className)", path: path)
            }
            return ["class_name": .string(layer.className), "config": .object(layer.config)]
        }
        if usesSources, let source = unchangedSource(of: layer, inputShape: inputShape, rule) { return source }
        let config = ConfigUpgrade.downgrade(layer.config, by: rule, batchInputShape: inputShape) {
            refuse(layer, $0, path: path)
        }
        return ["class_name": .string(layer.className), "config": .object(config)]
    }

    /// The layer's class and settings as its file had them, if it still is what was read and stands where it stood.
    private func unchangedSource(of layer: LayerSpec, inputShape: ConfigValue?, _ rule: ClassRule) -> ConfigObject? {
        guard let source = layer.source, source.dialect == .keras2, source.upgraded == layer.config,
            let json = source.json.object, let className = json["class_name"]?.string,
            ClassRule.rule(for: className)?.className == rule.className, let config = json["config"]?.object
        else { return nil }
        if rule.className != "InputLayer" {
            let kept = layer.config[LegacyName.kept]?.object
            let own: ConfigValue? =
                rule.special == .embedding ? ConfigUpgrade.embeddingInput(length: kept?["input_length"]) : .none
            guard config["batch_input_shape"] == inputShape ?? kept?["batch_input_shape"] ?? own else { return nil }
        }
        return ["class_name": .string(className), "config": .object(config)]
    }

    private mutating func refuse(_ layer: LayerSpec, _ reason: String, path: String) {
        refusals.append("\(path)\(layer.name): \(reason)")
    }

    /// Classes of Keras 3 and 1 that Keras 2.3 doesn't have.
    private static let foreignClasses = keras3Classes.union(keras1Classes).union(ClassRule.tfKerasKeptClasses)
        .subtracting(ClassRule.keptClasses)

    /// Classes that only Keras 1 has, and that no layer of a later Keras stands for.
    static let keras1Classes: Set<String> = ["ParametricSoftplus", "SReLU"]

    /// Classes of Keras 3 that Keras 2.3 doesn't have; other unknown classes are a user's own.
    static let keras3Classes: Set<String> = [
        "AdaptiveAveragePooling1D", "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D",
        "AdaptiveMaxPooling2D", "AdaptiveMaxPooling3D", "AdditiveAttention", "Attention", "AugMix", "AutoContrast",
        "CategoryEncoding", "CenterCrop", "Conv1DTranspose", "ConvLSTM1D", "ConvLSTM3D", "CutMix", "DepthwiseConv1D",
        "Discretization", "EinsumDense", "Equalization", "GroupNormalization", "GroupQueryAttention", "HashedCrossing",
        "Hashing", "Identity", "IntegerLookup", "LayerNormalization", "MaxNumBoundingBoxes", "MelSpectrogram", "MixUp",
        "MultiHeadAttention", "Normalization", "Pipeline", "RMSNormalization", "RandAugment", "RandomBrightness",
        "RandomColorDegeneration", "RandomColorJitter", "RandomContrast", "RandomCrop", "RandomElasticTransform",
        "RandomErasing", "RandomFlip", "RandomGaussianBlur", "RandomGrayscale", "RandomHue", "RandomInvert",
        "RandomPerspective", "RandomPosterization", "RandomRotation", "RandomSaturation", "RandomSharpness",
        "RandomShear", "RandomTranslation", "RandomZoom", "Rescaling", "Resizing", "ReversibleEmbedding",
        "STFTSpectrogram", "Solarization", "SpectralNormalization", "StringLookup", "TextVectorization",
        "UnitNormalization",
    ]

    // MARK: - Functional

    private mutating func functional(_ spec: ModelSpec, path: String) -> ConfigObject {
        let models = Set(spec.layers.filter { $0.model != nil }.map(\.name))
        var items: [ConfigValue] = []
        for layer in spec.layers {
            let json = self.layer(layer, inputShape: .none, path: path)
            var nodes: [ConfigValue] = []
            for call in layer.calls where !(call.arguments.isEmpty && call.keywords.isEmpty) {
                nodes.append(self.call(call, of: layer, models, path: path))
            }
            items.append(
                .object([
                    "name": .string(layer.name), "class_name": json["class_name"] ?? .null,
                    "config": json["config"] ?? .null, "inbound_nodes": .array(nodes),
                ]))
        }
        return [
            "name": .string(spec.name), "layers": .array(items),
            "input_layers": .array(spec.inputs.tensors.map { .array(Self.triple($0, models)) }),
            "output_layers": .array(spec.outputs.tensors.map { .array(Self.triple($0, models)) }),
        ]
    }

    private static func triple(_ reference: TensorReference, _ models: Set<String>) -> [ConfigValue] {
        [
            .string(reference.layer), .integer(reference.node + (models.contains(reference.layer) ? 1 : 0)),
            .integer(reference.tensor),
        ]
    }

    /// `[[layer, node, tensor, keyword arguments], …]`: one list of tensors, the same keyword arguments with each.
    private mutating func call(
        _ call: LayerCall, of layer: LayerSpec, _ models: Set<String>, path: String
    ) -> ConfigValue {
        var tensors: [TensorReference] = []
        func take(_ nest: Nest) -> Bool {
            switch nest {
            case .tensor(let reference): tensors.append(reference)
            case .list(let items):
                for item in items {
                    guard case .tensor(let reference) = item else { return false }
                    tensors.append(reference)
                }
            case .constant, .dictionary: return false
            }
            return true
        }
        var isPlain = call.arguments.count == 1 && call.arguments.allSatisfy(take)
        var keywords: ConfigObject = [:]
        let recurrent = Keras2Graph.recurrentClasses.contains(layer.className)
        if recurrent { for key in ["initial_state", "constants"] { isPlain = call.keywords[key].map(take) ?? true && isPlain } }
        for (key, value) in call.keywords where !(recurrent && (key == "initial_state" || key == "constants")) {
            guard case .constant(let constant) = value else {
                isPlain = false
                continue
            }
            // Keras 3 writes arguments that were left alone.
            if !(constant.isNull && (key == "mask" || key == "training")) { keywords[key] = constant }
        }
        // One reason a layer is enough.
        if !isPlain, ClassRule.rule(for: layer.className) != nil || layer.model != nil {
            refuse(layer, "a call with more than one list of tensors", path: path)
        }
        return .array(tensors.map { .array(Self.triple($0, models) + [.object(keywords)]) })
    }
}
