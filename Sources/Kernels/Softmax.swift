import CKernels

// Softmax along contiguous rows, or along an axis with other axes behind it; see ck_softmax.h.

package func softmaxRows(_ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, columns: Int) {
    ck_softmax_rows(x, y, rows, columns)
}

package func softmaxRowsGradient(
    _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, rows: Int, columns: Int,
    accumulate: Bool
) {
    ck_softmax_rows_gradient(y, dy, dx, rows, columns, accumulate)
}

package func softmaxColumns(
    _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, extent: Int, stride: Int, columns: Int
) {
    ck_softmax_columns(x, y, extent, stride, columns)
}

package func softmaxColumnsGradient(
    _ y: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, extent: Int, stride: Int,
    columns: Int, accumulate: Bool
) {
    ck_softmax_columns_gradient(y, dy, dx, extent, stride, columns, accumulate)
}
