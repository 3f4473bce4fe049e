public import Tensors

/// Sequences of words and what they are labelled with, as Keras's data sets of text give them.
public struct LabeledSequences: Sendable, Equatable {
    /// Numbers of words, a list for each sample.
    public var x: [[Int]]
    /// Shape (samples,).
    public var y: Tensor

    public init(x: [[Int]], y: Tensor) {
        self.x = x
        self.y = y
    }
}

extension Tensor {
    /// The rows of these numbers, in their order; each must be there.
    func rows(at numbers: [Int]) -> Tensor {
        var dims = shape.dims
        let rowBytes = dims[0] == 0 ? 0 : byteCount / dims[0]
        dims[0] = numbers.count
        var result = Tensor(uninitialized: Shape(dims), dtype: dtype)
        result.withUnsafeMutableBytes { target in
            withUnsafeBytes { source in
                for (row, number) in numbers.enumerated() where rowBytes > 0 {
                    UnsafeMutableRawBufferPointer(rebasing: target[row * rowBytes..<(row + 1) * rowBytes])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[number * rowBytes..<(number + 1) * rowBytes]))
                }
            }
        }
        result.keepStrings(of: self)
        return result
    }
}
