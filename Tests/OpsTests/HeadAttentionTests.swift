import Foundation
import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

struct HeadAttentionCase: CustomTestStringConvertible, Sendable {
    var (batch, queries, steps, heads, width, valueWidth) = (1, 1, 1, 1, 1, 1)
    var mask: Shape?
    var testDescription: String { "\(batch) × \(queries) to \(steps), \(heads) heads of \(width), \(valueWidth); mask \(mask?.description ?? "none")" }

    init(_ batch: Int, _ queries: Int, _ steps: Int, _ heads: Int, _ width: Int, _ valueWidth: Int, mask: Shape? = nil) {
        (self.batch, self.queries, self.steps) = (batch, queries, steps)
        (self.heads, self.width, self.valueWidth) = (heads, width, valueWidth)
        self.mask = mask
    }

    static let all = [
        HeadAttentionCase(1, 1, 1, 1, 1, 1), HeadAttentionCase(2, 5, 7, 3, 4, 6),
        HeadAttentionCase(2, 3, 4, 2, 3, 2, mask: [2, 1, 3, 4]), HeadAttentionCase(2, 3, 4, 2, 3, 2, mask: [1, 2, 1, 4]),
        HeadAttentionCase(2, 3, 4, 2, 3, 2, mask: [2, 1, 3, 1]), HeadAttentionCase(1, 33, 40, 2, 8, 5), HeadAttentionCase(1, 140, 270, 1, 16, 32),
    ]

    func inputs(_ random: inout TestRandom) -> [Tensor] {
        var inputs = [
            random.tensor([batch, queries, heads * width]), random.tensor([batch, steps, heads * width]),
            random.tensor([batch, steps, heads * valueWidth]),
        ]
        // The first query sees nothing.
        if let mask {
            inputs.append(Tensor((0..<mask.count).map { $0 * 7 % 5 > 1 && $0 >= mask[3] }, shape: mask))
        }
        return inputs
    }

    /// In plain loops.
    func reference(_ x: [Doubles], mask flags: [Bool]?, factor: Double) -> Doubles {
        var y = Doubles(zeros: [batch, queries, heads * valueWidth])
        for b in 0..<batch {
            for h in 0..<heads {
                for t in 0..<queries {
                    var scores = (0..<steps).map { s in
                        factor * (0..<width).reduce(0.0) { $0 + x[0][b, t, h * width + $1] * x[1][b, s, h * width + $1] }
                    }
                    if let mask, let flags {
                        for s in 0..<steps {
                            let place = zip([b, h, t, s], mask.dims).reduce(0) { $0 * $1.1 + ($1.1 == 1 ? 0 : $1.0) }
                            if !flags[place] { scores[s] = -1e30 }
                        }
                    }
                    let top = scores.max()!
                    let weights = scores.map { exp($0 - top) }, sum = weights.reduce(0, +)
                    for e in 0..<valueWidth {
                        y[b, t, h * valueWidth + e] = (0..<steps).reduce(0.0) { $0 + weights[$1] / sum * x[2][b, $1, h * valueWidth + e] }
                    }
                }
            }
        }
        return y
    }
}

@Suite struct HeadAttentionTests {
    @Test(arguments: HeadAttentionCase.all) func forward(_ given: HeadAttentionCase) throws {
        var random = TestRandom(11)
        let inputs = given.inputs(&random)
        let flags = inputs.count > 3 ? inputs[3].array(as: Bool.self) : nil
        let expected = given.reference(inputs.prefix(3).map(Doubles.init), mask: flags, factor: 0.7)
        for phase in [Phase.inference, .training] {
            let run = try OpRunner.run(
                HeadAttention(heads: given.heads, factor: 0.7, hasMask: given.mask != nil), inputs, phase: phase,
                constantInputs: inputs.map { _ in false })
            #expect(mismatch(run.outputs[0], expected, absolute: 3e-6) == nil)
        }
    }

    @Test(arguments: HeadAttentionCase.all.prefix(5)) func backward(_ given: HeadAttentionCase) throws {
        var random = TestRandom(12)
        let inputs = given.inputs(&random)
        let flags = inputs.count > 3 ? inputs[3].array(as: Bool.self) : nil
        let arriving = random.tensor([given.batch, given.queries, given.heads * given.valueWidth])
        let expected = centralDifferences(
            of: { [given.reference($0, mask: flags, factor: 0.7)] }, at: inputs.prefix(3).map(Doubles.init), weights: [Doubles(arriving)])
        let run = try OpRunner.run(
            HeadAttention(heads: given.heads, factor: 0.7, hasMask: given.mask != nil), inputs, outputGradients: [arriving])
        for (gradient, expected) in zip(run.inputGradients, expected) {
            #expect(mismatch(try #require(gradient), expected, absolute: 2e-5) == nil)
        }
    }

    /// More queries than are weighed at once.
    @Test func gradientsOfManyQueries() throws {
        var random = TestRandom(13)
        let given = HeadAttentionCase(1, 300, 150, 1, 4, 4)
        let inputs = given.inputs(&random)
        let arriving = random.tensor([1, 300, 4])
        let op = HeadAttention(heads: 1, factor: 0.5, hasMask: false)
        let whole = try OpRunner.run(op, inputs, outputGradients: [arriving]).inputGradients
        // The gradients of key and value are sums over queries.
        var sums = [[Double]](repeating: [Double](repeating: 0, count: 600), count: 2)
        for start in stride(from: 0, to: 300, by: 60) {
            let part = (start * 4)..<(start + 60) * 4
            let queries = Tensor(Array(inputs[0].floats[part]), shape: [1, 60, 4])
            let run = try OpRunner.run(
                op, [queries, inputs[1], inputs[2]], outputGradients: [Tensor(Array(arriving.floats[part]), shape: [1, 60, 4])])
            for input in 1...2 {
                for (place, value) in try #require(run.inputGradients[input]).floats.enumerated() { sums[input - 1][place] += Double(value) }
            }
        }
        for input in 1...2 { #expect(mismatch(try #require(whole[input]), sums[input - 1], absolute: 2e-5) == nil) }
    }

    @Test func refuses() {
        let x = ValueInfo([2, 3, 4])
        func fails(_ heads: Int, _ inputs: ValueInfo...) -> Bool {
            (try? HeadAttention(heads: heads, factor: 1, hasMask: inputs.count > 3).outputs(for: inputs)) == nil
        }
        #expect(!fails(2, x, x, x))
        #expect(fails(3, x, x, x))
        #expect(fails(2, x, ValueInfo([2, 3, 6]), x))
        #expect(fails(2, x, ValueInfo([1, 3, 4]), x))
        #expect(fails(2, x, x, x, ValueInfo([2, 1, 3, 2], .bool)))
        #expect(fails(2, x, x, x, ValueInfo([2, 1, 3, 3])))
    }

    /// What stands behind a normalization in a layer: the same as op by op, and one node.
    @Test(arguments: [true, false], [true, false]) func normalizationTakesScaleAndShift(_ scales: Bool, _ shifts: Bool) throws {
        var random = TestRandom(14)
        let (x, gamma, beta) = (random.tensor([3, 5, 37]), random.tensor([37]), random.tensor([37]))
        var op: any Op = RowNormalize(.layer, epsilon: 1e-3)
        var expected = try OpRunner.run(op, [x]).outputs[0]
        var inputs = [x]
        if scales {
            op = try #require(
                op.absorbing(Binary(.multiply), at: 0, others: [ValueInfo([37])], othersAreConstant: true, phase: .inference))
            expected = try OpRunner.run(Binary(.multiply), [expected, gamma]).outputs[0]
            inputs.append(gamma)
        }
        if shifts {
            op = try #require(op.absorbing(AddN(), at: 0, others: [ValueInfo([37])], othersAreConstant: true, phase: .inference))
            expected = try OpRunner.run(AddN(), [expected, beta]).outputs[0]
            inputs.append(beta)
        }
        #expect(mismatch(try OpRunner.run(op, inputs).outputs[0], Doubles(expected), absolute: 1e-6) == nil)
        #expect(op.absorbing(AddN(), at: 0, others: [ValueInfo([3, 5, 37])], othersAreConstant: false, phase: .inference) == nil)
        #expect(op.absorbing(AddN(), at: 0, others: [ValueInfo([37])], othersAreConstant: true, phase: .training) == nil)
    }

    /// A product takes in the sum with another array, then an activation; with many rows and with few.
    @Test(arguments: [2, 40], [Activation.linear, .rectifier, .gelu()]) func productTakesSum(_ rows: Int, _ activation: Activation) throws {
        var random = TestRandom(15)
        let inputs = [random.tensor([rows, 50]), random.tensor([50, 70]), random.tensor([70]), random.tensor([rows, 70])]
        let plain = MatMul(hasBias: true)
        var fused = try #require(plain.adding(input: 3))
        if activation != .linear {
            fused = try #require(
                fused.absorbing(Activate(activation), at: 0, others: [], othersAreConstant: true, phase: .inference))
        }
        let product = try OpRunner.run(plain, Array(inputs.prefix(3))).outputs[0]
        let sum = try OpRunner.run(AddN(), [product, inputs[3]]).outputs[0]
        let expected = try OpRunner.run(Activate(activation), [sum]).outputs[0]
        let run = try OpRunner.run(fused, inputs, constantInputs: [false, true, true, false])
        #expect(mismatch(run.outputs[0], Doubles(expected), absolute: 1e-5) == nil)
        #expect(plain.adding(input: 3)?.adding(input: 4) == nil)
    }
}
