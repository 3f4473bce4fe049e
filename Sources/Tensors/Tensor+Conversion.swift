/// Conversion between element types, as NumPy's `astype` does it: floats truncate towards zero, `bool` is "not zero".
/// Out-of-range and NaN floats saturate to the integer's range and to 0, where NumPy leaves them undefined. Strings become the
/// numbers that they spell, NaN where they spell none; numbers become strings as Swift shows them.
extension Tensor {
    /// The same array with elements of another type; itself when it has that type.
    public func asType(_ target: DType) -> Tensor {
        if target == dtype { return self }
        if dtype == .string { return Tensor(strings.map { Double($0) ?? .nan }, shape: shape).asType(target) }
        if target == .string { return asStrings() }
        var result = Tensor(uninitialized: shape, dtype: target)
        if dtype.isFloatingPoint || target.isFloatingPoint {
            result.storeDoubles(from: self)
        } else {
            result.storeIntegers(from: self)
        }
        return result
    }

    /// The same array with elements of a type that a model computes with.
    ///
    /// Throws `.mismatch` for text where numbers are wanted and the reverse, and for whole numbers that 32 bits don't hold.
    package func taken(as target: DType, at place: String) throws(LocatedError) -> Tensor {
        guard (dtype == .string) == (target == .string) else {
            throw LocatedError(
                .mismatch, "input.dtype", "expected \(target == .string ? "strings" : "numbers"), got \(dtype.rawValue)", at: [place])
        }
        if target == .int32, [.int64, .uint64, .uint32].contains(dtype) {
            // Numbers above Int64's are as far outside as the largest.
            let wide = dtype == .uint64
                ? array(as: UInt64.self).map { Int64(clamping: $0) } : asType(.int64).array(as: Int64.self)
            if let wrong = wide.first(where: { Int32(exactly: $0) == nil }) {
                throw LocatedError(
                    .mismatch, "input.range", "expected whole numbers from \(Int32.min) to \(Int32.max), got \(wrong)", at: [place],
                    hint: "Models are computed with 32-bit whole numbers.")
            }
        }
        return asType(target)
    }

    private mutating func storeDoubles(from source: Tensor) {
        let target = dtype
        withUnsafeMutableBytes { bytes in
            source.withUnsafeBytes { raw in
                for index in 0..<source.count {
                    Tensor.store(Tensor.double(raw, index, source.dtype), bytes, index, target)
                }
            }
        }
    }

    private mutating func storeIntegers(from source: Tensor) {
        let target = dtype
        withUnsafeMutableBytes { bytes in
            source.withUnsafeBytes { raw in
                for index in 0..<source.count {
                    let value: Int64
                    switch source.dtype {
                    case .bool, .uint8: value = Int64(raw.load(fromByteOffset: index, as: UInt8.self))
                    case .int8: value = Int64(raw.load(fromByteOffset: index, as: Int8.self))
                    case .uint16: value = Int64(raw.load(fromByteOffset: index * 2, as: UInt16.self))
                    case .int16: value = Int64(raw.load(fromByteOffset: index * 2, as: Int16.self))
                    case .uint32: value = Int64(raw.load(fromByteOffset: index * 4, as: UInt32.self))
                    case .int32: value = Int64(raw.load(fromByteOffset: index * 4, as: Int32.self))
                    case .uint64: value = Int64(truncatingIfNeeded: raw.load(fromByteOffset: index * 8, as: UInt64.self))
                    case .int64: value = raw.load(fromByteOffset: index * 8, as: Int64.self)
                    default: preconditionFailure("not an integer type: \(source.dtype)")
                    }
                    switch target {
                    case .bool: bytes.storeBytes(of: value != 0 ? 1 : 0, toByteOffset: index, as: UInt8.self)
                    case .uint8: bytes.storeBytes(of: UInt8(truncatingIfNeeded: value), toByteOffset: index, as: UInt8.self)
                    case .int8: bytes.storeBytes(of: Int8(truncatingIfNeeded: value), toByteOffset: index, as: Int8.self)
                    case .uint16: bytes.storeBytes(of: UInt16(truncatingIfNeeded: value), toByteOffset: index * 2, as: UInt16.self)
                    case .int16: bytes.storeBytes(of: Int16(truncatingIfNeeded: value), toByteOffset: index * 2, as: Int16.self)
                    case .uint32: bytes.storeBytes(of: UInt32(truncatingIfNeeded: value), toByteOffset: index * 4, as: UInt32.self)
                    case .int32: bytes.storeBytes(of: Int32(truncatingIfNeeded: value), toByteOffset: index * 4, as: Int32.self)
                    case .uint64: bytes.storeBytes(of: UInt64(truncatingIfNeeded: value), toByteOffset: index * 8, as: UInt64.self)
                    case .int64: bytes.storeBytes(of: value, toByteOffset: index * 8, as: Int64.self)
                    default: preconditionFailure("not an integer type: \(target)")
                    }
                }
            }
        }
    }

    private static func double(_ raw: UnsafeRawBufferPointer, _ index: Int, _ dtype: DType) -> Double {
        switch dtype {
        case .bool, .uint8: Double(raw.load(fromByteOffset: index, as: UInt8.self))
        case .int8: Double(raw.load(fromByteOffset: index, as: Int8.self))
        case .uint16: Double(raw.load(fromByteOffset: index * 2, as: UInt16.self))
        case .int16: Double(raw.load(fromByteOffset: index * 2, as: Int16.self))
        case .uint32: Double(raw.load(fromByteOffset: index * 4, as: UInt32.self))
        case .int32: Double(raw.load(fromByteOffset: index * 4, as: Int32.self))
        case .uint64: Double(raw.load(fromByteOffset: index * 8, as: UInt64.self))
        case .int64: Double(raw.load(fromByteOffset: index * 8, as: Int64.self))
        case .float16: Double(HalfPrecision.float(fromHalf: raw.load(fromByteOffset: index * 2, as: UInt16.self)))
        case .bfloat16: Double(HalfPrecision.float(fromBrain: raw.load(fromByteOffset: index * 2, as: UInt16.self)))
        case .float32: Double(raw.load(fromByteOffset: index * 4, as: Float.self))
        case .float64: raw.load(fromByteOffset: index * 8, as: Double.self)
        case .string: .nan
        }
    }

    private static func store(_ value: Double, _ bytes: UnsafeMutableRawBufferPointer, _ index: Int, _ dtype: DType) {
        switch dtype {
        case .bool: bytes.storeBytes(of: value != 0 ? 1 : 0, toByteOffset: index, as: UInt8.self)
        case .uint8: bytes.storeBytes(of: saturating(value), toByteOffset: index, as: UInt8.self)
        case .int8: bytes.storeBytes(of: saturating(value), toByteOffset: index, as: Int8.self)
        case .uint16: bytes.storeBytes(of: saturating(value), toByteOffset: index * 2, as: UInt16.self)
        case .int16: bytes.storeBytes(of: saturating(value), toByteOffset: index * 2, as: Int16.self)
        case .uint32: bytes.storeBytes(of: saturating(value), toByteOffset: index * 4, as: UInt32.self)
        case .int32: bytes.storeBytes(of: saturating(value), toByteOffset: index * 4, as: Int32.self)
        case .uint64: bytes.storeBytes(of: saturating(value), toByteOffset: index * 8, as: UInt64.self)
        case .int64: bytes.storeBytes(of: saturating(value), toByteOffset: index * 8, as: Int64.self)
        case .float16: bytes.storeBytes(of: HalfPrecision.half(from: Float(value)), toByteOffset: index * 2, as: UInt16.self)
        case .bfloat16: bytes.storeBytes(of: HalfPrecision.brain(from: Float(value)), toByteOffset: index * 2, as: UInt16.self)
        case .float32: bytes.storeBytes(of: Float(value), toByteOffset: index * 4, as: Float.self)
        case .float64: bytes.storeBytes(of: value, toByteOffset: index * 8, as: Double.self)
        case .string: break
        }
    }

    private func asStrings() -> Tensor {
        if dtype == .bool { return Tensor(strings: array(as: Bool.self).map { "\($0)" }, shape: shape) }
        if dtype.isFloatingPoint { return Tensor(strings: asType(.float64).array(as: Double.self).map { "\($0)" }, shape: shape) }
        return Tensor(strings: asType(.int64).array(as: Int64.self).map { "\($0)" }, shape: shape)
    }

    private static func saturating<Integer: FixedWidthInteger>(_ value: Double) -> Integer {
        if value.isNaN { return 0 }
        let truncated = value.rounded(.towardZero)
        if truncated <= Double(Integer.min) { return Integer.min }
        if truncated >= Double(Integer.max) { return Integer.max }
        return Integer(truncated)
    }
}

/// IEEE binary16 and bfloat16 bit patterns, without `Float16` (which is absent on Intel macOS).
package enum HalfPrecision {
    package static func float(fromHalf bits: UInt16) -> Float {
        let sign = UInt32(bits & 0x8000) << 16
        let exponent = UInt32(bits >> 10 & 0x1f)
        let fraction = UInt32(bits & 0x3ff)
        switch exponent {
        case 0:
            let magnitude = Float(fraction) * 0x1p-24
            return sign == 0 ? magnitude : -magnitude
        case 0x1f: return Float(bitPattern: sign | 0x7f80_0000 | fraction << 13)
        default: return Float(bitPattern: sign | (exponent + 112) << 23 | fraction << 13)
        }
    }

    /// Rounds to nearest, ties to even.
    package static func half(from value: Float) -> UInt16 {
        let bits = value.bitPattern
        let sign = UInt16(bits >> 16 & 0x8000)
        if value.isNaN { return sign | 0x7e00 }
        let magnitude = value.magnitude
        if magnitude >= 65520 { return sign | 0x7c00 }
        if magnitude < 0x1p-14 { return sign | UInt16((magnitude * 0x1p24).rounded(.toNearestOrEven)) }
        let rounded = magnitude.bitPattern + 0xfff + (magnitude.bitPattern >> 13 & 1)
        return sign | UInt16((rounded >> 13) - (112 << 10))
    }

    package static func float(fromBrain bits: UInt16) -> Float { Float(bitPattern: UInt32(bits) << 16) }

    /// Rounds to nearest, ties to even.
    package static func brain(from value: Float) -> UInt16 {
        if value.isNaN { return UInt16(value.bitPattern >> 16) | 0x40 }
        let bits = value.bitPattern
        return UInt16((bits &+ 0x7fff &+ (bits >> 16 & 1)) >> 16)
    }
}
