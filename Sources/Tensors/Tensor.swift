/// A dense, row-major array in memory: shape, element type, bytes.
///
/// A value type: copies share storage until one of them is written. Storage is aligned to 64 bytes, as SIMD kernels
/// want it. Not a node of a graph and not differentiable: what flows between plans, files and the caller.
public struct Tensor: Sendable {
    /// The extents.
    public let shape: Shape
    /// The type of every element.
    public let dtype: DType
    private var storage: TensorStorage

    /// Elements not set: for code that writes all of them.
    public init(uninitialized shape: Shape, dtype: DType = .float32) {
        self.shape = shape
        self.dtype = dtype
        self.storage = TensorStorage(byteCount: shape.count * dtype.byteCount)
        // An address that was never written must not be followed.
        if dtype == .string { storage.bytes.initializeMemory(as: UInt8.self, repeating: 0) }
    }

    /// Elements all zero.
    public init(zeros shape: Shape, dtype: DType = .float32) {
        self.init(uninitialized: shape, dtype: dtype)
        storage.bytes.initializeMemory(as: UInt8.self, repeating: 0)
    }

    /// Elements in row-major order; `values.count` must be `shape.count`.
    public init<Element: TensorElement>(_ values: [Element], shape: Shape) {
        precondition(values.count == shape.count, "\(values.count) values for shape \(shape)")
        self.init(uninitialized: shape, dtype: Element.dtype)
        values.withUnsafeBytes { storage.bytes.copyMemory(from: $0) }
    }

    /// A vector.
    public init<Element: TensorElement>(_ values: [Element]) {
        self.init(values, shape: [values.count])
    }

    /// A scalar.
    public init<Element: TensorElement>(scalar: Element) {
        self.init([scalar], shape: [])
    }

    /// The same elements in the same order under another shape of equal count.
    public func reshaped(to shape: Shape) -> Tensor {
        precondition(shape.count == count, "cannot reshape \(self.shape) to \(shape)")
        return Tensor(shape: shape, dtype: dtype, storage: storage)
    }

    private init(shape: Shape, dtype: DType, storage: TensorStorage) {
        self.shape = shape
        self.dtype = dtype
        self.storage = storage
    }

    /// Keeps alive what the elements of another tensor point to, before they are copied into this one.
    package mutating func keepStrings(of other: Tensor) {
        guard dtype == .string, other.dtype == .string else { return }
        let missing = other.storage.strings.filter { store in !storage.strings.contains { $0 === store } }
        guard !missing.isEmpty else { return }
        if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
        storage.strings += missing
    }

    /// Makes `store` what the elements point to.
    mutating func setStrings(_ store: StringStore) { storage.strings = [store] }

    /// The number of elements.
    public var count: Int { shape.count }
    /// The size of all elements together, in bytes.
    public var byteCount: Int { storage.bytes.count }

    /// The bytes as they are stored, valid while `body` runs.
    public func withUnsafeBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeRawBufferPointer(storage.bytes))
    }

    /// The bytes to write, valid while `body` runs; other tensors that shared them keep theirs.
    public mutating func withUnsafeMutableBytes<Result, Failure: Error>(
        _ body: (UnsafeMutableRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
        defer { withExtendedLifetime(storage) {} }
        return try body(storage.bytes)
    }

    /// The elements as they are stored; `Element` must be this tensor's type.
    public func withUnsafeElements<Element: TensorElement, Result, Failure: Error>(
        as type: Element.Type = Element.self, _ body: (UnsafeBufferPointer<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(Element.dtype == dtype, "the tensor holds \(dtype), not \(Element.dtype)")
        defer { withExtendedLifetime(storage) {} }
        return try body(UnsafeBufferPointer(storage.bytes.bindMemory(to: Element.self)))
    }

    /// The elements to write; `Element` must be this tensor's type. Other tensors that shared them keep theirs.
    public mutating func withUnsafeMutableElements<Element: TensorElement, Result, Failure: Error>(
        as type: Element.Type = Element.self, _ body: (UnsafeMutableBufferPointer<Element>) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        precondition(Element.dtype == dtype, "the tensor holds \(dtype), not \(Element.dtype)")
        if !isKnownUniquelyReferenced(&storage) { storage = storage.copy() }
        defer { withExtendedLifetime(storage) {} }
        return try body(storage.bytes.bindMemory(to: Element.self))
    }

    /// The elements in row-major order; `Element` must be this tensor's type.
    public func array<Element: TensorElement>(as type: Element.Type = Element.self) -> [Element] {
        withUnsafeElements(as: type) { Array($0) }
    }

    /// The elements in row-major order, converted to `Float`.
    public var floats: [Float] { dtype == .float32 ? array() : asType(.float32).array() }

    /// Rows `range` along the first axis, copied.
    public func rows(_ range: Range<Int>) -> Tensor {
        precondition(shape.rank > 0 && range.lowerBound >= 0 && range.upperBound <= shape[0])
        var dims = shape.dims
        dims[0] = range.count
        var result = Tensor(uninitialized: Shape(dims), dtype: dtype)
        let rowBytes = shape[0] == 0 ? 0 : byteCount / shape[0]
        result.withUnsafeMutableBytes { target in
            withUnsafeBytes { source in
                target.copyMemory(
                    from: UnsafeRawBufferPointer(rebasing: source[range.lowerBound * rowBytes..<range.upperBound * rowBytes]))
            }
        }
        result.keepStrings(of: self)
        return result
    }
}

extension Tensor: Equatable {
    /// Same shape, same type, same bytes (so NaN equals itself, and 0 differs from -0).
    public static func == (a: Tensor, b: Tensor) -> Bool {
        guard a.shape == b.shape, a.dtype == b.dtype else { return false }
        return a.dtype == .string
            ? a.byteStrings == b.byteStrings
            : a.withUnsafeBytes { x in b.withUnsafeBytes { y in x.elementsEqual(y) } }
    }
}

extension Tensor: CustomStringConvertible {
    public var description: String { "Tensor(\(dtype.rawValue), \(shape))" }
}

/// Owns the bytes of tensors. Never written while more than one tensor refers to it, hence safe to share.
private final class TensorStorage: @unchecked Sendable {
    let bytes: UnsafeMutableRawBufferPointer
    /// What elements of type `string` point to.
    var strings: [StringStore] = []

    init(byteCount: Int) {
        guard let start = Memory.allocate(byteCount: byteCount) else {
            preconditionFailure("no memory for a tensor of \(byteCount) bytes; whoever lets others name sizes asks `Memory.holds`")
        }
        bytes = UnsafeMutableRawBufferPointer(start: start, count: byteCount)
    }

    func copy() -> TensorStorage {
        let copy = TensorStorage(byteCount: bytes.count)
        copy.bytes.copyMemory(from: UnsafeRawBufferPointer(bytes))
        copy.strings = strings
        return copy
    }

    deinit { if let start = bytes.baseAddress { Memory.deallocate(start) } }
}
