import Files
public import Tensors

/// The files that MNIST was first given out in: an array of numbers behind a header of a few bytes, packed by gzip or not.
///
/// Two zeros, the kind of the elements, the number of axes, each axis's extent (four bytes, the high one first), the elements, the
/// high byte first. Source: Y. LeCun's page of MNIST.
public enum IDX {
    /// The array in a file.
    ///
    /// - Parameter limit: the most bytes of the unpacked file.
    ///
    /// Throws 66 when there is no such file, 65 `idx.…`, `gzip.…`, `file.too_large`, 74 when reading fails.
    public static func read(_ path: String, limit: Int = 1 << 32) throws(LocatedError) -> Tensor {
        let file = try InputFile(path)
        let start = try file.bytes(at: 0, count: min(2, file.size))
        guard start.elementsEqual(GzipStream.signature) else {
            let bytes = try InputFile.readBytes(path, limit: limit)
            return try locating(path) { () throws(LocatedError) in try decode(bytes) }
        }
        return try locating(path) { () throws(LocatedError) in
            let stream = try GzipStream(FileStream(file), limit: limit)
            var bytes = try stream.piece(4) ?? []
            // What the header declares is asked for before it is unpacked.
            if bytes.count == 4 { bytes += try stream.piece(4 * Int(bytes[3])) ?? [] }
            let size = try byteCount(bytes)
            guard size <= limit, Memory.holds(byteCount: size) else {
                throw LocatedError(.invalid, "idx.size", "expected at most \(limit) bytes, got a header that declares \(size)")
            }
            while let piece = try stream.piece(1 << 20) {
                bytes += piece
                guard bytes.count <= size else {
                    throw LocatedError(.invalid, "idx.size", "expected \(size) bytes, as the header declares, got more")
                }
            }
            return try decode(bytes)
        }
    }

    /// How many bytes a file has whose first bytes are a whole header.
    private static func byteCount(_ header: [UInt8]) throws(LocatedError) -> Int {
        let (dtype, shape, start) = try layout(header)
        let count = shape.checkedCount ?? .max
        let (size, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
        let (total, tooLarge) = size.addingReportingOverflow(start)
        return overflow || tooLarge ? .max : total
    }

    private static func layout(_ bytes: [UInt8]) throws(LocatedError) -> (DType, Shape, start: Int) {
        guard bytes.count >= 4, bytes[0] == 0, bytes[1] == 0 else {
            throw LocatedError(.invalid, "idx.magic", "expected an IDX file, which starts with two zeros, got other bytes")
        }
        let kinds: [UInt8: DType] = [0x08: .uint8, 0x09: .int8, 0x0b: .int16, 0x0c: .int32, 0x0d: .float32, 0x0e: .float64]
        guard let dtype = kinds[bytes[2]] else {
            throw LocatedError(.invalid, "idx.kind", "expected elements of kind 8, 9 or 11 to 14, got \(bytes[2])")
        }
        let rank = Int(bytes[3])
        let start = 4 + 4 * rank
        guard bytes.count >= start else {
            throw LocatedError(.invalid, "idx.size", "expected the extents of \(rank) axes, got the end of the file")
        }
        let shape = Shape((0..<rank).map { axis in bytes[(4 + 4 * axis)..<(8 + 4 * axis)].reduce(0) { $0 << 8 | Int($1) } })
        return (dtype, shape, start)
    }

    /// The array that a whole file's bytes hold. Throws 65 `idx.magic`, `idx.kind`, `idx.size`.
    public static func decode(_ bytes: [UInt8]) throws(LocatedError) -> Tensor {
        let (dtype, shape, start) = try layout(bytes)
        guard let count = shape.checkedCount, count.multipliedReportingOverflow(by: dtype.byteCount) == (bytes.count - start, false) else {
            throw LocatedError(
                .invalid, "idx.size", "expected the bytes of \(dtype.rawValue) elements of shape \(shape), got \(bytes.count - start)")
        }
        var result = Tensor(uninitialized: shape, dtype: dtype)
        let width = dtype.byteCount
        result.withUnsafeMutableBytes { target in
            for element in stride(from: 0, to: target.count, by: width) {
                for byte in 0..<width { target[element + byte] = bytes[start + element + width - 1 - byte] }
            }
        }
        return result
    }
}
