import KerasSpec
import OrderedCollections
import Tensors

/// Writes a spec as Keras 3 would, without the words that the target's version lacks, and collects what it can't say.
///
/// Source: `get_config` of `keras/src/models/functional.py` and `sequential.py`, `saving/serialization_lib.py` of 3.0.5 and
/// 3.15.1.
struct Keras3Writer {
    let target: KerasTarget
    /// Whether layers that nobody changed since they were read from this dialect are written as they stood in their file.
    let usesSources: Bool
    /// Whether everything is written as the spec has it, `LegacyName`'s words too: for models within a spec's configurations.
    let keepsLegacy: Bool
    /// What can't be said, as `layer: reason`.
    private(set) var refusals: [String] = []
    var notes: [UpgradeNote] = []
    private var hasOldVariance = false
    private var hasOldMasks = false

    init(target: KerasTarget, usesSources: Bool, keepsLegacy: Bool = false) {
        self.target = target
        self.usesSources = usesSources
        self.keepsLegacy = keepsLegacy
    }

    /// The document of `to_json()`. Throws 69 `architecture.inexpressible` with all layers that the target can't say.
    static func document(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        let sourcesServe = spec.provenance.map { $0.dialect == .keras3 && KerasTarget($0).minor <= target.minor } ?? false
        var writer = Keras3Writer(target: target, usesSources: usesSources && sourcesServe)
        let document = writer.model(spec, path: "")
        guard writer.refusals.isEmpty else { throw .inexpressible(writer.refusals, in: target) }
        if writer.hasOldVariance {
            writer.notes.append(
                UpgradeNote(layer: "", text: "BatchNormalization's moving variance is updated by Keras 3's rule from now on"))
        }
        if writer.hasOldMasks, target.minor >= MaskTradition.readsLists, makesMasks(spec) {
            writer.notes.append(
                UpgradeNote(
                    layer: "", text: "where masks meet, Keras 3 counts a step that counts in any input, not in all of them"))
        }
        if target.ignoresFrozen, spec.holdsFrozen {
            writer.notes.append(
                UpgradeNote(
                    layer: "",
                    text: "Keras 3.0 and 3.1 train the frozen layers of a file, until their trainable is set to True and then to False"))
        }
        if let dialect = spec.provenance?.dialect, dialect != .keras3, makesMasks(spec), givesStates(spec) {
            writer.notes.append(
                UpgradeNote(
                    layer: "", text: "Keras 3 keeps the mask of a sequence from a recurrent layer that is given states to begin with"))
        }
        notes += writer.notes
        return document
    }

    private static func makesMasks(_ spec: ModelSpec) -> Bool {
        spec.layers.contains { layer in
            layer.className == "Masking" || layer.config["mask_zero"] == true
                || (layer.model.map { makesMasks($0.value) } ?? false)
        }
    }

    private static func givesStates(_ spec: ModelSpec) -> Bool {
        spec.layers.contains { layer in
            layer.calls.contains { $0.keywords["initial_state"] != nil } || (layer.model.map { givesStates($0.value) } ?? false)
        }
    }

    // MARK: - Models

    mutating func model(_ spec: ModelSpec, path: String) -> ConfigObject {
        let spec = target.minor < OldHardSigmoid.firstMinor ? withoutOldActivations(spec, path: path) : spec
        return switch spec.kind {
        case .sequential:
            [
                "module": "keras", "class_name": "Sequential", "config": .object(sequential(spec, path: path)),
                "registered_name": nil,
            ]
        case .functional:
            [
                "module": "keras.src.models.functional", "class_name": "Functional",
                "config": .object(functional(spec, path: path)), "registered_name": "Functional",
            ]
        }
    }

    private mutating func sequential(_ spec: ModelSpec, path: String) -> ConfigObject {
        var config: ConfigObject = [
            "name": .string(spec.name), "trainable": .bool(spec.trainable), "dtype": "float32",
        ]
        var items: [ConfigValue] = []
        for layer in spec.layers { items.append(.object(self.layer(layer, path: path))) }
        config["layers"] = .array(items)
        if let input = spec.layers.first, input.className == "InputLayer", let shape = input.config["batch_shape"] {
            config["build_input_shape"] = shape
        }
        return config
    }

    private mutating func functional(_ spec: ModelSpec, path: String) -> ConfigObject {
        let nested = Set(spec.layers.filter { $0.model?.value.kind == .functional }.map(\.name))
        var items: [ConfigValue] = []
        for layer in spec.layers {
            var json = self.layer(layer, path: path)
            var nodes: [ConfigValue] = []
            for call in layer.calls where !(call.arguments.isEmpty && call.keywords.isEmpty) {
                if call.keywords["constants"] != nil { refuse(layer.name, "a call with constants", path: path) }
                nodes.append(
                    .object([
                        "args": .array(call.arguments.map(Self.argument)),
                        "kwargs": .object(call.keywords.mapValues(Self.argument)),
                    ]))
            }
            json["name"] = .string(layer.name)
            json["inbound_nodes"] = .array(nodes)
            items.append(.object(json))
        }
        // Before 3.7 a layer whose input isn't made yet ends the reading.
        if target.minor < 7, let ordered = CallOrder.sorted(items) { items = ordered }
        return [
            "name": .string(spec.name), "trainable": .bool(spec.trainable), "layers": .array(items),
            "input_layers": ends(spec.inputs, nested, of: spec, path: path),
            "output_layers": ends(spec.outputs, nested, of: spec, path: path),
        ]
    }

    private static func argument(_ nest: Nest) -> ConfigValue {
        switch nest {
        case .tensor(let reference):
            [
                "class_name": "__keras_tensor__",
                "config": [
                    // Keras replaces the tensor by the output that the history names, and looks at nothing else of it.
                    "shape": [], "dtype": "float32",
                    "keras_history": [.string(reference.layer), .integer(reference.node), .integer(reference.tensor)],
                ],
            ]
        case .constant(let value): value
        case .list(let items): .array(items.map(argument))
        case .dictionary(let items): .object(items.mapValues(argument))
        }
    }

    /// Inputs or outputs. Before 3.4 they are a list or an object of triples and nothing else.
    private mutating func ends(_ nest: Nest, _ nested: Set<String>, of spec: ModelSpec, path: String) -> ConfigValue {
        if target.minor < 4 {
            switch nest {
            case .tensor(let reference): return [triple(reference, nested)]
            case .list(let items):
                if items.contains(where: { if case .tensor = $0 { false } else { true } }) { refuse(spec.name, "nested ends", path: path) }
            case .dictionary(let items):
                if items.values.contains(where: { if case .tensor = $0 { false } else { true } }) {
                    refuse(spec.name, "nested ends", path: path)
                }
            case .constant: break
            }
        }
        return anyEnds(nest, nested)
    }

    private func anyEnds(_ nest: Nest, _ nested: Set<String>) -> ConfigValue {
        switch nest {
        case .tensor(let reference): triple(reference, nested)
        case .constant(let value): value
        case .list(let items): .array(items.map { anyEnds($0, nested) })
        case .dictionary(let items): .object(items.mapValues { anyEnds($0, nested) })
        }
    }

    private func triple(_ reference: TensorReference, _ nested: Set<String>) -> ConfigValue {
        // Keras 3.0 to 3.2 read the calls of nested models from 0, whatever they write.
        let first = nested.contains(reference.layer) && target.minor >= 3 ? 1 : 0
        return [.string(reference.layer), .integer(reference.node + first), .integer(reference.tensor)]
    }

    // MARK: - Layers

    private mutating func layer(_ layer: LayerSpec, path: String) -> ConfigObject {
        if layer.name.contains("/") { refuse(layer.name, "a name with a slash", path: path) }
        if let model = layer.model?.value { return self.model(model, path: path + layer.name + "/") }
        let source = layer.source.flatMap { $0.dialect == .keras3 ? $0.json.object : nil }
        if layer.className == "Bidirectional", target.minor < Self.bidirectionalStates,
            layer.config["layer"]?.object?["config"]?.object?["return_state"] == true
        { refuse(layer.name, "a Bidirectional that returns its states, which only later Keras 3 can", path: path) }
        if usesSources, var json = source, layer.source?.upgraded == layer.config, json["module"] != nil,
            !Self.buildsTooMuch(json["config"]?.object ?? [:], for: target), isNamed(json, as: layer)
        {
            json.removeValue(forKey: "inbound_nodes")
            json.removeValue(forKey: "name")
            return json
        }
        let className = layer.className
        if className == "TimeDistributed", target.minor < Self.timedModels, layer.config["layer"].flatMap(InnerModel.spec) != nil {
            refuse(layer.name, "TimeDistributed around a model, which later Keras 3 alone can build", path: path)
        }
        if className.hasPrefix(OperationName.prefix) { return operation(layer, path: path) }
        if TfKerasGraph.operationClasses.contains(className) {
            refuse(layer.name, "TensorFlow's function \(layer.config["function"]?.string ?? className)", path: path)
            return [:]
        }
        if keepsLegacy, WeightLayout(of: className, config: layer.config) != nil {
            return Self.keras("keras.layers", className, layer.config)
        }
        if className == "Lambda" {
            if layer.source?.dialect != .keras3 {
                notes.append(
                    UpgradeNote(layer: layer.name, text: "the code of a Lambda is kept as it stands; Keras 3 may not take it"))
            }
            return Self.keras("keras.layers", className, layer.config.filter { !$0.key.hasPrefix("legacy>") })
        }
        if Keras3Words.gone.contains(className) || Keras3Words.classes[className, default: 0] > target.minor {
            refuse(layer.name, "class \(className)", path: path)
            return [:]
        }
        guard WeightLayout(of: className, config: layer.config) != nil || WeightLayout.quantization(of: className, layer.config) != nil
        else {
            // A class of one's own: by the names that its file had, else by the name under which it is registered.
            var settings = layer.config
            settings.removeValue(forKey: LegacyName.kept)
            // Lookups are Keras's own; what arrays they have depends on their data.
            if source == nil, ["IntegerLookup", "StringLookup", "TextVectorization"].contains(className) {
                return Self.keras("keras.layers", className, settings)
            }
            let plain = className.split(separator: ">").last.map(String.init) ?? className
            return [
                "module": source?["module"] ?? .null, "class_name": source?["class_name"] ?? .string(plain),
                "config": .object(settings), "registered_name": source?["registered_name"] ?? .string(className),
            ]
        }
        if target.minor >= OldHardSigmoid.firstMinor, OldHardSigmoid.isUsed(by: layer.config) {
            notes.append(UpgradeNote(layer: path + layer.name, text: OldHardSigmoid.note))
        }
        var reasons: [String] = []
        var (written, config) = settings(of: className, layer.config) { reasons.append($0) }
        for reason in reasons where !refusals.contains("\(path)\(layer.name): \(reason)") { refuse(layer.name, reason, path: path) }
        if reasons.isEmpty, written == "ThresholdedReLU" { (written, config) = thresholded(layer, config, path: path) }
        if layer.config[LegacyName.varianceRule] != nil { hasOldVariance = true }
        if layer.config[LegacyName.maskRule] != nil { hasOldMasks = true }
        if let module = Self.applicationModules[written] {
            // Found by module and registered name, as no name of `keras.layers` leads there.
            return [
                "module": .string(module), "class_name": .string(written), "config": .object(config),
                "registered_name": .string(written),
            ]
        }
        return Self.keras("keras.layers", written, config)
    }

    /// From which 3.N on models tell the shape of what they give, which TimeDistributed asks.
    private static let timedModels = 4

    /// From which 3.N on what stands in brackets is read from files.
    private static let slices = 2

    /// From which 3.N on a Bidirectional can return its states.
    private static let bidirectionalStates = 3

    /// Whether a layer says with its settings how the layer that a Bidirectional was given is built. Keras 3.0 builds that layer
    /// then, looks for its arrays, and refuses every file, even its own.
    static func buildsTooMuch(_ config: ConfigObject, for target: KerasTarget) -> Bool {
        target.minor < bidirectionalBuilds
            && config.values.contains { value in
                guard let inner = value.object, let settings = inner["config"]?.object else { return false }
                return inner["build_config"] != nil || buildsTooMuch(settings, for: target)
            }
    }

    /// From which 3.N on that doesn't matter.
    static let bidirectionalBuilds = 6

    /// From which 3.N on layers may have policies for those within them.
    static let policyMaps = 4

    /// Classes that only models of keras.applications have.
    private static let applicationModules = [
        "CustomScaleLayer": "keras.src.applications.inception_resnet_v2", "LayerScale": "keras.src.applications.convnext",
    ]

    /// Whether an operation bears the name that the target knows it by.
    private func isNamed(_ json: ConfigObject, as layer: LayerSpec) -> Bool {
        guard layer.className.hasPrefix(OperationName.prefix), let name = layer.className.split(separator: ".").last else { return true }
        return json["class_name"]?.string == Keras3Operations.name(of: String(name), minor: target.minor)
    }

    private mutating func operation(_ layer: LayerSpec, path: String) -> ConfigObject {
        let parts = layer.className.dropFirst(OperationName.prefix.count).split(separator: ".").map(String.init)
        let name = parts.last ?? ""
        if Keras3Operations.firstMinor(of: name) > target.minor { refuse(layer.name, "operation \(name)", path: path) }
        if name == "GetItem", target.minor < Self.slices, !layer.calls.allSatisfy({ $0.arguments.count == 2 && $0.arguments[1].isInteger }) {
            refuse(layer.name, "operation GetItem with slices, which Keras 3.0 and 3.1 can't read from files", path: path)
        }
        var config: ConfigObject = [:]
        for (key, value) in layer.config {
            if key.hasPrefix("legacy>") { continue }
            if let word = Keras3Operations.key(key, of: name), target.minor < word.minor {
                if !word.neutral.contains(value) { refuse(layer.name, "\(key) \(JSON.text(value)) of the operation \(name)", path: path) }
                continue
            }
            config[key] = value
        }
        // Operations with settings of their own take no name before.
        if target.minor < 11, config.count > 1 { config.removeValue(forKey: "name") }
        let written = ConfigValue.string(Keras3Operations.name(of: name, minor: target.minor))
        return [
            "module": .string((["keras.src.ops"] + parts.dropLast()).joined(separator: ".")), "class_name": written,
            "config": .object(config), "registered_name": written,
        ]
    }

    private static func keras(_ module: String, _ className: String, _ config: ConfigObject) -> ConfigObject {
        ["module": .string(module), "class_name": .string(className), "config": .object(config), "registered_name": nil]
    }

    /// x where x is above theta, else 0, is what Keras 3's ReLU with a threshold computes.
    private mutating func thresholded(
        _ layer: LayerSpec, _ config: ConfigObject, path: String
    ) -> (String, ConfigObject) {
        guard let theta = config["theta"]?.number, theta >= 0 else {
            refuse(layer.name, "class ThresholdedReLU with a negative theta", path: path)
            return (layer.className, config)
        }
        notes.append(UpgradeNote(layer: layer.name, text: "ThresholdedReLU is written as a ReLU with a threshold"))
        var result = config
        result.removeValue(forKey: "theta")
        result["max_value"] = .null
        result["negative_slope"] = 0.0
        result["threshold"] = .float(theta)
        return ("ReLU", result)
    }

    /// The settings of a class of Keras, without legacy words and without what the target's version lacks. `refuse` hears
    /// what can't be said; the result is then of no use.
    private func settings(
        of className: String, _ config: ConfigObject, _ refuse: (String) -> Void
    ) -> (String, ConfigObject) {
        var result: ConfigObject = [:]
        for (key, value) in config {
            switch key {
            case LegacyName.kept, LegacyName.maskRule, LegacyName.varianceRule: continue
            case "dtype" where target.minor < Self.policyMaps && DTypePolicyMap(value) != nil:
                refuse("a DTypePolicyMap, which later Keras 3 has")
                continue
            // Keras 3 has batches first.
            case "time_major":
                if value == true { refuse("time_major true") }
                continue
            case _ where key.hasPrefix("legacy>"):
                refuse("\(key.dropFirst("legacy>".count)) \(JSON.text(value))")
                continue
            default: break
            }
            if className == "InputLayer", key == "trainable", value == true { continue }
            if let word = Keras3Words.key(key, of: className), target.minor < word.minor {
                // Without renormalization its momentum says nothing; a seed says where random numbers begin, no more.
                let means = word.neutral.contains(value) || (key == "renorm_momentum" && config["renorm"] != true) || key == "seed"
                if !means { refuse("\(key) \(JSON.text(value))") }
                continue
            }
            result[key] = self.value(value, key, dtype: config["dtype"] ?? "float32", refuse)
        }
        return (className, result)
    }

    /// - Parameter dtype: of the layer whose setting it is.
    private func value(_ value: ConfigValue, _ key: String, dtype: ConfigValue, _ refuse: (String) -> Void) -> ConfigValue {
        switch value {
        case .string(LegacyName.hardSigmoid):
            if target.minor < OldHardSigmoid.firstMinor {
                refuse("\(key) hard_sigmoid as Keras 2 has it, which Keras 3 can say from 3.\(OldHardSigmoid.firstMinor) on")
            }
            return OldHardSigmoid.written(dtype: dtype)
        case .string(let name) where key == "activation" || key == "recurrent_activation":
            if Keras3Words.activations[name, default: 0] > target.minor { refuse("\(key) \(name)") }
            return value
        case .array(let items): return .array(items.map { self.value($0, key, dtype: dtype, refuse) })
        case .object(var object):
            guard let className = object["class_name"]?.string else { return value }
            if let model = InnerModel.spec(of: value) {
                var writer = Keras3Writer(target: target, usesSources: false)
                let document = writer.model(model, path: "")
                for refusal in writer.refusals { refuse("its model's \(refusal)") }
                return .object(document)
            }
            guard let module = object["module"]?.string else { return value }
            if className.hasSuffix("DTypePolicy"), target.minor < 4 {
                refuse("dtype policy \(className)")
                return value
            }
            guard module == "keras" || module.hasPrefix("keras."), let config = object["config"]?.object else { return value }
            if Keras3Words.gone.contains(className) || Keras3Words.classes[className, default: 0] > target.minor {
                refuse("class \(className) in \(key)")
            }
            object["config"] = .object(settings(of: className, config, refuse).1)
            if module == "keras.initializers", target.minor < Self.shortInitializerNames, className == "Orthogonal" {
                object["class_name"] = "OrthogonalInitializer"
            }
            return .object(object)
        default: return value
        }
    }

    /// From which version on initializers are found as `Orthogonal` too.
    private static let shortInitializerNames = 7

    private mutating func refuse(_ layer: String, _ reason: String, path: String) {
        refusals.append("\(path)\(layer): \(reason)")
    }
}

extension Nest {
    fileprivate var isInteger: Bool {
        if case .constant(let value) = self { value.integer != nil } else { false }
    }
}
