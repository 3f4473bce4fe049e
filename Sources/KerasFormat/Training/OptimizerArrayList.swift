package import KerasSpec

/// An optimizer's arrays in one Keras's order, as files by objects hold them beside the weights.
package struct OptimizerArrayList: Sendable {
    package var arrays: [StoredWeights.Weight]
    /// The optimizer's own: `adam`.
    package var name: String?

    /// nil without arrays.
    init?(_ arrays: [StoredWeights.Weight], name: String?) {
        guard !arrays.isEmpty else { return nil }
        self.arrays = arrays
        self.name = name
    }

    /// What a file of weights holds; nil for none.
    package init?(in weights: StoredWeights) { self.init(weights.optimizer, name: weights.optimizerName) }

    /// What stands in training settings; nil for none.
    init?(of training: TrainingSpec) {
        let settings = training.compileSettings["optimizer_config"] ?? training.compileSettings["optimizer"]
        self.init(training.optimizerWeights, name: settings?.object?["config"]?.object?["name"]?.string)
    }

    /// As an object of the file. Keras 3 names it from 3.6 on.
    func object(for target: KerasTarget) -> StoredWeights.Layer {
        StoredWeights.Layer(
            name: "optimizer",
            weights: arrays.enumerated().map { StoredWeights.Weight(name: String($0), tensor: $1.tensor) },
            label: target.dialect == .keras3 && target.minor >= 6 ? name : nil)
    }
}
