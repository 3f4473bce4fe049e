/// An array that is described now and read later: shape and type are known from a file's headers, bytes are taken only
/// when `load` is called, after the shape was held against what the model expects.
public struct LazyTensor: Sendable {
    /// What the header says, and `load` gives.
    public let shape: Shape
    /// What the header says, and `load` gives.
    public let dtype: DType
    private let loader: @Sendable () throws(LocatedError) -> Tensor

    /// An array that `load` reads.
    public init(shape: Shape, dtype: DType, load: @escaping @Sendable () throws(LocatedError) -> Tensor) {
        self.shape = shape
        self.dtype = dtype
        self.loader = load
    }

    /// An array that is in memory.
    public init(_ tensor: Tensor) {
        self.init(shape: tensor.shape, dtype: tensor.dtype) { () throws(LocatedError) in tensor }
    }

    /// Reads the array.
    public func load() throws(LocatedError) -> Tensor { try loader() }

    /// The same array through a function that is applied after loading (a kernel flip, a transposition, a cast).
    public func map(
        shape: Shape, dtype: DType, _ transform: @escaping @Sendable (Tensor) throws(LocatedError) -> Tensor
    ) -> LazyTensor {
        let loader = loader
        return LazyTensor(shape: shape, dtype: dtype) { () throws(LocatedError) in try transform(try loader()) }
    }
}
