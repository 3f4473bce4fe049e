import CKernels

/// The right factor of a product, packed once for many products: k × n, rows of panels as the inner loop reads them.
package struct PackedMatrix: Hashable, Sendable {
    package let k: Int
    package let n: Int

    package init(k: Int, n: Int) {
        self.k = k
        self.n = n
    }

    /// Elements that the packed form takes; 64-byte aligned.
    package var count: Int { (n + Int(CK_PANEL) - 1) / Int(CK_PANEL) * Int(CK_PANEL) * k }

    /// Packs a row-major k × n array, whose rows are `stride` elements apart (nil: n).
    package func pack(_ b: UnsafePointer<Float>, stride: Int? = nil, to packed: UnsafeMutablePointer<Float>) {
        ck_pack_panels(b, stride ?? n, k, n, packed, k * Int(CK_PANEL))
    }

    /// Packs the transpose of a row-major n × k array, whose rows are `stride` elements apart (nil: k).
    package func packTransposed(_ b: UnsafePointer<Float>, stride: Int? = nil, to packed: UnsafeMutablePointer<Float>) {
        ck_pack_panels_transposed(b, stride ?? k, k, n, packed, k * Int(CK_PANEL))
    }

    /// Whether packing pays: not where OpenBLAS computes products.
    package static var isWorthwhile: Bool { !BLAS.isPreferred }

    /// Multiplies column j of what is packed by scale[j].
    package func scale(_ packed: UnsafeMutablePointer<Float>, by scale: UnsafePointer<Float>) {
        for column in 0..<n {
            let start = packed + column / panelWidth * panelWidth * k + column % panelWidth
            for row in 0..<k { start[row * panelWidth] *= scale[column] }
        }
    }

    /// Columns of C (m × n, rows `ldc` apart) = A (m × k, rows `lda` apart) times this + bias.
    ///
    /// - Parameters:
    ///   - columns: begin at a multiple of 32; `c` and `bias` point at the first of them.
    ///   - accumulate: adds to C.
    ///   - rectify: max(·, 0) last of all.
    ///   - workspace: `sgemmWorkspace` elements.
    package func product(
        _ m: Int, columns: Range<Int>, _ a: UnsafePointer<Float>, lda: Int, packed: UnsafePointer<Float>,
        to c: UnsafeMutablePointer<Float>, ldc: Int, bias: UnsafePointer<Float>?, accumulate: Bool = false, rectify: Bool,
        workspace: UnsafeMutablePointer<Float>
    ) {
        ck_packed_product(
            m, columns.count, k, a, lda, packed + columns.lowerBound * k, k * panelWidth, c, ldc, bias,
            productFlags(accumulate: accumulate, rectify: rectify), workspace)
    }

    /// C (m × n, rows `ldc` apart) = A (m × k, rows `lda` apart) times this + bias, or added to C.
    package func product(
        _ m: Int, _ a: UnsafePointer<Float>, lda: Int, packed: UnsafePointer<Float>, to c: UnsafeMutablePointer<Float>,
        ldc: Int, bias: UnsafePointer<Float>? = nil, accumulate: Bool
    ) {
        let extents = ck_product_extents(
            rows: 1, columns: m, a_column: lda, c_column: ldc, segments: 1, length: k, step: 1, n: n,
            b_panel: k * Int(CK_PANEL), b_row: Int(CK_PANEL))
        var zero = 0
        ck_product(extents, a, &zero, &zero, packed, c, &zero, bias, productFlags(accumulate: accumulate, rectify: false))
    }
}
