import Graphs
import Tensors
import TestSupport
import Testing

@testable import Ops

struct NormalizationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var shape: Shape
        var axis: Int
        var scale = true
        var center = true
        var testDescription: String { "\(shape) axis \(axis) scale \(scale) center \(center)" }
        var channels: Int { shape[axis < 0 ? axis + shape.rank : axis] }
    }

    static let cases = [
        Case(shape: [5, 3], axis: -1), Case(shape: [2, 3, 4, 2], axis: 3), Case(shape: [2, 3, 4, 2], axis: 1),
        Case(shape: [3, 4, 3], axis: -1, scale: false), Case(shape: [3, 4, 3], axis: 1, center: false),
        Case(shape: [4, 40], axis: 1), Case(shape: [2, 3, 20], axis: 1, scale: false, center: false),
    ]

    private func inputs(_ test: Case) -> [Tensor] {
        var random = TestRandom(UInt64(test.shape.count))
        var inputs = [random.tensor(test.shape, in: -1...3)]
        if test.scale { inputs.append(random.tensor([test.channels], in: 0.5...1.5)) }
        if test.center { inputs.append(random.tensor([test.channels])) }
        inputs.append(random.tensor([test.channels]))
        inputs.append(random.tensor([test.channels], in: 0.5...2))
        return inputs
    }

    /// y with given statistics by channel.
    private func normalized(_ values: [Doubles], _ test: Case, _ mean: [Double], _ variance: [Double], _ epsilon: Double) -> Doubles {
        let place = test.axis < 0 ? test.axis + test.shape.rank : test.axis
        let gamma = test.scale ? values[1].values : nil
        let beta = test.center ? values[test.scale ? 2 : 1].values : nil
        return Doubles(
            zip(places(test.shape), values[0].values).map { at, x in
                let c = at[place]
                return (gamma?[c] ?? 1) * (x - mean[c]) / (variance[c] + epsilon).squareRoot() + (beta?[c] ?? 0)
            }, test.shape)
    }

    @Test(arguments: cases) func inference(test: Case) throws {
        let epsilon = Double(Float(0.01)), op = BatchNormalize(axis: test.axis, epsilon: 0.01, scale: test.scale, center: test.center)
        let inputs = inputs(test)
        try check(op, inputs, relative: 3e-5, absolute: 5e-6) { values in
            [normalized(values, test, values[values.count - 2].values, values[values.count - 1].values, epsilon)]
        }
        let prepared = try OpRunner.run(op, inputs)
        let unprepared = try OpRunner.run(op, inputs, constantInputs: inputs.map { _ in false })
        #expect(prepared.outputs == unprepared.outputs)
    }

    @Test(arguments: cases) func training(test: Case) throws {
        let place = test.axis < 0 ? test.axis + test.shape.rank : test.axis
        let epsilon = Double(Float(0.01)), momentum = Double(Float(0.75))
        let op = BatchNormalizeTraining(
            axis: test.axis, epsilon: 0.01, momentum: 0.75, scale: test.scale, center: test.center, rule: .keras2)
        func forward(_ values: [Doubles]) -> (y: Doubles, mean: [Double], variance: [Double]) {
            var groups = [[Double]](repeating: [], count: test.channels)
            for (at, x) in zip(places(test.shape), values[0].values) { groups[at[place]].append(x) }
            let mean = groups.map { $0.reduce(0, +) / Double($0.count) }
            let variance = zip(groups, mean).map { group, mean in
                group.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(group.count)
            }
            return (normalized(values, test, mean, variance, epsilon), mean, variance)
        }
        let inputs = inputs(test), doubles = inputs.map(Doubles.init)
        var random = TestRandom(4)
        let weights = random.tensor(test.shape)
        let run = try OpRunner.run(op, inputs, outputGradients: [weights, nil, nil])
        let truth = forward(doubles)
        #expect(mismatch(run.outputs[0], truth.y) == nil)
        let n = Double(test.shape.count / test.channels)
        let moved = [truth.mean, truth.variance.map { $0 * n / (n - 1 - epsilon) }]
        for index in 0..<2 {
            let old = doubles[doubles.count - 2 + index].values
            let expected = zip(old, moved[index]).map { $0 * momentum + $1 * (1 - momentum) }
            #expect(mismatch(run.outputs[1 + index], expected, relative: 1e-6) == nil)
        }
        let gradients = centralDifferences(
            of: { [forward($0).y] }, at: doubles, weights: [Doubles(weights)])
        for (index, gradient) in gradients.enumerated() {
            let fault = mismatch(run.inputGradients[index]!, gradient, relative: 2e-4, absolute: 3e-5)
            #expect(fault == nil, "gradient of input \(index): \(fault ?? "")")
        }
    }

    /// Genuine Keras on one batch: x = 0…7 in one channel, moving variance 1, momentum 0.5.
    @Test(arguments: [
        (BatchNormalizeTraining.VarianceRule.biased, 3.125), (.bessel, 3.5), (.keras2Fused, 3.929),
    ]) func movingVariance(rule: BatchNormalizeTraining.VarianceRule, expected: Double) throws {
        let x = Tensor((0..<8).map(Float.init), shape: [8, 1])
        let op = BatchNormalizeTraining(epsilon: 1e-3, momentum: 0.5, scale: false, center: false, rule: rule)
        let run = try OpRunner.run(op, [x, Tensor([Float(0)]), Tensor([Float(1)])], phase: .training)
        #expect(mismatch(run.outputs[2], [expected], relative: 3e-4) == nil)
        #expect(run.outputs[1].floats == [1.75])
    }

    /// Several tiles, far from zero: one sweep with Σx² would lose the variance.
    @Test func momentsFarFromZero() throws {
        let rows = 90_000
        let x = Tensor((0..<rows * 3).map { 1000 + Float(($0 * 7919) % 17) / 16 }, shape: [rows, 3])
        let op = BatchNormalizeTraining(epsilon: 0, momentum: 0, scale: false, center: false, rule: .biased)
        let run = try OpRunner.run(
            op, [x, Tensor([0, 0, 0] as [Float]), Tensor([1, 1, 1] as [Float])], phase: .training)
        for channel in 0..<3 {
            let values = (0..<rows).map { 1000 + Double(Float((($0 * 3 + channel) * 7919) % 17) / 16) }
            let mean = values.reduce(0, +) / Double(rows)
            let variance = values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(rows)
            #expect(abs(Double(run.outputs[1].floats[channel]) - mean) < 1e-4)
            #expect(abs(Double(run.outputs[2].floats[channel]) - variance) < 1e-5 * variance)
        }
    }

    @Test func refuses() {
        let op = BatchNormalize(epsilon: 1e-3)
        #expect(throws: LocatedError.self) {
            try op.outputs(for: [ValueInfo([2, 3]), ValueInfo([3]), ValueInfo([4]), ValueInfo([3]), ValueInfo([3])])
        }
        #expect(throws: LocatedError.self) { try op.outputs(for: [ValueInfo([2, 3])]) }
    }
}
