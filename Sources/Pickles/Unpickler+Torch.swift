import Tensors

/// What PyTorch's three names make: a parameter is its tensor, a tensor a part of what is stored, which is a file of its own within
/// the pickle.
///
/// Source: `torch/_utils.py`, `_legacy_save` of `torch/serialization.py` 2.13, `Tensor._reduce_ex_internal`.
extension Unpickler {
    /// `_rebuild_parameter(tensor, requires_grad, OrderedDict())`
    mutating func torchParameter(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 3, case .array = values[0] else { throw wrong(.torchParameter, "a tensor, a flag and hooks", values) }
        return values[0]
    }

    /// `_rebuild_tensor_v2(storage, offset, shape, strides, requires_grad, OrderedDict())`
    mutating func torchTensor(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count >= 6, case .array(let number) = values[0], let storage = pickle.arrays[number], let offset = values[1].integer,
            case .tuple(let extents) = values[2], case .tuple(let steps) = values[3]
        else { throw wrong(.torchTensor, "a storage, an offset, a shape and strides", values) }
        let dims = pickle.tuples[extents].compactMap(\.integer)
        let strides = pickle.tuples[steps].compactMap(\.integer)
        guard dims.count == pickle.tuples[extents].count, strides.count == dims.count, dims.count <= 64, dims.allSatisfy({ $0 >= 0 }), offset >= 0 else {
            throw wrong(.torchTensor, "a shape and as many strides", values)
        }
        let shape = Shape(dims)
        let size = storage.dtype.byteCount
        guard let count = shape.checkedCount, count <= storage.shape.count, offset <= storage.shape.count - count else {
            throw LocatedError(
                .invalid, "pickle.state", "expected a tensor within the \(storage.shape.count) stored numbers, got the shape \(shape) from \(offset) on")
        }
        // Extents of 1 may have any stride.
        guard zip(dims, zip(strides, shape.strides)).allSatisfy({ $0 <= 1 || $1.0 == $1.1 }) || count == 0 else {
            throw LocatedError(.unsupported, "pickle.order", "expected an array in C order, got one with the strides \(strides) for \(shape)")
        }
        let start = storage.bytes.startIndex + offset * size
        return try add(Pickle.Array(dtype: storage.dtype, shape: shape, bytes: storage.bytes[start..<(start + count * size)]))
    }

    /// `_load_from_bytes(bytes)`: five pickles of a fixed form and the numbers, little-endian.
    mutating func torchStorage(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 1, case .bytes(let bytes) = values[0] else { throw wrong(.torchStorage, "bytes", values) }
        return try locating("PyTorch's storage") { () throws(LocatedError) in try add(try TorchStorage.read(bytes)) }
    }
}

/// PyTorch's file of one storage, as it was before it wrote zip archives.
private enum TorchStorage {
    static func read(_ bytes: ArraySlice<UInt8>) throws(LocatedError) -> Pickle.Array {
        var reader = PickleReader(Array(bytes))
        try expect(head, &reader)
        // ('storage', torch.FloatStorage, key, 'cpu', count, None), kept under its key.
        try expect([0x80, 0x02, 0x28], &reader)
        guard try text(&reader) == "storage" else { throw wrong() }
        try expect([0x71, 0x00, 0x63] + Array("torch\n".utf8), &reader)
        let name = String(decoding: try reader.line().prefix(40), as: UTF8.self)
        guard let dtype = types[name] else {
            throw LocatedError(.unsupported, "pickle.dtype", "expected a storage of numbers, got \(PickleReader.shown(name.utf8))")
        }
        try expect([0x71, 0x01], &reader)
        let key = try text(&reader)
        try expect([0x71, 0x02], &reader)
        _ = try text(&reader)
        try expect([0x71, 0x03], &reader)
        let count = try integer(&reader)
        try expect([0x4e, 0x74, 0x71, 0x04, 0x51, 0x2e], &reader)
        // [key]
        try expect([0x80, 0x02, 0x5d, 0x71, 0x00], &reader)
        guard try text(&reader) == key else { throw wrong() }
        try expect([0x71, 0x01, 0x61, 0x2e], &reader)
        guard try reader.unsigned(8) == count, count <= UInt64(reader.remaining), let total = Int(exactly: count),
            case let (needed, overflow) = total.multipliedReportingOverflow(by: dtype.byteCount), !overflow, needed == reader.remaining
        else { throw wrong() }
        return Pickle.Array(dtype: dtype, shape: Shape([total]), bytes: try reader.take(UInt64(needed)))
    }

    /// A magic number, version 1001, and the sizes of C's integers on a little-endian machine.
    private static let head: [UInt8] =
        [0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e, 0x80, 0x02, 0x4d, 0xe9, 0x03, 0x2e]
        + [0x80, 0x02, 0x7d, 0x71, 0x00, 0x28] + key("protocol_version") + [0x71, 0x01, 0x4d, 0xe9, 0x03] + key("little_endian")
        + [0x71, 0x02, 0x88] + key("type_sizes") + [0x71, 0x03, 0x7d, 0x71, 0x04, 0x28] + key("short") + [0x71, 0x05, 0x4b, 0x02]
        + key("int") + [0x71, 0x06, 0x4b, 0x04] + key("long") + [0x71, 0x07, 0x4b, 0x04, 0x75, 0x75, 0x2e]

    private static func key(_ name: String) -> [UInt8] { [0x58, UInt8(name.utf8.count), 0, 0, 0] + Array(name.utf8) }

    private static let types: [String: DType] = [
        "FloatStorage": .float32, "DoubleStorage": .float64, "HalfStorage": .float16, "BFloat16Storage": .bfloat16, "LongStorage": .int64,
        "IntStorage": .int32, "ShortStorage": .int16, "CharStorage": .int8, "ByteStorage": .uint8, "BoolStorage": .bool,
    ]

    private static func expect(_ wanted: [UInt8], _ reader: inout PickleReader) throws(LocatedError) {
        guard try reader.take(UInt64(wanted.count)).elementsEqual(wanted) else { throw wrong() }
    }

    private static func text(_ reader: inout PickleReader) throws(LocatedError) -> String {
        try expect([0x58], &reader)
        let count = try reader.unsigned(4)
        guard count <= 1024 else { throw wrong() }
        return String(decoding: try reader.take(count), as: UTF8.self)
    }

    private static func integer(_ reader: inout PickleReader) throws(LocatedError) -> UInt64 {
        switch try reader.byte() {
        case 0x4b: return try reader.unsigned(1)
        case 0x4d: return try reader.unsigned(2)
        case 0x4a: return try reader.unsigned(4)
        case 0x8a:
            let width = try reader.byte()
            guard (1...8).contains(width) else { throw wrong() }
            return try reader.unsigned(Int(width))
        default: throw wrong()
        }
    }

    private static func wrong() -> LocatedError {
        LocatedError(.invalid, "pickle.state", "expected a storage as PyTorch writes it on a little-endian machine, got other bytes")
    }
}
