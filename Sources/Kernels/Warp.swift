import CKernels

/// An affine transformation of a picture, as SciPy 1.5's `ndimage.affine_transform` computes it for each channel, bit for bit.
package struct Warp: Sendable {
    /// What lies outside the picture; names are SciPy's and Keras's.
    package enum Fill: Sendable {
        case nearest, constant, reflect, wrap
    }

    private var warp: ck_warp

    /// - Parameters:
    ///   - x: distances in elements between rows, columns and channels of what is read; `y` of what is written.
    ///   - matrix: by rows; takes places of `y` to places of `x`, both (row, column).
    ///   - order: of the spline, 0 to 5; from 2 on `x` holds coefficients (`splineFilter`).
    package init(
        height: Int, width: Int, channels: Int, x: (row: Int, column: Int, channel: Int), y: (row: Int, column: Int, channel: Int),
        matrix: (Double, Double, Double, Double), offset: (Double, Double), order: Int, fill: Fill, cval: Double
    ) {
        precondition((0...5).contains(order), "a spline of order \(order)")
        warp = ck_warp()
        (warp.height, warp.width, warp.channels) = (height, width, channels)
        (warp.x_row, warp.x_column, warp.x_channel) = x
        (warp.y_row, warp.y_column, warp.y_channel) = y
        warp.matrix = matrix
        warp.offset = offset
        warp.cval = cval
        warp.order = Int32(order)
        warp.fill =
            switch fill {
            case .nearest: Int32(CK_FILL_NEAREST)
            case .constant: Int32(CK_FILL_CONSTANT)
            case .reflect: Int32(CK_FILL_REFLECT)
            case .wrap: Int32(CK_FILL_WRAP)
            }
    }

    /// `y` is where pixel (0, 0) goes.
    package func run(_ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: warp) { ck_warp_f32($0, x, y, 0, warp.height) }
    }

    package func run(_ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>) {
        withUnsafePointer(to: warp) { ck_warp_f64($0, x, y, 0, warp.height) }
    }

    package func run(_ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Float>) {
        withUnsafePointer(to: warp) { ck_warp_f64_f32($0, x, y, 0, warp.height) }
    }

    /// The spline's coefficients of one channel in place, for an order from 2 to 5; distances in elements.
    package static func splineFilter(
        _ c: UnsafeMutablePointer<Double>, height: Int, width: Int, row: Int, column: Int, order: Int
    ) {
        precondition((2...5).contains(order), "a spline of order \(order)")
        withUnsafeTemporaryAllocation(of: Double.self, capacity: max(height, width, 1)) {
            ck_spline_filter(c, height, width, row, column, Int32(order), $0.baseAddress!)
        }
    }
}
