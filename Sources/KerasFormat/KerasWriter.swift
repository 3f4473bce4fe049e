import Files
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

    /// Writes what `architecture` gives to a file.
    package static func writeArchitecture(
        _ spec: ModelSpec, for dialect: Dialect = .keras2, to path: String
    ) throws(LocatedError) {
        try AtomicFile.write(try architecture(spec, for: dialect), to: path)
    }

    /// Writes what `save_weights` writes: a group for every one of the model's layers, in its order.
    ///
    /// - Parameters:
    ///   - slots: `model.layers` with their weights; layers without weights belong in it.
    ///   - tensors: the value of a slot, by `PlacedSlot.path`.
    package static func writeWeights(
        of spec: ModelSpec, slots: [LayerSlots], tensors: (String) -> Tensor?, for dialect: Dialect = .keras2,
        to path: String
    ) throws(LocatedError) {
        try writeWeights(try stored(slots, of: spec, tensors), for: dialect, to: path)
    }

    /// Writes weights that were never given a meaning, under the names that they have: for converting files whose layers
    /// nobody knows.
    package static func writeWeights(
        _ weights: StoredWeights, for dialect: Dialect = .keras2, to path: String
    ) throws(LocatedError) {
        try requireSupported(dialect)
        try LegacyHDF5Writer.write(to: path) { (writer) throws(LocatedError) in try writer.writeWeights(weights) }
    }

    /// Writes what `model.save` writes: architecture, weights, and the training state if there is one.
    package static func writeWholeModel(
        of spec: ModelSpec, slots: [LayerSlots], tensors: (String) -> Tensor?, training: TrainingSpec? = nil,
        for dialect: Dialect = .keras2, to path: String
    ) throws(LocatedError) {
        try writeWholeModel(
            of: spec, weights: try stored(slots, of: spec, tensors), training: training, for: dialect, to: path)
    }

    /// Like `writeWholeModel(of:slots:tensors:)`, with weights under the names that they have.
    package static func writeWholeModel(
        of spec: ModelSpec, weights: StoredWeights, training: TrainingSpec? = nil, for dialect: Dialect = .keras2,
        to path: String
    ) throws(LocatedError) {
        try requireSupported(dialect)
        if let training, training.dialect != dialect {
            throw LocatedError(
                .unsupported, "dialect.training",
                "expected training settings of \(dialect.rawValue), got those of \(training.dialect.rawValue)")
        }
        let document = try modelConfig(of: spec, usesSources: true)
        let config: ConfigObject = [
            "class_name": document["class_name"] ?? .null, "config": document["config"] ?? .null,
        ]
        try LegacyHDF5Writer.write(to: path) { (writer) throws(LocatedError) in
            try writer.writeModel(config, weights, training)
        }
    }

    /// The weights of a model under Keras 2.3's names, in its order.
    package static func stored(
        _ slots: [LayerSlots], of spec: ModelSpec, _ tensors: (String) -> Tensor?
    ) throws(LocatedError) -> StoredWeights {
        let specs = Dictionary(spec.layers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var stored = StoredWeights(layers: [], kerasVersion: keras2Version, backend: "tensorflow")
        for layer in slots {
            // Keras 2.3's Sequential doesn't count its input among its layers.
            if spec.kind == .sequential, layer.className == "InputLayer" { continue }
            let ordered = LegacyOrder.slots(of: layer, in: specs[layer.name])
            let names = LegacyOrder.names(of: ordered, in: specs[layer.name])
            var weights: [StoredWeights.Weight] = []
            for (slot, name) in zip(ordered, names) {
                guard let tensor = tensors(slot.path) else {
                    throw LocatedError(.bug, "weights.value", "expected a value for every weight, got none", at: [slot.path])
                }
                guard tensor.shape == slot.slot.shape else {
                    throw LocatedError(
                        .bug, "weights.value", "expected the shape \(slot.slot.shape), got \(tensor.shape)",
                        at: [slot.path])
                }
                weights.append(StoredWeights.Weight(name: name, tensor: LazyTensor(tensor)))
            }
            stored.layers.append(StoredWeights.Layer(name: layer.name, weights: weights))
        }
        return stored
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
