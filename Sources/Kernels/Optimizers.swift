import CKernels

// Steps of optimizers; see ck_optimizer.h.

/// What happens to a gradient before it is used: multiplied by `scale`, then limited to −limit … limit.
package struct GradientClipping: Hashable, Sendable {
    package var scale: Float
    package var limit: Float

    package static let none = GradientClipping(scale: 1, limit: .infinity)

    package init(scale: Float, limit: Float) {
        self.scale = scale
        self.limit = limit
    }

    var code: ck_clipping { ck_clipping(scale: scale, limit: limit) }
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

/// Of numbers limited to −limit … limit.
package func sumOfSquares(_ x: Floats, limit: Float, count: Int) -> Float { ck_sum_of_squares(x, limit, count) }
