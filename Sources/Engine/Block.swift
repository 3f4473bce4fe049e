import Tensors

/// Bytes with an owner, aligned to 64, not set at first.
///
/// Whoever holds a block sees to it that nobody writes what another thread uses.
final class Block: @unchecked Sendable {
    let start: UnsafeMutableRawPointer
    let byteCount: Int

    /// Throws `plan.memory` when there is not that much.
    init(byteCount: Int, for purpose: String) throws(LocatedError) {
        guard Memory.holds(byteCount: byteCount), let start = Memory.allocate(byteCount: byteCount) else {
            throw LocatedError(
                .unsupported, "plan.memory", "expected \(byteCount) bytes of memory for \(purpose), got none",
                hint: "Use a smaller batch.")
        }
        self.start = start
        self.byteCount = byteCount
    }

    deinit { Memory.deallocate(start) }

    func fill(with byte: UInt8) { start.fill(with: byte, count: byteCount) }
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
