import Graphs
import Tensors

/// Throws unless all inputs are float32.
func requireFloat32(_ op: String, _ inputs: [ValueInfo]) throws(LocatedError) {
    for input in inputs where input.dtype != .float32 {
        throw LocatedError(.unsupported, "\(op).dtype", "\(op) expected float32, got \(input.dtype.rawValue) of shape \(input.shape)")
    }
}

/// Throws unless an input is a vector of `extent` elements, as far as that is known.
func requireVector(_ op: String, _ input: ValueInfo, _ extent: Int?, _ meaning: String) throws(LocatedError) {
    let expected = PartialShape([extent])
    guard input.shape.rank == 1, extent == nil || input.shape[0] == nil || input.shape[0] == extent else {
        throw LocatedError(.mismatch, "\(op).shape", "\(op) expected a \(meaning) of shape \(expected), got \(input.shape)")
    }
}

/// Bytes up to the next multiple of 64, so that what follows in the same area is aligned.
func alignedBytes(_ count: Int) -> Int { (count + 63) & ~63 }
