import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

/// Convolutions that are large enough for Winograd, against plain loops in double precision.
///
/// `OpRunner` runs each with one worker and with three, tiles in reverse order, and wants the same bits.
@Suite struct WinogradTests {
    static let cases = [
        ConvolutionCase(x: [1, 12, 12, 16], kernel: [3, 3], filters: 16, same: true),
        ConvolutionCase(x: [2, 14, 13, 40], kernel: [3, 3], filters: 48, same: true),
        ConvolutionCase(x: [2, 17, 16, 33], kernel: [3, 3], filters: 70),
        ConvolutionCase(x: [9, 7, 7, 70], kernel: [3, 3], filters: 33, same: true),
        ConvolutionCase(x: [5, 9, 30, 20], kernel: [3, 3], filters: 36),
        ConvolutionCase(x: [5, 11, 6, 32], kernel: [3, 3], filters: 100, same: true),
        // One stage after the other for all tiles.
        ConvolutionCase(x: [1, 16, 18, 105], kernel: [3, 3], filters: 104, same: true),
        // The same with tiles of 2 × 2.
        ConvolutionCase(x: [1, 7, 7, 104], kernel: [3, 3], filters: 105, same: true),
        ConvolutionCase(x: [1, 10, 10, 120], kernel: [3, 3], filters: 104),
    ]
    private static let algorithms: [Int: ConvolutionAlgorithm] = [6: .stagedWinograd, 7: .stagedWinograd2, 8: .stagedWinograd2]

    private static func geometry(_ given: ConvolutionCase) throws -> ConvolutionGeometry {
        let axes = try [1, 2].map {
            try #require(WindowAxis(input: given.x[$0], kernel: 3, padding: given.same ? .same : .valid, axis: $0 - 1))
        }
        return ConvolutionGeometry(
            images: given.x[0], axes: WindowAxes(axes), channels: given.x[3], filters: given.filters, groups: 1)
    }

    /// Within a share of the largest value, since that is what Winograd's error goes by.
    private func expect(_ got: Tensor, _ expected: Doubles, within share: Double, _ what: String) {
        let scale = expected.values.reduce(0) { max($0, abs($1)) }
        let worst = zip(got.floats, expected.values).reduce(0) { $1.0.isNaN ? .infinity : max($0, abs(Double($1.0) - $1.1)) }
        #expect(got.shape == expected.shape && worst <= share * scale, "\(what): \(worst / scale) of the largest value")
    }

    @Test(arguments: cases.indices) func forward(_ index: Int) throws {
        let given = Self.cases[index]
        let choice = try Self.geometry(given).forwardAlgorithm(isPrepared: true).algorithm
        #expect(choice == Self.algorithms[index] ?? .winograd)
        var random = TestRandom(UInt64(index))
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let d = inputs.map(Doubles.init)
        for hasBias in [false, true] {
            let expected = given.reference.forward(d[0], d[1], hasBias ? d[2] : nil)
            for phase in [Phase.inference, .training] {
                let run = try OpRunner.run(given.op(hasBias: hasBias), Array(inputs.prefix(hasBias ? 3 : 2)), phase: phase)
                expect(run.outputs[0], expected, within: 2e-6, "bias \(hasBias), \(phase)")
            }
        }
    }

    @Test(arguments: cases.indices, [Activation.linear, .rectifier]) func backward(_ index: Int, activation: Activation) throws {
        let given = Self.cases[index]
        var random = TestRandom(UInt64(10 + index))
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let d = inputs.map(Doubles.init)
        let arriving = random.tensor(given.reference.outputShape(given.x, given.kernelShape))
        let run = try OpRunner.run(given.op(hasBias: true, activation: activation), inputs, outputGradients: [arriving])
        var gradient = Doubles(arriving)
        if activation == .rectifier {
            // By what was computed: rounding may carry a value over zero.
            for (place, y) in run.outputs[0].floats.enumerated() where y <= 0 { gradient.values[place] = 0 }
        }
        let expected = given.reference.backward(d[0], d[1], gradient)
        for (name, (got, expected)) in zip(["x", "kernel", "bias"], zip(run.inputGradients, expected)) {
            expect(try #require(got), expected, within: 3e-6, name)
        }
    }

    @Test(arguments: [1, 6, 7], [Activation.rectifier, .sigmoid, .relu(maxValue: 6), .relu(maxValue: 0.5)])
    func activations(_ index: Int, activation: Activation) throws {
        let given = Self.cases[index]
        var random = TestRandom(UInt64(20 + index))
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        var expected = try OpRunner.run(given.op(hasBias: true), inputs).outputs[0].floats
        activate(activation, expected, &expected, count: expected.count)
        let got = try OpRunner.run(given.op(hasBias: true, activation: activation), inputs).outputs[0]
        #expect(mismatch(got, expected.map(Double.init), relative: 1e-6) == nil)
    }

    @Test(arguments: [1, 2, 6, 7]) func addsAnotherArray(_ index: Int) throws {
        let given = Self.cases[index]
        var random = TestRandom(UInt64(40 + index))
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let other = random.tensor(given.reference.outputShape(given.x, given.kernelShape))
        let plain = given.op(hasBias: true)
        let expected = zip(try OpRunner.run(plain, inputs).outputs[0].floats, other.floats).map { Double($0) + Double($1) }
        let fused = try #require(plain.adding(input: 3))
        let got = try OpRunner.run(fused, inputs + [other], constantInputs: [false, true, true, false]).outputs[0]
        expect(got, Doubles(expected, other.shape), within: 1e-6, "sum")
    }

    /// What docs/engine.md says of the error, for sums as long as they get in practice.
    @Test(arguments: [16, 64, 256]) func errorBound(channels: Int) throws {
        let given = ConvolutionCase(x: [1, 12, 12, channels], kernel: [3, 3], filters: 16, same: true)
        var random = TestRandom(UInt64(30 + channels))
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape)]
        let d = inputs.map(Doubles.init)
        let y = try OpRunner.run(given.op(hasBias: false), inputs).outputs[0]
        // Against the sum of absolute products, the measure of what cancels.
        var magnitudes = d
        for place in d.indices { magnitudes[place].values = d[place].values.map(abs) }
        let sums = given.reference.forward(magnitudes[0], magnitudes[1], nil)
        let exact = given.reference.forward(d[0], d[1], nil)
        let largest = sums.values.reduce(0) { max($0, $1) }
        for (got, expected) in zip(y.floats, exact.values) {
            #expect(abs(Double(got) - expected) <= 1e-6 * largest)
            if abs(Double(got) - expected) > 1e-6 * largest { break }
        }
    }

    /// Small ones, other windows and groups stay direct.
    @Test func staysDirect() throws {
        func algorithm(_ x: Shape, kernel: Int, stride: Int, filters: Int, groups: Int = 1) throws -> ConvolutionAlgorithm {
            let axes = try [1, 2].map {
                try #require(WindowAxis(input: x[$0], kernel: kernel, stride: stride, padding: .same, axis: $0 - 1))
            }
            return ConvolutionGeometry(
                images: x[0], axes: WindowAxes(axes), channels: x[3], filters: filters, groups: groups
            ).forwardAlgorithm(isPrepared: true).algorithm
        }
        #expect(try algorithm([1, 32, 32, 3], kernel: 3, stride: 1, filters: 32) == .direct)
        #expect(try algorithm([8, 32, 32, 32], kernel: 3, stride: 2, filters: 32) == .direct)
        #expect(try algorithm([8, 32, 32, 32], kernel: 5, stride: 1, filters: 32) == .direct)
        #expect(try algorithm([8, 32, 32, 32], kernel: 3, stride: 1, filters: 32, groups: 2) == .direct)
        // The transformed kernel would take longer to read with tiles of 4 × 4.
        #expect(try algorithm([1, 7, 7, 512], kernel: 3, stride: 1, filters: 512) == .stagedWinograd2)
        #expect(try algorithm([1, 14, 14, 512], kernel: 3, stride: 1, filters: 512) == .stagedWinograd2)
        #expect(try algorithm([1, 28, 28, 512], kernel: 3, stride: 1, filters: 512) == .stagedWinograd)
        #expect(try algorithm([8, 32, 32, 32], kernel: 3, stride: 1, filters: 32) == .winograd)
    }
}
