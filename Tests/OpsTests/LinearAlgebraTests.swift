import Foundation
import Graphs
import Tensors
import TestSupport
import Testing

@testable import Ops

@Suite struct LinearAlgebraTests {
    /// Gauss and Jordan, with rows exchanged: the solution and the determinant.
    private func solve(_ a: [[Double]], _ b: [[Double]]) -> (x: [[Double]], determinant: Double) {
        var (a, b) = (a, b), determinant = 1.0
        let n = a.count
        for column in 0..<n {
            let best = (column..<n).max { abs(a[$0][column]) < abs(a[$1][column]) }!
            if best != column {
                a.swapAt(best, column)
                b.swapAt(best, column)
                determinant = -determinant
            }
            let pivot = a[column][column]
            determinant *= pivot
            a[column] = a[column].map { $0 / pivot }
            b[column] = b[column].map { $0 / pivot }
            for row in 0..<n where row != column {
                let factor = a[row][column]
                a[row] = zip(a[row], a[column]).map { $0 - factor * $1 }
                b[row] = zip(b[row], b[column]).map { $0 - factor * $1 }
            }
        }
        return (b, determinant)
    }

    private func matrices(_ x: Doubles) -> [[[Double]]] {
        let rows = x.shape[x.shape.rank - 2], columns = x.shape[x.shape.rank - 1]
        return stride(from: 0, to: x.values.count, by: rows * columns).map { start in
            (0..<rows).map { Array(x.values[(start + $0 * columns)..<(start + ($0 + 1) * columns)]) }
        }
    }

    /// Well away from what can't be inverted, with rows that must be exchanged.
    private func stack(_ random: inout TestRandom, _ shape: Shape) -> Tensor {
        let noise = random.tensor(shape), n = shape[shape.rank - 1]
        return Tensor(
            noise.floats.enumerated().map { index, x in
                let (row, column) = (index / n % n, index % n)
                return x + (column == n - 1 - row ? 4 : 0)
            }, shape: shape)
    }

    @Test(arguments: [([3, 3], [3, 2]), ([2, 4, 4], [2, 4, 1]), ([1, 1], [1, 1]), ([2, 1, 2, 2], [2, 1, 2, 3])] as [(Shape, Shape)])
    func solves(_ a: Shape, _ b: Shape) throws {
        var random = TestRandom(1)
        try check(Solve(), [stack(&random, a), random.tensor(b)], relative: 5e-5, absolute: 5e-6) { values in
            [Doubles(zip(matrices(values[0]), matrices(values[1])).flatMap { solve($0, $1).x.flatMap(\.self) }, b)]
        }
    }

    @Test(arguments: [[3, 3], [2, 4, 4], [1, 1]] as [Shape]) func determinant(_ shape: Shape) throws {
        var random = TestRandom(2)
        let x = stack(&random, shape), out = Shape(Array(shape.dims.dropLast(2)))
        let expected = matrices(Doubles(x)).map { matrix in solve(matrix, matrix).determinant }
        let weights = random.tensor(out)
        let run = try OpRunner.run(Determinant(), [x], outputGradients: [nil, weights])
        #expect(run.outputs[0].floats.map(Double.init) == expected.map { $0 < 0 ? -1 : 1 })
        #expect(mismatch(run.outputs[1], Doubles(expected.map { log(abs($0)) }, out), relative: 1e-5) == nil)
        let gradient = centralDifferences(
            of: { [Doubles(matrices($0[0]).map { log(abs(solve($0, $0).determinant)) }, out)] }, at: [Doubles(x)], weights: [Doubles(weights)])
        #expect(mismatch(try #require(run.inputGradients[0]), gradient[0], relative: 1e-4) == nil)
    }

    /// M · Mᵀ, with a number added to the diagonal, row by row.
    private func gram(_ m: [[Double]], plus diagonal: Double) -> [Double] {
        var result: [Double] = []
        for i in m.indices {
            for j in m.indices {
                var sum = i == j ? diagonal : 0
                for k in m[i].indices { sum += m[i][k] * m[j][k] }
                result.append(sum)
            }
        }
        return result
    }

    @Test func cholesky() throws {
        var random = TestRandom(3)
        let shape: Shape = [2, 3, 3]
        let noise = matrices(Doubles(random.tensor(shape)))
        let symmetric = noise.flatMap { gram($0, plus: 1) }.map { Float($0) }
        let run = try OpRunner.run(Cholesky(), [Tensor(symmetric, shape: shape)], outputGradients: [random.tensor(shape)])
        let lower = matrices(Doubles(run.outputs[0]))
        let product = lower.flatMap { gram($0, plus: 0) }
        #expect(mismatch(Tensor(symmetric, shape: shape), Doubles(product, shape)) == nil)
        for l in lower { #expect([l[0][1], l[0][2], l[1][2]] == [0, 0, 0]) }
        // The gradient is symmetric; its value is held against TensorFlow in fixtures/catalogue.
        for g in matrices(Doubles(try #require(run.inputGradients[0]))) {
            #expect(abs(g[0][1] - g[1][0]) < 1e-5)
            #expect(abs(g[1][2] - g[2][1]) < 1e-5)
        }
        #expect(try OpRunner.run(Cholesky(), [Tensor([-1] as [Float], shape: [1, 1])]).outputs[0].floats[0].isNaN)
    }

    @Test func refusesWhatIsNotSquare() {
        for op in [Determinant() as any Op, Cholesky()] {
            #expect(throws: LocatedError.self) { try op.outputs(for: [ValueInfo([2, 3])]) }
            #expect(throws: LocatedError.self) { try op.outputs(for: [ValueInfo([3])]) }
        }
        #expect(throws: LocatedError.self) { try Solve().outputs(for: [ValueInfo([3, 3]), ValueInfo([2, 1])]) }
    }
}
