/// Groups of the older layout: a table of symbols whose names lie in a local heap.
///
/// Source: HDF5 File Format Specification version 3.0, sections III.D (local heaps), IV.A.2.r (symbol table message).
extension RawObjectReader {
    /// Holds what the header of a group says of its names against the file, before libhdf5 goes by it: releases before 1.14 add
    /// to the size of the heap without a look at whether the sum still is one.
    func checkNames(header address: Int) throws(RawFailure) {
        for message in try messages(header: address) where message.type == RawMessage.symbolTable && !message.isShared {
            var table = RawCursor(message.data)
            guard try table.address(geometry.offsetSize) != nil, let heap = try table.address(geometry.offsetSize) else {
                throw .malformed("a group without its table of names")
            }
            var header = RawCursor(try block(heap, 8 + 2 * geometry.lengthSize + geometry.offsetSize))
            guard Array(try header.take(4)) == Array("HEAP".utf8) else { throw .malformed("a group whose names are no heap") }
            _ = try header.take(4)
            let size = try header.number(geometry.lengthSize)
            _ = try header.take(geometry.lengthSize)
            guard let data = try header.address(geometry.offsetSize), size <= source.count,
                data <= source.count - size, data <= source.count - size - geometry.base
            else { throw .malformed("a group whose names reach beyond the file") }
        }
    }
}
