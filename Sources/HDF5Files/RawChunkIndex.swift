/// Where one chunk of a dataset lies in the file.
struct ChunkRecord: Hashable {
    /// Of its first element.
    let origin: [Int]
    /// From the file's base address.
    let address: Int
    /// As stored, thus after the filters.
    let byteCount: Int
    /// Bits of the filters that were left out.
    let skippedFilters: Int
}

/// The index of chunks that h5py and Keras write: a B-tree of version 1.
///
/// Source: HDF5 File Format Specification version 3.0, sections III.A.1 (version 1 B-trees), IV.A.2.i (layout message).
extension RawObjectReader {
    /// The chunks of the dataset whose header lies at `address`, in the order of the index; at most `limit` of them.
    /// Throws `.unsupported` for the indexes of other versions of the layout message.
    func chunks(header address: Int, rank: Int, limit: Int) throws(RawFailure) -> [ChunkRecord] {
        guard let layout = try messages(header: address).first(where: { $0.type == RawMessage.layout }),
            !layout.isShared
        else { throw .malformed("a dataset without a layout") }
        var cursor = RawCursor(layout.data)
        guard try cursor.number(1) == 3 else { throw .unsupported("an index of chunks of HDF5 1.10 or before 1.6.3") }
        guard try cursor.number(1) == 2, try cursor.number(1) == rank + 1 else {
            throw .malformed("chunks with another number of axes")
        }
        guard let root = try cursor.address(geometry.offsetSize) else { return [] }

        var found: [ChunkRecord] = []
        var seen: Set<Int> = [root]
        var pending: [(address: Int, level: Int?)] = [(root, nil)]
        while let (address, level) = pending.popLast() {
            let header = 8 + 2 * geometry.offsetSize
            var cursor = RawCursor(try block(address, header))
            guard Array(try cursor.take(4)) == Array("TREE".utf8), try cursor.number(1) == 1 else {
                throw .malformed("an index of chunks without its signature")
            }
            let nodeLevel = try cursor.number(1)
            guard level == nil || level == nodeLevel else { throw .malformed("an index of chunks that isn't a tree") }
            let entries = try cursor.number(2)
            let keySize = 8 + 8 * (rank + 1)
            var body = RawCursor(
                try block(address, header + entries * (keySize + geometry.offsetSize)).dropFirst(header))
            for _ in 0..<entries {
                let byteCount = try body.number(4)
                let skipped = try body.number(4)
                var origin: [Int] = []
                for _ in 0..<rank { origin.append(try body.number(8)) }
                _ = try body.take(8)
                guard let child = try body.address(geometry.offsetSize) else {
                    throw .malformed("a chunk without an address")
                }
                if nodeLevel == 0 {
                    found.append(
                        ChunkRecord(
                            origin: origin, address: child, byteCount: byteCount, skippedFilters: skipped))
                    guard found.count <= limit else { throw .malformed("more chunks than the shape has room for") }
                } else {
                    guard seen.insert(child).inserted, seen.count <= limit + 64 else {
                        throw .malformed("an index of chunks that isn't a tree")
                    }
                    pending.append((child, nodeLevel - 1))
                }
            }
        }
        return found
    }
}
