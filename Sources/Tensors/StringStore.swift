/// Strings one after another in memory that stays where it is: what the elements of `string` tensors point to.
///
/// An element is the address of a string's length (an `Int`, aligned), behind which its bytes stand; 0 stands for the empty
/// string. So arrays of strings are moved, cut and put together like arrays of numbers, by what knows nothing of strings, as
/// long as somebody keeps the store.
package final class StringStore: @unchecked Sendable {
    private let memory: UnsafeMutableRawBufferPointer
    /// The addresses, in the order in which the strings were given.
    package let addresses: [UInt]

    /// Copies strings. Throws nothing: what doesn't fit in memory has been refused when it was read.
    package init(_ strings: [[UInt8]]) {
        let size = MemoryLayout<Int>.size
        let room = strings.reduce(0) { $0 + size + ($1.count + size - 1) / size * size }
        memory = .allocate(byteCount: max(room, size), alignment: 64)
        var addresses: [UInt] = []
        addresses.reserveCapacity(strings.count)
        var place = memory.baseAddress!
        for string in strings {
            addresses.append(UInt(bitPattern: place))
            place.storeBytes(of: string.count, as: Int.self)
            string.withUnsafeBytes { bytes in
                if let start = bytes.baseAddress { (place + size).copyMemory(from: start, byteCount: bytes.count) }
            }
            place += size + (string.count + size - 1) / size * size
        }
        self.addresses = addresses
    }

    deinit { memory.deallocate() }

    /// The bytes of the string that an element points to.
    @inline(__always) package static func bytes(at address: UInt) -> UnsafeRawBufferPointer {
        guard let place = UnsafeRawPointer(bitPattern: address) else { return UnsafeRawBufferPointer(start: nil, count: 0) }
        return UnsafeRawBufferPointer(start: place + MemoryLayout<Int>.size, count: place.load(as: Int.self))
    }
}

extension Tensor {
    /// Text in row-major order; `strings.count` must be `shape.count`.
    public init(strings: [String], shape: Shape) { self.init(byteStrings: strings.map { [UInt8]($0.utf8) }, shape: shape) }

    /// A vector of text.
    public init(strings: [String]) { self.init(strings: strings, shape: [strings.count]) }

    /// Strings of any bytes in row-major order; `byteStrings.count` must be `shape.count`.
    public init(byteStrings: [[UInt8]], shape: Shape) {
        precondition(byteStrings.count == shape.count, "\(byteStrings.count) strings for shape \(shape)")
        self.init(uninitialized: shape, dtype: .string)
        let store = StringStore(byteStrings)
        withUnsafeMutableBytes { bytes in
            store.addresses.withUnsafeBytes { bytes.copyMemory(from: $0) }
        }
        setStrings(store)
    }

    /// The elements of a `string` tensor in row-major order, bytes that aren't UTF-8 repaired; of others, as they are shown.
    public var strings: [String] { byteStrings.map { String(decoding: $0, as: UTF8.self) } }

    /// The elements of a `string` tensor in row-major order; of others, as they are shown.
    public var byteStrings: [[UInt8]] {
        guard dtype == .string else { return asType(.string).byteStrings }
        return withUnsafeBytes { bytes in
            bytes.bindMemory(to: UInt.self).map { [UInt8](StringStore.bytes(at: $0)) }
        }
    }

    /// Copies what the elements point to, so that they depend on nobody else's memory.
    package mutating func ownStrings() {
        guard dtype == .string else { return }
        self = Tensor(byteStrings: byteStrings, shape: shape)
    }
}
