internal import Datasets
internal import Tensors

/// A weight as Keras's TensorBoard draws it: axes of length 1 are dropped; a vector is a column, a matrix lies on its longer side, of
/// three axes each index of the last is a picture, of four axes those whose last is colours. Values from 0 to 1 are from black to
/// white, others are cut off; the first three pictures count.
///
/// Source: `_log_weight_as_image` of keras/src/callbacks/tensorboard.py (3.15), `convert_image_dtype` of TensorFlow.
struct WeightPictures {
    let height: Int
    let width: Int
    private let channels: Int
    private let pictures: [[UInt8]]

    /// nil for weights that Keras doesn't draw: single numbers, kernels of more axes.
    init?(_ weight: Tensor) {
        let dims = weight.shape.dims.filter { $0 != 1 }
        let values = weight.floats
        /// Where a picture's pixel lies.
        let place: (_ picture: Int, _ row: Int, _ column: Int, _ channel: Int) -> Int
        let count: Int
        switch dims.count {
        case 1:
            (count, height, width, channels) = (1, dims[0], 1, 1)
            place = { _, row, _, _ in row }
        case 2:
            let (rows, columns) = (dims[0], dims[1])
            let isTall = rows > columns
            (count, height, width, channels) = (1, isTall ? columns : rows, isTall ? rows : columns, 1)
            place = { _, row, column, _ in isTall ? column * columns + row : row * columns + column }
        case 3:
            let (rows, columns, depth) = (dims[0], dims[1], dims[2])
            (count, height, width, channels) = (depth, rows, columns, 1)
            place = { picture, row, column, _ in (row * columns + column) * depth + picture }
        case 4 where dims[3] == 3 || dims[3] == 4:
            let (rows, columns, colours) = (dims[1], dims[2], dims[3])
            (count, height, width, channels) = (dims[0], rows, columns, colours)
            place = { picture, row, column, channel in ((picture * rows + row) * columns + column) * colours + channel }
        default: return nil
        }
        guard !dims.contains(0), height <= Image.mostPixels / width else { return nil }
        let (height, width, channels) = (height, width, channels)
        pictures = (0..<min(count, 3)).map { picture in
            var pixels: [UInt8] = []
            pixels.reserveCapacity(height * width * channels)
            for row in 0..<height {
                for column in 0..<width {
                    for channel in 0..<channels {
                        let value = values[place(picture, row, column, channel)] * 255.5
                        pixels.append(value >= 0 ? UInt8(min(value, 255)) : 0)
                    }
                }
            }
            return pixels
        }
    }

    /// As PNG files.
    func encoded() throws(LocatedError) -> [[UInt8]] {
        var files: [[UInt8]] = []
        for pixels in pictures {
            files.append(try Image(pixels: Tensor(pixels, shape: [height, width, channels])).encoded(as: .png))
        }
        return files
    }
}
