import Tensors

/// How far results may be from genuine Keras's, by kind of result: the difference over the largest expected magnitude.
enum Tolerance {
    static let output = 1e-5
    static let gradient = 1e-4
    static let update = 1e-5
    /// The least scale of a gradient, as a share of the largest gradient of its case.
    static let gradientFloor = 0.05
}

/// The largest difference of two arrays over the scale of the expected one, and where it is; infinite when shapes, NaNs or
/// infinities differ.
///
/// - Parameter floor: the scale is at least this: what is zero but for rounding has no scale of its own.
func departure(of got: Tensor, from expected: Tensor, floor: Double = 0) -> (error: Double, note: String) {
    guard got.shape == expected.shape else { return (.infinity, "shape \(got.shape), expected \(expected.shape)") }
    if got.dtype == .string || expected.dtype == .string {
        let place = got.strings.indices.first { got.strings[$0] != expected.strings[$0] }
        return place.map { (.infinity, "at \($0): \(got.strings[$0]), expected \(expected.strings[$0])") } ?? (0, "equal")
    }
    let (a, b) = (got.floats, expected.floats)
    let scale = max(magnitude(expected), floor, 1e-30)
    var worst = 0.0
    var place = 0
    for index in b.indices {
        if b[index].isNaN && a[index].isNaN || a[index] == b[index] { continue }
        let difference = abs(Double(a[index]) - Double(b[index])) / scale
        let error = difference.isFinite ? difference : .infinity
        if error > worst { (worst, place) = (error, index) }
    }
    return (worst, worst == 0 ? "equal" : "at \(place): \(a[place]), expected \(b[place]), scale \(scale)")
}

/// The largest finite magnitude.
func magnitude(_ tensor: Tensor) -> Double { Double(tensor.floats.filter(\.isFinite).map(abs).max() ?? 0) }
