import Graphs
import Tensors

/// Bytes with an owner, aligned to 64, not set at first.
///
/// Whoever holds a block sees to it that nobody writes what another thread uses.
final class Block: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    /// Throws `plan.memory` when there is not that much.
    init(byteCount: Int, for purpose: String) throws(LocatedError) {
        guard let start = Platform.allocate(byteCount: byteCount) else {
            throw LocatedError(
                .unsupported, "plan.memory", "expected \(byteCount) bytes of memory for \(purpose), got none",
                hint: "Use a smaller batch.")
        }
        self.start = start
        self.byteCount = byteCount
    }

    deinit { Platform.deallocate(start) }

    func fill(with byte: UInt8) { start.fill(with: byte, count: byteCount) }
}

/// Memory for arrays that the caller has at an address that isn't aligned to 64 bytes, as ops expect it.
final class Staging {
    private let block: Block
    private let offsets: [Int]
    private let byteCounts: [Int]

    init(_ infos: [ConcreteInfo]) throws(LocatedError) {
        var stack = Stack()
        var offsets: [Int] = []
        for info in infos { offsets.append(try stack.push(info.byteCount)) }
        self.offsets = offsets
        byteCounts = infos.map(\.byteCount)
        block = try Block(byteCount: stack.byteCount, for: "inputs and outputs")
    }

    /// The address of array `index`, or that of an aligned copy.
    func read(_ index: Int, at address: UnsafeRawPointer) -> UnsafeMutableRawPointer {
        if address.isAligned { return UnsafeMutableRawPointer(mutating: address) }
        let aligned = block.start + offsets[index]
        aligned.copyMemory(from: address, byteCount: byteCounts[index])
        return aligned
    }

    /// Where to write array `index`, before `deliver` brings it to `address`.
    func write(_ index: Int, for address: UnsafeMutableRawPointer) -> UnsafeMutableRawPointer {
        address.isAligned ? address : block.start + offsets[index]
    }

    func deliver(_ index: Int, to address: UnsafeMutableRawPointer) {
        if address.isAligned { return }
        address.copyMemory(from: block.start + offsets[index], byteCount: byteCounts[index])
    }
}

extension UnsafeMutableRawPointer {
    /// Every bit set is NaN in every floating-point type.
    static let poison: UInt8 = 0xFF

    func fill(with byte: UInt8, count: Int) { initializeMemory(as: UInt8.self, repeating: byte, count: count) }

    /// Adds `count` numbers of type `Float`.
    func addFloats(from source: UnsafeRawPointer, count: Int) {
        let (target, source) = (assumingMemoryBound(to: Float.self), source.assumingMemoryBound(to: Float.self))
        for index in 0..<count { target[index] += source[index] }
    }

    var isAligned: Bool { UInt(bitPattern: self) % 64 == 0 }
}

extension UnsafeRawPointer {
    var isAligned: Bool { UInt(bitPattern: self) % 64 == 0 }
}

extension Tensor {
    /// A copy of bytes that lie elsewhere.
    init(copying bytes: UnsafeRawPointer, _ info: ConcreteInfo) {
        self.init(uninitialized: info.shape, dtype: info.dtype)
        withUnsafeMutableBytes { $0.baseAddress?.copyMemory(from: bytes, byteCount: $0.count) }
    }

    /// Where the bytes are for as long as this tensor, or a copy of it, is kept and nobody writes it.
    var address: UnsafeRawPointer {
        withUnsafeBytes { $0.baseAddress } ?? UnsafeRawPointer(bitPattern: 64)!
    }

    /// Where the bytes of a tensor that nobody shares are, for as long as it is kept and not copied.
    mutating func mutableAddress() -> UnsafeMutableRawPointer {
        withUnsafeMutableBytes { $0.baseAddress } ?? UnsafeMutableRawPointer(bitPattern: 64)!
    }

    func copyBytes(to target: UnsafeMutableRawPointer) {
        withUnsafeBytes { source in
            if let base = source.baseAddress { target.copyMemory(from: base, byteCount: source.count) }
        }
    }
}

extension ConcreteInfo {
    /// Throws `code` when a tensor has another shape or type.
    func require(_ tensor: Tensor, _ code: String, at place: String) throws(LocatedError) {
        guard tensor.shape == shape, tensor.dtype == dtype else {
            throw LocatedError(
                .mismatch, code,
                "expected \(dtype.rawValue) of shape \(shape), got \(tensor.dtype.rawValue) of shape \(tensor.shape)",
                at: [place])
        }
    }
}
