import Tensors

/// A vocabulary: different tokens, each with its place. Found without an allocation.
package final class TokenTable: Sendable {
    /// By place.
    private let store: StringStore
    /// Open addressing: places, -1 where nothing stands. A power of two.
    private let slots: [Int32]

    /// - Parameter tokens: different ones, fewer than 2³¹; of equal ones the first counts.
    package init(_ tokens: [[UInt8]]) {
        store = StringStore(tokens)
        var room = 16
        while room < tokens.count * 2 { room *= 2 }
        var slots = [Int32](repeating: -1, count: room)
        for (place, token) in tokens.enumerated() {
            var hash = TokenHash()
            for byte in token { hash.take(byte) }
            var slot = hash.value & (room - 1)
            while slots[slot] >= 0 { slot = (slot + 1) & (room - 1) }
            slots[slot] = Int32(truncatingIfNeeded: place)
        }
        self.slots = slots
    }

    package var count: Int { store.addresses.count }

    /// What an element of a string array is that means the token at a place. This table must be kept.
    package func address(_ place: Int) -> UInt { store.addresses[place] }

    package func place(of bytes: UnsafeRawBufferPointer) -> Int? {
        var hash = TokenHash()
        for byte in bytes { hash.take(byte) }
        return place(hash) { $0.elementsEqual(bytes) }
    }

    /// The place of a token with this hash that `isEqual` finds to be the one.
    @inline(__always) func place(_ hash: TokenHash, _ isEqual: (UnsafeRawBufferPointer) -> Bool) -> Int? {
        var slot = hash.value & (slots.count - 1)
        while slots[slot] >= 0 {
            if isEqual(StringStore.bytes(at: store.addresses[Int(slots[slot])])) { return Int(slots[slot]) }
            slot = (slot + 1) & (slots.count - 1)
        }
        return nil
    }
}

/// FNV-1a, byte by byte.
struct TokenHash {
    private var state: UInt64 = 0xcbf2_9ce4_8422_2325

    @inline(__always) mutating func take(_ byte: UInt8) { state = (state ^ UInt64(byte)) &* 0x0000_0100_0000_01b3 }
    @inline(__always) var value: Int { Int(truncatingIfNeeded: (state ^ state >> 32) & 0x7fff_ffff_ffff_ffff) }
}
