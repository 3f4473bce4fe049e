import Files
import Tensors

/// An archive's table of contents, read for what libzip doesn't tell: where the bytes of a member begin.
///
/// Source: PKWARE's APPNOTE.TXT 6.3.10, sections 4.3.7 (local header), 4.3.12 (central directory), 4.3.14 to 4.3.16 (its end),
/// 4.5.3 (zip64).
struct ZipDirectory {
    private let file: InputFile
    private let family: String
    private var start = 0
    private var byteCount = 0
    private var entryCount = 0

    private static let endSize = 22
    private static let longestComment = 0xFFFF

    init(_ file: InputFile, _ family: String) throws(LocatedError) {
        self.file = file
        self.family = family
        let tail = try bytes(at: max(0, file.size - Self.endSize - Self.longestComment), to: file.size)
        guard
            let end = stride(from: tail.count - Self.endSize, through: 0, by: -1).first(where: {
                tail.number(4, at: $0) == 0x0605_4b50 && tail.number(2, at: $0 + 20) == tail.count - $0 - Self.endSize
            })
        else { throw unsound("no end of its table of contents") }
        (entryCount, byteCount, start) = (tail.number(2, at: end + 10), tail.number(4, at: end + 12), tail.number(4, at: end + 16))
        guard entryCount == 0xFFFF || byteCount == 0xFFFF_FFFF || start == 0xFFFF_FFFF else { return }
        let locator = file.size - tail.count + end - 20
        let pointer = try bytes(at: locator, count: 20)
        // An archive may have exactly so many entries without being of the large kind.
        guard pointer.number(4, at: 0) == 0x0706_4b50 else { return }
        let large = try bytes(at: pointer.number(8, at: 8), count: 56)
        guard large.number(4, at: 0) == 0x0606_4b50 else { throw unsound("no end of its large table of contents") }
        (entryCount, byteCount, start) = (large.number(8, at: 32), large.number(8, at: 40), large.number(8, at: 48))
    }

    /// Where the bytes of a stored member lie.
    ///
    /// - Parameters:
    ///   - index: in the order of the table of contents.
    ///   - count, size, storedSize: as libzip understood the archive, to be sure that both read the same.
    mutating func range(
        ofEntry index: Int, of count: Int, size: Int, storedSize: Int
    ) throws(LocatedError) -> Range<Int> {
        guard entryCount == count, size == storedSize else { throw unsound("two opinions of its table of contents") }
        let table = try bytes(at: start, count: byteCount)
        var position = 0
        for _ in 0..<index { position = try next(after: position, in: table) }
        let end = try next(after: position, in: table)
        let nameLength = table.number(2, at: position + 28)
        var sizes = [table.number(4, at: position + 24), table.number(4, at: position + 20), table.number(4, at: position + 42)]
        // The fields that don't fit stand in an extra field, in this order.
        var extra = position + 46 + nameLength
        let extraEnd = extra + table.number(2, at: position + 30)
        while extra + 4 <= extraEnd, extraEnd <= end {
            let (kind, length) = (table.number(2, at: extra), table.number(2, at: extra + 2))
            extra += 4
            guard length <= extraEnd - extra else { break }
            if kind == 1 {
                var field = extra
                for index in sizes.indices where sizes[index] == 0xFFFF_FFFF {
                    guard field + 8 <= extra + length else { throw unsound("a large member without its sizes") }
                    sizes[index] = table.number(8, at: field)
                    field += 8
                }
            }
            extra += length
        }
        guard table.number(2, at: position + 10) == 0, sizes[0] == size, sizes[1] == size else {
            throw unsound("two opinions of its table of contents")
        }
        let local = try bytes(at: sizes[2], count: 30)
        guard local.number(4, at: 0) == 0x0403_4b50, local.number(2, at: 8) == 0, local.number(2, at: 26) == nameLength,
            Array(try bytes(at: sizes[2] + 30, count: nameLength)) == Array(table[position + 46..<position + 46 + nameLength])
        else { throw unsound("a member's header that disagrees with its table of contents") }
        let first = sizes[2] + 30 + nameLength + local.number(2, at: 28)
        guard first <= self.start, size <= self.start - first else { throw unsound("a member beyond its end") }
        return first..<first + size
    }

    private func next(after position: Int, in table: [UInt8]) throws(LocatedError) -> Int {
        guard position + 46 <= table.count, table.number(4, at: position) == 0x0201_4b50 else {
            throw unsound("a broken table of contents")
        }
        let end = position + 46 + [28, 30, 32].reduce(0) { $0 + table.number(2, at: position + $1) }
        guard end <= table.count else { throw unsound("a broken table of contents") }
        return end
    }

    private func bytes(at offset: Int, to end: Int) throws(LocatedError) -> [UInt8] { try bytes(at: offset, count: end - offset) }

    private func bytes(at offset: Int, count: Int) throws(LocatedError) -> [UInt8] {
        guard offset >= 0, count >= 0, offset <= file.size, count <= file.size - offset else {
            throw unsound("an address beyond its end")
        }
        return try file.bytes(at: offset, count: count)
    }

    private func unsound(_ got: String) -> LocatedError {
        LocatedError(.invalid, "\(family).archive", "expected a sound zip archive, got \(got)")
    }
}

extension [UInt8] {
    /// A little-endian number that begins at `position`; more than files have bytes when it doesn't fit an `Int`.
    fileprivate func number(_ width: Int, at position: Int) -> Int {
        var value: UInt64 = 0
        for index in 0..<width { value |= UInt64(self[position + index]) << (8 * UInt64(index)) }
        return Int(exactly: value) ?? .max
    }
}
