/// FarmHash's 64-bit fingerprint, the same on every machine: what TensorFlow's `to_hash_bucket_fast` and `cross_hashed` hash by.
///
/// Source: Google's farmhash 1.1, `farmhashna::Hash64` (the published algorithm).
package enum FarmHash {
    private static let k0: UInt64 = 0xc3a5_c85c_97cb_3127
    private static let k1: UInt64 = 0xb492_b66f_be98_f273
    private static let k2: UInt64 = 0x9ae1_6a3b_2f90_404f

    @inline(__always) private static func fetch(_ s: UnsafeRawPointer, _ at: Int) -> UInt64 {
        UInt64(littleEndian: s.loadUnaligned(fromByteOffset: at, as: UInt64.self))
    }

    @inline(__always) private static func fetch32(_ s: UnsafeRawPointer, _ at: Int) -> UInt64 {
        UInt64(UInt32(littleEndian: s.loadUnaligned(fromByteOffset: at, as: UInt32.self)))
    }

    @inline(__always) private static func rotate(_ value: UInt64, _ shift: UInt64) -> UInt64 {
        shift == 0 ? value : value >> shift | value << (64 - shift)
    }

    @inline(__always) private static func shiftMix(_ value: UInt64) -> UInt64 { value ^ value >> 47 }

    @inline(__always) private static func length16(_ u: UInt64, _ v: UInt64, _ mul: UInt64) -> UInt64 {
        let a = shiftMix((u ^ v) &* mul)
        return shiftMix((v ^ a) &* mul) &* mul
    }

    package static func fingerprint(_ bytes: UnsafeRawBufferPointer) -> UInt64 {
        guard let s = bytes.baseAddress, bytes.count > 0 else { return k2 }
        let count = bytes.count, length = UInt64(count)
        switch count {
        case ...3:
            let (a, b, c) = (UInt32(bytes[0]), UInt32(bytes[count >> 1]), UInt32(bytes[count - 1]))
            let (y, z) = (a &+ b << 8, UInt32(count) &+ c << 2)
            return shiftMix(UInt64(y) &* k2 ^ UInt64(z) &* k0) &* k2
        case ...7: return length16(length &+ fetch32(s, 0) << 3, fetch32(s, count - 4), k2 &+ length &* 2)
        case ...16:
            let mul = k2 &+ length &* 2
            let (a, b) = (fetch(s, 0) &+ k2, fetch(s, count - 8))
            return length16(rotate(b, 37) &* mul &+ a, (rotate(a, 25) &+ b) &* mul, mul)
        case ...32:
            let mul = k2 &+ length &* 2
            let (a, b) = (fetch(s, 0) &* k1, fetch(s, 8))
            let (c, d) = (fetch(s, count - 8) &* mul, fetch(s, count - 16) &* k2)
            return length16(rotate(a &+ b, 43) &+ rotate(c, 30) &+ d, a &+ rotate(b &+ k2, 18) &+ c, mul)
        case ...64:
            let mul = k2 &+ length &* 2
            let (a, b) = (fetch(s, 0) &* k2, fetch(s, 8))
            let (c, d) = (fetch(s, count - 8) &* mul, fetch(s, count - 16) &* k2)
            let y = rotate(a &+ b, 43) &+ rotate(c, 30) &+ d
            let z = length16(y, a &+ rotate(b &+ k2, 18) &+ c, mul)
            let (e, f) = (fetch(s, 16) &* mul, fetch(s, 24))
            let (g, h) = ((y &+ fetch(s, count - 32)) &* mul, (z &+ fetch(s, count - 24)) &* mul)
            return length16(rotate(e &+ f, 43) &+ rotate(g, 30) &+ h, e &+ rotate(f &+ a, 18) &+ g, mul)
        default: return long(s, count)
        }
    }

    private static func weak(_ s: UnsafeRawPointer, _ at: Int, _ a: UInt64, _ b: UInt64) -> (UInt64, UInt64) {
        let (w, x, y, z) = (fetch(s, at), fetch(s, at + 8), fetch(s, at + 16), fetch(s, at + 24))
        var a = a &+ w
        var b = rotate(b &+ a &+ z, 21)
        let c = a
        a = a &+ x &+ y
        b = b &+ rotate(a, 44)
        return (a &+ z, b &+ c)
    }

    private static func long(_ s: UnsafeRawPointer, _ count: Int) -> UInt64 {
        let seed: UInt64 = 81
        var y = seed &* k1 &+ 113
        var z = shiftMix(y &* k2 &+ 113) &* k2
        var v: (UInt64, UInt64) = (0, 0), w: (UInt64, UInt64) = (0, 0)
        var x = seed &* k2 &+ fetch(s, 0)
        let end = (count - 1) / 64 * 64
        let rest = (count - 1) & 63
        var at = 0
        func round(_ at: Int, _ mul: UInt64, _ last: Bool) {
            x = rotate(x &+ y &+ v.0 &+ fetch(s, at + 8), 37) &* mul
            y = rotate(y &+ v.1 &+ fetch(s, at + 48), 42) &* mul
            x ^= last ? w.1 &* 9 : w.1
            y = y &+ (last ? v.0 &* 9 : v.0) &+ fetch(s, at + 40)
            z = rotate(z &+ w.0, 33) &* mul
            v = weak(s, at, v.1 &* mul, x &+ w.0)
            w = weak(s, at + 32, z &+ w.1, y &+ fetch(s, at + 16))
            swap(&z, &x)
        }
        repeat {
            round(at, k1, false)
            at += 64
        } while at != end
        let mul = k1 &+ (z & 0xff) << 1
        w.0 = w.0 &+ UInt64(rest)
        v.0 = v.0 &+ w.0
        w.0 = w.0 &+ v.0
        round(end + rest - 63, mul, true)
        return length16(
            length16(v.0, w.0, mul) &+ shiftMix(y) &* k0 &+ z, length16(v.1, w.1, mul) &+ x, mul)
    }

    /// TensorFlow's way of putting two fingerprints together (`tsl/platform/fingerprint.h`, `FingerprintCat64`).
    package static func joined(_ first: UInt64, _ second: UInt64) -> UInt64 {
        let mul: UInt64 = 0xc6a4_a793_5bd1_e995
        var result = first ^ mul
        result ^= shiftMix(second &* mul) &* mul
        result = result &* mul
        result = shiftMix(result) &* mul
        return shiftMix(result)
    }
}
