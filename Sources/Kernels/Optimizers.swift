import CKernels

// Steps of optimizers; see ck_optimizer.h.

/// What happens to a gradient before it is used: multiplied by `scale`, then limited to −limit … limit.
package struct GradientClipping: Hashable {
    package var scale: Float
    package var limit: Float
    /// Sums of squares of the terms of each gradient (Adamax: of their magnitudes), where these take the square's place.
    package var squares: UnsafePointer<Float>?

    package static var none: GradientClipping { GradientClipping(scale: 1, limit: .infinity) }

    package init(scale: Float, limit: Float, squares: UnsafePointer<Float>? = nil) {
        self.scale = scale
        self.limit = limit
        self.squares = squares
    }

    var code: ck_clipping { ck_clipping(scale: scale, limit: limit, squares: squares) }
}

package func sgdStep(_ w: MutableFloats, _ g: Floats, _ clipping: GradientClipping, rate: Float, count: Int) {
    ck_sgd(w, g, clipping.code, rate, count)
}

package func sgdMomentumStep(
    _ w: MutableFloats, _ g: Floats, _ m: MutableFloats, _ clipping: GradientClipping, rate: Float, momentum: Float,
    nesterov: Bool, count: Int
) {
    ck_sgd_momentum(w, g, m, clipping.code, rate, momentum, nesterov, count)
}

/// - Parameter epsilonInside: divides by √(a + ε) rather than √a + ε.
package func rmspropStep(
    _ w: MutableFloats, _ g: Floats, _ a: MutableFloats, _ clipping: GradientClipping, rate: Float, rho: Float,
    rest: Float, epsilon: Float, epsilonInside: Bool, count: Int
) {
    ck_rmsprop(w, g, a, clipping.code, rate, rho, rest, epsilon, epsilonInside, count)
}

/// - Parameter largest: AMSGrad's largest second moments, nil without.
package func adamStep(
    _ w: MutableFloats, _ g: Floats, _ m: MutableFloats, _ v: MutableFloats, largest: MutableFloats?,
    _ clipping: GradientClipping, rate: Float, beta1: Float, rest1: Float, beta2: Float, rest2: Float, epsilon: Float,
    count: Int
) {
    ck_adam(w, g, m, v, largest, clipping.code, rate, beta1, rest1, beta2, rest2, epsilon, count)
}

/// - Parameters:
///   - mean: means of gradients, nil without.
///   - velocity: momenta, nil without.
package func rmspropStep(
    _ w: MutableFloats, _ g: Floats, _ a: MutableFloats, mean: MutableFloats?, velocity: MutableFloats?,
    _ clipping: GradientClipping, rate: Float, rho: Float, rest: Float, momentum: Float, epsilon: Float, epsilonInside: Bool,
    count: Int
) {
    ck_rmsprop_more(w, g, a, mean, velocity, clipping.code, rate, rho, rest, momentum, epsilon, epsilonInside, count)
}

package func adagradStep(
    _ w: MutableFloats, _ g: Floats, _ a: MutableFloats, _ clipping: GradientClipping, rate: Float, epsilon: Float,
    epsilonInside: Bool, count: Int
) {
    ck_adagrad(w, g, a, clipping.code, rate, epsilon, epsilonInside, count)
}

package func adadeltaStep(
    _ w: MutableFloats, _ g: Floats, _ a: MutableFloats, _ d: MutableFloats, _ clipping: GradientClipping, rate: Float,
    rho: Float, rest: Float, epsilon: Float, count: Int
) {
    ck_adadelta(w, g, a, d, clipping.code, rate, rho, rest, epsilon, count)
}

package func adamaxStep(
    _ w: MutableFloats, _ g: Floats, _ m: MutableFloats, _ u: MutableFloats, _ clipping: GradientClipping, rate: Float,
    beta1: Float, rest1: Float, beta2: Float, epsilon: Float, count: Int
) {
    ck_adamax(w, g, m, u, clipping.code, rate, beta1, rest1, beta2, epsilon, count)
}

package func nadamStep(
    _ w: MutableFloats, _ g: Floats, _ m: MutableFloats, _ v: MutableFloats, _ clipping: GradientClipping, rate: Float,
    beta1: Float, rest1: Float, beta2: Float, rest2: Float, first: Float, second: Float, correction: Float, epsilon: Float,
    count: Int
) {
    ck_nadam(w, g, m, v, clipping.code, rate, beta1, rest1, beta2, rest2, first, second, correction, epsilon, count)
}

package func ftrlStep(
    _ w: MutableFloats, _ g: Floats, _ a: MutableFloats, _ z: MutableFloats, _ clipping: GradientClipping, rate: Float,
    power: Float, l1: Float, l2: Float, shrinkage: Float, count: Int
) {
    ck_ftrl(w, g, a, z, clipping.code, rate, power, l1, l2, shrinkage, count)
}

package func lionStep(
    _ w: MutableFloats, _ g: Floats, _ m: MutableFloats, _ clipping: GradientClipping, rate: Float, beta1: Float, rest1: Float,
    beta2: Float, rest2: Float, count: Int
) {
    ck_lion(w, g, m, clipping.code, rate, beta1, rest1, beta2, rest2, count)
}

package func scheduleFreeStep(
    _ w: MutableFloats, _ g: Floats, _ z: MutableFloats, _ v: MutableFloats, _ clipping: GradientClipping, rate: Float,
    beta1: Float, rest1: Float, beta2: Float, rest2: Float, correction: Float, share: Float, epsilon: Float, count: Int
) {
    ck_schedule_free(w, g, z, v, clipping.code, rate, beta1, rest1, beta2, rest2, correction, share, epsilon, count)
}

/// A whole weight at once.
package func lambStep(
    _ w: MutableFloats, _ g: Floats, _ m: MutableFloats, _ v: MutableFloats, _ clipping: GradientClipping, rate: Float,
    beta1: Float, rest1: Float, beta2: Float, rest2: Float, correction1: Float, correction2: Float, epsilon: Float, count: Int
) {
    ck_lamb(w, g, m, v, clipping.code, rate, beta1, rest1, beta2, rest2, correction1, correction2, epsilon, count)
}

/// A whole weight at once, of `groups` matrices.
///
/// - Parameters:
///   - r: by rows, nil for a vector.
///   - c: by columns, nil for a vector.
package func adafactorStep(
    _ w: MutableFloats, _ g: Floats, r: MutableFloats?, c: MutableFloats?, _ v: MutableFloats, _ clipping: GradientClipping,
    rate: Float, decay: Float, rest: Float, epsilon1: Float, epsilon2: Float, threshold: Float, groups: Int, rows: Int,
    columns: Int
) {
    ck_adafactor(w, g, r, c, v, clipping.code, rate, decay, rest, epsilon1, epsilon2, threshold, groups, rows, columns)
}

/// Muon's momentum, and what its matrix is made orthogonal from.
package func muonMomentum(
    _ out: MutableFloats, _ g: Floats, _ m: MutableFloats, _ clipping: GradientClipping, momentum: Float, nesterov: Bool,
    count: Int
) {
    ck_muon_momentum(out, g, m, clipping.code, momentum, nesterov, count)
}

/// w −= w · decay · rate.
package func decayWeights(_ w: MutableFloats, decay: Float, rate: Float, count: Int) { ck_weight_decay(w, decay, rate, count) }

/// average = momentum · average + rest · w.
///
/// - Parameter overwrites: whether w becomes the average.
package func followAverage(
    _ w: MutableFloats, _ average: MutableFloats, momentum: Float, rest: Float, overwrites: Bool, count: Int
) {
    ck_average(w, average, momentum, rest, overwrites, count)
}

/// sum = sum + g, or (sum + g) / steps.
package func accumulateGradient(_ sum: MutableFloats, _ g: Floats, steps: Float?, count: Int) {
    ck_accumulate(sum, g, steps ?? 0, count)
}

/// Whether no number is infinite or NaN.
package func isFinite(_ x: Floats, count: Int) -> Bool { ck_is_finite(x, count) }

/// Of numbers limited to −limit … limit.
package func sumOfSquares(_ x: Floats, limit: Float, count: Int) -> Float { ck_sum_of_squares(x, limit, count) }
