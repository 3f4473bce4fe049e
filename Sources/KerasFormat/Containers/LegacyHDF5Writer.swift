import Files
import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors

/// Writes HDF5 as Keras 2.3.1 with h5py 2 does.
///
/// Source: `save_weights_to_hdf5_group`, `_serialize_model` of `keras/engine/saving.py` 2.3.1.
struct LegacyHDF5Writer {
    private let writer: HDF5Writer

    /// Lets `body` write a file that takes the place of `path` when it is whole.
    ///
    /// - Parameter keepsLongLists: whether its root takes lists beyond an object header's 64 KB.
    static func write(
        to path: String, keepsLongLists: Bool = false, _ body: (LegacyHDF5Writer) throws(LocatedError) -> Void
    ) throws(LocatedError) {
        try AtomicFile.write(to: path) { (temporary) throws(LocatedError) in
            let temporaryName = temporary.split(separator: "/").last.map(String.init)
            do throws(LocatedError) {
                let writer = try HDF5Writer(creating: temporary, keepsLongLists: keepsLongLists)
                try body(LegacyHDF5Writer(writer: writer))
                try writer.close()
            } catch {
                // The temporary file's name means nothing to anybody.
                guard error.location.first == temporaryName else { throw error }
                var error = error
                error.location.removeFirst()
                throw error.within(path)
            }
        }
    }

    /// The groups of all layers below `group`, with the lists that give their order.
    func writeWeights(_ weights: StoredWeights, for target: KerasTarget, in group: String = "") throws(LocatedError) {
        let names = weights.layers.map(\.name)
        let isWhole = Self.isWhole(names, for: target)
        if !group.isEmpty { try writer.createGroup(group, keepsLongLists: isWhole) }
        try writer.writeStringList("layer_names", on: group, names, isWhole: isWhole)
        // Keras 1 says neither: that is how later ones know it.
        if target.dialect != .keras1 {
            try writer.setAttribute("backend", on: group, text(weights.backend ?? "tensorflow"))
            try writer.setAttribute("keras_version", on: group, text(weights.kerasVersion ?? target.version))
        }
        for layer in weights.layers {
            try write(layer.weights, in: group.isEmpty ? layer.name : group + "/" + layer.name, for: target)
        }
    }

    /// Whether a list is written in one piece though it doesn't fit an object header: Keras 1 looks for one attribute alone,
    /// and HDF5 has room for it outside. Keras 1 itself fails to write such lists.
    static func isWhole(_ names: [String], for target: KerasTarget) -> Bool {
        target.dialect == .keras1 && HDF5Writer.isLong(names)
    }

    private func write(_ weights: [StoredWeights.Weight], in group: String, for target: KerasTarget) throws(LocatedError) {
        let names = weights.map(\.name)
        let isWhole = Self.isWhole(names, for: target)
        try writer.createGroup(group, keepsLongLists: isWhole)
        try writer.writeStringList("weight_names", on: group, names, isWhole: isWhole)
        for weight in weights { try writer.writeDataset(group + "/" + weight.name, try weight.tensor.load()) }
    }

    /// A whole model: architecture, weights, and how it is trained.
    func writeModel(
        _ modelConfig: ConfigObject, _ weights: StoredWeights, _ training: TrainingSpec?, for target: KerasTarget
    ) throws(LocatedError) {
        try writer.setAttribute("keras_version", on: "", text(weights.kerasVersion ?? target.version))
        if target.dialect != .keras1 { try writer.setAttribute("backend", on: "", text(weights.backend ?? "tensorflow")) }
        try writer.setAttribute("model_config", on: "", text(JSON.text(.object(modelConfig))))
        try writeWeights(weights, for: target, in: "model_weights")
        guard let training else { return }
        try writer.setAttribute("training_config", on: "", text(JSON.text(.object(training.compileSettings))))
        if !training.optimizerWeights.isEmpty { try write(training.optimizerWeights, in: "optimizer_weights", for: target) }
    }

    private func text(_ value: String) -> HDF5Attribute { .string(HDF5String(value, kind: .variableASCII)) }
}
