import Files
package import KerasSpec
import OrderedCollections
package import Tensors

/// Writes models as Keras does, for the Keras that is to read them.
package enum KerasWriter {
    /// The text of `to_json()`: what `model_from_json` of the dialect's Keras reads.
    ///
    /// A model that was read from this dialect and not changed comes out byte for byte as genuine Keras wrote it. Throws 69
    /// `architecture.inexpressible` with every layer that the target can't say.
    ///
    /// - Parameter notes: hears what was written by other means than in the spec.
    package static func architecture(
        _ spec: ModelSpec, for target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> String {
        JSON.text(.object(try toJSON(spec, for: target, &notes)))
    }

    /// The object of `to_json()`: a document with the version and backend, which whole models say elsewhere.
    static func toJSON(
        _ spec: ModelSpec, for target: KerasTarget, usesSources: Bool = true, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        var document = try document(of: spec, for: target, usesSources: usesSources, &notes)
        if target.dialect != .keras3, document["keras_version"] == nil {
            let own = spec.provenance?.dialect == target.dialect ? spec.provenance?.kerasVersion : nil
            document["keras_version"] = .string(own ?? target.version)
        }
        if target.dialect == .keras2 || target.dialect == .tfKeras, document["backend"] == nil { document["backend"] = "tensorflow" }
        return document
    }

    /// Writes what `save_weights` writes: a group for every one of the model's layers, in its order.
    package static func writeWeights(
        _ weights: ModelWeights, of spec: ModelSpec, for target: KerasTarget, to path: String
    ) throws(LocatedError) {
        try writeWeights(try LegacyNaming.place(weights, of: spec, for: target), for: target, to: path)
    }

    /// Writes weights that were never given a meaning, under the names that they have: for converting files whose layers
    /// nobody knows.
    package static func writeWeights(
        _ weights: StoredWeights, for target: KerasTarget, to path: String
    ) throws(LocatedError) {
        let isLong = LegacyHDF5Writer.isWhole(weights.layers.map(\.name), for: target)
        try LegacyHDF5Writer.write(to: path, keepsLongLists: isLong) { (writer) throws(LocatedError) in
            try writer.writeWeights(weights, for: target)
        }
    }

    /// Writes what `model.save("x.h5")` writes: architecture, weights, and the training state if there is one.
    ///
    /// - Parameter training: in any dialect; converted after the architecture, whose refusals say more.
    package static func writeWholeModel(
        _ weights: ModelWeights, of spec: ModelSpec, training: TrainingSpec? = nil, for target: KerasTarget,
        to path: String, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) {
        let document = try target.dialect.architecture.modelConfig(of: spec, for: target, &notes)
        let training = try training.map { (training) throws(LocatedError) in
            try TrainingConversion.converted(training, of: spec, weights: weights, to: target, as: .trainingConfig, notes: &notes)
        }
        let stored = try LegacyNaming.place(weights, of: spec, for: target)
        try LegacyHDF5Writer.write(to: path) { (writer) throws(LocatedError) in
            try writer.writeModel(document, stored, training.map(Keras3Losses.findable), for: target)
        }
    }

    /// What an architecture of the target says, and what people should know of how it was said.
    ///
    /// A model that was read from the target's dialect and not changed comes out as its file had it. Throws 69
    /// `architecture.inexpressible` with every layer that the target can't say.
    package static func document(
        of spec: ModelSpec, for target: KerasTarget, usesSources: Bool = true, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ConfigObject {
        var document = usesSources ? unchangedDocument(of: spec, for: target) : nil
        if document == nil {
            document = try target.dialect.architecture.write(spec, for: target, usesSources: usesSources, &notes)
        }
        if target.dialect == .keras1 || target.dialect == .keras2, spec.provenance?.backend == "theano",
            spec.holds({ $0.className == "BatchNormalization" })
        {
            notes.append(
                UpgradeNote(layer: "", text: "BatchNormalization's moving variance is updated by TensorFlow's rule from now on, not by Theano's"))
        }
        if target.dialect == .keras1, spec.holds({ $0.className == "SReLU" && $0.config[LegacyName.leakRule] != nil }) {
            notes.append(
                UpgradeNote(
                    layer: "",
                    text: "SReLU isn't limited to the left of t_left from now on, as on TensorFlow: where a_left is negative, Theano gave less (a file of Keras 1 can't say which)"))
        }
        if target.dialect == .keras3, saysTraining(spec) {
            notes.append(
                UpgradeNote(
                    layer: "",
                    text: "calls of layers say training=True or training=False: fit and predict of Keras 3 override that (freeze a layer by trainable=False)"))
        }
        notes += maskNotes(spec, target)
        return document ?? [:]
    }

    /// What becomes of masks otherwise from now on.
    private static func maskNotes(_ spec: ModelSpec, _ target: KerasTarget) -> [UpgradeNote] {
        let before = MaskTradition(spec.provenance), after = MaskTradition(Provenance(dialect: target.dialect, kerasVersion: target.version))
        guard before != after, spec.holds({ $0.className == "Masking" || $0.config["mask_zero"] == true }) else { return [] }
        var notes: [UpgradeNote] = []
        let changed = before.blind.symmetricDifference(after.blind).union(before.swallowing.symmetricDifference(after.swallowing))
        for name in changed.sorted() where spec.holds({ $0.className == name }) {
            let tells =
                if after.blind.contains(name) { "\(name) takes no mask and hands none on" } else {
                    after.swallowing.contains(name) ? "\(name) hands no mask on" : "\(name) takes masks and hands them on"
                }
            notes.append(UpgradeNote(layer: "", text: "\(tells) in \(target), other than in the Keras that the model comes from"))
        }
        let returnsSequences = { (layer: LayerSpec) in
            layer.className == "Bidirectional" && layer.config["layer"]?.object?["config"]?.object?["return_sequences"] == true
        }
        if before.zeroesSequences != after.zeroesSequences, spec.holds(returnsSequences) {
            let gives = after.zeroesSequences ? "zeros" : "what the step before gave"
            notes.append(UpgradeNote(layer: "", text: "Bidirectional gives \(gives) for masked steps in \(target)"))
        }
        return notes
    }

    private static func saysTraining(_ spec: ModelSpec) -> Bool {
        spec.layers.contains { layer in
            layer.calls.contains { $0.keywords["training"].map { $0 != .constant(.null) } ?? false }
                || (layer.model.map { saysTraining($0.value) } ?? false)
        }
    }

    /// The document of the file while the spec still is what it says; nil when it isn't, or was another target's.
    private static func unchangedDocument(of spec: ModelSpec, for target: KerasTarget) -> ConfigObject? {
        guard let provenance = spec.provenance, provenance.dialect == target.dialect,
            let document = provenance.document?.object
        else { return nil }
        // Newer versions have words that older ones refuse.
        if target.dialect == .tfKeras || target.dialect == .keras3, KerasTarget(provenance).minor > target.minor { return nil }
        if target.dialect == .tfKeras, target.minor >= TfKerasVersions.complete, spec.holds(TfKerasVersions.lacksShapes) { return nil }
        if target.dialect == .keras3 {
            // `model_config` of whole .h5 files has no modules, which model_from_json wants.
            guard document["module"] != nil,
                !spec.holds({ $0.className == "Bidirectional" }) || target.minor >= Keras3Writer.bidirectionalBuilds
            else { return nil }
        }
        var notes: [UpgradeNote] = []
        guard var original = try? target.dialect.architecture.read(document, &notes) else { return nil }
        BackendRules.settle(&original, as: provenance)
        guard original.says(the: spec) else { return nil }
        return document
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

extension ModelSpec {
    /// Whether there is such a layer, here or in a model within.
    fileprivate func holds(_ isMeant: (LayerSpec) -> Bool) -> Bool {
        layers.contains { isMeant($0) || ($0.model?.value.holds(isMeant) ?? false) }
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
