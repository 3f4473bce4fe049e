import CKernels
import COpenBLAS

/// OpenBLAS, for processors that our own product kernels have no vectors for.
///
/// Where those have AVX2 or AVX-512 they are the faster (docs/benchmarks): OpenBLAS 0.3.21 doesn't know processors that
/// are younger than itself, and can't take rows of A that don't lie at one distance, as a convolution's do.
package enum BLAS {
    /// Whether `sgemm` hands products of some size to OpenBLAS on this processor.
    package static let isPreferred = ck_family_at_hand() == CK_FAMILY_BASELINE

    /// Below this many multiplications a call costs more than it saves.
    static let leastWork = 32 * 32 * 32

    /// One thread: the engine's own pool spreads the work.
    private static let isSingleThreaded: Bool = {
        openblas_set_num_threads(1)
        return true
    }()

    /// `cblas_sgemm` in row-major order, then bias and rectification. Parameters as `sgemm`'s.
    package static func product(
        transposeA: Bool, transposeB: Bool, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, lda: Int,
        _ b: UnsafePointer<Float>, ldb: Int, _ c: UnsafeMutablePointer<Float>, ldc: Int, bias: UnsafePointer<Float>?,
        accumulate: Bool, rectify: Bool
    ) {
        guard m > 0, n > 0, isSingleThreaded else { return }
        cblas_sgemm(
            CblasRowMajor, transposeA ? CblasTrans : CblasNoTrans, transposeB ? CblasTrans : CblasNoTrans, blasint(m),
            blasint(n), blasint(k), 1, a, blasint(lda), b, blasint(ldb), accumulate ? 1 : 0, c, blasint(ldc))
        guard bias != nil || rectify else { return }
        for row in 0..<m {
            let target = c + row * ldc
            if let bias { for column in 0..<n { target[column] += bias[column] } }
            // NaN stays NaN.
            if rectify { for column in 0..<n where target[column] < 0 { target[column] = 0 } }
        }
    }
}
