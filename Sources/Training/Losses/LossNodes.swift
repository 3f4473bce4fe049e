import Graphs
import KerasSpec
import Kernels
import OrderedCollections
import Ops
package import Tensors

extension Loss {
    /// The type of targets that this loss takes.
    package var targetType: DType { kind.takesLabels ? .int32 : .float32 }

    /// The shape of one batch of targets for predictions of a shape.
    ///
    /// - Parameter places: how long a label is, for CTC.
    package func targetShape(for prediction: PartialShape, places: Int? = nil) -> PartialShape {
        if kind == .ctc { return PartialShape([prediction.rank > 0 ? prediction[0] : nil, places]) }
        guard kind.takesLabels else { return prediction }
        var dims = prediction.dims
        if !dims.isEmpty { dims.remove(at: classAxis(prediction.rank)) }
        return PartialShape(dims)
    }

    /// The axis of the classes, from the front.
    func classAxis(_ rank: Int) -> Int {
        guard hasClassAxis, let axis = settings["axis"]?.integer else { return rank - 1 }
        return min(max(axis < 0 ? axis + rank : axis, 0), rank - 1)
    }

    /// Whether `axis` says where the classes are.
    private var hasClassAxis: Bool { kind != .cosineSimilarity && kind != .dice && kind != .tversky }

    /// One number a sample (and place, when the output has more axes).
    struct Values {
        var values: Value
        /// Which of them count, beside other masks.
        var mask: Value?
    }

    /// Adds the nodes of this loss.
    ///
    /// Probabilities that come right out of a softmax or sigmoid are traced back to their logits, as Keras does it: losses of
    /// saturated outputs keep their slope.
    func apply(
        to prediction: Value, targets: Value, generation: TrainingGeneration, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Values {
        if let custom {
            return Values(values: try custom.apply(to: prediction, targets: targets, in: &builder, label: label))
        }
        if let ignored = settings["ignore_class"]?.integer {
            return try applyIgnoring(
                ignored, to: prediction, targets: targets, generation: generation, in: &builder, label: label)
        }
        let values = try applyPlain(to: prediction, targets: targets, generation: generation, in: &builder, label: label)
        guard kind == .circle else { return Values(values: values) }
        let zero = builder.constant(Tensor(scalar: Float(0)))
        return Values(values: values, mask: try builder.apply(Compare(.greater), values, zero, label: label))
    }

    /// A class that isn't to be learnt: its places have no loss and don't count.
    private func applyIgnoring(
        _ ignored: Int, to prediction: Value, targets: Value, generation: TrainingGeneration,
        in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Values {
        let number = builder.constant(Tensor(scalar: Int32(clamping: ignored)))
        let mask = try builder.apply(Compare(.notEqual), targets, number, label: label)
        let first = builder.constant(Tensor(scalar: Int32(0)))
        let known = try builder.apply(Select(), mask, targets, first, label: label)
        let values = try applyPlain(to: prediction, targets: known, generation: generation, in: &builder, label: label)
        let zero = builder.constant(Tensor(scalar: Float(0)))
        return Values(values: try builder.apply(Select(), mask, values, zero, label: label), mask: mask)
    }

    private func applyPlain(
        to prediction: Value, targets: Value, generation: TrainingGeneration, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        let rank = builder.graph.info(prediction).shape.rank
        if hasClassAxis, let axis = settings["axis"]?.integer {
            guard (-rank..<rank).contains(axis) else {
                throw LocatedError(
                    .mismatch, "loss.axis", "expected one of the \(rank) axes of the output, got \(axis)", at: [name, "config/axis"])
            }
            if classAxis(rank) != rank - 1 {
                return try applyTransposed(to: prediction, targets: targets, generation: generation, in: &builder, label: label)
            }
        }
        let logits = fromLogits ? prediction : self.logits(of: prediction, generation, builder.graph)
        let source = logits ?? prediction
        switch kind {
        case .categoricalCrossentropy:
            return try builder.apply(
                CategoricalCrossentropy(
                    fromLogits: logits != nil, smoothing: smoothing(builder.graph.info(prediction).shape, generation)),
                source, targets, label: label)
        case .sparseCategoricalCrossentropy:
            return try builder.apply(
                SparseCategoricalCrossentropy(fromLogits: logits != nil), source, targets, label: label)
        case .binaryCrossentropy:
            let kind: BinaryEntropy = logits != nil ? .logits : generation.binaryEntropy
            let smoothing = Smoothing(scale: Float(1 - labelSmoothing), shift: Float(0.5 * labelSmoothing))
            return try builder.apply(
                BinaryCrossentropy(kind, smoothing: labelSmoothing == 0 ? .none : smoothing), source, targets, label: label)
        case .ctc: return try builder.apply(CTCLoss(), prediction, targets, label: label)
        case .meanSquaredError: return try builder.apply(MeanError(.squared), source, targets, label: label)
        case .meanAbsoluteError: return try builder.apply(MeanError(.absolute), source, targets, label: label)
        default:
            return try applyFormula(
                to: prediction, targets: targets, logits: logits, generation: generation, in: &builder, label: label)
        }
    }

    /// The same with the classes' axis put last.
    private func applyTransposed(
        to prediction: Value, targets: Value, generation: TrainingGeneration, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        let rank = builder.graph.info(prediction).shape.rank
        let order = (0..<rank).filter { $0 != classAxis(rank) } + [classAxis(rank)]
        var (loss, source) = (self, prediction)
        // Keras looks through a softmax or sigmoid before it looks at axes.
        if !fromLogits, let logits = logits(of: prediction, generation, builder.graph) { (loss.fromLogits, source) = (true, logits) }
        loss.settings["axis"] = -1
        let moved = try builder.apply(Transpose(order), source, label: label)
        let truth = kind.takesLabels ? targets : try builder.apply(Transpose(order), targets, label: label)
        return try loss.applyPlain(to: moved, targets: truth, generation: generation, in: &builder, label: label)
    }

    /// What a softmax or sigmoid was computed from, where Keras looks through it.
    ///
    /// Measured: Keras 2.3.1 on TensorFlow 1.15 looks through the one that goes with the loss, through a softmax of two axes only
    /// (with more it computes it from exponentials); tf-keras 2.21 and Keras 3.15 through either, whatever the loss; Keras 1 never.
    private func logits(of prediction: Value, _ generation: TrainingGeneration, _ graph: Graph) -> Value? {
        guard kind.takesLogits, generation != .keras1, case .node(let index, _) = graph.origin(prediction) else { return nil }
        let node = graph.nodes[index]
        let rank = graph.info(prediction).shape.rank
        if let softmax = node.op as? Softmax {
            let axis = softmax.axis < 0 ? softmax.axis + rank : softmax.axis
            guard axis == classAxis(rank) else { return nil }
            return generation == .keras2 && (rank != 2 || kind == .binaryCrossentropy) ? nil : node.inputs[0]
        }
        guard let op = node.op as? any ElementwiseActivation, op.activation == .sigmoid else { return nil }
        return generation == .keras2 && kind != .binaryCrossentropy ? nil : node.inputs[0]
    }

    /// How targets are smoothed: t·(1 − s) + s / classes.
    private func smoothing(_ prediction: PartialShape, _ generation: TrainingGeneration) -> Smoothing {
        // Standalone Keras divides by the extent of axis 1, be it the classes' or not.
        let axis = generation.isStandalone && prediction.rank > 1 ? 1 : prediction.rank - 1
        guard labelSmoothing != 0, let classes = prediction[axis] else { return .none }
        return Smoothing(scale: Float(1 - labelSmoothing), shift: Float(labelSmoothing) / Float(classes))
    }
}

extension TrainingGeneration {
    /// How cross entropy of a probability is computed.
    var binaryEntropy: BinaryEntropy {
        switch self {
        case .keras1: .logitOfProbability
        case .keras2, .tfKerasLegacy, .tfKeras: .withEpsilon
        case .keras3: .plain
        }
    }
}

extension Metric {
    /// Which function Keras takes for `accuracy` and `crossentropy`, from output and loss.
    ///
    /// Source: `get_metric_function` of keras/engine/training_utils.py (2.3.1), `get_metric` of
    /// keras/src/trainers/compile_utils.py (3.15).
    package func resolved(
        prediction: PartialShape, loss: Loss?, targets: PartialShape, generation: TrainingGeneration
    ) -> Kind {
        guard kind == .accuracy || kind == .crossentropy else { return kind }
        let isBinary: Bool
        let isSparse: Bool
        let last = prediction.rank == 0 ? nil : prediction[prediction.rank - 1]
        if generation.isStandalone {
            isBinary = last == 1 || loss?.kind == .binaryCrossentropy
            isSparse = loss?.kind == .sparseCategoricalCrossentropy
        } else {
            isBinary = last == 1
            isSparse = targets.rank < prediction.rank
        }
        switch (kind, isBinary, isSparse) {
        case (.accuracy, true, _): return .binaryAccuracy
        case (.accuracy, false, true): return .sparseCategoricalAccuracy
        case (.accuracy, false, false): return .categoricalAccuracy
        case (_, true, _): return .loss(.binaryCrossentropy)
        case (_, false, true): return .loss(.sparseCategoricalCrossentropy)
        case (_, false, false): return .loss(.categoricalCrossentropy)
        }
    }

    /// Adds the nodes of this metric: one number a sample. Throws `metric.targets` when it wants targets of another kind than the
    /// loss.
    func apply(
        to prediction: Value, targets: Value, loss: Loss, generation: TrainingGeneration, in builder: inout GraphBuilder,
        label: String
    ) throws(LocatedError) -> Loss.Values {
        if case .custom(let measure) = kind {
            try requireTargets(sparse: false, loss, label)
            return Loss.Values(values: try measure.apply(to: prediction, targets: targets, in: &builder, label: label))
        }
        let kind = resolved(
            prediction: builder.graph.info(prediction).shape, loss: loss, targets: builder.graph.info(targets).shape,
            generation: generation)
        let wantsLabels: Bool
        let matches: Matches.Kind
        switch kind {
        case .categoricalAccuracy: (wantsLabels, matches) = (false, .categorical)
        case .sparseCategoricalAccuracy: (wantsLabels, matches) = (true, .sparse)
        case .binaryAccuracyAbove(let threshold):
            try requireTargets(sparse: false, loss, label)
            return Loss.Values(
                values: try Self.binaryMatches(prediction, targets, above: threshold, in: &builder, label: label))
        case .binaryAccuracy: (wantsLabels, matches) = (false, generation.isStandalone ? .rounded : .threshold)
        case .loss(let measured):
            try requireTargets(sparse: measured.targetType == .int32, loss, label)
            var values = try measured.apply(
                to: prediction, targets: targets, generation: generation, in: &builder, label: label)
            // As a metric the cosine isn't turned round, but in Keras 1.
            if measured.kind == .cosineSimilarity, generation != .keras1 {
                values.values = try builder.apply(Scale(by: -1), values.values, label: label)
            }
            return values
        case .batchScore(let score):
            return Loss.Values(values: try score.apply(to: prediction, targets: targets, loss: loss, in: &builder, label: label))
        case .accuracy, .crossentropy, .counting, .custom: preconditionFailure("\(name) was not resolved")
        }
        try requireTargets(sparse: wantsLabels, loss, label)
        return Loss.Values(values: try builder.apply(Matches(matches), prediction, targets, label: label))
    }

    private func requireTargets(sparse: Bool, _ loss: Loss, _ label: String) throws(LocatedError) {
        guard sparse != (loss.targetType == .int32) else { return }
        throw LocatedError(
            .mismatch, "metric.targets",
            "expected a metric for \(loss.targetType == .int32 ? "class numbers" : "targets like the output"), as the loss \(loss.name) has them, got \(name)",
            at: [label])
    }
}
