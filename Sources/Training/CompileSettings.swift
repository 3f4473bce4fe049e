public import OrderedCollections
package import Tensors

/// Something for each output of a model: one for all, a list in the outputs' order, or by the outputs' names.
public enum PerOutput<Value: Sendable>: Sendable {
    case all(Value)
    case list([Value])
    /// Outputs that aren't named have none.
    case named(OrderedDictionary<String, Value>)

    /// One for each output, nil where there is none.
    ///
    /// Throws `compile.…` when the list has another length, or a name is no output's.
    func resolved(_ what: String, for outputs: [String]) throws(LocatedError) -> [Value?] {
        switch self {
        case .all(let value): return outputs.map { _ in value }
        case .list(let values):
            guard values.count == outputs.count else {
                throw LocatedError(
                    .mismatch, "compile.\(what)",
                    "expected \(outputs.count) entries in the list, one for each output, got \(values.count)", at: [what])
            }
            return values
        case .named(let values):
            for name in values.keys where !outputs.contains(name) {
                throw LocatedError(
                    .mismatch, "compile.\(what)",
                    "expected names of outputs (\(outputs.joined(separator: ", "))), got \"\(name)\"", at: [what])
            }
            return outputs.map { values[$0] }
        }
    }
}

extension PerOutput: Equatable where Value: Equatable {}

/// What `compile` was given: how a model is trained and measured.
public struct CompileSettings: Sendable {
    public var optimizer: any Optimizer
    /// nil for an output that takes part in nothing.
    public var loss: PerOutput<Loss?>
    public var metrics: PerOutput<[Metric]>
    public var weightedMetrics: PerOutput<[Metric]>
    /// What each output's loss counts for; nil: 1.
    public var lossWeights: PerOutput<Double>?
    /// `temporal` where sample weights are given for each step; nil: for each sample.
    public var sampleWeightMode: PerOutput<String?>?

    public init(
        optimizer: any Optimizer, loss: PerOutput<Loss?>, metrics: PerOutput<[Metric]> = .all([]),
        weightedMetrics: PerOutput<[Metric]> = .all([]), lossWeights: PerOutput<Double>? = nil,
        sampleWeightMode: PerOutput<String?>? = nil
    ) {
        self.optimizer = optimizer
        self.loss = loss
        self.metrics = metrics
        self.weightedMetrics = weightedMetrics
        self.lossWeights = lossWeights
        self.sampleWeightMode = sampleWeightMode
    }

    public init(optimizer: any Optimizer, loss: Loss, metrics: [Metric] = []) {
        self.init(optimizer: optimizer, loss: .all(loss), metrics: .all(metrics))
    }

    /// The settings of each output, in the model's order.
    package func outputs(named names: [String]) throws(LocatedError) -> [OutputTraining] {
        let losses = try loss.resolved("loss", for: names)
        let metrics = try metrics.resolved("metrics", for: names)
        let weighted = try weightedMetrics.resolved("weighted_metrics", for: names)
        let factors = try lossWeights?.resolved("loss_weights", for: names) ?? names.map { _ in nil }
        let modes = try sampleWeightMode?.resolved("sample_weight_mode", for: names) ?? names.map { _ in nil }
        var outputs: [OutputTraining] = []
        for (place, name) in names.enumerated() {
            let mode = modes[place] ?? nil
            guard mode == nil || mode == "temporal" else {
                throw LocatedError(
                    .usage, "compile.sample_weight_mode", "expected \"temporal\" or none, got \"\(mode ?? "")\"",
                    at: ["sample_weight_mode"])
            }
            outputs.append(
                OutputTraining(
                    name: name, loss: losses[place] ?? nil, lossWeight: factors[place] ?? 1, metrics: metrics[place] ?? [],
                    weightedMetrics: weighted[place] ?? [], isTemporal: mode == "temporal"))
        }
        return outputs
    }
}
