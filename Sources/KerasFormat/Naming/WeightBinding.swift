package import KerasSpec
import OrderedCollections
package import Tensors

/// Matches the weights of a file with those that a model expects.
package enum WeightBinding {
    /// By order, as `load_weights` does: the file's layers that have weights against the model's layers that have some,
    /// whatever either are called.
    ///
    /// Gives a float32 array for every slot, by `PlacedSlot.path`; nothing is read until `load`. Kernels that Theano trained
    /// are turned by 180°, as Keras does. Throws 67 `weights.mismatch` with every disagreement.
    ///
    /// - Parameters:
    ///   - slots: the model's layers in its order; layers without weights may be among them.
    ///   - spec: the model: what is frozen in nested models decides an order, and classes decide what Theano's kernels are.
    package static func bind(
        _ stored: StoredWeights, to slots: [LayerSlots], in spec: ModelSpec? = nil
    ) throws(LocatedError) -> [String: LazyTensor] {
        var binder = Binder(stored: stored, spec: spec)
        let model = slots.filter { !$0.slots.isEmpty }
        let file = stored.layers.filter { !$0.weights.isEmpty }
        if model.count != file.count { binder.reportCounts(model, file) }
        // Where the numbers differ, comparing pairs in order would only repeat that in other words.
        if model.count == file.count { for (layer, held) in zip(model, file) { binder.bind(held, to: layer) } }
        try binder.finish(model, file)
        return binder.result
    }

    /// By layer name, as `load_weights(by_name=True)` does: layers that only one of both has are left alone.
    ///
    /// Gives arrays for the slots that were found. Throws 67 `weights.mismatch` when layers of one name disagree.
    package static func bindByName(
        _ stored: StoredWeights, to slots: [LayerSlots], in spec: ModelSpec? = nil
    ) throws(LocatedError) -> [String: LazyTensor] {
        var binder = Binder(stored: stored, spec: spec)
        let byName = Dictionary(stored.layers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        let model = slots.filter { !$0.slots.isEmpty }
        for layer in model { if let held = byName[layer.name], !held.weights.isEmpty { binder.bind(held, to: layer) } }
        try binder.finish(model, stored.layers)
        return binder.result
    }
}

/// Collects arrays and disagreements.
private struct Binder {
    private(set) var result: [String: LazyTensor] = [:]
    private var disagreements: [String] = []
    private let specs: [String: LayerSpec]
    private let isTheano: Bool

    /// More lines tell nobody more.
    private static let mostLines = 30

    init(stored: StoredWeights, spec: ModelSpec?) {
        specs = Dictionary((spec?.layers ?? []).map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        isTheano = stored.backend == "theano"
    }

    mutating func bind(_ held: StoredWeights.Layer, to layer: LayerSlots) {
        let spec = specs[layer.name]
        let slots = LegacyOrder.slots(of: layer, in: spec)
        let pair = held.name == layer.name ? quoted(layer.name) : "\(quoted(layer.name)) (the file's \(quoted(held.name)))"
        guard slots.count == held.weights.count else {
            disagreements.append("\(pair) has \(slots.count) weights, the file \(held.weights.count)")
            return
        }
        for (slot, weight) in zip(slots, held.weights) {
            let tensor = weight.tensor
            if !tensor.dtype.isFloatingPoint {
                disagreements.append("\(slot.path) holds floats, the file's \(quoted(weight.name)) \(tensor.dtype.rawValue)")
            }
            guard tensor.shape == slot.slot.shape else {
                disagreements.append(
                    "\(slot.path) has the shape \(slot.slot.shape), the file's \(quoted(weight.name)) \(tensor.shape)")
                continue
            }
            result[slot.path] = prepared(tensor, for: slot, in: spec)
        }
    }

    /// The array as float32, and a kernel of Theano's turned.
    private func prepared(_ tensor: LazyTensor, for slot: PlacedSlot, in layer: LayerSpec?) -> LazyTensor {
        var tensor = tensor
        if tensor.dtype != .float32, tensor.dtype.isFloatingPoint {
            tensor = tensor.map(shape: tensor.shape, dtype: .float32) { (tensor) throws(LocatedError) in
                tensor.asType(.float32)
            }
        }
        guard isTheano, TheanoKernels.isTurned(slot, in: layer) else { return tensor }
        return tensor.map(shape: tensor.shape, dtype: tensor.dtype) { (tensor) throws(LocatedError) in
            TheanoKernels.turned(tensor)
        }
    }

    mutating func reportCounts(_ model: [LayerSlots], _ file: [StoredWeights.Layer]) {
        disagreements.append("the model has \(model.count) layers with weights, the file \(file.count)")
        let modelNames = Set(model.map(\.name))
        let fileNames = Set(file.map(\.name))
        for layer in model where !fileNames.contains(layer.name) {
            disagreements.append("\(quoted(layer.name)) is not in the file")
        }
        for layer in file where !modelNames.contains(layer.name) {
            disagreements.append("the file's \(quoted(layer.name)) is not in the model")
        }
    }

    func finish(_ model: [LayerSlots], _ file: [StoredWeights.Layer]) throws(LocatedError) {
        guard !disagreements.isEmpty else { return }
        var lines = disagreements.prefix(Self.mostLines).joined(separator: "; ")
        if disagreements.count > Self.mostLines { lines += "; and \(disagreements.count - Self.mostLines) more" }
        let fileNames = file.filter { !$0.weights.isEmpty }.map(\.name)
        let common = Set(model.map(\.name)).intersection(fileNames)
        var hint: String?
        if common.count < model.count, common.count < fileNames.count {
            let some = fileNames.prefix(6).map { quoted($0) }.joined(separator: ", ")
            hint = "The file's layers are \(some)\(fileNames.count > 6 ? "…" : ""): it may belong to another model."
        }
        throw LocatedError(
            .mismatch, "weights.mismatch", "expected weights that fit the model, got disagreements: \(lines)", hint: hint)
    }
}
