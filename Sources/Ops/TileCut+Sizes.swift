extension TileCut {
    /// Tiles of a given size.
    init(_ extent: Int, step: Int) {
        self.extent = extent
        self.step = max(1, step)
    }

    /// At most `count` tiles.
    init(_ extent: Int, atMost count: Int) {
        self.init(extent, step: (extent + max(1, count) - 1) / max(1, count))
    }
}
