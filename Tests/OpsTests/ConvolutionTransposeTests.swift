import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

struct ConvolutionTransposeCase: CustomTestStringConvertible, Sendable {
    var x: Shape
    var kernel: [Int]
    var channels: Int
    var strides: [Int]
    var same = false
    var dilation: [Int]? = nil
    var outputPadding: [Int]? = nil
    /// Spatial extents of the output, as Keras says.
    var output: [Int]

    var kernelShape: Shape { Shape(kernel + [channels, x.dims.last!]) }
    var outputShape: Shape { Shape([x[0]] + output + [channels]) }
    /// The convolution from the output back to the input.
    var reference: ConvolutionReference {
        ConvolutionReference(strides: strides, same: same, dilation: dilation ?? strides.map { _ in 1 }, groups: 1)
    }
    func op(activation: Activation = .linear) -> ConvolutionTranspose {
        ConvolutionTranspose(
            strides: strides, padding: same ? .same : .valid, dilation: dilation, outputPadding: outputPadding, hasBias: true,
            activation: activation)
    }
    var testDescription: String { "\(x) kernel \(kernel) strides \(strides) \(same ? "same" : "valid") to \(output)" }

    static let all = [
        ConvolutionTransposeCase(x: [2, 4, 5, 3], kernel: [3, 3], channels: 4, strides: [1, 1], output: [6, 7]),
        ConvolutionTransposeCase(x: [1, 4, 5, 3], kernel: [3, 3], channels: 4, strides: [2, 2], same: true, output: [8, 10]),
        ConvolutionTransposeCase(x: [1, 4, 5, 16], kernel: [2, 4], channels: 33, strides: [3, 2], output: [12, 12]),
        ConvolutionTransposeCase(x: [1, 4, 3, 5], kernel: [5, 2], channels: 2, strides: [3, 1], same: true, output: [12, 3]),
        ConvolutionTransposeCase(
            x: [1, 4, 3, 5], kernel: [3, 3], channels: 2, strides: [2, 2], same: true, outputPadding: [1, 1], output: [8, 6]),
        ConvolutionTransposeCase(
            x: [1, 5, 4, 3], kernel: [3, 2], channels: 6, strides: [1, 1], dilation: [2, 3], output: [9, 7]),
        ConvolutionTransposeCase(x: [2, 5, 3], kernel: [4], channels: 2, strides: [2], same: true, output: [10]),
        ConvolutionTransposeCase(
            x: [1, 3, 2, 4, 3], kernel: [2, 2, 3], channels: 2, strides: [2, 1, 2], output: [6, 3, 9]),
        ConvolutionTransposeCase(x: [0, 4, 5, 3], kernel: [3, 3], channels: 4, strides: [1, 1], output: [6, 7]),
    ]
}

@Suite struct ConvolutionTransposeTests {
    @Test(arguments: ConvolutionTransposeCase.all, [Activation.linear, .rectifier, .sigmoid])
    func forwardAndBackward(_ given: ConvolutionTransposeCase, activation: Activation) throws {
        var random = TestRandom(1)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.channels])]
        let (x, kernel, bias) = (Doubles(inputs[0]), Doubles(inputs[1]), Doubles(inputs[2]))
        var expected = given.reference.backward(Doubles(zeros: given.outputShape), kernel, x)[0]
        for index in expected.values.indices { expected.values[index] += bias.values[index % given.channels] }
        var activated = expected.values.map { Float($0) }
        activate(activation, activated, &activated, count: activated.count)

        let arriving = random.tensor(given.outputShape)
        var before = [Float](repeating: 0, count: activated.count)
        activationGradient(
            activation, input: nil, output: activated, outputGradient: arriving.floats, inputGradient: &before,
            count: before.count, accumulate: false)
        let dz = Doubles(before.map(Double.init), given.outputShape)
        let dx = given.reference.forward(dz, kernel, nil)
        let dk = given.reference.backward(dz, kernel, x)[1]
        var db = Doubles(zeros: [given.channels])
        for index in dz.values.indices { db.values[index % given.channels] += dz.values[index] }

        let inferred = try OpRunner.run(given.op(activation: activation), inputs)
        #expect(mismatch(inferred.outputs[0], Doubles(activated.map(Double.init), given.outputShape)) == nil)
        let run = try OpRunner.run(given.op(activation: activation), inputs, outputGradients: [arriving])
        #expect(mismatch(run.outputs[0], inferred.outputs[0]) == nil)
        for (gradient, expected) in zip(run.inputGradients, [dx, dk, db]) {
            #expect(mismatch(try #require(gradient), expected, absolute: 1e-4) == nil)
        }
    }

    @Test func refusesWhatDoesNotFit() {
        let (x, kernel) = (ValueInfo([nil, 4, 4, 3]), ValueInfo([3, 3, 2, 3]))
        func fails(_ op: ConvolutionTranspose, _ inputs: ValueInfo...) -> Bool {
            do { _ = try op.outputs(for: inputs) } catch { return true }
            return false
        }
        #expect(!fails(ConvolutionTranspose(strides: [2, 2], padding: .same, hasBias: false), x, kernel))
        #expect(fails(ConvolutionTranspose(strides: [2, 2], padding: .same, hasBias: false), x, ValueInfo([3, 3, 3, 2])))
        #expect(fails(ConvolutionTranspose(strides: [2], padding: .same, hasBias: false), x, kernel))
        #expect(fails(ConvolutionTranspose(strides: [0, 1], padding: .same, hasBias: false), x, kernel))
        #expect(
            fails(ConvolutionTranspose(strides: [2, 2], padding: .same, outputPadding: [2, 9], hasBias: false), x, kernel))
        #expect(fails(ConvolutionTranspose(strides: [1 << 60, 1], padding: .valid, hasBias: false), x, kernel))
    }
}
