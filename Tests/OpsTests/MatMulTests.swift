import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

/// x · w + bias in plain loops.
private func reference(_ x: Doubles, _ w: Doubles, _ bias: Doubles?) -> Doubles {
    let (depth, columns) = (w.shape[0], w.shape[1])
    let rows = x.shape.dims.dropLast().reduce(1, *)
    var y = Doubles(zeros: Shape(x.shape.dims.dropLast() + [columns]))
    for row in 0..<rows {
        for column in 0..<columns {
            var sum = bias?.values[column] ?? 0
            for k in 0..<depth { sum += x.values[row * depth + k] * w.values[k * columns + column] }
            y.values[row * columns + column] = sum
        }
    }
    return y
}

struct MatMulCase: CustomTestStringConvertible, Sendable {
    var x: Shape
    var columns: Int
    var testDescription: String { "\(x) to \(columns)" }

    static let all = [
        MatMulCase(x: [1, 1], columns: 1), MatMulCase(x: [1, 300], columns: 700), MatMulCase(x: [1, 700], columns: 33),
        MatMulCase(x: [3, 130], columns: 2100), MatMulCase(x: [4, 17], columns: 10), MatMulCase(x: [5, 64], columns: 10),
        MatMulCase(x: [8, 20], columns: 48), MatMulCase(x: [33, 300], columns: 100), MatMulCase(x: [130, 520], columns: 70),
        MatMulCase(x: [2, 3, 4, 5], columns: 7), MatMulCase(x: [0, 5], columns: 7), MatMulCase(x: [3, 0], columns: 7),
        MatMulCase(x: [6, 0], columns: 7), MatMulCase(x: [6, 5], columns: 0), MatMulCase(x: [5], columns: 3),
    ]
}

@Suite struct MatMulTests {
    @Test(arguments: MatMulCase.all, [false, true]) func forward(_ given: MatMulCase, hasBias: Bool) throws {
        var random = TestRandom(1)
        let depth = given.x.dims.last!
        var inputs = [random.tensor(given.x), random.tensor([depth, given.columns])]
        if hasBias { inputs.append(random.tensor([given.columns])) }
        let d = inputs.map(Doubles.init)
        let expected = reference(d[0], d[1], hasBias ? d[2] : nil)
        for phase in [Phase.inference, .training] {
            let run = try OpRunner.run(MatMul(hasBias: hasBias), inputs, phase: phase)
            #expect(mismatch(run.outputs[0], expected, absolute: 1e-4) == nil)
        }
    }

    @Test(arguments: MatMulCase.all) func backward(_ given: MatMulCase) throws {
        var random = TestRandom(2)
        let (depth, columns) = (given.x.dims.last!, given.columns)
        let rows = given.x.dims.dropLast().reduce(1, *)
        let inputs = [random.tensor(given.x), random.tensor([depth, columns]), random.tensor([columns])]
        let arriving = random.tensor(Shape(given.x.dims.dropLast() + [columns]))
        let run = try OpRunner.run(MatMul(hasBias: true), inputs, outputGradients: [arriving])
        let (x, w, dy) = (Doubles(inputs[0]).values, Doubles(inputs[1]).values, Doubles(arriving).values)
        var expected = inputs.map { Doubles(zeros: $0.shape) }
        for row in 0..<rows {
            for column in 0..<columns {
                let g = dy[row * columns + column]
                expected[2].values[column] += g
                for k in 0..<depth {
                    expected[0].values[row * depth + k] += g * w[k * columns + column]
                    expected[1].values[k * columns + column] += g * x[row * depth + k]
                }
            }
        }
        for (gradient, expected) in zip(run.inputGradients, expected) {
            #expect(mismatch(try #require(gradient), expected, absolute: 1e-4) == nil)
        }
    }

    @Test func nothingArrives() throws {
        var random = TestRandom(3)
        let inputs = [random.tensor([6, 4]), random.tensor([4, 3]), random.tensor([3])]
        let run = try OpRunner.run(MatMul(hasBias: true, activation: .tanh), inputs, outputGradients: [nil])
        for gradient in run.inputGradients { #expect(try #require(gradient).floats.allSatisfy { $0 == 0 }) }
    }

    @Test(arguments: [Shape([2, 9]), [9, 9]], [Activation.rectifier, .sigmoid, .tanh, .elu(), .hardSigmoid])
    func activationIsThatOfTwoOps(_ shape: Shape, activation: Activation) throws {
        var random = TestRandom(4)
        let inputs = [random.tensor(shape), random.tensor([9, 70]), random.tensor([70])]
        let plain = MatMul(hasBias: true)
        let fused = MatMul(hasBias: true, activation: activation)
        var expected = try OpRunner.run(plain, inputs).outputs[0].floats
        activate(activation, expected, &expected, count: expected.count)
        #expect(mismatch(try OpRunner.run(fused, inputs).outputs[0], expected.map(Double.init), relative: 1e-6) == nil)

        let arriving = random.tensor([shape[0], 70])
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

    @Test(arguments: [(1, true), (6, true), (1, false), (6, false)], [false, true])
    func takesInAffine(_ given: (rows: Int, constant: Bool), hasBias: Bool) throws {
        let (rows, constant) = given
        var random = TestRandom(5)
        var inputs = [random.tensor([rows, 40]), random.tensor([40, 35])]
        if hasBias { inputs.append(random.tensor([35])) }
        let affine = [random.tensor([35]), random.tensor([35])]
        let product = MatMul(hasBias: hasBias)
        let others = affine.map { ValueInfo($0.shape) }
        let withAffine = try #require(
            product.absorbing(TestAffine(), at: 0, others: others, othersAreConstant: true, phase: .inference))
        #expect(product.absorbing(TestAffine(), at: 0, others: others, othersAreConstant: false, phase: .inference) == nil)
        #expect(product.absorbing(TestAffine(), at: 0, others: others, othersAreConstant: true, phase: .training) == nil)
        var expected = try OpRunner.run(product, inputs).outputs[0].floats
        for index in expected.indices {
            expected[index] = expected[index] * affine[0].floats[index % 35] + affine[1].floats[index % 35]
        }
        let constants = (inputs + affine).indices.map { constant && $0 > 0 }
        let run = try OpRunner.run(withAffine, inputs + affine, constantInputs: constants)
        #expect(mismatch(run.outputs[0], expected.map(Double.init)) == nil)
    }

    @Test func refusesWhatDoesNotFit() {
        let x = ValueInfo([nil, 4])
        #expect(throws: LocatedError.self) { try MatMul(hasBias: false).outputs(for: [x, ValueInfo([5, 3])]) }
        #expect(throws: LocatedError.self) { try MatMul(hasBias: true).outputs(for: [x, ValueInfo([4, 3]), ValueInfo([4])]) }
        #expect(throws: LocatedError.self) { try MatMul(hasBias: false).outputs(for: [x, ValueInfo([4, 3], .float64)]) }
        #expect(throws: LocatedError.self) { try MatMul(hasBias: false).outputs(for: [ValueInfo([] as Shape), ValueInfo([4, 3])]) }
    }
}

/// y = scale·x + shift, for what takes in a `ChannelAffine`.
struct TestAffine: ChannelAffine {
    var name: String { "test_affine" }
    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [inputs[0]] }
    func bound(to site: Site) -> any BoundOp { preconditionFailure("only taken in") }
    func isChannelAffine(others: [ValueInfo]) -> Bool { others.count == 2 }
    func channelAffine(
        others: UnsafePointer<UnsafeMutableRawPointer>, channels: Int, scale: UnsafeMutablePointer<Float>,
        shift: UnsafeMutablePointer<Float>
    ) {
        scale.update(from: others[0].assumingMemoryBound(to: Float.self), count: channels)
        shift.update(from: others[1].assumingMemoryBound(to: Float.self), count: channels)
    }
}
