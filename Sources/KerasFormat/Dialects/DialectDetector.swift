import KerasSpec
import OrderedCollections
import Tensors

/// Tells which generation of Keras wrote an architecture.
enum DialectDetector {
    /// - Parameter version: what the file around the architecture says of its Keras, when the architecture says nothing.
    static func dialect(of document: ConfigObject, version: String? = nil) -> Dialect {
        if document["module"] != nil || document["registered_name"] != nil {
            return isTfKeras(document) ? .tfKeras : .keras3
        }
        if let known = (document["keras_version"]?.string ?? version).flatMap(dialect(ofVersion:)) { return known }
        return dialectByStructure(document)
    }

    /// Tells tf-keras's `config.json` from Keras 3's, which also names modules: inputs have a `batch_input_shape`, calls are lists.
    private static func isTfKeras(_ document: ConfigObject) -> Bool {
        for layer in document["config"]?.object?["layers"]?.array ?? [] {
            if layer.object?["config"]?.object?["batch_input_shape"] != nil { return true }
            if layer.object?["inbound_nodes"]?.array?.first?.array != nil { return true }
        }
        return false
    }

    /// `2.3.1` is standalone Keras, `2.2.4-tf` and everything from 2.4 on is tf.keras.
    static func dialect(ofVersion version: String) -> Dialect? {
        let parts = version.split(separator: ".", omittingEmptySubsequences: false)
        guard let major = parts.first.flatMap({ Int($0) }) else { return nil }
        switch major {
        case 0, 1: return .keras1
        case 2:
            guard parts.count > 1, let minor = Int(parts[1]) else { return nil }
            return version.hasSuffix("-tf") || minor >= 4 ? .tfKeras : .keras2
        case 3...: return .keras3
        default: return nil
        }
    }

    private static let keras1Keys: Set<String> = [
        "nb_filter", "nb_row", "border_mode", "dim_ordering", "init", "inner_init", "input_dtype", "W_regularizer",
    ]

    /// For architectures without a version: by keys that only one generation writes.
    private static func dialectByStructure(_ document: ConfigObject) -> Dialect {
        if document["class_name"] == "Functional" { return .tfKeras }
        let config = document["config"]
        for layer in config?.array ?? config?.object?["layers"]?.array ?? [] {
            guard let layer = layer.object, let settings = layer["config"]?.object else { continue }
            if layer["module"] != nil { return .keras3 }
            // Highway and MaxoutDense of Keras 2.3 still use words of Keras 1.
            let isKept = ClassRule.keptClasses.contains(layer["class_name"]?.string ?? "")
            if !isKept, settings.keys.contains(where: keras1Keys.contains) { return .keras1 }
            if settings["ragged"] != nil { return .tfKeras }
            for value in settings.values where value.object?["class_name"]?.string?.hasPrefix("Glorot") == true {
                return .tfKeras
            }
        }
        return .keras2
    }
}

/// Makes a spec of an architecture, whichever dialect it is in.
enum ArchitectureReader {
    /// - Parameters:
    ///   - json: the architecture, possibly as JSON within a JSON string.
    ///   - version, backend: what the file around it says, where the architecture says nothing.
    static func spec(
        from json: ConfigValue, version: String? = nil, backend: String? = nil
    ) throws(LocatedError) -> ModelSpec {
        var json = json
        if let inner = json.string { json = try JSON.parse(inner) }
        guard let document = json.object, document["class_name"] != nil, document["config"] != nil else {
            throw LocatedError(
                .invalid, "architecture.unknown",
                "expected a model's architecture, an object with class_name and config, got \(json.summary)",
                at: [JSONPath.root.description])
        }
        let dialect = DialectDetector.dialect(of: document, version: version)
        var notes: [UpgradeNote] = []
        var spec = try dialect.architecture.read(document, &notes)
        spec.provenance = Provenance(
            dialect: dialect, kerasVersion: document["keras_version"]?.string ?? version,
            backend: document["backend"]?.string ?? backend, document: json, notes: notes)
        BackendRules.settle(&spec)
        return spec
    }
}
