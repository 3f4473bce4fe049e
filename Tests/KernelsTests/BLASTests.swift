import Testing

@testable import Kernels

/// The products that processors without AVX2 hand to OpenBLAS, run on any processor.
@Suite struct BLASTests {
    @Test(arguments: [false, true], [false, true])
    func product(transposeA: Bool, transposeB: Bool) {
        let (m, n, k) = (37, 29, 41)
        let a = (0..<m * k).map { Float($0 * 7 % 11) - 5 }
        let b = (0..<k * n).map { Float($0 * 5 % 13) / 4 - 1 }
        let bias = (0..<n).map { Float($0) - 14 }
        for (accumulate, rectify) in [(false, false), (true, false), (false, true), (true, true)] {
            var c = [Float](repeating: 3, count: m * n)
            BLAS.product(
                transposeA: transposeA, transposeB: transposeB, m, n, k, a, lda: transposeA ? m : k, b,
                ldb: transposeB ? k : n, &c, ldc: n, bias: bias, accumulate: accumulate, rectify: rectify)
            for row in 0..<m {
                for column in 0..<n {
                    var sum = Double(bias[column]) + (accumulate ? 3 : 0)
                    for inner in 0..<k {
                        let x = transposeA ? a[inner * m + row] : a[row * k + inner]
                        let y = transposeB ? b[column * k + inner] : b[inner * n + column]
                        sum += Double(x) * Double(y)
                    }
                    let expected = rectify ? max(sum, 0) : sum
                    #expect(abs(Double(c[row * n + column]) - expected) < 1e-3)
                }
            }
        }
    }

    @Test func rectifyingKeepsNaN() {
        var c: [Float] = [0]
        BLAS.product(
            transposeA: false, transposeB: false, 1, 1, 1, [Float.nan], lda: 1, [1], ldb: 1, &c, ldc: 1, bias: nil,
            accumulate: false, rectify: true)
        #expect(c[0].isNaN)
    }
}
