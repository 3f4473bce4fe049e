import Foundation
import Testing

@testable import Kernels

/// Vectorised functions against libm in Double.
struct ActivationAccuracyTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var kind: Activation
        var exact: @Sendable (Double) -> Double
        /// Where float32 can hold the result to full precision.
        var range: ClosedRange<Float>
        var ulps: Double
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "exp", kind: .exponential, exact: { exp($0) }, range: -87...88, ulps: 1.1),
        Case(name: "tanh", kind: .tanh, exact: { tanh($0) }, range: -100...100, ulps: 2.6),
        Case(name: "sigmoid", kind: .sigmoid, exact: { 1 / (1 + exp(-$0)) }, range: -87...100, ulps: 2.6),
        Case(name: "softplus", kind: .softplus, exact: { max($0, 0) + log1p(exp(-abs($0))) }, range: -87...100, ulps: 3),
        Case(name: "elu", kind: .elu(), exact: { $0 > 0 ? $0 : expm1($0) }, range: -100...100, ulps: 1.1),
        Case(name: "softsign", kind: .softsign, exact: { $0 / (1 + abs($0)) }, range: -1e30...1e30, ulps: 2),
    ]

    @Test(arguments: cases) func error(_ test: Case) {
        // Every 97,711th float of the range, tiny ones and both signs included.
        var inputs: [Float] = []
        for bits in stride(from: UInt32(0), to: UInt32.max - 97_711, by: 97_711) {
            let x = Float(bitPattern: bits)
            if test.range.contains(x) { inputs.append(x) }
        }
        var outputs = [Float](repeating: .nan, count: inputs.count)
        activate(test.kind, inputs, &outputs, count: inputs.count)
        var worst = 0.0, worstInput: Float = 0, worstAbsolute = 0.0
        for (x, y) in zip(inputs, outputs) {
            let exact = test.exact(Double(x))
            let error = abs(Double(y) - exact)
            let ulps = error / Double(Float(exact).ulp)
            if !(ulps <= worst) { (worst, worstInput) = (ulps, x) }
            if abs(exact) <= 1 { worstAbsolute = max(worstAbsolute, error) }
        }
        print("\(test.name): \(inputs.count) inputs, at most \(worst) ulp (at \(worstInput)), \(worstAbsolute) where |y| <= 1")
        #expect(worst <= test.ulps)
        #expect(worstAbsolute < 2e-7)
    }

    /// The functions of Keras 3 that are made of others: the error as a share of max(1, |x|).
    @Test(arguments: [
        Case(name: "gelu", kind: .gelu(), exact: { $0 * 0.5 * erfc(-$0 / 2.0.squareRoot()) }, range: -1e4...1e4, ulps: 0),
        Case(
            name: "gelu_tanh", kind: .gelu(approximate: true),
            exact: { 0.5 * $0 * (1 + tanh((2 / Double.pi).squareRoot() * ($0 + 0.044715 * $0 * $0 * $0))) }, range: -1e4...1e4,
            ulps: 0),
        Case(name: "silu", kind: .silu, exact: { $0 / (1 + exp(-$0)) }, range: -1e4...1e4, ulps: 0),
        Case(
            name: "mish", kind: .mish, exact: { $0 * tanh(max($0, 0) + log1p(exp(-abs($0)))) }, range: -1e4...1e4, ulps: 0),
        Case(
            name: "log_sigmoid", kind: .logSigmoid, exact: { -(max(-$0, 0) + log1p(exp(-abs($0)))) }, range: -1e4...1e4, ulps: 0),
        Case(name: "celu", kind: .celu(alpha: 2), exact: { $0 > 0 ? $0 : 2 * expm1($0 / 2) }, range: -1e4...1e4, ulps: 0),
        Case(
            name: "squareplus", kind: .squareplus(), exact: { ($0 + ($0 * $0 + 4).squareRoot()) / 2 }, range: -1e4...1e4, ulps: 0),
        Case(name: "tanh_shrink", kind: .tanhShrink, exact: { $0 - tanh($0) }, range: -1e4...1e4, ulps: 0),
    ]) func errorOfTheLargerOnes(_ test: Case) {
        var inputs: [Float] = []
        for bits in stride(from: UInt32(0), to: UInt32.max - 97_711, by: 97_711) {
            let x = Float(bitPattern: bits)
            if test.range.contains(x) { inputs.append(x) }
        }
        var outputs = [Float](repeating: .nan, count: inputs.count)
        activate(test.kind, inputs, &outputs, count: inputs.count)
        var worst = 0.0, worstInput: Float = 0
        for (x, y) in zip(inputs, outputs) {
            let error = abs(Double(y) - test.exact(Double(x))) / max(1, abs(Double(x)))
            if !(error <= worst) { (worst, worstInput) = (error, x) }
        }
        print("\(test.name): at most \(worst) of max(1, |x|) (at \(worstInput))")
        #expect(worst < 1e-6)
    }

    /// NaN passes, infinities give the limits (but softsign's, which is NaN in TensorFlow too); every count, so that vector tails are taken too; in place.
    @Test func specialValuesAndTails() {
        let limits: [(Activation, below: Float, above: Float)] = [
            (.linear, -.infinity, .infinity), (.rectifier, 0, .infinity), (.relu(maxValue: 6), 0, 6),
            (.relu(negativeSlope: 0.1), -.infinity, .infinity), (.elu(alpha: 2), -2, .infinity),
            (.selu, -1.7580993, .infinity), (.softplus, 0, .infinity), (.tanh, -1, 1),
            (.sigmoid, 0, 1), (.hardSigmoid, 0, 1), (.legacyHardSigmoid, 0, 1), (.exponential, 0, .infinity),
            (.celu(), -1, .infinity), (.hardShrink(), -.infinity, .infinity), (.hardTanh, -1, 1),
            (.logSigmoid, -.infinity, 0), (.softShrink(), -.infinity, .infinity), (.sparsePlus, 0, .infinity),
            (.sparseSigmoid, 0, 1), (.tanhShrink, -.infinity, .infinity),
        ]
        for (kind, below, above) in limits {
            for count in 1...70 {
                var values = [Float](repeating: .nan, count: count)
                for index in 0..<count { values[index] = [-.infinity, .nan, .infinity][index % 3] }
                values.withUnsafeMutableBufferPointer { activate(kind, $0.baseAddress!, $0.baseAddress!, count: count) }
                for index in 0..<count {
                    switch index % 3 {
                    case 0: #expect(values[index] == below, "\(kind)")
                    case 1: #expect(values[index].isNaN, "\(kind)")
                    default: #expect(values[index] == above, "\(kind)")
                    }
                }
            }
        }
    }

    /// The derivative, from the output or the input as each kind wants it, against a difference quotient in Double.
    @Test func derivatives() {
        let kinds: [Activation] = [
            .linear, .rectifier, .relu(negativeSlope: 0.3, maxValue: 2, threshold: 0.5), .relu(threshold: -1),
            .relu(negativeSlope: -0.2), .elu(alpha: 0.7), .elu(alpha: -0.7), .selu, .softplus, .softsign, .tanh, .sigmoid,
            .hardSigmoid, .legacyHardSigmoid, .exponential, .celu(alpha: 0.7), .gelu(), .gelu(approximate: true), .hardShrink(),
            .hardSilu, .hardTanh, .logSigmoid, .mish, .silu, .softShrink(), .sparsePlus, .sparseSigmoid, .squareplus(),
            .tanhShrink, .threshold(0.5, value: 2),
        ]
        let inputs = (0..<301).map { Float($0 - 150) * 0.0301 + 0.0073 }
        for kind in kinds {
            var outputs = inputs, gradients = inputs.map { _ in Float.nan }
            activate(kind, inputs, &outputs, count: inputs.count)
            let seeds = inputs.indices.map { Float($0 % 7) - 2.5 }
            for accumulate in [false, true] {
                if accumulate { gradients = inputs.map { _ in 1 } }
                inputs.withUnsafeBufferPointer { input in
                    outputs.withUnsafeBufferPointer { output in
                        activationGradient(
                            kind, input: kind.gradientReadsInput ? input.baseAddress : nil,
                            output: kind.gradientReadsInput ? nil : output.baseAddress, outputGradient: seeds,
                            inputGradient: &gradients, count: inputs.count, accumulate: accumulate)
                    }
                }
                for (index, x) in inputs.enumerated() {
                    let step: Float = 0.002
                    // Where pieces meet there is no derivative.
                    if [0.5, 1, 3].contains(where: { abs(abs(x) - $0) < step }) { continue }
                    var ends = [x - step, x + step]
                    ends.withUnsafeMutableBufferPointer { activate(kind, $0.baseAddress!, $0.baseAddress!, count: 2) }
                    let slope = (ends[1] - ends[0]) / (2 * step)
                    let expected = seeds[index] * slope + (accumulate ? 1 : 0)
                    #expect(abs(gradients[index] - expected) < 2e-3 * max(1, abs(expected)), "\(kind) at \(x)")
                }
            }
        }
    }
}
