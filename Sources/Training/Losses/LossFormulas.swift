import Graphs
import KerasOps
import KerasSpec
import Kernels
import Layers
import OrderedCollections
import Tensors

/// Losses without an op of their own, in terms of `ops`, word for word as Keras has them.
///
/// Source: keras/src/losses/losses.py (3.15), tf_keras/src/losses.py (2.21), keras/losses.py (2.3.1), keras/objectives.py (1.2.2).
extension Loss {
    /// Adds the formula's nodes.
    func applyFormula(
        to prediction: Value, targets: Value, logits: Value?, generation: TrainingGeneration,
        in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        let scope = LoweringContext(continuing: builder, label: label)
        let values = try locating(label) { () throws(LocatedError) in
            try formula(
                Symbol(targets, in: scope), Symbol(prediction, in: scope), logits: logits.map { Symbol($0, in: scope) },
                generation: generation)
        }
        builder = scope.builder
        return values.value
    }

    private static let epsilon = 1e-7

    private func number(_ key: String) -> Double { settings[key]?.number ?? 0 }
    private func isSet(_ key: String) -> Bool { settings[key] == .bool(true) }
    private var axes: [Int]? { settings["axis"]?.array?.compactMap(\.integer) }

    /// One number a sample and place, or one for the whole batch (1).
    ///
    /// - Parameters:
    ///   - t, p: true and predicted values.
    ///   - logits: what predictions are a sigmoid or softmax of, where Keras looks through it.
    func formula(
        _ t: Symbol, _ p: Symbol, logits: Symbol?, generation: TrainingGeneration
    ) throws(LocatedError) -> Symbol {
        switch kind {
        case .meanAbsolutePercentageError:
            let share = try ops.abs((t - p) / ops.maximum(ops.abs(t), Self.epsilon))
            return try 100 * ops.mean(share, axis: -1)
        case .meanSquaredLogarithmicError:
            let (first, second) = (try ops.log(ops.maximum(p, Self.epsilon) + 1), try ops.log(ops.maximum(t, Self.epsilon) + 1))
            return try ops.mean(ops.square(first - second), axis: -1)
        case .hinge: return try ops.mean(margin(t, p, generation), axis: -1)
        case .squaredHinge: return try ops.mean(ops.square(margin(t, p, generation)), axis: -1)
        case .categoricalHinge:
            let (positive, negative) = (try ops.sum(t * p, axis: -1), try ops.max((1 - t) * p, axis: -1))
            return try ops.maximum(negative - positive + 1, 0)
        case .logCosh:
            let error = try p - t
            return try ops.mean(error + ops.softplus(-2 * error) - 0.693147180559945309, axis: -1)
        case .huber:
            let (error, delta) = (try p - t, number("delta"))
            let distance = try ops.abs(error)
            let near = try ops.lessEqual(distance, delta)
            return try ops.mean(
                ops.where(near, 0.5 * ops.square(error), delta * distance - 0.5 * delta * delta), axis: -1)
        case .klDivergence:
            let (a, b) = (try ops.clip(t, Self.epsilon, 1), try ops.clip(p, Self.epsilon, 1))
            return try ops.sum(a * ops.log(a / b), axis: -1)
        case .poisson: return try ops.mean(p - t * ops.log(p + Self.epsilon), axis: -1)
        case .cosineSimilarity: return try ops.negative(cosine(t, p, generation))
        case .binaryFocalCrossentropy: return try binaryFocal(t, p, logits, generation)
        case .categoricalFocalCrossentropy: return try categoricalFocal(t, p)
        case .categoricalGeneralizedCrossEntropy:
            let q = number("q")
            let probability = try ops.sum(p * ops.oneHot(t, numClasses: classes(p)), axis: -1)
            return try (1 - ops.power(probability, q)) / q
        case .dice:
            let both = try ops.sum(t * p, axis: axes)
            return try perBatch(1 - 2 * both / (ops.sum(t, axis: axes) + ops.sum(p, axis: axes) + Self.epsilon))
        case .tversky:
            let both = try ops.sum(t * p, axis: axes)
            let (missed, wrong) = (try ops.sum((1 - p) * t, axis: axes), try ops.sum(p * (1 - t), axis: axes))
            return try perBatch(1 - both / (both + missed * number("alpha") + wrong * number("beta") + Self.epsilon))
        case .circle: return try circle(t, p)
        case .meanSquaredError, .meanAbsoluteError, .binaryCrossentropy, .categoricalCrossentropy,
            .sparseCategoricalCrossentropy, .ctc:
            preconditionFailure("\(kind.rawValue) has an op")
        }
    }

    /// One number for all samples is its own mean.
    private func perBatch(_ value: Symbol) throws(LocatedError) -> Symbol {
        value.shape.rank == 0 ? try ops.reshape(value, [1]) : value
    }

    private func classes(_ p: Symbol) throws(LocatedError) -> Int {
        guard let classes = p.shape.dims.last ?? nil else {
            throw LocatedError(.mismatch, "loss.classes", "expected a known number of classes, got the shape \(p.shape)", at: [name])
        }
        return classes
    }

    // MARK: Hinges

    /// max(1 − t·p, 0); from Keras 2.3 on, targets of a batch that are all 0 or 1 count as −1 and 1.
    private func margin(_ t: Symbol, _ p: Symbol, _ generation: TrainingGeneration) throws(LocatedError) -> Symbol {
        var t = t
        if generation != .keras1 {
            let isBit = try ops.logicalOr(ops.equal(t, 0), ops.equal(t, 1))
            t = try ops.where(ops.all(isBit), 2 * t - 1, t)
        }
        return try ops.maximum(1 - t * p, 0)
    }

    // MARK: Angles

    /// The cosine of the angle; in Keras 1 the mean of the products rather than their sum.
    func cosine(_ t: Symbol, _ p: Symbol, _ generation: TrainingGeneration) throws(LocatedError) -> Symbol {
        let axis = settings["axis"]?.integer ?? -1
        // The square of the smallest length that divides.
        let least = generation == .keras3 ? 1e-14 : 1e-12
        func normalized(_ x: Symbol) throws(LocatedError) -> Symbol {
            try x * ops.rsqrt(ops.maximum(ops.sum(ops.square(x), axis: axis, keepdims: true), least))
        }
        let products = try normalized(t) * normalized(p)
        return generation == .keras1 ? try ops.mean(products, axis: axis) : try ops.sum(products, axis: axis)
    }

    // MARK: Focal cross entropies

    private func binaryFocal(
        _ t: Symbol, _ p: Symbol, _ logits: Symbol?, _ generation: TrainingGeneration
    ) throws(LocatedError) -> Symbol {
        let smoothed = labelSmoothing == 0 ? t : try t * (1 - labelSmoothing) + 0.5 * labelSmoothing
        let probability = fromLogits ? try ops.sigmoid(p) : p
        let entropy: Symbol
        if let logits {
            entropy = try ops.softplus(logits) - logits * smoothed
        } else {
            let clipped = try ops.clip(probability, Self.epsilon, 1 - Self.epsilon)
            let within = generation.binaryEntropy == .withEpsilon ? Self.epsilon : 0
            entropy = try ops.negative(
                smoothed * ops.log(clipped + within) + (1 - smoothed) * ops.log(1 - clipped + within))
        }
        let ofTruth = try smoothed * probability + (1 - smoothed) * (1 - probability)
        var focal = try ops.power(1 - ofTruth, number("gamma")) * entropy
        if isSet("apply_class_balancing") {
            let alpha = number("alpha")
            focal = try (smoothed * alpha + (1 - smoothed) * (1 - alpha)) * focal
        }
        return try ops.mean(focal, axis: -1)
    }

    private func categoricalFocal(_ t: Symbol, _ p: Symbol) throws(LocatedError) -> Symbol {
        let smoothed = labelSmoothing == 0 ? t : try t * (1 - labelSmoothing) + labelSmoothing / Double(classes(p))
        let raw = fromLogits ? try ops.softmax(p) : p
        let probability = try ops.clip(raw / ops.sum(raw, axis: -1, keepdims: true), Self.epsilon, 1 - Self.epsilon)
        let entropy = try ops.negative(smoothed) * ops.log(probability)
        return try ops.sum(ops.power(1 - probability, number("gamma")) * number("alpha") * entropy, axis: -1)
    }

    // MARK: Circle

    /// Samples without a partner of their class, or without one of another, have no loss; others share the mean.
    private func circle(_ t: Symbol, _ p: Symbol) throws(LocatedError) -> Symbol {
        let (gamma, margin) = (number("gamma"), number("margin"))
        let distance = try ops.maximum(1 - ops.matmul(p, ops.transpose(p)), 0)
        let same = try ops.cast(ops.equal(ops.expandDims(t, axis: 1), ops.expandDims(t, axis: 0)), .float32)
        guard let batch = p.shape[0] else {
            throw LocatedError(.mismatch, "loss.batch", "expected a known batch, got the shape \(p.shape)", at: [name])
        }
        var diagonal = [Float](repeating: 0, count: batch * batch)
        if isSet("remove_diagonal") { for row in 0..<batch { diagonal[row * (batch + 1)] = 1 } }
        let partners = try same * (1 - p.constant(Tensor(diagonal, shape: [batch, batch])))
        let strangers = try 1 - same
        let near = try ops.maximum((margin + distance) * partners, 0) * (margin - distance) * -gamma
        let far = try ops.maximum((1 + margin - distance) * strangers, 0) * (1 - margin - distance) * gamma
        let (a, hasPartner) = try logSumExp(near, over: partners)
        let (b, hasStranger) = try logSumExp(far, over: strangers)
        let counts = try ops.multiply(hasPartner, hasStranger)
        return try ops.softplus(a + b) * counts
    }

    /// log Σ exp over those of the second axis that count, and whether there are any.
    private func logSumExp(_ x: Symbol, over mask: Symbol) throws(LocatedError) -> (Symbol, any: Symbol) {
        let any = try ops.max(mask, axis: 1)
        let isCounted = try ops.greater(mask, 0)
        let largest = try ops.stopGradient(ops.max(ops.where(isCounted, x, x * 0 - 1e30), axis: 1, keepdims: true))
        let terms = try ops.where(isCounted, ops.exp(ops.minimum(x - largest, 0)), x * 0)
        let sum = try ops.sum(terms, axis: 1) + (1 - any)
        return (try (ops.log(sum) + ops.squeeze(largest, axis: 1)) * any, any)
    }
}

extension Metric {
    /// The share of each row whose predictions are above a threshold just where the target is 1.
    static func binaryMatches(
        _ prediction: Value, _ targets: Value, above threshold: Double, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        let scope = LoweringContext(continuing: builder, label: label)
        let (t, p) = (Symbol(targets, in: scope), Symbol(prediction, in: scope))
        let isRight = try ops.equal(ops.cast(ops.greater(p, threshold), .float32), t)
        let share = try ops.mean(ops.cast(isRight, .float32), axis: -1)
        builder = scope.builder
        return share.value
    }
}
