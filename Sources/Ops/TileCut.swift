/// A range of units (elements, rows) cut into tiles of equal size, the last one perhaps smaller. Depends on extents alone.
struct TileCut: Hashable, Sendable {
    /// The number of units.
    let extent: Int
    /// Units of one tile.
    let step: Int

    /// The time one tile should take: long enough to be worth handing out, short enough to balance.
    static let nanoseconds = 60_000.0

    /// - Parameters:
    ///   - nanosecondsPerUnit: rough time of one unit on one thread.
    ///   - multiple: tiles begin at multiples of this many units.
    init(_ extent: Int, nanosecondsPerUnit: Double, multiple: Int = 1) {
        self.extent = extent
        let wanted = max(1, Self.nanoseconds / max(nanosecondsPerUnit, 1e-3))
        let units = Int(min(wanted, Double(max(extent, 1)))) / multiple * multiple
        self.step = max(units, multiple)
    }

    /// The number of tiles; 0 for an empty range.
    var count: Int { (extent + step - 1) / step }

    func range(_ tile: Int) -> Range<Int> {
        let start = tile * step
        return start..<min(start + step, extent)
    }
}

extension TileCut {
    /// Elements of arrays that are read and written once.
    init(elements: Int, nanoseconds: Double = 0.3) {
        self.init(elements, nanosecondsPerUnit: nanoseconds, multiple: 64)
    }
}
