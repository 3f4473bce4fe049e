import Foundation
import KerasSpec
import OrderedCollections
import Tensors

/// A layers model of TensorFlow.js: `model.json`, which holds the topology and a manifest of the weights, beside binary shards.
///
/// The topology is Keras's own, `{"model_config": …, "training_config": …}` from the converter or the model itself from
/// JavaScript. Shards are opened when a weight is asked for; which files they may be is in `TensorFlowJSShards`.
/// Source: `write_weights.py`, `keras_h5_conversion.py` of the Python package 4.22; `tfjs-layers/src/models.ts`,
/// `utils/serialization_utils.ts`.
struct TensorFlowJS {
    private let document: ConfigObject
    /// Where `model.json` lies.
    private let path: String

    /// Whether JSON is `model.json`, or the manifest of weights alone.
    static func recognises(_ json: ConfigValue) -> Bool {
        if let object = json.object { return object["modelTopology"] != nil || object["weightsManifest"] != nil }
        guard let groups = json.array, let first = groups.first?.object else { return false }
        return first["paths"]?.array != nil && first["weights"]?.array != nil
    }

    /// Throws 69 `container.unsupported` for a graph model, which has no layers.
    ///
    /// - Parameter path: of the file that holds `json`; the shards lie beside it.
    init(_ json: ConfigValue, path: String) throws(LocatedError) {
        document = json.object ?? ["weightsManifest": json]
        self.path = path
        let topology = document["modelTopology"]?.object
        if document["format"] == "graph-model" || (topology?["node"] != nil && topology?["class_name"] == nil) {
            throw LocatedError(
                .unsupported, "container.unsupported", "recognised as a graph model of TensorFlow.js, which has no layers",
                hint: "Convert the Keras model with --output_format=tfjs_layers_model.")
        }
        if let format = document["format"], !format.isNull, format != "layers-model" {
            throw LocatedError(
                .invalid, "tfjs.format", "expected layers-model or graph-model, got \(format.summary)", at: ["$.format"])
        }
    }

    // MARK: - Parts

    /// Whether there is an architecture; the converter writes null for a file of weights.
    var hasTopology: Bool { document["modelTopology"]?.isNull == false }

    /// What wrote the topology: `2.3.1`, or `tfjs-layers 4.22.0` for a model made in JavaScript.
    var kerasVersion: String? { topology?["keras_version"]?.string }
    var backend: String? { topology?["backend"]?.string }

    private var topology: ConfigObject? { document["modelTopology"]?.object }

    /// What stands for `model_config`.
    func architecture() throws(LocatedError) -> ConfigValue {
        guard let topology = document["modelTopology"] else {
            throw LocatedError(.invalid, "tfjs.topology", "expected a topology, got none", at: ["$.modelTopology"])
        }
        if let config = topology.object?["model_config"] {
            if let text = config.string {
                return try locating("$.modelTopology.model_config") { () throws(LocatedError) in try JSON.parse(text) }
            }
            return config
        }
        // Its version is TensorFlow.js's and not Keras's, which would be taken for it.
        guard var model = topology.object, Self.keras(kerasVersion) == nil else { return topology }
        model["keras_version"] = nil
        model["backend"] = nil
        return .object(model)
    }

    func model() throws(LocatedError) -> StoredModel {
        var model = StoredModel()
        if hasTopology { model.spec = try spec() }
        model.weights = try weights()
        model.training = try training()
        return model
    }

    func spec() throws(LocatedError) -> ModelSpec {
        let config = try architecture()
        var spec = try locating("$.modelTopology") { () throws(LocatedError) in
            try ArchitectureReader.spec(from: config, version: Self.keras(kerasVersion), backend: Self.keras(kerasVersion) == nil ? nil : backend)
        }
        // Of JavaScript, or with the modules dropped: no Keras wrote it so, and none should get it back.
        if Self.keras(kerasVersion) == nil || spec.provenance?.dialect == .keras3 { spec.forgetSources() }
        return spec
    }

    /// A version of Keras; nil for TensorFlow.js's own.
    private static func keras(_ version: String?) -> String? {
        version.flatMap { DialectDetector.dialect(ofVersion: $0) == nil ? nil : $0 }
    }

    /// Compile settings of the model that was converted, or of JavaScript's optimizer in Keras's words. The state of that
    /// optimizer is told by `inspect` alone: no Keras has its arrays.
    func training() throws(LocatedError) -> TrainingSpec? {
        let settings = topology?["training_config"] ?? document["trainingConfig"] ?? .null
        guard !settings.isNull else { return nil }
        guard var object = settings.object else {
            throw LocatedError(
                .invalid, "training.config", "expected an object, got \(settings.summary)", at: ["$.trainingConfig"])
        }
        if let optimizer = object["optimizer_config"]?.object {
            object["optimizer_config"] = .object(JavaScriptOptimizer.keras(optimizer))
        }
        let dialect = Self.keras(kerasVersion).flatMap { DialectDetector.dialect(ofVersion: $0) } ?? .tfKeras
        return TrainingSpec(compileSettings: object, dialect: dialect)
    }

    // MARK: - Weights

    /// The model's weights: a list, or groups of objects where the converter took them from a `.keras` file.
    func weights() throws(LocatedError) -> StoredWeights {
        let held = try entries().filter { !$0.isOptimizer }.map(\.weight)
        let version = Self.keras(kerasVersion)
        let objects = held.compactMap { ObjectName($0.name) }
        guard !held.isEmpty, objects.count == held.count else {
            return StoredWeights(
                layers: [StoredWeights.Layer(name: "", weights: held)], scheme: .list, kerasVersion: version, backend: nil)
        }
        var groups: OrderedDictionary<String, [(number: Int, weight: StoredWeights.Weight)]> = [:]
        for (object, weight) in zip(objects, held) {
            groups[object.path, default: []].append(
                (object.number, StoredWeights.Weight(name: String(object.number), tensor: weight.tensor)))
        }
        let layers = groups.map { path, weights in
            StoredWeights.Layer(name: path, weights: weights.sorted { $0.number < $1.number }.map(\.weight))
        }
        return StoredWeights(layers: layers, scheme: .objects, kerasVersion: version, backend: nil)
    }

    /// Where an array of a `.keras` file stood: `layers/dense_1/vars/0`.
    private struct ObjectName {
        var path: String
        var number: Int

        init?(_ name: String) {
            let parts = name.split(separator: "/", omittingEmptySubsequences: false)
            guard parts.count >= 2, parts[parts.count - 2] == "vars", let number = Int(parts[parts.count - 1]), number >= 0 else {
                return nil
            }
            path = parts.dropLast(2).joined(separator: "/")
            self.number = number
        }
    }

    /// One weight of the manifest.
    private struct Entry {
        var weight: StoredWeights.Weight
        var isOptimizer: Bool
    }

    private func entries() throws(LocatedError) -> [Entry] {
        guard let manifest = document["weightsManifest"], !manifest.isNull else { return [] }
        return try locating("$.weightsManifest") { () throws(LocatedError) in
            guard let groups = manifest.array else {
                throw LocatedError(.invalid, "tfjs.manifest", "expected a list of groups, got \(manifest.summary)")
            }
            var entries: [Entry] = []
            var names: Set<String> = []
            for (index, group) in groups.enumerated() {
                let held = try locating("[\(index)]") { () throws(LocatedError) in try self.entries(of: group) }
                for entry in held where !names.insert(entry.weight.name).inserted {
                    throw LocatedError(
                        .invalid, "weights.duplicate", "expected every weight name once, got \(quoted(entry.weight.name)) again",
                        at: ["[\(index)]"])
                }
                entries += held
            }
            return entries
        }
    }

    private func entries(of group: ConfigValue) throws(LocatedError) -> [Entry] {
        guard let paths = group.object?["paths"]?.array, let weights = group.object?["weights"]?.array else {
            throw LocatedError(.invalid, "tfjs.manifest", "expected a group with paths and weights, got \(group.summary)")
        }
        let shards = try TensorFlowJSShards(paths, beside: path)
        var offset = 0
        var entries: [Entry] = []
        for (index, weight) in weights.enumerated() {
            try locating("weights[\(index)]") { () throws(LocatedError) in
                let array = try TensorFlowJSArray(weight, at: offset)
                offset = try array.end(within: shards.byteCount)
                let isOptimizer = weight.object?["group"] == "optimizer" || array.name.hasPrefix("optimizer/vars/")
                entries.append(
                    Entry(weight: StoredWeights.Weight(name: array.name, tensor: array.tensor(in: shards)), isOptimizer: isOptimizer))
            }
        }
        guard offset == shards.byteCount else {
            throw LocatedError(
                .invalid, "tfjs.size",
                "expected shards of \(offset) bytes together, as the manifest's shapes say, got \(shards.byteCount)",
                hint: "Copy all shards again.")
        }
        return entries
    }

    // MARK: - Inspection

    /// Reads part by part, and goes on where one is broken.
    func inspect(_ partial: inout PartialModel) {
        partial.kerasVersion = kerasVersion
        partial.backend = backend
        if hasTopology {
            partial.attemptSpec { () throws(LocatedError) in try spec() }
            if partial.dialect == nil, let document = try? architecture().object {
                partial.dialect = DialectDetector.dialect(of: document, version: Self.keras(kerasVersion))
            }
        }
        partial.model.weights = partial.attempt { () throws(LocatedError) in try weights() }
        partial.model.training = partial.attempt { () throws(LocatedError) in try training() } ?? .none
        let state = partial.attempt { () throws(LocatedError) in try entries().filter(\.isOptimizer).map(\.weight) }
        if let state, !state.isEmpty {
            partial.model.training =
                partial.model.training ?? TrainingSpec(compileSettings: [:], dialect: partial.dialect ?? .tfKeras)
            partial.model.training?.optimizerWeights = state
        }
    }
}

/// The optimizers of TensorFlow.js's core in Keras's words.
///
/// Source: `getConfig` in `tfjs-core/src/optimizers`.
private enum JavaScriptOptimizer {
    private static let classes = ["RMSProp": "RMSprop", "AdaMax": "Adamax", "AdaDelta": "Adadelta", "Momentum": "SGD"]
    private static let keys = [
        "learningRate": "learning_rate", "beta1": "beta_1", "beta2": "beta_2", "useNesterov": "nesterov",
        "initialAccumulatorValue": "initial_accumulator_value",
    ]

    static func keras(_ optimizer: ConfigObject) -> ConfigObject {
        guard let config = optimizer["config"]?.object, config["learningRate"] != nil else { return optimizer }
        var result = optimizer
        let className = optimizer["class_name"]?.string ?? ""
        result["class_name"] = .string(classes[className] ?? className)
        var renamed: ConfigObject = [:]
        for (key, value) in config {
            // TensorFlow's name for what Keras calls rho.
            renamed[className == "RMSProp" && key == "decay" ? "rho" : keys[key] ?? key] = value
        }
        result["config"] = .object(renamed)
        return result
    }
}

extension ModelSpec {
    /// Lets go of the file's own words, so that writers say everything anew.
    mutating func forgetSources() {
        provenance?.document = nil
        for index in layers.indices {
            layers[index].source = nil
            guard var model = layers[index].model?.value else { continue }
            model.forgetSources()
            layers[index].model = Box(model)
        }
    }
}
