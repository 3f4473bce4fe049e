import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

struct ConvolutionCase: CustomTestStringConvertible, Sendable {
    var x: Shape
    var kernel: [Int]
    var filters: Int
    var strides: [Int] = [1, 1]
    var same = false
    var dilation: [Int] = [1, 1]
    var groups = 1

    var kernelShape: Shape { Shape(kernel + [x.dims.last! / groups, filters]) }
    var reference: ConvolutionReference {
        ConvolutionReference(strides: strides, same: same, dilation: dilation, groups: groups)
    }
    func op(hasBias: Bool, activation: Activation = .linear) -> Convolution {
        Convolution(
            strides: strides, padding: same ? .same : .valid, dilation: dilation, groups: groups, hasBias: hasBias,
            activation: activation)
    }
    var testDescription: String {
        "\(x) kernel \(kernel) filters \(filters) strides \(strides) \(same ? "same" : "valid") dilation \(dilation) groups \(groups)"
    }

    static let all = [
        ConvolutionCase(x: [1, 5, 5, 1], kernel: [3, 3], filters: 1),
        ConvolutionCase(x: [2, 7, 6, 3], kernel: [3, 3], filters: 4, same: true),
        ConvolutionCase(x: [3, 9, 11, 5], kernel: [3, 3], filters: 33, same: true),
        ConvolutionCase(x: [1, 8, 8, 16], kernel: [1, 1], filters: 32),
        ConvolutionCase(x: [2, 9, 8, 6], kernel: [1, 1], filters: 16, strides: [2, 2]),
        ConvolutionCase(x: [1, 9, 10, 3], kernel: [3, 3], filters: 8, strides: [2, 3], same: true),
        ConvolutionCase(x: [1, 9, 10, 3], kernel: [3, 2], filters: 8, strides: [2, 3]),
        ConvolutionCase(x: [1, 10, 7, 2], kernel: [4, 2], filters: 5, same: true),
        ConvolutionCase(x: [1, 10, 7, 2], kernel: [4, 2], filters: 5, strides: [2, 2], same: true),
        ConvolutionCase(x: [1, 12, 11, 4], kernel: [3, 3], filters: 6, same: true, dilation: [2, 3]),
        ConvolutionCase(x: [1, 12, 11, 4], kernel: [3, 3], filters: 6, dilation: [2, 1]),
        ConvolutionCase(x: [1, 12, 11, 4], kernel: [3, 3], filters: 6, strides: [2, 2], dilation: [3, 2]),
        ConvolutionCase(x: [2, 6, 6, 8], kernel: [3, 3], filters: 12, same: true, groups: 4),
        ConvolutionCase(x: [1, 6, 6, 6], kernel: [3, 3], filters: 6, same: true, groups: 6),
        ConvolutionCase(x: [1, 6, 5, 3], kernel: [3, 3], filters: 6, strides: [2, 1], same: true, groups: 3),
        ConvolutionCase(x: [2, 7, 9, 35], kernel: [3, 3], filters: 35, strides: [2, 1], same: true, groups: 35),
        ConvolutionCase(x: [1, 9, 6, 16], kernel: [2, 3], filters: 16, dilation: [2, 1], groups: 16),
        ConvolutionCase(x: [1, 2, 3, 4], kernel: [5, 7], filters: 3, same: true),
        ConvolutionCase(x: [1, 8, 8, 2], kernel: [2, 2], filters: 3, strides: [4, 5]),
        ConvolutionCase(x: [1, 3, 3, 2], kernel: [1, 1], filters: 3, strides: [5, 7], same: true),
        ConvolutionCase(x: [0, 5, 5, 2], kernel: [3, 3], filters: 3, same: true),
        ConvolutionCase(x: [2, 17, 1, 3], kernel: [3, 1], filters: 4, strides: [2, 1], same: true),
        ConvolutionCase(x: [1, 30, 30, 10], kernel: [3, 3], filters: 40, same: true),
        ConvolutionCase(x: [1, 4, 4, 70], kernel: [3, 3], filters: 40),
        ConvolutionCase(x: [2, 13, 4], kernel: [3], filters: 5, strides: [1], same: true, dilation: [1]),
        ConvolutionCase(x: [2, 13, 4], kernel: [4], filters: 5, strides: [3], dilation: [1]),
        ConvolutionCase(x: [1, 13, 4], kernel: [3], filters: 16, strides: [1], dilation: [4]),
        ConvolutionCase(
            x: [2, 5, 4, 6, 3], kernel: [3, 2, 3], filters: 4, strides: [1, 1, 1], same: true, dilation: [1, 1, 1]),
        ConvolutionCase(
            x: [1, 5, 7, 6, 2], kernel: [2, 3, 2], filters: 4, strides: [2, 2, 1], dilation: [1, 1, 2]),
        // Depthwise with square windows, read through the padding.
        ConvolutionCase(x: [2, 9, 10, 16], kernel: [3, 3], filters: 16, same: true, groups: 16),
        ConvolutionCase(x: [1, 13, 12, 35], kernel: [5, 5], filters: 35, strides: [2, 2], same: true, groups: 35),
        ConvolutionCase(x: [1, 9, 17, 24], kernel: [5, 5], filters: 24, same: true, groups: 24),
        ConvolutionCase(x: [1, 8, 11, 32], kernel: [3, 3], filters: 32, strides: [2, 2], groups: 32),
        ConvolutionCase(x: [1, 2, 2, 20], kernel: [5, 5], filters: 20, same: true, groups: 20),
        ConvolutionCase(x: [1, 11, 19, 17], kernel: [4, 4], filters: 17, strides: [3, 3], same: true, groups: 17),
        // A large kernel, cut by filters.
        ConvolutionCase(x: [1, 8, 8, 500], kernel: [1, 1], filters: 350),
    ]
}

@Suite struct ConvolutionTests {
    @Test(arguments: ConvolutionCase.all) func forward(_ given: ConvolutionCase) throws {
        var random = TestRandom(1)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let d = inputs.map(Doubles.init)
        for hasBias in [false, true] {
            let expected = given.reference.forward(d[0], d[1], hasBias ? d[2] : nil)
            for phase in [Phase.inference, .training] {
                let run = try OpRunner.run(given.op(hasBias: hasBias), Array(inputs.prefix(hasBias ? 3 : 2)), phase: phase)
                #expect(mismatch(run.outputs[0], expected) == nil)
            }
        }
    }

    @Test(arguments: ConvolutionCase.all) func backward(_ given: ConvolutionCase) throws {
        var random = TestRandom(2)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let arriving = random.tensor(given.reference.outputShape(given.x, given.kernelShape))
        let run = try OpRunner.run(given.op(hasBias: true), inputs, outputGradients: [arriving])
        let expected = given.reference.backward(Doubles(inputs[0]), Doubles(inputs[1]), Doubles(arriving))
        for (name, (gradient, expected)) in zip(["x", "kernel", "bias"], zip(run.inputGradients, expected)) {
            #expect(mismatch(try #require(gradient), expected, absolute: 1e-4) == nil, "\(name)")
        }
    }

    /// Holds the reference itself against differences.
    @Test(arguments: [0, 14, 17, 18]) func referenceGradients(_ index: Int) {
        let given = ConvolutionCase.all[index]
        var random = TestRandom(3)
        let inputs = [given.x, given.kernelShape, [given.filters]].map { Doubles(random.tensor($0)) }
        let arriving = Doubles(random.tensor(given.reference.outputShape(given.x, given.kernelShape)))
        let differences = centralDifferences(
            of: { [given.reference.forward($0[0], $0[1], $0[2])] }, at: inputs, weights: [arriving])
        let expected = given.reference.backward(inputs[0], inputs[1], arriving)
        for (a, b) in zip(differences, expected) {
            for (x, y) in zip(a.values, b.values) { #expect(abs(x - y) < 1e-6) }
        }
    }

    @Test(arguments: [1, 3, 8, 15, 21, 24, 29, 30, 35], [Activation.rectifier, .sigmoid, .relu(maxValue: 0.5), .relu(maxValue: 6), .elu()])
    func activationIsThatOfTwoOps(_ index: Int, activation: Activation) throws {
        let given = ConvolutionCase.all[index]
        var random = TestRandom(4)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let plain = given.op(hasBias: true)
        let fused = given.op(hasBias: true, activation: activation)
        var expected = try OpRunner.run(plain, inputs).outputs[0].floats
        activate(activation, expected, &expected, count: expected.count)
        #expect(mismatch(try OpRunner.run(fused, inputs).outputs[0], expected.map(Double.init), relative: 1e-6) == nil)

        let arriving = random.tensor(given.reference.outputShape(given.x, given.kernelShape))
        var before = [Float](repeating: 0, count: expected.count)
        activationGradient(
            activation, input: nil, output: expected, outputGradient: arriving.floats, inputGradient: &before,
            count: before.count, accumulate: false)
        let apart = try OpRunner.run(plain, inputs, outputGradients: [Tensor(before, shape: arriving.shape)])
        let together = try OpRunner.run(fused, inputs, outputGradients: [arriving])
        for (a, b) in zip(apart.inputGradients, together.inputGradients) {
            #expect(mismatch(try #require(b), try #require(a), relative: 1e-5) == nil)
        }
    }

    @Test(arguments: [1, 2, 7, 12, 24, 29, 35], [false, true]) func addsAnotherArray(_ index: Int, rectifies: Bool) throws {
        let given = ConvolutionCase.all[index]
        var random = TestRandom(8)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let other = random.tensor(given.reference.outputShape(given.x, given.kernelShape))
        let plain = given.op(hasBias: true)
        var fused = try #require(plain.adding(input: 3))
        if rectifies {
            fused = try #require(
                fused.absorbing(
                    Activate(.rectifier), at: 0, others: [], othersAreConstant: true, phase: .inference))
        }
        #expect(plain.adding(input: 3)?.adding(input: 4) == nil)
        let expected = zip(try OpRunner.run(plain, inputs).outputs[0].floats, other.floats).map {
            rectifies ? max(Double($0) + Double($1), 0) : Double($0) + Double($1)
        }
        let got = try OpRunner.run(fused, inputs + [other], constantInputs: [false, true, true, false]).outputs[0]
        #expect(mismatch(got, expected, relative: 1e-5) == nil)
    }

    @Test(arguments: [1, 2, 12, 15], [false, true]) func takesInAffine(_ index: Int, constant: Bool) throws {
        let given = ConvolutionCase.all[index]
        var random = TestRandom(5)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let affine = [random.tensor([given.filters]), random.tensor([given.filters])]
        let plain = given.op(hasBias: true)
        let fused = try #require(
            plain.absorbing(
                TestAffine(), at: 0, others: affine.map { ValueInfo($0.shape) }, othersAreConstant: true, phase: .inference))
        var expected = try OpRunner.run(plain, inputs).outputs[0].floats
        for index in expected.indices {
            let channel = index % given.filters
            expected[index] = expected[index] * affine[0].floats[channel] + affine[1].floats[channel]
        }
        let run = try OpRunner.run(
            fused, inputs + affine, constantInputs: [false] + [Bool](repeating: constant, count: 4))
        #expect(mismatch(run.outputs[0], expected.map(Double.init)) == nil)
    }

    /// Cut into several chunks, whose sums are added at the end.
    @Test func kernelGradientInChunks() throws {
        let given = ConvolutionCase(x: [3, 28, 28, 16], kernel: [3, 3], filters: 64, same: true)
        var random = TestRandom(6)
        let inputs = [random.tensor(given.x), random.tensor(given.kernelShape), random.tensor([given.filters])]
        let arriving = random.tensor([3, 28, 28, 64])
        let run = try OpRunner.run(given.op(hasBias: true), inputs, outputGradients: [arriving])
        // One product of the reference at a time would take seconds: taps by hand.
        let (x, dy) = (inputs[0].floats, arriving.floats)
        for (tap, channel, filter) in [(0, 0, 0), (4, 7, 33), (8, 15, 63)] {
            var sum = 0.0
            for image in 0..<3 {
                for row in 0..<28 {
                    for column in 0..<28 {
                        let (r, c) = (row + tap / 3 - 1, column + tap % 3 - 1)
                        guard (0..<28).contains(r), (0..<28).contains(c) else { continue }
                        sum += Double(x[((image * 28 + r) * 28 + c) * 16 + channel])
                            * Double(dy[((image * 28 + row) * 28 + column) * 64 + filter])
                    }
                }
            }
            let gradient = try #require(run.inputGradients[1]).floats[(tap * 16 + channel) * 64 + filter]
            #expect(abs(Double(gradient) - sum) < 1e-3)
        }
    }

    @Test func refusesWhatDoesNotFit() {
        let (x, kernel) = (ValueInfo([nil, 5, 5, 4]), ValueInfo([3, 3, 4, 2]))
        func fails(_ op: Convolution, _ inputs: ValueInfo...) -> Bool {
            do { _ = try op.outputs(for: inputs) } catch { return true }
            return false
        }
        let op = Convolution(strides: [1, 1], padding: .valid, hasBias: false)
        #expect(!fails(op, x, kernel))
        #expect(fails(op, ValueInfo([nil, 2, 5, 4]), kernel))
        #expect(fails(op, ValueInfo([nil, 5, 5, 3]), kernel))
        #expect(fails(op, ValueInfo([nil, 5, 4]), kernel))
        #expect(fails(Convolution(strides: [0, 1], padding: .same, hasBias: false), x, kernel))
        #expect(fails(Convolution(strides: [1, 1], padding: .same, dilation: [1 << 62, 1], hasBias: false), x, kernel))
        #expect(fails(Convolution(strides: [1, 1], padding: .same, dilation: [1 << 30, 1 << 30], hasBias: false), x, kernel))
        #expect(fails(Convolution(strides: [1, 1], padding: .same, groups: 3, hasBias: false), x, kernel))
        #expect(fails(Convolution(strides: [1, 1], padding: .same, hasBias: true), x, kernel, ValueInfo([3])))
    }
}
