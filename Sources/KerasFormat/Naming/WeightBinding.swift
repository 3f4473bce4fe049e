package import KerasSpec
import OrderedCollections
package import Tensors

/// Matches the weights of a file with those that a model expects.
package enum WeightBinding {
    /// What a file's weights mean in a model, whatever arranged them. Nothing is read until a tensor's `load`.
    ///
    /// Throws 67 `weights.mismatch` with every disagreement. Shapes are the file's: nobody who knows better was asked.
    package static func resolve(_ stored: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> ModelWeights {
        let resolution = try resolution(of: stored, in: spec, byName: false)
        try resolution.check()
        return resolution.weights
    }

    /// A float32 array for every slot, by `PlacedSlot.path`, with shapes held against the slots'.
    ///
    /// Throws 67 `weights.mismatch` with every disagreement.
    ///
    /// - Parameter slots: what the engine expects of the model's layers.
    package static func bind(
        _ stored: StoredWeights, to slots: [LayerSlots], in spec: ModelSpec
    ) throws(LocatedError) -> [String: LazyTensor] {
        try bind(stored, to: slots, in: spec, LoadingOptions()).values
    }

    /// The same as Keras's `load_weights` with its options: arrays for the slots that were found, and a report of all.
    ///
    /// By name, layers that only one of both has are left alone. With `skipMismatch` so is what doesn't fit; but layers that
    /// are told by their order must be as many in both, and each have as many weights.
    package static func bind(
        _ stored: StoredWeights, to slots: [LayerSlots], in spec: ModelSpec, _ options: LoadingOptions
    ) throws(LocatedError) -> (values: [String: LazyTensor], report: LoadingReport) {
        var resolution = try resolution(of: stored, in: spec, byName: options.byName)
        resolution.nameOpaque(slots, byObject: stored.scheme == .objects)
        let stopsAtMismatch = stored.scheme == .objects
        let values = resolution.fit(to: slots, isPartial: options.byName, stopsAtMismatch: stopsAtMismatch)
        try resolution.check(skipping: options.skipMismatch)
        let paths = slots.flatMap(\.slots).map(\.path)
        let report = LoadingReport(
            loaded: paths.filter { values[$0] != nil }, kept: paths.filter { values[$0] == nil },
            notLoaded: resolution.absences + resolution.disagreements.map(\.item), unread: resolution.unread)
        return (values, report)
    }

    /// Names for the groups of a file that tells none, from the architecture beside them.
    package static func labelled(_ stored: StoredWeights, by spec: ModelSpec) -> StoredWeights {
        ObjectNaming.labelled(stored, by: spec)
    }

    private static func resolution(
        of stored: StoredWeights, in spec: ModelSpec, byName: Bool
    ) throws(LocatedError) -> WeightResolution {
        switch stored.scheme {
        case .layers: byName ? try LegacyNaming.resolveByName(stored, in: spec) : try LegacyNaming.resolve(stored, in: spec)
        case .objects: try ObjectNaming.resolve(stored, in: spec, byName: byName)
        case .list: try ListNaming.resolve(stored, in: spec, byName: byName)
        }
    }
}

extension WeightResolution {
    /// Gives arrays of layers whose class only the caller knows the names of the caller's slots: by their place among those of
    /// the layer, or of one object in it, trained ones first, as Keras lists them.
    fileprivate mutating func nameOpaque(_ layers: [LayerSlots], byObject: Bool) {
        for path in opaqueLayers {
            guard let layer = layers.first(where: { $0.name == path.first }) else { continue }
            guard byObject else {
                name(weights.weights.indices.filter { weights.weights[$0].outline.layerPath == path }, by: layer.slots, at: path)
                continue
            }
            let own = OrderedDictionary(grouping: layer.slots.filter { $0.layerPath == path }) { Array($0.slot.path.dropLast()) }
            let held = OrderedDictionary(grouping: weights.weights.indices.filter { weights.weights[$0].outline.layerPath == path }) {
                Array(weights.weights[$0].outline.path.dropLast())
            }
            for prefix in OrderedSet(own.keys).union(held.keys) { name(held[prefix] ?? [], by: own[prefix] ?? [], at: path + prefix) }
        }
    }

    private mutating func name(_ indices: [Int], by slots: [PlacedSlot], at place: [String]) {
        guard indices.count == slots.count else {
            // What the file lacks altogether is told weight by weight.
            guard !indices.isEmpty else { return }
            let name = place.joined(separator: "/")
            disagreements.append(
                Disagreement(name, .counts, "\(quoted(name)) has \(slots.count) weights, the file \(indices.count)"))
            return
        }
        let ordered = slots.filter(\.slot.trainable) + slots.filter { !$0.slot.trainable }
        for (index, slot) in zip(indices, ordered) {
            weights.weights[index].outline = WeightOutline(
                layerPath: slot.layerPath, path: slot.slot.path, role: slot.slot.trainable ? .trained : .other)
        }
    }

    /// Holds shapes and types against the slots', and gives what fits as float32.
    ///
    /// - Parameter stopsAtMismatch: what stands behind a mismatch in one object isn't taken, as Keras 3 leaves it.
    fileprivate mutating func fit(
        to layers: [LayerSlots], isPartial: Bool, stopsAtMismatch: Bool
    ) -> [String: LazyTensor] {
        let held = Dictionary(weights.weights.map { ($0.outline.name, $0) }, uniquingKeysWith: { first, _ in first })
        var result: [String: LazyTensor] = [:]
        let reported = !disagreements.isEmpty
        var stopped: Set<[String]> = []
        for slot in layers.flatMap(\.slots) {
            guard let weight = held[slot.path] else {
                if !isPartial, !reported {
                    disagreements.append(Disagreement(slot.path, .missingInFile, "\(slot.path) is not in the file"))
                }
                continue
            }
            let tensor = weight.tensor
            let name = quoted(weight.fileName ?? weight.outline.name)
            let object = slot.layerPath + slot.slot.path.dropLast()
            if stopped.contains(object) {
                disagreements.append(
                    Disagreement(slot.path, .behindMismatch, "\(slot.path) stands behind a weight of \(quoted(object.joined(separator: "/"))) that doesn't fit"))
                continue
            }
            guard tensor.shape == slot.slot.shape else {
                disagreements.append(
                    Disagreement(slot.path, .shapes, "\(slot.path) has the shape \(slot.slot.shape), the file's \(name) \(tensor.shape)"))
                if stopsAtMismatch { stopped.insert(object) }
                continue
            }
            result[slot.path] =
                tensor.dtype == .float32
                ? tensor
                : tensor.map(shape: tensor.shape, dtype: .float32) { (tensor) throws(LocatedError) in tensor.asType(.float32) }
        }
        return result
    }

    /// More lines tell nobody more.
    private static let mostLines = 30

    /// Throws when anything disagrees that isn't to be skipped.
    fileprivate func check(skipping: Bool = false) throws(LocatedError) {
        let failures = disagreements.filter { !skipping || !$0.isSkippable }
        guard !failures.isEmpty else { return }
        let texts = failures.map(\.item.description) + unread.map(\.description)
        var lines = texts.prefix(Self.mostLines).joined(separator: "; ")
        if texts.count > Self.mostLines { lines += "; and \(texts.count - Self.mostLines) more" }
        let common = Set(modelLayers).intersection(fileLayers)
        var hint: String?
        if common.count < modelLayers.count, common.count < fileLayers.count {
            let some = fileLayers.prefix(6).map { quoted($0) }.joined(separator: ", ")
            hint = "The file's layers are \(some)\(fileLayers.count > 6 ? "…" : ""): it may belong to another model."
        }
        if isQuantizedInSecret {
            hint =
                "Layers are quantized of which the settings don't say so, as Keras 3.15 writes attention after quantize(); it can't open such a file either. Save the model before it is quantized."
        }
        throw LocatedError(
            .mismatch, "weights.mismatch", "expected weights that fit the model, got disagreements: \(lines)", hint: hint)
    }
}
