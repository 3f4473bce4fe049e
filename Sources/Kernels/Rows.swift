import CKernels

// Functions of whole contiguous rows; see ck_rows.h.

/// What a row is divided by, and whether its mean is taken off.
package enum RowNorm: String, Hashable, Sendable, CaseIterable {
    /// (x − mean) / √(variance + epsilon).
    case layer
    /// x / √(variance + epsilon).
    case variance
    /// x / √(mean of squares + epsilon).
    case rootMeanSquare = "rms"
    /// x / max(√(sum of squares), epsilon).
    case unit

    var code: ck_norm {
        switch self {
        case .layer: CK_NORM_LAYER
        case .variance: CK_NORM_VARIANCE
        case .rootMeanSquare: CK_NORM_RMS
        case .unit: CK_NORM_UNIT
        }
    }
}

/// Normalizes rows; leaves each row's mean and factor for the gradient.
package func normalizeRows(
    _ kind: RowNorm, _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, mean: UnsafeMutablePointer<Float>,
    factor: UnsafeMutablePointer<Float>, rows: Int, columns: Int, epsilon: Float
) {
    ck_normalize_rows(kind.code, x, y, mean, factor, rows, columns, epsilon)
}

/// Normalizes rows, then multiplies by `scale` and adds `shift`, a row each; `y` may be `x`.
package func normalizeRows(
    _ kind: RowNorm, _ x: UnsafePointer<Float>, scale: UnsafePointer<Float>?, shift: UnsafePointer<Float>?,
    _ y: UnsafeMutablePointer<Float>, rows: Int, columns: Int, epsilon: Float
) {
    ck_normalize_rows_affine(kind.code, x, scale, shift, y, rows, columns, epsilon)
}

package func normalizeRowsGradient(
    _ kind: RowNorm, _ x: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, mean: UnsafePointer<Float>,
    factor: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, rows: Int, columns: Int, epsilon: Float, accumulate: Bool
) {
    ck_normalize_rows_gradient(kind.code, x, dy, mean, factor, dx, rows, columns, epsilon, accumulate)
}

/// A function of a row that has no settings.
package enum RowFunction: String, Hashable, Sendable, CaseIterable {
    case logSoftmax = "log_softmax"
    case sparsemax
    /// The first half times the sigmoid of the second; rows come out half as long.
    case gatedLinear = "glu"

    /// Whether the derivative is told by the input; otherwise by the output.
    package var gradientReadsInput: Bool { self != .logSoftmax }

    /// Bytes of scratch for rows of so many columns.
    package func scratchBytes(columns: Int) -> Int { self == .sparsemax ? columns * 4 : 0 }

    /// - Parameter columns: the output's.
    package func apply(
        _ x: UnsafePointer<Float>, _ y: UnsafeMutablePointer<Float>, rows: Int, columns: Int, scratch: UnsafeMutableRawPointer
    ) {
        switch self {
        case .logSoftmax: ck_log_softmax_rows(x, y, rows, columns)
        case .sparsemax: ck_sparsemax_rows(x, y, scratch.assumingMemoryBound(to: Int32.self), rows, columns)
        case .gatedLinear: ck_glu_rows(x, y, rows, columns)
        }
    }

    /// - Parameter known: the input or the output, whichever tells the derivative.
    package func gradient(
        _ known: UnsafePointer<Float>, _ dy: UnsafePointer<Float>, _ dx: UnsafeMutablePointer<Float>, rows: Int, columns: Int,
        scratch: UnsafeMutableRawPointer, accumulate: Bool
    ) {
        switch self {
        case .logSoftmax: ck_log_softmax_rows_gradient(known, dy, dx, rows, columns, accumulate)
        case .sparsemax: ck_sparsemax_rows_gradient(
                known, dy, dx, scratch.assumingMemoryBound(to: Int32.self), rows, columns, accumulate)
        case .gatedLinear: ck_glu_rows_gradient(known, dy, dx, rows, columns, accumulate)
        }
    }
}
