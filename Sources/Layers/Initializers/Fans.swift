internal import Tensors

/// How many inputs and outputs a unit of a weight has.
///
/// A vector's fans are its length, a matrix's its rows and columns; of a convolution's kernel (…, inputs, outputs) each
/// counts once for every cell of the window.
/// Source: `compute_fans`, keras/src/initializers/random_initializers.py (3.15); the same as `_compute_fans` of 2.3.1 for
/// every kernel that Keras makes.
struct Fans: Equatable {
    let fanIn: Double
    let fanOut: Double

    init(_ shape: Shape) {
        switch shape.rank {
        case 0: (fanIn, fanOut) = (1, 1)
        case 1: (fanIn, fanOut) = (Double(shape[0]), Double(shape[0]))
        default:
            let window = shape.dims.dropLast(2).reduce(1.0) { $0 * Double($1) }
            fanIn = Double(shape[shape.rank - 2]) * window
            fanOut = Double(shape[shape.rank - 1]) * window
        }
    }

    /// With the axes that count as inputs and outputs given.
    init(_ shape: Shape, inputAxes: [Int], outputAxes: [Int]) {
        fanIn = inputAxes.reduce(1.0) { $0 * Double(shape[$1]) }
        fanOut = outputAxes.reduce(1.0) { $0 * Double(shape[$1]) }
    }
}
