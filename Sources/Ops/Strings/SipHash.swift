/// SipHash-2-4, a keyed hash: what TensorFlow's `to_hash_bucket_strong` hashes by.
///
/// Source: Aumasson and Bernstein, "SipHash: a fast short-input PRF" (2012).
package enum SipHash {
    package static func hash(_ bytes: UnsafeRawBufferPointer, key: (UInt64, UInt64)) -> UInt64 {
        var v0 = key.0 ^ 0x736f_6d65_7073_6575, v1 = key.1 ^ 0x646f_7261_6e64_6f6d
        var v2 = key.0 ^ 0x6c79_6765_6e65_7261, v3 = key.1 ^ 0x7465_6462_7974_6573

        @inline(__always) func rotate(_ value: UInt64, _ shift: UInt64) -> UInt64 { value << shift | value >> (64 - shift) }
        func round() {
            v0 = v0 &+ v1
            v2 = v2 &+ v3
            v1 = rotate(v1, 13) ^ v0
            v3 = rotate(v3, 16) ^ v2
            v0 = rotate(v0, 32) &+ v3
            v2 = v2 &+ v1
            v1 = rotate(v1, 17) ^ v2
            v3 = rotate(v3, 21) ^ v0
            v2 = rotate(v2, 32)
        }
        func take(_ word: UInt64) {
            v3 ^= word
            round()
            round()
            v0 ^= word
        }

        var at = 0
        while at + 8 <= bytes.count {
            take(UInt64(littleEndian: bytes.loadUnaligned(fromByteOffset: at, as: UInt64.self)))
            at += 8
        }
        var last = UInt64(bytes.count & 0xff) << 56
        for place in at..<bytes.count { last |= UInt64(bytes[place]) << UInt64(8 * (place - at)) }
        take(last)
        v2 ^= 0xff
        for _ in 0..<4 { round() }
        return v0 ^ v1 ^ v2 ^ v3
    }
}
