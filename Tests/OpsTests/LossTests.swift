import Graphs
import Kernels
import Ops
import TestSupport
import Tensors
import Testing

#if canImport(Glibc)
import Glibc
#elseif canImport(Darwin)
import Darwin
#endif

private let epsilon = 1e-7

/// Losses in plain loops, one number a row.
private enum Reference {
    static func clip(_ p: Double) -> Double { min(max(p, epsilon), 1 - epsilon) }

    static func rows(_ x: Doubles, _ body: (Range<Int>) -> Double) -> Doubles {
        let columns = x.shape.dims.last!
        let rows = x.shape.dims.dropLast().reduce(1, *)
        return Doubles((0..<rows).map { body($0 * columns..<($0 + 1) * columns) }, Shape(Array(x.shape.dims.dropLast())))
    }

    static func logits(_ x: Doubles, _ t: [Double]) -> Doubles {
        rows(x) { row in
            let top = row.map { x.values[$0] }.max()!
            let level = log(row.reduce(0) { $0 + exp(x.values[$1] - top) }) + top
            return row.reduce(0) { $0 + t[$1] * (level - x.values[$1]) }
        }
    }

    static func probabilities(_ x: Doubles, _ t: [Double]) -> Doubles {
        rows(x) { row in
            let total = row.reduce(0) { $0 + x.values[$1] }
            return -row.reduce(0) { $0 + t[$1] * log(clip(x.values[$1] / total)) }
        }
    }

    static func sparseProbabilities(_ x: Doubles, _ labels: [Int]) -> Doubles {
        rows(x) { row in
            let total = row.reduce(0) { $0 + clip(x.values[$1]) }
            return log(total) - log(clip(x.values[row.lowerBound + labels[row.lowerBound / row.count]]))
        }
    }

    static func binary(_ kind: BinaryEntropy, _ x: Doubles, _ t: [Double]) -> Doubles {
        rows(x) { row in
            row.reduce(0) { sum, i in
                let p: Double
                switch kind {
                case .logits, .logitOfProbability:
                    p = kind == .logits ? 1 / (1 + exp(-x.values[i])) : clip(x.values[i])
                    return sum - t[i] * log(p) - (1 - t[i]) * log(1 - p)
                case .withEpsilon, .plain:
                    p = clip(x.values[i])
                    let added = kind == .plain ? 0 : epsilon
                    return sum - t[i] * log(p + added) - (1 - t[i]) * log(1 - p + added)
                }
            } / Double(row.count)
        }
    }

    static func error(_ kind: MeanError.Kind, _ x: Doubles, _ t: [Double]) -> Doubles {
        rows(x) { row in
            row.reduce(0) { sum, i in
                let d = x.values[i] - t[i]
                return sum + (kind == .squared ? d * d : abs(d))
            } / Double(row.count)
        }
    }
}

@Suite struct LossTests {
    static let shapes: [Shape] = [[4, 3], [1, 1], [5, 1], [3, 17], [2, 3, 5], [130, 33], [0, 4], [7]]

    /// Predictions in (0, 1), or logits; targets that sum to 1, or numbers in [0, 1]; labels.
    struct Data {
        var x: Tensor
        var logits: Tensor
        var distribution: Tensor
        var fractions: Tensor
        var labels: Tensor
        var arriving: Tensor

        init(_ shape: Shape, seed: UInt64) {
            var random = TestRandom(seed)
            let (columns, rows) = (shape.dims.last!, shape.dims.dropLast().reduce(1, *))
            let rowShape = Shape(Array(shape.dims.dropLast()))
            x = Tensor(random.tensor(shape).floats.map { 0.5 + 0.45 * max(-1, min(1, $0)) }, shape: shape)
            logits = Tensor(random.tensor(shape).floats.map { 4 * $0 }, shape: shape)
            let positive = random.tensor(shape).floats.map { abs($0) + 0.1 }
            distribution = Tensor(
                positive.indices.map { i in positive[i] / positive[i / columns * columns..<(i / columns + 1) * columns].reduce(0, +) },
                shape: shape)
            fractions = Tensor(random.tensor(shape).floats.map { abs($0).truncatingRemainder(dividingBy: 1) }, shape: shape)
            labels = Tensor((0..<rows).map { Int32(($0 * 7 + 1) % columns) }, shape: rowShape)
            arriving = random.tensor(rowShape)
        }
    }

    private func check(
        _ op: any Op, _ x: Tensor, _ targets: Tensor, _ arriving: Tensor, _ reference: (Doubles) -> Doubles
    ) throws {
        let run = try OpRunner.run(op, [x, targets], outputGradients: [arriving], wantsGradient: [true, false])
        #expect(mismatch(run.outputs[0], reference(Doubles(x)).values, relative: 1e-5, absolute: 1e-5) == nil)
        guard x.count <= 200 else { return }
        let slopes = centralDifferences(of: { [reference($0[0])] }, at: [Doubles(x)], weights: [Doubles(arriving)])
        #expect(mismatch(run.inputGradients[0]!, slopes[0].values, relative: 1e-3, absolute: 1e-5) == nil)
    }

    @Test(arguments: shapes) func categorical(_ shape: Shape) throws {
        let data = Data(shape, seed: 1)
        let t = Doubles(data.distribution).values
        try check(CategoricalCrossentropy(fromLogits: true), data.logits, data.distribution, data.arriving) { Reference.logits($0, t) }
        try check(CategoricalCrossentropy(fromLogits: false), data.x, data.distribution, data.arriving) {
            Reference.probabilities($0, t)
        }
    }

    @Test(arguments: shapes) func smoothedCategorical(_ shape: Shape) throws {
        let data = Data(shape, seed: 2)
        let classes = Float(shape.dims.last!)
        let smoothing = Smoothing(scale: 0.9, shift: 0.1 / classes)
        let t = Doubles(data.distribution).values.map { $0 * 0.9 + 0.1 / Double(classes) }
        try check(CategoricalCrossentropy(fromLogits: true, smoothing: smoothing), data.logits, data.distribution, data.arriving) {
            Reference.logits($0, t)
        }
        try check(CategoricalCrossentropy(fromLogits: false, smoothing: smoothing), data.x, data.distribution, data.arriving) {
            Reference.probabilities($0, t)
        }
    }

    @Test(arguments: shapes) func sparse(_ shape: Shape) throws {
        let data = Data(shape, seed: 3)
        let labels = data.labels.array(as: Int32.self).map(Int.init)
        let columns = shape.dims.last!
        let oneHot = (0..<shape.count).map { labels[$0 / columns] == $0 % columns ? 1.0 : 0 }
        for targets in [data.labels, data.labels.reshaped(to: Shape(data.labels.shape.dims + [1]))] {
            try check(SparseCategoricalCrossentropy(fromLogits: true), data.logits, targets, data.arriving) {
                Reference.logits($0, oneHot)
            }
            try check(SparseCategoricalCrossentropy(fromLogits: false), data.x, targets, data.arriving) {
                Reference.sparseProbabilities($0, labels)
            }
        }
    }

    @Test(arguments: shapes, BinaryEntropy.allCases) func binary(_ shape: Shape, _ kind: BinaryEntropy) throws {
        let data = Data(shape, seed: 4)
        let t = Doubles(data.fractions).values
        try check(BinaryCrossentropy(kind), kind == .logits ? data.logits : data.x, data.fractions, data.arriving) {
            Reference.binary(kind, $0, t)
        }
    }

    @Test(arguments: shapes, MeanError.Kind.allCases) func errors(_ shape: Shape, _ kind: MeanError.Kind) throws {
        let data = Data(shape, seed: 5)
        let t = Doubles(data.fractions).values
        try check(MeanError(kind), data.logits, data.fractions, data.arriving) { Reference.error(kind, $0, t) }
    }

    /// A class that isn't there must not read beyond the row.
    @Test(arguments: [true, false]) func labelOutOfRange(fromLogits: Bool) throws {
        let x = Tensor([0.2, 0.8, 0.5, 0.5, 0.4, 0.6] as [Float], shape: [3, 2])
        let labels = Tensor([-1, 1, 2] as [Int32])
        let run = try OpRunner.run(
            SparseCategoricalCrossentropy(fromLogits: fromLogits), [x, labels],
            outputGradients: [Tensor([1, 1, 1] as [Float])], wantsGradient: [true, false])
        #expect(run.outputs[0].floats.map(\.isNaN) == [true, false, true])
    }

    /// Saturated probabilities lose their derivative, logits don't.
    @Test func clipping() throws {
        let t = Tensor([0, 1] as [Float], shape: [1, 2])
        let one = Tensor([1] as [Float])
        let clipped = try OpRunner.run(
            CategoricalCrossentropy(fromLogits: false), [Tensor([1, 0] as [Float], shape: [1, 2]), t], outputGradients: [one],
            wantsGradient: [true, false])
        #expect(clipped.outputs[0].floats == [16.118095] && clipped.inputGradients[0]!.floats == [0, 0])
        let logits = try OpRunner.run(
            CategoricalCrossentropy(fromLogits: true), [Tensor([50, 0] as [Float], shape: [1, 2]), t], outputGradients: [one],
            wantsGradient: [true, false])
        #expect(logits.outputs[0].floats == [50] && logits.inputGradients[0]!.floats == [1, -1])
    }

    @Test func matches() throws {
        let x = Tensor([0.1, 0.9, 0.5, 0.5, 0.7, 0.3] as [Float], shape: [3, 2])
        let oneHot = Tensor([0, 1, 0, 1, 1, 0] as [Float], shape: [3, 2])
        func matches(_ kind: Matches.Kind, _ x: Tensor, _ t: Tensor) throws -> [Float] {
            try OpRunner.run(Matches(kind), [x, t]).outputs[0].floats
        }
        #expect(try matches(.categorical, x, oneHot) == [1, 0, 1])
        #expect(try matches(.sparse, x, Tensor([1, 0, 1] as [Int32])) == [1, 1, 0])
        // A half is rounded to 0, and isn't above a half.
        #expect(try matches(.rounded, x, oneHot) == [1, 0.5, 1])
        #expect(try matches(.threshold, x, oneHot) == [1, 0.5, 1])
        let beyond = Tensor([1.7, -0.2] as [Float], shape: [2, 1])
        #expect(try matches(.rounded, beyond, Tensor([1, 0] as [Float], shape: [2, 1])) == [0, 1])
        #expect(try matches(.threshold, beyond, Tensor([1, 0] as [Float], shape: [2, 1])) == [1, 1])
    }

    @Test func refusesTargetsThatDoNotFit() {
        func code(_ op: any Op, _ x: PartialShape, _ t: ValueInfo) -> String? {
            do throws(LocatedError) { _ = try op.outputs(for: [ValueInfo(x), t]) } catch { return error.code }
            return nil
        }
        #expect(code(CategoricalCrossentropy(fromLogits: true), [nil, 3], ValueInfo([nil, 3])) == nil)
        #expect(code(CategoricalCrossentropy(fromLogits: true), [8, 3], ValueInfo([8, 4])) == "categorical_crossentropy.shape")
        #expect(code(CategoricalCrossentropy(fromLogits: true), [8, 3], ValueInfo([8])) == "categorical_crossentropy.shape")
        #expect(code(MeanError(.squared), [8, 3], ValueInfo([8, 3], .int32)) == "mean_squared_error.dtype")
        #expect(code(SparseCategoricalCrossentropy(fromLogits: true), [8, 3], ValueInfo([8, 1], .int32)) == nil)
        #expect(
            code(SparseCategoricalCrossentropy(fromLogits: true), [8, 3], ValueInfo([8, 3], .int32))
                == "sparse_categorical_crossentropy.shape")
    }
}

@Suite struct ReductionOfLossesTests {
    private let losses = Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3])
    private let weights = Tensor([2, 0.5] as [Float])
    private let mask = Tensor([true, true, false, true, false, false], shape: [2, 3])
    private let one = Tensor([1] as [Float], shape: [])

    private func reduce(_ divisor: ReduceLoss.Divisor, _ inputs: [Tensor]) throws -> (Float, [Float]) {
        let run = try OpRunner.run(
            ReduceLoss(dividingBy: divisor), inputs, outputGradients: [one], wantsGradient: inputs.indices.map { $0 == 0 })
        return (run.outputs[0].floats[0], run.inputGradients[0]!.floats)
    }

    @Test func divisors() throws {
        #expect(try reduce(.count, [losses]) == (3.5, [Float](repeating: Float(1) / 6, count: 6)))
        #expect(try reduce(.one, [losses]) == (21, [1, 1, 1, 1, 1, 1]))
        #expect(try reduce(.count, [losses, weights]).0 == 3.25)
        #expect(try reduce(.count, [losses, mask]).0 == 7.0 / 6)
        #expect(try abs(reduce(.valid, [losses, mask]).0 - 7.0 / 3) < 1e-6)
        let (value, gradient) = try reduce(.count, [losses, weights, mask])
        #expect(abs(value - 8 / 6) < 1e-6)
        let expected: [Float] = [2 / 6, 2 / 6, 0, 0.5 / 6, 0, 0]
        #expect(zip(gradient, expected).allSatisfy { abs($0 - $1) < 1e-7 })
    }

    @Test func sums() throws {
        let plain = try OpRunner.run(WeightedSum(), [losses])
        #expect(plain.outputs.map { $0.floats[0] } == [21, 6])
        let weighted = try OpRunner.run(WeightedSum(), [losses, weights, mask])
        #expect(weighted.outputs.map { $0.floats[0] } == [8, 4.5])
    }

    @Test(arguments: [(0, 0.5), (0.25, 0), (0.1, 0.2)] as [(Float, Float)]) func penalties(_ l1: Float, _ l2: Float) throws {
        for count in [0, 1, 5, 70_000] {
            var random = TestRandom(7)
            let x = random.tensor([count])
            let run = try OpRunner.run(WeightPenalty(l1: l1, l2: l2), [x], outputGradients: [Tensor([2] as [Float], shape: [])])
            let expected = Doubles(x).values.reduce(0) { $0 + Double(l1) * abs($1) + Double(l2) * $1 * $1 }
            #expect(mismatch(run.outputs[0], [expected]) == nil)
            let slopes = Doubles(x).values.map { 2 * (Double(l1) * ($0 < 0 ? -1 : 1) + 2 * Double(l2) * $0) }
            #expect(mismatch(run.inputGradients[0]!, slopes) == nil)
        }
    }

    @Test func total() throws {
        let parts = [3, 4].map { Tensor([$0] as [Float], shape: []) }
        let run = try OpRunner.run(WeightedTotal(factors: [2, 0.5]), parts, outputGradients: [one])
        #expect(run.outputs[0].floats == [8])
        #expect(run.inputGradients.map { $0!.floats } == [[2], [0.5]])
    }
}
