internal import CHDF5
internal import Tensors

/// The element type of a dataset or attribute, as far as tensors can hold it.
struct ElementType: Hashable {
    enum Failure: Error {
        /// A sound type that tensors have no name for.
        case unsupported(String)
        case library
    }

    let dtype: DType
    let byteOrder: HDF5DatasetInfo.ByteOrder
    /// NumPy's `V2`: two opaque bytes, which Keras uses for bfloat16 (an attribute `dtype` beside them says so).
    var isOpaquePair = false

    /// Reads a type of the file. Called with the library's lock held.
    init(lockedType type: hid_t) throws(Failure) {
        let size = H5Tget_size(type)
        let order: HDF5DatasetInfo.ByteOrder
        switch H5Tget_class(type) {
        case H5T_INTEGER:
            order = try ElementType.byteOrder(type, size)
            guard H5Tget_precision(type) == size * 8, H5Tget_offset(type) == 0 else {
                throw .unsupported("integers with padding bits")
            }
            let signed = H5Tget_sign(type) == H5T_SGN_2
            switch size {
            case 1: self.init(signed ? .int8 : .uint8, order)
            case 2: self.init(signed ? .int16 : .uint16, order)
            case 4: self.init(signed ? .int32 : .uint32, order)
            case 8: self.init(signed ? .int64 : .uint64, order)
            default: throw .unsupported("integers of \(size) bytes")
            }
        case H5T_FLOAT:
            order = try ElementType.byteOrder(type, size)
            let layout = try FloatLayout(lockedType: type)
            guard let dtype = FloatLayout.known.first(where: { $0.layout == layout })?.dtype else {
                throw .unsupported("floats of \(size) bytes that are neither IEEE nor bfloat16")
            }
            self.init(dtype, order)
        case H5T_ENUM:
            guard size == 1, ElementType.isBoolean(type) else { throw .unsupported("enumerations other than booleans") }
            self.init(.bool, .none)
        case H5T_OPAQUE:
            guard size == 2 else { throw .unsupported("opaque bytes") }
            self.init(.bfloat16, .little)
            isOpaquePair = true
        case H5T_STRING: throw .unsupported("strings")
        case H5T_COMPOUND: throw .unsupported("records or complex numbers")
        case H5T_REFERENCE: throw .unsupported("references")
        case H5T_VLEN: throw .unsupported("lists of varying length")
        case H5T_ARRAY: throw .unsupported("arrays as elements")
        case H5T_BITFIELD: throw .unsupported("bit fields")
        case H5T_NO_CLASS: throw .library
        default: throw .unsupported("elements of an unusual class")
        }
    }

    private init(_ dtype: DType, _ byteOrder: HDF5DatasetInfo.ByteOrder) {
        self.dtype = dtype
        self.byteOrder = byteOrder
    }

    private static func byteOrder(_ type: hid_t, _ size: Int) throws(Failure) -> HDF5DatasetInfo.ByteOrder {
        switch H5Tget_order(type) {
        case H5T_ORDER_LE: size == 1 ? .none : .little
        case H5T_ORDER_BE: size == 1 ? .none : .big
        case H5T_ORDER_ERROR: throw .library
        default: throw .unsupported("numbers in VAX or mixed byte order")
        }
    }

    /// h5py's boolean: one byte, FALSE = 0 and TRUE = 1.
    private static func isBoolean(_ type: hid_t) -> Bool {
        guard H5Tget_nmembers(type) == 2 else { return false }
        for (name, expected) in [("FALSE", UInt8(0)), ("TRUE", UInt8(1))] {
            let index = H5Tget_member_index(type, name)
            guard index >= 0 else { return false }
            var value: UInt8 = 0xff
            guard H5Tget_member_value(type, UInt32(index), &value) >= 0, value == expected else { return false }
        }
        return true
    }

    /// The same type in this machine's byte order, which is what values are read into and written from.
    static func lockedNative(of type: hid_t) -> HDF5Handle? {
        guard let copy = HDF5Handle(H5Tcopy(type), close: H5Tclose) else { return nil }
        switch H5Tget_class(copy.id) {
        case H5T_INTEGER, H5T_FLOAT:
            guard H5Tset_order(copy.id, chdf5_native_order()) >= 0 else { return nil }
        default: break
        }
        return copy
    }

    /// The little-endian type that h5py writes for a tensor's elements.
    static func lockedStored(_ dtype: DType) -> HDF5Handle? {
        switch dtype {
        case .float32: return HDF5Handle(H5Tcopy(chdf5_float32_le()), close: H5Tclose)
        case .float64: return HDF5Handle(H5Tcopy(chdf5_float64_le()), close: H5Tclose)
        case .float16:
            guard let half = HDF5Handle(H5Tcopy(chdf5_float32_le()), close: H5Tclose),
                H5Tset_fields(half.id, 15, 10, 5, 0, 10) >= 0, H5Tset_size(half.id, 2) >= 0,
                H5Tset_ebias(half.id, 15) >= 0
            else { return nil }
            return half
        case .bfloat16:
            guard let pair = HDF5Handle(H5Tcreate(H5T_OPAQUE, 2), close: H5Tclose), H5Tset_tag(pair.id, "") >= 0
            else { return nil }
            return pair
        case .bool:
            guard let boolean = HDF5Handle(H5Tenum_create(chdf5_int_le(1, true)), close: H5Tclose) else { return nil }
            for (name, value) in [("FALSE", Int8(0)), ("TRUE", Int8(1))] {
                var value = value
                guard H5Tenum_insert(boolean.id, name, &value) >= 0 else { return nil }
            }
            return boolean
        case .string: return nil
        case .uint8, .uint16, .uint32, .uint64:
            return HDF5Handle(H5Tcopy(chdf5_int_le(dtype.byteCount, false)), close: H5Tclose)
        case .int8, .int16, .int32, .int64:
            return HDF5Handle(H5Tcopy(chdf5_int_le(dtype.byteCount, true)), close: H5Tclose)
        }
    }
}

/// Where sign, exponent and fraction of a float lie, in bits from the low end.
private struct FloatLayout: Equatable {
    var bytes: Int
    var sign: Int
    var exponent: Range<Int>
    var bias: Int
    var fraction: Range<Int>

    static let known: [(layout: FloatLayout, dtype: DType)] = [
        (FloatLayout(bytes: 2, sign: 15, exponent: 10..<15, bias: 15, fraction: 0..<10), .float16),
        (FloatLayout(bytes: 2, sign: 15, exponent: 7..<15, bias: 127, fraction: 0..<7), .bfloat16),
        (FloatLayout(bytes: 4, sign: 31, exponent: 23..<31, bias: 127, fraction: 0..<23), .float32),
        (FloatLayout(bytes: 8, sign: 63, exponent: 52..<63, bias: 1023, fraction: 0..<52), .float64),
    ]

    init(bytes: Int, sign: Int, exponent: Range<Int>, bias: Int, fraction: Range<Int>) {
        self.bytes = bytes
        self.sign = sign
        self.exponent = exponent
        self.bias = bias
        self.fraction = fraction
    }

    init(lockedType type: hid_t) throws(ElementType.Failure) {
        var (sign, exponent, exponentBits, fraction, fractionBits) = (0, 0, 0, 0, 0)
        guard H5Tget_fields(type, &sign, &exponent, &exponentBits, &fraction, &fractionBits) >= 0 else {
            throw .library
        }
        let size = H5Tget_size(type)
        guard H5Tget_precision(type) == size * 8, H5Tget_offset(type) == 0, H5Tget_norm(type) == H5T_NORM_IMPLIED,
            (0...128).contains(exponent), (0...128).contains(exponentBits),
            (0...128).contains(fraction), (0...128).contains(fractionBits)
        else { throw .unsupported("floats with an unusual arrangement of bits") }
        self.init(
            bytes: size, sign: sign, exponent: exponent..<exponent + exponentBits,
            bias: Int(truncatingIfNeeded: H5Tget_ebias(type)), fraction: fraction..<fraction + fractionBits)
    }
}
