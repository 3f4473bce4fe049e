import Foundation
import Graphs
import Kernels
import TestSupport
import Tensors
import Testing

@testable import Ops

/// Functions of rows along the last axis, and random numbers.
struct RowTests {
    static let shapes: [Shape] = [[3, 6], [2, 3, 20], [1, 70], [40, 2], [2, 514]]

    private func rows(_ values: Doubles, _ shape: Shape, _ body: ([Double]) -> [Double]) -> [Double] {
        let columns = shape[shape.rank - 1]
        return stride(from: 0, to: shape.count, by: columns).flatMap { body(Array(values.values[$0..<$0 + columns])) }
    }

    @Test(arguments: shapes) func logSoftmax(shape: Shape) throws {
        var random = TestRandom(21)
        try check(RowMap(.logSoftmax), [random.tensor(shape, in: -5...5)], relative: 1e-4) { values in
            let result = rows(values[0], shape) { row in
                let top = row.max() ?? 0
                let total = row.reduce(0) { $0 + exp($1 - top) }
                return row.map { $0 - top - log(total) }
            }
            return [Doubles(result, shape)]
        }
    }

    @Test(arguments: shapes) func sparsemax(shape: Shape) throws {
        var random = TestRandom(22)
        try check(RowMap(.sparsemax), [random.tensor(shape, in: -1...1)]) { values in
            let result = rows(values[0], shape) { row in
                var running = 0.0, total = 0.0, count = 0.0
                for (index, value) in row.sorted(by: >).enumerated() {
                    running += value
                    if value - (running - 1) / Double(index + 1) > 0 { (total, count) = (total + running, count + 1) }
                }
                // Keras adds the running sums up.
                let threshold = (total - 1) / count
                return row.map { max($0 - threshold, 0) }
            }
            return [Doubles(result, shape)]
        }
    }

    @Test(arguments: [[3, 6], [2, 3, 20], [5, 2], [2, 140]] as [Shape]) func gatedLinear(shape: Shape) throws {
        var random = TestRandom(23)
        try check(RowMap(.gatedLinear), [random.tensor(shape, in: -3...3)]) { values in
            let half = shape[shape.rank - 1] / 2
            let result = rows(values[0], shape) { (row: [Double]) -> [Double] in
                (0..<half).map { index -> Double in
                    let gate: Double = 1 + exp(-row[half + index])
                    return row[index] / gate
                }
            }
            return [Doubles(result, Shape(shape.dims.dropLast() + [half]))]
        }
    }

    @Test(arguments: RowNorm.allCases, shapes) func normalize(kind: RowNorm, shape: Shape) throws {
        var random = TestRandom(24)
        let epsilon = kind == .unit ? 1e-12 : Double(Float(0.01))
        try check(RowNormalize(kind, epsilon: Float(epsilon)), [random.tensor(shape, in: -1...3)], relative: 3e-5, absolute: 5e-6) {
            values in
            let result = rows(values[0], shape) { row in
                let n = Double(row.count), mean = row.reduce(0, +) / n
                let squares = row.reduce(0) { $0 + $1 * $1 }
                let variance = row.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / n
                switch kind {
                case .layer: return row.map { ($0 - mean) / (variance + epsilon).squareRoot() }
                case .variance: return row.map { $0 / (variance + epsilon).squareRoot() }
                case .rootMeanSquare: return row.map { $0 / (squares / n + epsilon).squareRoot() }
                case .unit: return row.map { $0 / max(squares.squareRoot(), epsilon) }
                }
            }
            return [Doubles(result, shape)]
        }
    }

    @Test func normalizeOfZeros() throws {
        let run = try OpRunner.run(
            RowNormalize(.unit, epsilon: 1e-12), [Tensor(zeros: [2, 5])], outputGradients: [Tensor([Float](repeating: 1, count: 10), shape: [2, 5])])
        #expect(run.outputs[0].floats.allSatisfy { $0 == 0 })
        #expect(run.inputGradients[0]?.floats.allSatisfy(\.isFinite) == true)
    }

    /// Mean, variance, skewness, excess kurtosis, and the share beyond two standard deviations of a hundred thousand numbers.
    @Test func normalNumbers() throws {
        let count = 100_003
        let run = try OpRunner.run(
            RandomFill(.normal(mean: 2, stddev: 3), stream: 5), [Tensor(zeros: [count])], phase: .training, seed: 7, step: 11)
        let values = run.outputs[0].floats.map { (Double($0) - 2) / 3 }
        func moment(_ power: Int) -> Double {
            values.reduce(0) { sum, value in sum + (0..<power).reduce(1) { product, _ in product * value } } / Double(count)
        }
        #expect(abs(moment(1)) < 0.02 && abs(moment(2) - 1) < 0.02 && abs(moment(3)) < 0.05 && abs(moment(4) - 3) < 0.12)
        let beyond = Double(values.count { abs($0) > 2 }) / Double(count)
        #expect(abs(beyond - 0.0455) < 0.003)
        // Neighbours, which are made in pairs, don't know of each other.
        let pairs = zip(values, values.dropFirst()).reduce(0) { $0 + $1.0 * $1.1 } / Double(count)
        #expect(abs(pairs) < 0.02)
        let other = try OpRunner.run(
            RandomFill(.normal(mean: 2, stddev: 3), stream: 6), [Tensor(zeros: [count])], phase: .training, seed: 7, step: 11)
        #expect(zip(other.outputs[0].floats, run.outputs[0].floats).count { $0 == $1 } < 100)
    }

    @Test func uniformAndKept() throws {
        let count = 100_001
        let uniform = try OpRunner.run(
            RandomFill(.uniform(low: -1, high: 3), stream: 1), [Tensor(zeros: [count])], phase: .training).outputs[0].floats
        #expect(uniform.allSatisfy { $0 >= -1 && $0 < 3 })
        let mean = uniform.reduce(0) { $0 + Double($1) } / Double(count)
        #expect(abs(mean - 1) < 0.02)
        let kept = try OpRunner.run(
            RandomFill(.keep(dropping: 0.3), stream: 1, shape: [nil, 1]), [Tensor(zeros: [count, 2])], phase: .training).outputs[0]
        #expect(kept.shape == [count, 1] && kept.floats.allSatisfy { $0 == 0 || $0 == 1 })
        #expect(abs(kept.floats.reduce(0) { $0 + Double($1) } / Double(count) - 0.7) < 0.01)
    }
}
