import CKernels

/// Elements of workspace that `sgemm` uses, 64-byte aligned.
package let sgemmWorkspace = Int(CK_MATRIX_WORKSPACE)

/// C (m × n) = op(A) · op(B) + bias, or added to C; row-major, on this thread, without allocating.
///
/// The result depends on the extents alone; blocks of C that are computed apart have the same bits as C computed at once.
///
/// - Parameters:
///   - a: m × k with rows `lda` apart; transposed: k × m.
///   - b: k × n with rows `ldb` apart; transposed: n × k.
///   - bias: n elements, added to each row.
///   - rectify: max(·, 0) last of all.
///   - workspace: `sgemmWorkspace` elements, or nil for small products.
package func sgemm(
    transposeA: Bool = false, transposeB: Bool = false, _ m: Int, _ n: Int, _ k: Int, _ a: UnsafePointer<Float>, lda: Int,
    _ b: UnsafePointer<Float>, ldb: Int, _ c: UnsafeMutablePointer<Float>, ldc: Int, bias: UnsafePointer<Float>? = nil,
    accumulate: Bool = false, rectify: Bool = false, workspace: UnsafeMutablePointer<Float>? = nil
) {
    if BLAS.isPreferred, m * n * k >= BLAS.leastWork {
        return BLAS.product(
            transposeA: transposeA, transposeB: transposeB, m, n, k, a, lda: lda, b, ldb: ldb, c, ldc: ldc, bias: bias,
            accumulate: accumulate, rectify: rectify)
    }
    ck_matrix_product(
        transposeA ? 1 : 0, transposeB ? 1 : 0, m, n, k, a, lda, b, ldb, c, ldc, bias,
        productFlags(accumulate: accumulate, rectify: rectify), workspace)
}

/// y = x · W for one row x: W (`rows` × `columns`, rows `stride` apart) is read once, in order.
package func rowProduct(
    _ x: UnsafePointer<Float>, _ w: UnsafePointer<Float>, stride: Int, rows: Int, columns: Int,
    _ y: UnsafeMutablePointer<Float>
) {
    ck_row_product(x, w, stride, rows, columns, y)
}

func productFlags(accumulate: Bool, rectify: Bool) -> UInt32 {
    UInt32((accumulate ? CK_PRODUCT_ADD : 0) | (rectify ? CK_PRODUCT_RECTIFY : 0))
}
