import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

@testable import Ops

/// Factors multiply to what was given, and have the form that they promise. Gradients and signs are compared with TensorFlow's by
/// the catalogue of Keras 3.15 (`LayerParityTests`).
@Suite struct FactorizationTests {
    private static let shapes: [Shape] = [[1, 1], [2, 3, 3], [2, 5, 3], [2, 3, 5], [4, 1], [1, 4], [2, 1, 2, 2], [20, 17], [17, 20], [24, 24]]

    private func matrices(_ x: Tensor) -> [[[Double]]] {
        let rows = x.shape[x.shape.rank - 2], columns = x.shape[x.shape.rank - 1], values = x.floats.map(Double.init)
        return stride(from: 0, to: values.count, by: max(rows * columns, 1)).map { start in
            (0..<rows).map { Array(values[(start + $0 * columns)..<(start + ($0 + 1) * columns)]) }
        }
    }

    private func product(_ a: [[Double]], _ b: [[Double]]) -> [[Double]] {
        a.map { row in b[0].indices.map { column in zip(row, b).reduce(0) { $0 + $1.0 * $1.1[column] } } }
    }

    private func transposed(_ a: [[Double]]) -> [[Double]] { a[0].indices.map { column in a.map { $0[column] } } }

    private func distance(_ a: [[Double]], _ b: [[Double]]) -> Double {
        zip(a, b).map { zip($0, $1).map { abs($0 - $1) }.max() ?? 0 }.max() ?? 0
    }

    private func identity(_ n: Int) -> [[Double]] { (0..<n).map { row in (0..<n).map { $0 == row ? 1 : 0 } } }

    private func diagonal(_ values: [Double]) -> [[Double]] { values.indices.map { row in values.indices.map { $0 == row ? values[row] : 0 } } }

    @Test(arguments: shapes, [false, true]) func orthogonal(_ shape: Shape, _ complete: Bool) throws {
        var random = TestRandom(3)
        let x = random.tensor(shape), run = try OpRunner.run(OrthogonalFactors(complete: complete), [x])
        for (a, (q, r)) in zip(matrices(x), zip(matrices(run.outputs[0]), matrices(run.outputs[1]))) {
            #expect(distance(product(q, r), a) < 1e-5)
            #expect(distance(product(transposed(q), q), identity(q[0].count)) < 1e-5)
            for row in r.indices { for column in 0..<min(row, r[row].count) { #expect(r[row][column] == 0) } }
        }
    }

    @Test(arguments: shapes, [false, true]) func singular(_ shape: Shape, _ full: Bool) throws {
        var random = TestRandom(4)
        let x = random.tensor(shape), run = try OpRunner.run(SingularValues(full: full), [x])
        let count = min(shape[shape.rank - 2], shape[shape.rank - 1]), values = run.outputs[0].floats.map(Double.init)
        for (index, a) in matrices(x).enumerated() {
            let s = Array(values[(index * count)..<((index + 1) * count)])
            let u = matrices(run.outputs[1])[index], v = matrices(run.outputs[2])[index]
            let descends = s.indices.dropLast().allSatisfy { s[$0] >= s[$0 + 1] }
            #expect(descends && s.allSatisfy { $0 >= 0 })
            #expect(distance(product(transposed(u), u), identity(u[0].count)) < 1e-5)
            #expect(distance(product(transposed(v), v), identity(v[0].count)) < 1e-5)
            let thin = (u.map { Array($0[..<count]) }, v.map { Array($0[..<count]) })
            #expect(distance(product(product(thin.0, diagonal(s)), transposed(thin.1)), a) < 1e-5 * Double(count))
        }
    }

    @Test(arguments: shapes.filter { $0[$0.rank - 1] == $0[$0.rank - 2] }) func eigen(_ shape: Shape) throws {
        var random = TestRandom(5)
        let x = random.tensor(shape), run = try OpRunner.run(SymmetricEigen(), [x])
        let n = shape[shape.rank - 1], values = run.outputs[0].floats.map(Double.init)
        for (index, a) in matrices(x).enumerated() {
            let e = Array(values[(index * n)..<((index + 1) * n)]), v = matrices(run.outputs[1])[index]
            let lower = (0..<n).map { row in (0..<n).map { a[max(row, $0)][min(row, $0)] } }
            let ascends = e.indices.dropLast().allSatisfy { e[$0] <= e[$0 + 1] }
            #expect(ascends)
            #expect(distance(product(lower, v), product(v, diagonal(e))) < 1e-5 * Double(n))
            #expect(distance(product(transposed(v), v), identity(n)) < 1e-5)
        }
    }

    @Test(arguments: shapes.filter { $0[$0.rank - 1] == $0[$0.rank - 2] }) func triangular(_ shape: Shape) throws {
        var random = TestRandom(6)
        let x = random.tensor(shape), run = try OpRunner.run(TriangularFactors(), [x])
        let n = shape[shape.rank - 1], places = run.outputs[1].floats.map { Int($0) }
        for (index, a) in matrices(x).enumerated() {
            let lu = matrices(run.outputs[0])[index]
            var l = identity(n), u = lu
            for row in 0..<n {
                for column in 0..<row { (l[row][column], u[row][column]) = (lu[row][column], 0) }
            }
            let both = product(l, u)
            for row in 0..<n { #expect(distance([both[places[index * n + row]]], [a[row]]) < 1e-5) }
        }
    }

    /// Nothing but zeros, and what isn't a number: no endless search.
    @Test(arguments: [0, Float.nan, .infinity]) func strangeNumbers(_ number: Float) throws {
        let x = Tensor([Float](repeating: number, count: 12), shape: [4, 3]), square = Tensor([Float](repeating: number, count: 9), shape: [3, 3])
        for (op, input) in [
            (SingularValues() as any Op, x), (SingularValues(full: true), x), (OrthogonalFactors(), x), (SymmetricEigen(), square), (TriangularFactors(), square),
        ] {
            let first = try OpRunner.run(op, [input]).outputs[0].floats
            let areNumbers = first.allSatisfy { $0.isFinite }
            #expect(areNumbers == (number == 0))
        }
    }
}
