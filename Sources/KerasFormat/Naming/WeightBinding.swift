package import KerasSpec
import OrderedCollections
package import Tensors

/// Matches the weights of a file with those that a model expects.
package enum WeightBinding {
    /// What a file's weights mean in a model, whatever arranged them. Nothing is read until a tensor's `load`.
    ///
    /// Throws 67 `weights.mismatch` with every disagreement. Shapes are the file's: nobody who knows better was asked.
    package static func resolve(_ stored: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> ModelWeights {
        let resolution = try resolution(of: stored, in: spec)
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
        var resolution = try resolution(of: stored, in: spec)
        let result = resolution.fit(to: slots, isPartial: false)
        try resolution.check()
        return result
    }

    /// By layer name, as `load_weights(by_name=True)` does: layers that only one of both has are left alone.
    ///
    /// Gives arrays for the slots that were found. Throws 67 `weights.mismatch` when layers of one name disagree.
    package static func bindByName(
        _ stored: StoredWeights, to slots: [LayerSlots], in spec: ModelSpec
    ) throws(LocatedError) -> [String: LazyTensor] {
        guard stored.scheme == .layers else {
            throw LocatedError(
                .unsupported, "weights.byName", "expected weights with layer names, got a file that names none")
        }
        var resolution = try LegacyNaming.resolveByName(stored, in: spec)
        let result = resolution.fit(to: slots, isPartial: true)
        try resolution.check()
        return result
    }

    private static func resolution(of stored: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> WeightResolution {
        switch stored.scheme {
        case .layers: try LegacyNaming.resolve(stored, in: spec)
        case .objects: try ObjectNaming.resolve(stored, in: spec)
        case .list: try ListNaming.resolve(stored, in: spec)
        }
    }
}

extension WeightResolution {
    /// Holds shapes and types against the slots', and gives what fits as float32.
    fileprivate mutating func fit(to slots: [LayerSlots], isPartial: Bool) -> [String: LazyTensor] {
        let held = Dictionary(weights.weights.map { ($0.outline.name, $0) }, uniquingKeysWith: { first, _ in first })
        var result: [String: LazyTensor] = [:]
        let reported = !disagreements.isEmpty
        for slot in slots.flatMap(\.slots) {
            guard let weight = held[slot.path] else {
                if !isPartial, !reported { disagreements.append("\(slot.path) is not in the file") }
                continue
            }
            let tensor = weight.tensor
            let name = quoted(weight.fileName ?? weight.outline.name)
            if !tensor.dtype.isFloatingPoint {
                disagreements.append("\(slot.path) holds floats, the file's \(name) \(tensor.dtype.rawValue)")
            }
            guard tensor.shape == slot.slot.shape else {
                disagreements.append("\(slot.path) has the shape \(slot.slot.shape), the file's \(name) \(tensor.shape)")
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

    /// Throws when anything disagrees.
    fileprivate func check() throws(LocatedError) {
        guard !disagreements.isEmpty else { return }
        var lines = disagreements.prefix(Self.mostLines).joined(separator: "; ")
        if disagreements.count > Self.mostLines { lines += "; and \(disagreements.count - Self.mostLines) more" }
        let common = Set(modelLayers).intersection(fileLayers)
        var hint: String?
        if common.count < modelLayers.count, common.count < fileLayers.count {
            let some = fileLayers.prefix(6).map { quoted($0) }.joined(separator: ", ")
            hint = "The file's layers are \(some)\(fileLayers.count > 6 ? "…" : ""): it may belong to another model."
        }
        throw LocatedError(
            .mismatch, "weights.mismatch", "expected weights that fit the model, got disagreements: \(lines)", hint: hint)
    }
}
