import CKernels

/// One step of one sequence through an LSTM: gates i, f, c, o of `units` elements, one after the other.
package struct LSTMCell: Hashable, Sendable {
    package let units: Int
    package let activation: Activation
    package let recurrentActivation: Activation
    /// The slope of a hard sigmoid, 0 for the sigmoid, nil for activations that go the general way.
    private let slope: Float?

    package init(units: Int, activation: Activation, recurrentActivation: Activation) {
        self.units = units
        self.activation = activation
        self.recurrentActivation = recurrentActivation
        switch (activation, recurrentActivation) {
        case (.tanh, .sigmoid): slope = 0
        case (.tanh, .hardSigmoid): slope = Activation.hardSigmoidSlope
        case (.tanh, .legacyHardSigmoid): slope = Activation.legacyHardSigmoidSlope
        default: slope = nil
        }
    }

    /// Whether the gradient wants the gates' sums too, not only their activations.
    package var gradientReadsSums: Bool { activation.gradientReadsInput || recurrentActivation.gradientReadsInput }

    /// Elements of scratch.
    package var scratchCount: Int { slope == nil ? 2 * units : 0 }

    /// From the gates' sums z to the new c and h.
    ///
    /// - Parameter kept: nil, or `units` elements that take activation(c); then z takes the activated gates.
    package func forward(
        _ z: UnsafeMutablePointer<Float>, c: UnsafeMutablePointer<Float>, h: UnsafeMutablePointer<Float>,
        kept: UnsafeMutablePointer<Float>?
    ) {
        if let slope { return ck_lstm_cell(units, slope, z, c, h, kept) }
        activate(recurrentActivation, z, z, count: 2 * units)
        activate(activation, z + 2 * units, z + 2 * units, count: units)
        activate(recurrentActivation, z + 3 * units, z + 3 * units, count: units)
        ck_multiply(z + units, c, c, units)
        ck_multiply_add(z, z + 2 * units, c, units)
        // h is free until it is written: it holds activation(c) on the way.
        let squashed = kept ?? h
        activate(activation, c, squashed, count: units)
        ck_multiply(z + 3 * units, squashed, h, units)
    }

    /// From the gradients of h and c to those of the gates' sums, and (in dc) of the c before.
    ///
    /// - Parameters:
    ///   - sums: the gates' sums before activation, where `gradientReadsSums`.
    ///   - scratch: `scratchCount` elements.
    package func backward(
        gates: UnsafePointer<Float>, sums: UnsafePointer<Float>?, kept: UnsafePointer<Float>,
        cellBefore: UnsafePointer<Float>, dh: UnsafePointer<Float>, dc: UnsafeMutablePointer<Float>,
        dz: UnsafeMutablePointer<Float>, scratch: UnsafeMutablePointer<Float>
    ) {
        if let slope { return ck_lstm_cell_gradient(units, slope, gates, kept, cellBefore, dh, dc, dz) }
        let (i, f, g, o) = (gates, gates + units, gates + 2 * units, gates + 3 * units)
        let (flow, cell) = (scratch, scratch + units)
        // c after this step, which an activation may want to know.
        ck_multiply(f, cellBefore, cell, units)
        ck_multiply_add(i, g, cell, units)
        ck_multiply(dh, o, flow, units)
        activationGradient(
            activation, input: cell, output: kept, outputGradient: flow, inputGradient: dc, count: units, accumulate: true)
        func gate(_ index: Int, _ kind: Activation) {
            let at = index * units
            activationGradient(
                kind, input: sums.map { $0 + at }, output: gates + at, outputGradient: flow, inputGradient: dz + at,
                count: units, accumulate: false)
        }
        ck_multiply(dh, kept, flow, units)
        gate(3, recurrentActivation)
        ck_multiply(dc, g, flow, units)
        gate(0, recurrentActivation)
        ck_multiply(dc, cellBefore, flow, units)
        gate(1, recurrentActivation)
        ck_multiply(dc, i, flow, units)
        gate(2, activation)
        ck_multiply(dc, f, dc, units)
    }
}
