import CKernels

/// One step of one sequence through a GRU: update gate z, reset gate r and candidate g of `units` elements, one after the other.
package struct GRUCell: Hashable, Sendable {
    package let units: Int
    package let activation: Activation
    package let recurrentActivation: Activation

    package init(units: Int, activation: Activation, recurrentActivation: Activation) {
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
    }

    /// Whether the gradient wants the sums of gates and candidate too, not only their activations.
    package var gradientReadsSums: Bool { activation.gradientReadsInput || recurrentActivation.gradientReadsInput }

    /// Whether `step` knows the activations.
    package var isUsual: Bool { activation == .tanh && recurrentActivation == .sigmoid }

    /// A whole step of a cell that resets after the product, from the three sums that x makes (`gates`) and those that h makes (`inner`) to the new h.
    package func step(_ gates: UnsafePointer<Float>, _ inner: UnsafePointer<Float>, h: UnsafeMutablePointer<Float>) {
        ck_gru_cell(units, gates, inner, h)
    }

    /// Activates the sums of z and r, which lie one after the other, in place.
    package func activateGates(_ gates: UnsafeMutablePointer<Float>) {
        activate(recurrentActivation, gates, gates, count: 2 * units)
    }

    /// Adds `left` times `right` to `sum`.
    package func addProduct(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to sum: UnsafeMutablePointer<Float>) {
        ck_multiply_add(left, right, sum, units)
    }

    /// `left` times `right`.
    package func multiply(_ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>, to product: UnsafeMutablePointer<Float>) {
        ck_multiply(left, right, product, units)
    }

    /// Activates the sum of g in place, and turns h into z·h + (1 − z)·g.
    package func finish(_ gates: UnsafeMutablePointer<Float>, h: UnsafeMutablePointer<Float>) {
        let candidate = gates + 2 * units
        activate(activation, candidate, candidate, count: units)
        ck_gru_mix(units, gates, candidate, h)
    }

    /// From the gradient of the new h to those of the sums of z and g, and of the h before as far as it passes z.
    ///
    /// - Parameters:
    ///   - sums: the three sums before activation, where `gradientReadsSums`.
    ///   - scratch: `2 * units` elements.
    package func finishGradient(
        gates: UnsafePointer<Float>, sums: UnsafePointer<Float>?, before: UnsafePointer<Float>, dh: UnsafePointer<Float>,
        sumGradients: UnsafeMutablePointer<Float>, dhBefore: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        let (dz, dg) = (scratch, scratch + units)
        ck_gru_mix_gradient(units, gates, gates + 2 * units, before, dh, dz, dg, dhBefore)
        activationGradient(
            recurrentActivation, input: sums, output: gates, outputGradient: dz, inputGradient: sumGradients, count: units,
            accumulate: false)
        activationGradient(
            activation, input: sums.map { $0 + 2 * units }, output: gates + 2 * units, outputGradient: dg,
            inputGradient: sumGradients + 2 * units, count: units, accumulate: false)
    }

    /// The gradient of the sum of r, from that of r = `left`·`right`.
    package func resetGradient(
        gates: UnsafePointer<Float>, sums: UnsafePointer<Float>?, _ left: UnsafePointer<Float>, _ right: UnsafePointer<Float>,
        sumGradients: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        ck_multiply(left, right, scratch, units)
        activationGradient(
            recurrentActivation, input: sums.map { $0 + units }, output: gates + units, outputGradient: scratch,
            inputGradient: sumGradients + units, count: units, accumulate: false)
    }
}
