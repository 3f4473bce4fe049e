package import Tensors

/// A stretch of a plan's time, both ends included.
package struct Interval: Hashable, Sendable {
    package var start: Int
    package var end: Int

    package init(_ start: Int, _ end: Int) {
        self.start = start
        self.end = end
    }

    package func overlaps(_ other: Interval) -> Bool { start <= other.end && other.start <= end }
}

/// Memory that is wanted during an interval.
package struct Piece: Hashable, Sendable {
    package var byteCount: Int
    package var interval: Interval

    package init(_ byteCount: Int, _ interval: Interval) {
        self.byteCount = byteCount
        self.interval = interval
    }
}

/// Where each piece lies in one block of memory: pieces that live at the same time never overlap, all begin at a multiple
/// of 64 bytes.
package struct ArenaLayout: Hashable, Sendable {
    package var offsets: [Int]
    package var byteCount: Int

    /// Places the largest pieces first, each in the smallest gap between its contemporaries that takes it.
    ///
    /// Throws `plan.too_large` when the sum leaves `Int`.
    package init(_ pieces: [Piece]) throws(LocatedError) {
        offsets = [Int](repeating: 0, count: pieces.count)
        byteCount = 0
        let order = pieces.indices.sorted { a, b in
            let (x, y) = (pieces[a], pieces[b])
            return (y.byteCount, x.interval.start, a) < (x.byteCount, y.interval.start, b)
        }
        /// Placed pieces by offset.
        var placed: [(offset: Int, end: Int, interval: Interval)] = []
        for index in order where pieces[index].byteCount > 0 {
            let piece = pieces[index]
            let size = try aligned(piece.byteCount)
            var best: (offset: Int, gap: Int)?
            var end = 0
            for other in placed where other.interval.overlaps(piece.interval) {
                let gap = other.offset - end
                if gap >= size, gap < best?.gap ?? .max { best = (end, gap) }
                end = max(end, other.end)
            }
            let offset = best?.offset ?? end
            let (last, overflow) = offset.addingReportingOverflow(size)
            if overflow { throw tooLarge }
            offsets[index] = offset
            byteCount = max(byteCount, last)
            let place = placed.firstIndex { $0.offset > offset } ?? placed.endIndex
            placed.insert((offset, last, piece.interval), at: place)
        }
    }
}

/// The next multiple of 64.
func aligned(_ byteCount: Int) throws(LocatedError) -> Int {
    let (sum, overflow) = byteCount.addingReportingOverflow(63)
    if overflow { throw tooLarge }
    return sum & ~63
}

/// Puts pieces one after another.
struct Stack {
    private(set) var byteCount = 0

    /// The offset of a new piece.
    mutating func push(_ size: Int) throws(LocatedError) -> Int {
        let offset = byteCount
        let (sum, overflow) = byteCount.addingReportingOverflow(try aligned(size))
        if overflow { throw tooLarge }
        byteCount = sum
        return offset
    }
}

private let tooLarge = LocatedError(
    .unsupported, "plan.too_large", "expected arrays that fit in memory together, got more than can be addressed",
    hint: "Use a smaller batch.")
