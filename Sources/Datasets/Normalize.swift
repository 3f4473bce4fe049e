import Foundation
public import Tensors

/// An array divided by the norms along an axis, as Keras's `normalize`: float32 of float32 and smaller floats, else float64. A norm of 0
/// leaves what it is of.
///
/// Differs from Keras 3 on the first axis: there it divides by the norms of other elements, or fails, by mistake; Keras 2.3 is followed.
///
/// - Parameters:
///   - axis: negative: counted from the end.
///   - order: of the norm: 2 is the root of the sum of squares, 1 the sum of magnitudes, infinity the largest magnitude.
///
/// Throws 64 `normalize.axis`, `normalize.order`, 69 `normalize.dtype` for text.
public func normalize(_ x: Tensor, axis: Int = -1, order: Double = 2) throws(LocatedError) -> Tensor {
    let rank = x.shape.rank
    guard (-rank..<rank).contains(axis) else {
        throw LocatedError(.usage, "normalize.axis", "expected an axis of \(x.shape), got \(axis)")
    }
    guard order > 0 else { throw LocatedError(.usage, "normalize.order", "expected a norm of an order above 0, got \(order)") }
    guard x.dtype != .string else { throw LocatedError(.unsupported, "normalize.dtype", "expected numbers, got text") }
    let position = axis < 0 ? axis + rank : axis
    let extent = x.shape[position]
    let inner = x.shape.dims[(position + 1)...].reduce(1, *)
    var values = x.asType(.float64).array(as: Double.self)
    for line in 0..<(extent == 0 ? 0 : values.count / extent) {
        let start = line / max(inner, 1) * inner * extent + line % max(inner, 1)
        let places = stride(from: start, to: start + inner * extent, by: inner)
        var norm: Double
        if order == 2 {
            norm = places.reduce(0) { $0 + values[$1] * values[$1] }.squareRoot()
        } else if order == .infinity {
            norm = places.reduce(0) { max($0, abs(values[$1])) }
        } else {
            norm = pow(places.reduce(0) { $0 + pow(abs(values[$1]), order) }, 1 / order)
        }
        if norm == 0 { norm = 1 }
        for place in places { values[place] /= norm }
    }
    let isNarrow = x.dtype.isFloatingPoint && x.dtype != .float64
    return Tensor(values, shape: x.shape).asType(isNarrow ? .float32 : .float64)
}
