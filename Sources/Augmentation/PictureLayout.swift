internal import Tensors

/// Extents of a picture and distances in elements between its rows, columns and channels.
struct PictureLayout: Hashable, Sendable {
    let height: Int
    let width: Int
    let channels: Int
    let row: Int
    let column: Int
    let channel: Int
    let shape: Shape

    /// Throws 67 `augment.rank` unless the shape is of three axes.
    init(_ shape: Shape, _ format: ImageDataGenerator.DataFormat) throws(LocatedError) {
        guard shape.rank == 3 else {
            throw LocatedError(
                .mismatch, "augment.rank", "expected a picture of three axes (rows, columns and channels), got shape \(shape)")
        }
        self.shape = shape
        switch format {
        case .channelsLast:
            (height, width, channels) = (shape[0], shape[1], shape[2])
            (row, column, channel) = (width * channels, channels, 1)
        case .channelsFirst:
            (channels, height, width) = (shape[0], shape[1], shape[2])
            (row, column, channel) = (width, 1, height * width)
        }
    }

    /// Elements.
    var count: Int { height * width * channels }
}

/// How NumPy would hold a picture on its way through Keras: it decides in which order `np.mean` adds the elements up.
struct MemoryOrder: Hashable, Sendable {
    /// Whether each channel lies by itself, as warping and shifting channels leave them.
    var channelsApart: Bool
}
