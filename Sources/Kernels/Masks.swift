import CKernels

// Conversions between float32, int32 and masks (bytes 0 or 1); see ck_mask.h.

/// Element types that a kernel converts between.
package enum PlainType: Hashable, Sendable {
    case float, integer, mask
}

/// Converts `count` elements. Floats truncate towards zero (NaN to 0, out of range to the nearest end); a mask is "not 0".
package func convert(
    _ x: UnsafeRawPointer, _ from: PlainType, _ y: UnsafeMutableRawPointer, _ to: PlainType, count: Int
) {
    let floats = x.assumingMemoryBound(to: Float.self), integers = x.assumingMemoryBound(to: Int32.self)
    let bytes = x.assumingMemoryBound(to: UInt8.self)
    switch (from, to) {
    case (.float, .integer): ck_float_to_int(floats, y.assumingMemoryBound(to: Int32.self), count)
    case (.float, .mask): ck_not_equal(floats, 0, y.assumingMemoryBound(to: UInt8.self), count)
    case (.integer, .float): ck_int_to_float(integers, y.assumingMemoryBound(to: Float.self), count)
    case (.integer, .mask): ck_int_not_zero(integers, y.assumingMemoryBound(to: UInt8.self), count)
    case (.mask, .float): ck_mask_to_float(bytes, y.assumingMemoryBound(to: Float.self), count)
    case (.mask, .integer): ck_mask_to_int(bytes, y.assumingMemoryBound(to: Int32.self), count)
    case (.mask, .mask): y.copyMemory(from: x, byteCount: count)
    case (.float, .float), (.integer, .integer): y.copyMemory(from: x, byteCount: count * 4)
    }
}

/// 1 where x is not `value`; NaN is not anything.
package func notEqual(_ x: UnsafePointer<Float>, _ value: Float, _ y: UnsafeMutablePointer<UInt8>, count: Int) {
    ck_not_equal(x, value, y, count)
}

/// Whether all (or any) of `extent` bytes are 1, for `columns` neighbouring columns.
package func reduceMask(
    all: Bool, _ x: UnsafePointer<UInt8>, _ y: UnsafeMutablePointer<UInt8>, extent: Int, columns: Int
) {
    all ? ck_mask_all(x, y, extent, columns) : ck_mask_any(x, y, extent, columns)
}

/// z = x and y along a row; a step is 0 or 1.
package func logicalAnd(
    _ x: UnsafePointer<UInt8>, step xStep: Int, _ y: UnsafePointer<UInt8>, step yStep: Int,
    _ z: UnsafeMutablePointer<UInt8>, count: Int
) {
    ck_mask_and(x, xStep, y, yStep, z, count)
}
