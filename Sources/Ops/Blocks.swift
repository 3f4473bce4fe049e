/// A range cut into blocks of equal size, the last of which may be shorter.
struct Blocks: Sendable {
    let total: Int
    let size: Int
    let count: Int

    /// Blocks of `size`; no block when there is nothing to cut.
    init(of total: Int, size: Int) {
        self.total = total
        self.size = max(1, size)
        self.count = (total + self.size - 1) / self.size
    }

    /// At most `count` blocks.
    init(of total: Int, count: Int) {
        self.init(of: total, size: (total + max(1, count) - 1) / max(1, count))
    }

    subscript(index: Int) -> Range<Int> { index * size..<min(total, (index + 1) * size) }
}
