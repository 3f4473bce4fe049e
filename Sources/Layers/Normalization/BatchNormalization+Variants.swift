internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

extension BatchNormalization {
    /// Training with statistics that leave masked steps out, or with renormalization: each part an op of its own.
    func normalizedByParts(_ input: Signal, axis: Int, _ context: LoweringContext) throws(LocatedError) -> Value {
        if renorm != nil, varianceRule != .keras3 {
            throw LocatedError(
                .unsupported, "batchNormalization.renorm",
                "expected batch renormalization as Keras 3 does it, got tf.keras's", at: [context.label, "config/renorm"])
        }
        let (mean, variance) = try statistics(input, axis: axis, context)
        let place = axis == context.shape(input.value).rank - 1 ? -1 : axis
        guard let renorm else {
            try shift("moving_mean", to: mean, momentum, context)
            try shift("moving_variance", to: variance, momentum, context)
            let affine = (scale ? [context.weight("gamma")] : []) + (center ? [context.weight("beta")] : [])
            let normalize = BatchNormalize(axis: place, epsilon: Float(epsilon), scale: scale, center: center)
            return try context.apply(normalize, to: [input.value] + affine + [mean, variance])[0]
        }

        let deviation = try context.apply(Unary(.sqrt), try context.apply(Scale(by: 1, offset: Float(epsilon)), variance))
        let least = context.number(Float(epsilon).squareRoot())
        let known = try context.apply(Binary(.maximum), context.state("renorm_stddev"), least)
        var r = try context.apply(Binary(.divide), deviation, known)
        let distance = try context.apply(Binary(.subtract), mean, context.state("renorm_mean"))
        var d = try context.apply(Binary(.divide), distance, known)
        if let rMin = renorm.rMin { r = try context.apply(Binary(.maximum), r, context.number(Float(rMin))) }
        if let rMax = renorm.rMax { r = try context.apply(Binary(.minimum), r, context.number(Float(rMax))) }
        if let dMax = renorm.dMax {
            d = try context.apply(Binary(.maximum), d, context.number(Float(-dMax)))
            d = try context.apply(Binary(.minimum), d, context.number(Float(dMax)))
        }
        r = try context.apply(StopGradient(), r)
        d = try context.apply(StopGradient(), d)
        var gamma = r, beta = d
        if scale {
            gamma = try context.apply(Binary(.multiply), r, context.weight("gamma"))
            beta = try context.apply(Binary(.multiply), d, context.weight("gamma"))
        }
        if center { beta = try context.apply(AddN(), beta, context.weight("beta")) }
        try shift("renorm_mean", to: mean, renorm.momentum, context)
        try shift("renorm_stddev", to: deviation, renorm.momentum, context)
        try shift("moving_mean", to: mean, momentum, context)
        let moved = try shift("moving_stddev", to: deviation, momentum, context)
        let squared = try context.apply(Scale(by: 1, offset: Float(-epsilon)), try context.apply(Unary(.square), moved))
        context.update("moving_variance", with: try context.apply(Activate(.rectifier), squared))
        let normalize = BatchNormalize(axis: place, epsilon: Float(epsilon), scale: true, center: true)
        return try context.apply(normalize, to: [input.value, gamma, beta, mean, variance])[0]
    }

    /// Mean and variance by channel, of the steps that count. Source: `_moments`.
    private func statistics(
        _ input: Signal, axis: Int, _ context: LoweringContext
    ) throws(LocatedError) -> (mean: Value, variance: Value) {
        let shape = context.shape(input.value)
        let others = (0..<shape.rank).filter { $0 != axis }
        /// By channel, shaped so that it broadcasts to the input.
        func spread(_ value: Value) throws(LocatedError) -> Value { try context.along([axis], value, of: input.value) }
        guard let mask = input.mask else {
            let mean = try context.apply(Reduce(.mean, axes: others), input.value)
            let difference = try context.apply(Binary(.subtract), input.value, try spread(mean))
            let squares = try context.apply(Unary(.square), difference)
            return (mean, try context.apply(Reduce(.mean, axes: others), squares))
        }
        guard context.shape(mask).rank == shape.rank - 1 else {
            throw LocatedError(
                .mismatch, "batchNormalization.mask", "expected a mask of \(shape.rank - 1) axes, got \(context.shape(mask))",
                at: [context.label])
        }
        let counts = try context.trailing(mask, rank: shape.rank)
        let ones = try context.select(counts, try context.apply(Fill(1), input.value), else: 0)
        // Keras's epsilon, so that nothing at all has a mean.
        let weight = try context.apply(Scale(by: 1, offset: 1e-7), try context.apply(Reduce(.sum, axes: others), ones))
        let kept = try context.select(counts, input.value, else: 0)
        let mean = try context.apply(Binary(.divide), try context.apply(Reduce(.sum, axes: others), kept), weight)
        let difference = try context.select(
            counts, try context.apply(Binary(.subtract), input.value, try spread(mean)), else: 0)
        let squares = try context.apply(Reduce(.sum, axes: others), try context.apply(Unary(.square), difference))
        return (mean, try context.apply(Binary(.divide), squares, weight))
    }

    /// average ← momentum·average + (1 − momentum)·value, which is returned.
    @discardableResult
    private func shift(
        _ name: String, to value: Value, _ momentum: Double, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let old = try context.apply(Scale(by: Float(momentum)), context.state(name))
        let moved = try context.apply(AddN(), old, try context.apply(Scale(by: Float(1 - momentum)), value))
        context.update(name, with: moved)
        return moved
    }

    /// Keras 1's mode 1: y = gamma·(x − μ) / (√(σ² + epsilon) + epsilon) + beta, statistics over the last axis.
    func normalizedSamples(_ input: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let mean = try context.apply(Reduce(.mean, axes: [-1], keepsAxes: true), input)
        let difference = try context.apply(Binary(.subtract), input, mean)
        let squares = try context.apply(Unary(.square), difference)
        let variance = try context.apply(Reduce(.mean, axes: [-1], keepsAxes: true), squares)
        let root = try context.apply(Unary(.sqrt), try context.apply(Scale(by: 1, offset: Float(epsilon)), variance))
        let norm = try context.apply(Scale(by: 1, offset: Float(epsilon)), root)
        var output = try context.apply(Binary(.divide), difference, norm)
        if scale { output = try context.apply(Binary(.multiply), output, context.weight("gamma")) }
        if center { output = try context.apply(AddN(), output, context.weight("beta")) }
        return output
    }
}
