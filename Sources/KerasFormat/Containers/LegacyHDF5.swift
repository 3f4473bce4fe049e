import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors

/// The HDF5 layout of Keras before 3: names in attributes, one group a layer.
///
/// The order of layers and weights is that of the name lists, never that of links, which HDF5 sorts.
/// Source: `keras/engine/saving.py` of 2.3.1.
struct LegacyHDF5 {
    enum Kind {
        case wholeModel, weights
        /// Weights of Keras before 1.0: `layer_0/param_0`, counted instead of named.
        case counted
    }

    private let file: any HDF5Reading
    let kind: Kind
    /// The group that holds the layers' groups.
    private let weightsGroup: String

    /// More layers or weights than any network has; a list beyond is an attack.
    private static let mostNames = 1_000_000

    init(_ file: any HDF5Reading) throws(LocatedError) {
        self.file = file
        if try file.attribute("model_config", of: "") != nil {
            kind = .wholeModel
            weightsGroup = "model_weights"
        } else if try file.stringList("layer_names", of: "") != nil {
            kind = .weights
            weightsGroup = ""
        } else if try file.exists("model_weights") == .group {
            kind = .weights
            weightsGroup = "model_weights"
        } else if try file.attribute("nb_layers", of: "") != nil {
            kind = .counted
            weightsGroup = ""
        } else {
            throw try Self.unknown(file)
        }
    }

    private static func unknown(_ file: any HDF5Reading) throws(LocatedError) -> LocatedError {
        for group in ["layers", "vars", "_layer_checkpoint_dependencies"] where try file.exists(group) != nil {
            return LocatedError(
                .unsupported, "container.unsupported", "recognised as weights in Keras 3's layout, not supported yet")
        }
        return LocatedError(
            .invalid, "hdf5.not_keras",
            "expected an HDF5 file of Keras, with model_config or layer_names, got one without either")
    }

    // MARK: - Reading

    func model() throws(LocatedError) -> StoredModel {
        var model = StoredModel()
        if kind == .wholeModel { model.spec = try spec() }
        model.weights = try weights()
        if kind == .wholeModel { model.training = try training() }
        return model
    }

    /// Reads part by part, and goes on where one is broken.
    func inspect(_ partial: inout PartialModel) {
        partial.kerasVersion = partial.attempt { () throws(LocatedError) in try text("keras_version") } ?? .none
        partial.backend = partial.attempt { () throws(LocatedError) in try text("backend") } ?? .none
        if kind == .wholeModel {
            partial.readArchitecture { () throws(LocatedError) in try json("model_config") }
            partial.model.training = partial.attempt { () throws(LocatedError) in try training() } ?? .none
        }
        var stored = StoredWeights(layers: [])
        stored.kerasVersion = partial.attempt { () throws(LocatedError) in
            try text("keras_version", of: weightsGroup)
        } ?? .none
        stored.backend = partial.attempt { () throws(LocatedError) in try text("backend", of: weightsGroup) } ?? .none
        if kind == .counted {
            partial.model.weights = partial.attempt { () throws(LocatedError) in try countedWeights() }
            partial.dialect = .keras1
            return
        }
        partial.kerasVersion = partial.kerasVersion ?? stored.kerasVersion
        partial.backend = partial.backend ?? stored.backend
        for name in partial.attempt({ () throws(LocatedError) in try list("layer_names", of: weightsGroup) }) ?? [] {
            let group = weightsGroup.isEmpty ? name : weightsGroup + "/" + name
            let names = partial.attempt { () throws(LocatedError) in try list("weight_names", of: group) }
            var layer = StoredWeights.Layer(name: name, weights: [])
            for weight in names ?? [] {
                guard let tensor = partial.attempt({ () throws(LocatedError) in try tensor(group + "/" + weight) }) else {
                    continue
                }
                layer.weights.append(StoredWeights.Weight(name: weight, tensor: tensor))
            }
            stored.layers.append(layer)
        }
        partial.model.weights = stored
        if partial.dialect == nil {
            // Keras 1 doesn't tell a version in the weights' group.
            partial.dialect = stored.kerasVersion.map { DialectDetector.dialect(ofVersion: $0) } ?? .keras1
        }
    }

    private func spec() throws(LocatedError) -> ModelSpec {
        guard let json = try json("model_config") else {
            throw LocatedError(.invalid, "hdf5.model_config", "expected model_config, got an empty attribute")
        }
        return try locating("@model_config") { () throws(LocatedError) in
            try ArchitectureReader.spec(from: json, version: try text("keras_version"), backend: try text("backend"))
        }
    }

    private func text(_ attribute: String, of group: String = "") throws(LocatedError) -> String? {
        try file.attribute(attribute, of: group)?.text
    }

    /// JSON in an attribute, possibly written as a JSON string once more.
    private func json(_ attribute: String) throws(LocatedError) -> ConfigValue? {
        guard let value = try file.attribute(attribute, of: "") else { return nil }
        guard let text = value.text else {
            throw LocatedError(.invalid, "hdf5.attribute", "expected JSON text, got \(value.kindName)", at: ["@" + attribute])
        }
        return try locating("@" + attribute) { () throws(LocatedError) in
            let json = try JSON.parse(text)
            if let inner = json.string { return try JSON.parse(inner) }
            return json
        }
    }

    func weights() throws(LocatedError) -> StoredWeights {
        if kind == .counted { return try countedWeights() }
        // Keras 1 says neither.
        var stored = StoredWeights(
            layers: [], kerasVersion: try text("keras_version", of: weightsGroup),
            backend: try text("backend", of: weightsGroup))
        var names: Set<String> = []
        var count = 0
        for name in try list("layer_names", of: weightsGroup) {
            guard names.insert(name).inserted else {
                throw LocatedError(
                    .invalid, "weights.duplicate_layer", "expected every layer name once, got \(quoted(name)) again",
                    at: ["@layer_names"])
            }
            let group = weightsGroup.isEmpty ? name : weightsGroup + "/" + name
            let weights = try weights(in: group)
            count += weights.count
            guard count <= Self.mostNames else { throw Self.tooMany(count) }
            stored.layers.append(StoredWeights.Layer(name: name, weights: weights))
        }
        return stored
    }

    /// A group for every layer, also those without weights, and numbers for names.
    ///
    /// Source: `load_weights_from_hdf5_group` of `keras/engine/topology.py` 1.2.2.
    private func countedWeights() throws(LocatedError) -> StoredWeights {
        var stored = StoredWeights(layers: [])
        var total = 0
        for layer in 0..<(try count("nb_layers", of: "")) {
            let group = "layer_\(layer)"
            guard try file.exists(group) == .group else {
                throw LocatedError(.invalid, "weights.group", "expected a group, got none", at: [group])
            }
            let count = try count("nb_params", of: group)
            total += count
            guard total <= Self.mostNames else { throw Self.tooMany(total) }
            var weights: [StoredWeights.Weight] = []
            for number in 0..<count {
                let name = "param_\(number)"
                weights.append(StoredWeights.Weight(name: name, tensor: try tensor(group + "/" + name)))
            }
            stored.layers.append(StoredWeights.Layer(name: group, weights: weights))
        }
        return stored
    }

    private func count(_ attribute: String, of group: String) throws(LocatedError) -> Int {
        let held = try file.attribute(attribute, of: group)
        guard case .numbers(let value) = held, value.count == 1,
            let count = Int(exactly: value.asType(.int64).array(as: Int64.self)[0]), count >= 0
        else {
            throw LocatedError(
                .invalid, "hdf5.attribute", "expected a count of at least 0, got \(held?.kindName ?? "nothing")",
                at: (group.isEmpty ? [] : [group]) + ["@" + attribute])
        }
        guard count <= Self.mostNames else { throw Self.tooMany(count) }
        return count
    }

    private func weights(in group: String) throws(LocatedError) -> [StoredWeights.Weight] {
        guard try file.exists(group) == .group else {
            throw LocatedError(.invalid, "weights.group", "expected a group, got none", at: [group])
        }
        var seen: Set<String> = []
        var weights: [StoredWeights.Weight] = []
        for name in try list("weight_names", of: group) {
            guard seen.insert(name).inserted else {
                throw LocatedError(
                    .invalid, "weights.duplicate", "expected every weight name once, got \(quoted(name)) again",
                    at: [group, "@weight_names"])
            }
            weights.append(StoredWeights.Weight(name: name, tensor: try tensor(group + "/" + name)))
        }
        return weights
    }

    /// A dataset of numbers. One of strings or records is sound HDF5, but no weight.
    private func tensor(_ path: String) throws(LocatedError) -> LazyTensor {
        do throws(LocatedError) { return try file.dataset(path) } catch {
            guard error.code == "hdf5.type" else { throw error }
            var error = error
            error.category = .invalid
            throw error
        }
    }

    private func list(_ attribute: String, of group: String) throws(LocatedError) -> [String] {
        guard let names = try file.stringList(attribute, of: group) else {
            throw LocatedError(
                .invalid, "weights.names", "expected a list of names, got none",
                at: (group.isEmpty ? [] : [group]) + ["@" + attribute])
        }
        guard names.count <= Self.mostNames else { throw Self.tooMany(names.count) }
        return names
    }

    private static func tooMany(_ count: Int) -> LocatedError {
        LocatedError(.invalid, "weights.count", "expected at most \(mostNames) names, got \(count)")
    }

    private func training() throws(LocatedError) -> TrainingSpec? {
        guard let json = try json("training_config") else { return nil }
        guard let settings = json.object else {
            throw LocatedError(
                .invalid, "training.config", "expected an object, got \(json.summary)", at: ["@training_config"])
        }
        let dialect = try text("keras_version").flatMap(DialectDetector.dialect(ofVersion:)) ?? .keras2
        var training = TrainingSpec(compileSettings: settings, dialect: dialect)
        if try file.exists("optimizer_weights") == .group {
            training.optimizerWeights = try weights(in: "optimizer_weights")
        }
        return training
    }
}
