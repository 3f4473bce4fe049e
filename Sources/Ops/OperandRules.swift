import Graphs
import Tensors

/// Throws unless an input is a vector of `extent` elements, as far as that is known.
func requireVector(_ op: String, _ input: ValueInfo, _ extent: Int?, _ meaning: String) throws(LocatedError) {
    guard input.shape.rank == 1, extent == nil || input.shape[0] == nil || input.shape[0] == extent else {
        throw mismatch(op, expected: "a \(meaning) of shape \(PartialShape([extent]))", got: "\(input.shape)")
    }
}

/// Bytes up to the next multiple of 64, so that what follows in the same area is aligned.
func alignedBytes(_ count: Int) -> Int { (count + 63) & ~63 }
