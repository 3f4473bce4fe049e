internal import Tensors

/// Chunked datasets, decoded by this room from the stored bytes of their chunks.
///
/// Why: libhdf5 doesn't check that a chunk has the size its dataset says once the filters are undone, and copies what
/// lies behind it in memory into the values.
struct ChunkDecoder {
    enum Failure: Error {
        case malformed(String)
    }

    let info: HDF5DatasetInfo
    let chunk: [Int]
    let records: [ChunkRecord]
    let reader: RawObjectReader
    /// Bytes of one chunk after the filters. Checked when the header was read.
    private let chunkBytes: Int

    /// `records` are one for each chunk of the grid, in any order, as `HDF5File` has checked them.
    init(_ info: HDF5DatasetInfo, chunk: [Int], records: [ChunkRecord], reader: RawObjectReader) {
        self.info = info
        self.chunk = chunk
        self.records = records
        self.reader = reader
        chunkBytes = chunk.reduce(info.dtype.byteCount, *)
    }

    /// Reads all chunks into the bytes of the dataset's tensor, in stored byte order.
    func read(into target: UnsafeMutableRawBufferPointer) throws(Failure) {
        precondition(target.count == info.byteCount)
        for record in records { scatter(try decoded(record), at: record.origin, into: target) }
    }

    private func decoded(_ record: ChunkRecord) throws(Failure) -> [UInt8] {
        var bytes: [UInt8]
        do throws(RawFailure) {
            bytes = Array(try reader.block(record.address, record.byteCount))
        } catch { throw .malformed("a chunk beyond the end of the file") }
        for (index, filter) in info.filters.enumerated().reversed() where record.skippedFilters >> index & 1 == 0 {
            switch filter {
            case .deflate:
                // A checksum that was taken before compressing is still inside.
                let inside = info.filters[..<index].contains(.fletcher32) ? 4 : 0
                do throws(Inflate.Failure) {
                    bytes = try Inflate.zlib(bytes, count: chunkBytes + inside)
                } catch let failure {
                    throw .malformed("a chunk whose compressed bytes are broken (\(failure))")
                }
            case .shuffle: bytes = unshuffled(bytes)
            case .fletcher32:
                guard let checked = ChunkDecoder.withoutChecksum(bytes) else {
                    throw .malformed("a chunk whose checksum disagrees")
                }
                bytes = checked
            }
        }
        guard bytes.count == chunkBytes else {
            throw .malformed("a chunk of \(bytes.count) bytes instead of \(chunkBytes)")
        }
        return bytes
    }

    /// Undoes the grouping of all first bytes, all second bytes… of the elements. Bytes beyond the last whole element
    /// stay where they are.
    private func unshuffled(_ bytes: [UInt8]) -> [UInt8] {
        let width = info.dtype.byteCount
        let count = bytes.count / width
        guard width > 1, count > 1 else { return bytes }
        var result = bytes
        for part in 0..<width {
            let source = bytes[part * count..<(part + 1) * count]
            var position = part
            for byte in source {
                result[position] = byte
                position += width
            }
        }
        return result
    }

    /// The bytes before the four of their checksum, nil when it disagrees. Fletcher's sums over 16-bit big-endian words.
    private static func withoutChecksum(_ bytes: [UInt8]) -> [UInt8]? {
        guard bytes.count >= 4 else { return nil }
        let data = bytes[..<(bytes.count - 4)]
        var (first, second) = (UInt32(0), UInt32(0))
        var position = 0
        while position < data.count {
            let high = UInt32(data[position])
            let low = position + 1 < data.count ? UInt32(data[position + 1]) : 0
            first = (first + (high << 8 | low)) % 65535
            second = (second + first) % 65535
            position += 2
        }
        let computed = second << 16 | first
        let stated = bytes[(bytes.count - 4)...].reversed().reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
        // Before 1.6.3 libhdf5 swapped the bytes of both halves; it still takes either.
        let swapped = (stated & 0x00ff_00ff) << 8 | (stated & 0xff00_ff00) >> 8
        // Its sums leave 65535 where a remainder gives 0.
        func same(_ a: UInt32, _ b: UInt32) -> Bool {
            a % 65535 == b % 65535
        }
        func agrees(_ stated: UInt32) -> Bool {
            same(stated >> 16, computed >> 16) && same(stated & 0xffff, computed & 0xffff)
        }
        return agrees(stated) || agrees(swapped) ? Array(data) : nil
    }

    /// Copies the part of a chunk that lies within the dataset.
    private func scatter(_ bytes: [UInt8], at origin: [Int], into target: UnsafeMutableRawBufferPointer) {
        let width = info.dtype.byteCount
        let extents = chunk.indices.map { min(chunk[$0], info.shape[$0] - origin[$0]) }
        let strides = info.shape.strides
        let chunkStrides = Shape(chunk).strides
        let last = chunk.count - 1
        let run = extents[last] * width
        var index = [Int](repeating: 0, count: last)
        bytes.withUnsafeBytes { source in
            while true {
                var from = 0
                var to = origin[last]
                for axis in 0..<last {
                    from += index[axis] * chunkStrides[axis]
                    to += (origin[axis] + index[axis]) * strides[axis]
                }
                UnsafeMutableRawBufferPointer(rebasing: target[to * width..<to * width + run])
                    .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[from * width..<from * width + run]))
                var axis = last - 1
                while axis >= 0 {
                    index[axis] += 1
                    if index[axis] < extents[axis] { break }
                    index[axis] = 0
                    axis -= 1
                }
                if axis < 0 { return }
            }
        }
    }
}

/// Turns every element round, from one byte order to the other.
func swapBytes(_ bytes: UnsafeMutableRawBufferPointer, width: Int) {
    switch width {
    case 2: swapWords(bytes, UInt16.self)
    case 4: swapWords(bytes, UInt32.self)
    case 8: swapWords(bytes, UInt64.self)
    default: break
    }
}

private func swapWords<Word: FixedWidthInteger & BitwiseCopyable>(
    _ bytes: UnsafeMutableRawBufferPointer, _ type: Word.Type
) {
    let size = MemoryLayout<Word>.size
    for offset in stride(from: 0, to: bytes.count - bytes.count % size, by: size) {
        let word = bytes.load(fromByteOffset: offset, as: Word.self)
        bytes.storeBytes(of: word.byteSwapped, toByteOffset: offset, as: Word.self)
    }
}
