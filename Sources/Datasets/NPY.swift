import Files
public import Tensors

/// NumPy's file of one array, `.npy`.
///
/// Reads versions 1 to 3, both byte orders, C and Fortran order, bool, integers and floats of 2, 4 and 8 bytes, text and byte
/// strings. Writes the bytes that `numpy.save` writes. Objects must be text; record, date and complex arrays are refused.
public enum NPY {
    /// The array in the file at `path`.
    ///
    /// Throws 66 when there is no such file, 65 `npy.…` for a broken one, 69 `npy.dtype`, `npy.version` for what is
    /// sound but not supported, 74 when reading fails.
    public static func read(_ path: String) throws(LocatedError) -> Tensor {
        let file = try InputFile(path)
        return try locating(path) { () throws(LocatedError) in
            try read(fileSize: file.size, sequentially(file))
        }
    }

    /// Shape and element type now, elements when they are loaded; the file stays open until then. Throws as `read` does.
    public static func readLazily(_ path: String) throws(LocatedError) -> LazyTensor {
        let file = try InputFile(path)
        let header = try locating(path) { () throws(LocatedError) in
            try NPYHeader.read(fileSize: file.size, sequentially(file))
        }
        // What objects are shows only when they are read.
        if case .objects = header.text { return LazyTensor(try read(path)) }
        return LazyTensor(shape: header.shape, dtype: header.dtype) { () throws(LocatedError) in
            try locating(path) { () throws(LocatedError) in try read(fileSize: file.size, sequentially(file)) }
        }
    }

    /// The array that a whole `.npy` file's bytes hold. Throws as `read` does.
    public static func decode(_ bytes: [UInt8]) throws(LocatedError) -> Tensor {
        var position = 0
        return try read(fileSize: bytes.count) { (buffer) throws(LocatedError) in
            bytes.withUnsafeBytes { raw in
                buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: raw[position..<position + buffer.count]))
            }
            position += buffer.count
        }
    }

    /// Writes the file that `numpy.save` writes. Throws 69 `npy.dtype` for bfloat16, 73 and 74 when writing fails.
    public static func write(_ tensor: Tensor, to path: String) throws(LocatedError) {
        try AtomicFile.write(try encode(tensor), to: path)
    }

    /// The bytes that `numpy.save` writes. Throws 69 `npy.dtype` for bfloat16.
    public static func encode(_ tensor: Tensor) throws(LocatedError) -> [UInt8] {
        if tensor.dtype == .string {
            let (header, payload) = encoded(tensor)
            return try header.bytes() + payload
        }
        let header = try NPYHeader(dtype: tensor.dtype, shape: tensor.shape).bytes()
        return [UInt8](unsafeUninitializedCapacity: header.count + tensor.byteCount) { buffer, count in
            _ = buffer[..<header.count].initialize(fromContentsOf: header)
            tensor.withUnsafeBytes { raw in
                UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(buffer)[header.count...])
                    .copyMemory(from: raw)
            }
            count = header.count + tensor.byteCount
        }
    }

    /// Reads header and elements from `fileSize` bytes that `next` hands out in order.
    static func read(
        fileSize: Int, _ next: (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void
    ) throws(LocatedError) -> Tensor {
        let header = try NPYHeader.read(fileSize: fileSize, next)
        if let text = header.text { return try strings(header, text, next) }
        var tensor = Tensor(uninitialized: header.shape, dtype: header.dtype)
        try tensor.withUnsafeMutableBytes { (bytes) throws(LocatedError) in
            try next(bytes)
            if header.bigEndian { swapBytes(bytes, header.dtype.byteCount) }
            // A Bool that is neither 0 nor 1 is undefined behaviour in Swift; NumPy calls every other byte True.
            if header.dtype == .bool { for index in bytes.indices where bytes[index] > 1 { bytes[index] = 1 } }
        }
        return header.fortranOrder && header.shape.rank > 1 ? fromFortranOrder(tensor) : tensor
    }

    private static func sequentially(_ file: InputFile) -> (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void {
        var position = 0
        return { (buffer) throws(LocatedError) in
            try file.read(into: buffer, at: position)
            position += buffer.count
        }
    }

    private static func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, _ size: Int) {
        switch size {
        case 2: bytes.withMemoryRebound(to: UInt16.self) { for index in $0.indices { $0[index] = $0[index].byteSwapped } }
        case 4: bytes.withMemoryRebound(to: UInt32.self) { for index in $0.indices { $0[index] = $0[index].byteSwapped } }
        default: bytes.withMemoryRebound(to: UInt64.self) { for index in $0.indices { $0[index] = $0[index].byteSwapped } }
        }
    }

    /// Elements that lie column by column, brought to row-major order.
    static func fromFortranOrder(_ source: Tensor) -> Tensor {
        switch source.dtype.byteCount {
        case 1: reorder(source, as: UInt8.self)
        case 2: reorder(source, as: UInt16.self)
        case 4: reorder(source, as: UInt32.self)
        default: reorder(source, as: UInt64.self)
        }
    }

    private static func reorder<Word: BitwiseCopyable>(_ source: Tensor, as word: Word.Type) -> Tensor {
        let dims = source.shape.dims
        var strides = [Int](repeating: 1, count: dims.count)
        for axis in dims.indices.dropFirst() { strides[axis] = strides[axis - 1] * dims[axis - 1] }
        var result = Tensor(uninitialized: source.shape, dtype: source.dtype)
        result.keepStrings(of: source)
        result.withUnsafeMutableBytes { target in
            source.withUnsafeBytes { raw in
                let from = raw.bindMemory(to: Word.self)
                let to = target.bindMemory(to: Word.self)
                var index = [Int](repeating: 0, count: dims.count)
                var offset = 0
                for position in to.indices {
                    to[position] = from[offset]
                    var axis = dims.count - 1
                    while axis >= 0 {
                        index[axis] += 1
                        offset += strides[axis]
                        if index[axis] < dims[axis] { break }
                        offset -= strides[axis] * dims[axis]
                        index[axis] = 0
                        axis -= 1
                    }
                }
            }
        }
        return result
    }
}
