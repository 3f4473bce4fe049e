package import KerasSpec
import OrderedCollections
package import Tensors

/// Writes models as Keras does, for the Keras that is to read them.
package enum KerasWriter {
    /// The text of `to_json()`: what `model_from_json` of the dialect's Keras reads.
    ///
    /// A model that was read from this dialect and not changed comes out byte for byte as genuine Keras wrote it. Throws 69
    /// `keras2.inexpressible` with every layer that the dialect can't say, 69 `dialect.unsupported` for a dialect that is not
    /// written yet.
    package static func architecture(
        _ spec: ModelSpec, for dialect: Dialect = .keras2
    ) throws(LocatedError) -> String {
        try requireSupported(dialect)
        return JSON.text(.object(try document(of: spec, usesSources: true)))
    }

    /// The version of Keras that files for a dialect name.
    static let keras2Version = "2.3.1"

    static func requireSupported(_ dialect: Dialect) throws(LocatedError) {
        guard dialect == .keras2 else {
            throw LocatedError(
                .unsupported, "dialect.unsupported", "expected the target keras-2.3, got \(dialect.rawValue)",
                hint: "Other targets are not supported yet.")
        }
    }

    /// `to_json()`'s object.
    static func document(of spec: ModelSpec, usesSources: Bool) throws(LocatedError) -> ConfigObject {
        var document = try modelConfig(of: spec, usesSources: usesSources)
        if document["keras_version"] == nil {
            let own = spec.provenance?.dialect == .keras2 ? spec.provenance?.kerasVersion : nil
            document["keras_version"] = .string(own ?? keras2Version)
        }
        if document["backend"] == nil { document["backend"] = "tensorflow" }
        return document
    }

    /// The object of `class_name` and `config`; the whole document of the file when the spec still is what it says.
    static func modelConfig(of spec: ModelSpec, usesSources: Bool) throws(LocatedError) -> ConfigObject {
        if usesSources, let provenance = spec.provenance, provenance.dialect == .keras2,
            let document = provenance.document, let object = document.object
        {
            var reader = Keras2Reader()
            if let original = try? reader.model(document), original.says(the: spec) { return object }
        }
        return try Keras2Writer.model(spec, usesSources: usesSources)
    }
}

extension ModelSpec {
    /// Whether both describe the same model, wherever they came from.
    package func says(the other: ModelSpec) -> Bool {
        kind == other.kind && name == other.name && trainable == other.trainable && inputs == other.inputs
            && outputs == other.outputs && layers.count == other.layers.count
            && zip(layers, other.layers).allSatisfy { $0.says(the: $1) }
    }
}

extension LayerSpec {
    fileprivate func says(the other: LayerSpec) -> Bool {
        guard className == other.className, name == other.name, config == other.config, calls == other.calls else {
            return false
        }
        switch (model?.value, other.model?.value) {
        case (nil, nil): return true
        case (let a?, let b?): return a.says(the: b)
        default: return false
        }
    }
}
