internal import Kernels
internal import Tensors

/// The two element types that pictures are computed in.
protocol PictureNumber: BinaryFloatingPoint, TensorElement {
    /// Runs an order 0 or 1 warp.
    static func run(_ warp: Warp, _ x: UnsafePointer<Self>, to y: UnsafeMutablePointer<Self>)
    /// Runs a warp of a spline's coefficients.
    static func runSpline(_ warp: Warp, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Self>)
}

extension Float: PictureNumber {
    static func run(_ warp: Warp, _ x: UnsafePointer<Float>, to y: UnsafeMutablePointer<Float>) { warp.run(x, to: y) }
    static func runSpline(_ warp: Warp, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Float>) { warp.run(x, to: y) }
}

extension Double: PictureNumber {
    static func run(_ warp: Warp, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>) { warp.run(x, to: y) }
    static func runSpline(_ warp: Warp, _ x: UnsafePointer<Double>, to y: UnsafeMutablePointer<Double>) { warp.run(x, to: y) }
}
