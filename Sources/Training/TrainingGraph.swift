package import Graphs
import Ops
package import Tensors

/// How one output of a model is trained and measured.
package struct OutputTraining: Sendable {
    /// As Keras names the output: its layer.
    package var name: String
    /// nil: the output takes part in nothing.
    package var loss: Loss?
    package var lossWeight: Double
    package var metrics: [Metric]
    package var weightedMetrics: [Metric]
    /// Whether sample weights are given for each step of the second axis.
    package var isTemporal: Bool

    package init(
        name: String, loss: Loss?, lossWeight: Double = 1, metrics: [Metric] = [], weightedMetrics: [Metric] = [],
        isTemporal: Bool = false
    ) {
        self.name = name
        self.loss = loss
        self.lossWeight = lossWeight
        self.metrics = metrics
        self.weightedMetrics = weightedMetrics
        self.isTemporal = isTemporal
    }
}

/// A model's graph with its losses and metrics behind it.
///
/// Its inputs are the model's, then the targets of each output that has a loss, then the sample weights of those outputs that
/// have any. Its outputs are single numbers, then predictions and masks that metrics count.
package struct TrainingGraph: Sendable {
    /// How a metric's value is come by.
    package struct Measured: Hashable, Sendable {
        /// As Keras reports it: `accuracy`, `out_a_accuracy`.
        package var name: String
        package var source: Source
        /// How many numbers it gives: one, or one for each threshold, class or column.
        package var count = 1

        /// What its numbers are reported as; Keras has an array under one name.
        package var names: [String] { count == 1 ? [name] : (0..<count).map { "\(name)[\($0)]" } }

        /// Places are those of the graph's outputs.
        package enum Source: Hashable, Sendable {
            /// Σ w·value, and Σ w.
            case mean(sum: Int, weight: Int)
            /// An output's predictions, and the mask that goes with them; sample weights count if `isWeighted`.
            case counting(CountingMetric, output: Int, predictions: Int, mask: Int?, isWeighted: Bool)
        }
    }

    package let graph: Graph
    /// The place of the total loss, which is what is made small.
    package let total = 0
    /// The place of the loss as it is reported: another one where it isn't reduced.
    package let reported: Int
    /// Whether a batch's reported loss counts in an epoch's by the square of its samples, as the mean of a loss that isn't reduced
    /// does in tf.keras.
    package let squaresBatches: Bool
    /// Of a model with several outputs: each one's loss, without its weight.
    package let outputLosses: [(name: String, place: Int)]
    package let metrics: [Measured]
    /// By output of the model: the graph's input that takes its targets, and that for sample weights.
    package let targets: [Int?]
    package let sampleWeights: [Int?]

    /// - Parameters:
    ///   - model: as lowered; its first outputs are the model's, in the order of `outputs`. Others are dropped.
    ///   - masks: by output, the mask that Keras carries with it, if any.
    ///   - regularizers: of parameters.
    ///   - activityRegularizers: of values of the graph.
    ///   - averagesActivity: whether these are divided by the batch's size.
    ///   - weighted: by output, whether there are sample weights.
    ///   - labelPlaces: by output, how long labels are that have a length of their own.
    package init(
        _ model: Graph, outputs: [OutputTraining], masks: [Value?] = [], regularizers: [(parameter: Int, WeightRegularizer)],
        activityRegularizers: [(Value, WeightRegularizer)] = [], averagesActivity: Bool = false, weighted: [Bool],
        labelPlaces: [Int?] = [],
        generation: TrainingGeneration
    ) throws(LocatedError) {
        precondition(model.outputs.count >= outputs.count)
        var builder = GraphBuilder(continuing: model)
        let several = outputs.count > 1

        var targetValues: [Value?] = []
        var targets: [Int?] = []
        for (place, output) in outputs.enumerated() {
            guard let loss = output.loss else {
                targetValues.append(nil)
                targets.append(nil)
                continue
            }
            targets.append(builder.graph.inputs.count)
            let shape = loss.targetShape(
                for: model.info(model.outputs[place]).shape, places: labelPlaces.indices.contains(place) ? labelPlaces[place] : nil)
            targetValues.append(builder.input(ValueInfo(shape, loss.targetType)))
        }
        var weightValues: [Value?] = []
        var sampleWeights: [Int?] = []
        for (place, output) in outputs.enumerated() {
            guard weighted[place], output.loss != nil else {
                weightValues.append(nil)
                sampleWeights.append(nil)
                continue
            }
            sampleWeights.append(builder.graph.inputs.count)
            let axes = output.isTemporal ? 2 : 1
            let shape = model.info(model.outputs[place]).shape
            guard shape.rank > axes || (axes == 1 && shape.rank == 1) else {
                throw LocatedError(
                    .mismatch, "sample_weight.shape", "expected an output with steps to weigh, got the shape \(shape)",
                    at: [output.name])
            }
            weightValues.append(builder.input(ValueInfo(PartialShape(Array(shape.dims.prefix(axes))))))
        }

        let isUnreduced = !generation.isStandalone && outputs.contains { $0.loss?.reduction == .unreduced }
        if isUnreduced, outputs.count(where: { $0.loss != nil }) > 1 || !regularizers.isEmpty || !activityRegularizers.isEmpty {
            throw LocatedError(
                .unsupported, "loss.reduction",
                "expected one output with a loss and no penalties beside the reduction \"none\", got more: one number isn't added to many",
                at: ["loss", "reduction"], hint: "Let the loss be reduced by \"sum\", which trains alike.")
        }
        var terms: [Value] = []
        var unreducedMean: Value?
        var factors: [Float] = []
        var losses: [(String, Value)] = []
        var names: Set<String> = ["loss"]
        enum Measure {
            case mean(Value, Value)
            case counting(CountingMetric, Int, isWeighted: Bool)
        }
        var measured: [(String, Measure)] = []
        for (place, output) in outputs.enumerated() {
            guard let loss = output.loss, let target = targetValues[place] else { continue }
            let prediction = model.outputs[place]
            let mask = masks.indices.contains(place) ? masks[place] : nil
            let label = several ? "\(output.name)_loss" : "loss"
            let each = try loss.apply(to: prediction, targets: target, generation: generation, in: &builder, label: label)
            let weights = [weightValues[place], mask, each.mask].compactMap(\.self)
            let rescales = generation == .tfKeras || generation == .keras3
            let divisor: ReduceLoss.Divisor =
                switch loss.reduction {
                case .sum: .one
                case .meanWithSampleWeight: .weights
                case .unreduced where isUnreduced: .one
                case .mean, .sumOverBatchSize, .unreduced: each.mask != nil || mask != nil && rescales ? .valid : .count
                }
            // One number for all samples counts as each one's where these have weights.
            let values =
                weights.isEmpty || builder.graph.info(each.values).shape.dims != [1]
                ? each.values
                : try builder.apply(
                    BroadcastTo(PartialShape([builder.graph.info(weights[0]).shape[0]])), each.values, label: label)
            let reduced = try builder.apply(ReduceLoss(dividingBy: divisor), to: [values] + weights, label: label)[0]
            terms.append(reduced)
            factors.append(Float(output.lossWeight))
            if isUnreduced {
                let mean = try builder.apply(ReduceLoss(dividingBy: .count), to: [values] + weights, label: label)[0]
                unreducedMean = try builder.apply(WeightedTotal(factors: [Float(output.lossWeight)]), to: [mean], label: label)[0]
            }
            if several {
                losses.append((label, reduced))
                names.insert(label)
            }
        }
        for (parameter, regularizer) in regularizers {
            guard let id = model.origins.firstIndex(where: { if case .parameter(parameter) = $0 { true } else { false } })
            else { continue }
            terms.append(try regularizer.penalty(on: Value(id: id), in: &builder))
            factors.append(1)
        }
        for (value, regularizer) in activityRegularizers {
            terms.append(try regularizer.penalty(on: value, in: &builder))
            let shape = model.info(value).shape
            factors.append(averagesActivity && shape.rank > 0 ? 1 / Float(max(1, (shape[0] ?? 1))) : 1)
        }
        guard !terms.isEmpty else {
            throw LocatedError(
                .usage, "loss.none", "expected a loss for one output at least, got none", hint: "Give compile a loss.")
        }
        let total = try builder.apply(WeightedTotal(factors: factors), to: terms, label: "loss")[0]

        for (place, output) in outputs.enumerated() {
            guard let loss = output.loss, let target = targetValues[place] else { continue }
            let mask = masks.indices.contains(place) ? masks[place] : nil
            let kinds = output.metrics.map { ($0, false) } + output.weightedMetrics.map { ($0, true) }
            for (metric, isWeighted) in kinds {
                // Keras 1 shortens the word.
                var base = generation == .keras1 && metric.name == "accuracy" ? "acc" : metric.name
                if several { base = "\(output.name)_\(base)" }
                var name = base
                var number = 1
                while !names.insert(name).inserted {
                    name = "\(base)_\(number)"
                    number += 1
                }
                if generation == .keras1, let score = BatchScore(rawValue: metric.name) ?? BatchScore.aliases[metric.name] {
                    let value = try score.apply(
                        to: model.outputs[place], targets: target, loss: loss, in: &builder, label: name)
                    let sums = try builder.apply(WeightedSum(), to: [value], label: name)
                    measured.append((name, .mean(sums[0], sums[1])))
                    continue
                }
                if case .counting(let counting) = metric.kind, counting.isFormula {
                    let value = try counting.correlation(
                        of: model.outputs[place], targets: target, loss: loss, in: &builder, label: name)
                    let weights = [isWeighted ? weightValues[place] : nil, mask].compactMap(\.self)
                    try counting.requireUnweighted(weights.isEmpty, rank: model.info(model.outputs[place]).shape.rank, name)
                    let sums = try builder.apply(WeightedSum(), to: [value] + weights, label: name)
                    measured.append((name, .mean(sums[0], sums[1])))
                    continue
                }
                if case .counting(let counting) = metric.kind {
                    try counting.require(model.info(model.outputs[place]).shape, loss: loss, name)
                    measured.append((name, .counting(counting, place, isWeighted: isWeighted)))
                    continue
                }
                let values = try metric.apply(
                    to: model.outputs[place], targets: target, loss: loss, generation: generation, in: &builder, label: name)
                let weights = [isWeighted ? weightValues[place] : nil, mask, values.mask].compactMap(\.self)
                let sums = try builder.apply(WeightedSum(), to: [values.values] + weights, label: name)
                measured.append((name, .mean(sums[0], sums[1])))
            }
        }

        var results = [total]
        outputLosses = losses.map { name, value in
            results.append(value)
            return (name, results.count - 1)
        }
        if let unreducedMean {
            results.append(unreducedMean)
            reported = results.count - 1
        } else {
            reported = self.total
        }
        squaresBatches = isUnreduced && generation != .keras3
        // Each prediction and mask once, behind all numbers.
        for case (_, .mean(let sum, let weight)) in measured { results += [sum, weight] }
        var next = results.count - 2 * measured.count { if case .mean = $0.1 { true } else { false } }
        var counted: [Int: (predictions: Int, mask: Int?)] = [:]
        metrics = measured.map { name, measure in
            switch measure {
            case .mean:
                next += 2
                return Measured(name: name, source: .mean(sum: next - 2, weight: next - 1))
            case .counting(let metric, let place, let isWeighted):
                if counted[place] == nil {
                    results.append(model.outputs[place])
                    counted[place] = (results.count - 1, nil)
                    if masks.indices.contains(place), let mask = masks[place] {
                        results.append(mask)
                        counted[place]?.mask = results.count - 1
                    }
                }
                let (predictions, mask) = counted[place] ?? (0, nil)
                return Measured(
                    name: name,
                    source: .counting(metric, output: place, predictions: predictions, mask: mask, isWeighted: isWeighted),
                    count: metric.resultCount(columns: model.info(model.outputs[place]).shape.dims.last ?? nil))
            }
        }
        self.targets = targets
        self.sampleWeights = sampleWeights
        graph = builder.finish(outputs: results)
    }

    /// What Keras's `metrics_names` lists.
    package var names: [String] { ["loss"] + outputLosses.map(\.name) + metrics.flatMap(\.names) }
}
