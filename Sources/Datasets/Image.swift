public import Tensors

/// A picture in memory: rows from the top, 8 bits for every channel, in the order red, green, blue, alpha.
public struct Image: Sendable, Equatable {
    /// Channels as Keras's `color_mode` names them.
    public enum ColorMode: String, Sendable, CaseIterable {
        case grayscale, rgb, rgba

        /// 1, 3 or 4.
        public var channels: Int {
            switch self {
            case .grayscale: 1
            case .rgb: 3
            case .rgba: 4
            }
        }
    }

    /// Shape (height, width, channels), uint8. A grey PNG of 16 bits stays uint16 until it is converted.
    public let pixels: Tensor

    public var height: Int { pixels.shape[0] }
    public var width: Int { pixels.shape[1] }
    /// 1 (grey), 3 (RGB) or 4 (RGBA).
    public var channels: Int { pixels.shape[2] }

    public var colorMode: ColorMode {
        switch channels {
        case 1: .grayscale
        case 3: .rgb
        default: .rgba
        }
    }

    /// More pixels than this are refused, as Pillow refuses them (`MAX_IMAGE_PIXELS`, doubled).
    public static let mostPixels = 178_956_970

    /// A picture of these pixels: uint8, shape (height, width, 1 | 3 | 4), none of them empty.
    ///
    /// Throws 64 `image.shape`, `image.dtype`.
    public init(pixels: Tensor) throws(LocatedError) {
        let shape = pixels.shape
        guard shape.rank == 3, [1, 3, 4].contains(shape[2]), shape[0] > 0, shape[1] > 0, shape[0] <= Image.mostPixels / shape[1]
        else {
            throw LocatedError(
                .usage, "image.shape", "expected pixels of shape (height, width, channels) with 1, 3 or 4 channels, got \(shape)")
        }
        guard pixels.dtype == .uint8 else {
            throw LocatedError(.usage, "image.dtype", "expected pixels of uint8, got \(pixels.dtype.rawValue)")
        }
        self.init(unchecked: pixels)
    }

    /// Pixels that this room made itself.
    init(unchecked pixels: Tensor) { self.pixels = pixels }

    /// The picture that Keras's `array_to_img` makes of an array of numbers, shape (height, width, 1 | 3 | 4).
    ///
    /// With `scale`, numbers are shifted up so that none is negative, and stretched so that the largest is 255; without,
    /// they are cut to whole numbers, of which the low 8 bits count. Throws 64 `image.shape`.
    public init(array: Tensor, scale: Bool = true) throws(LocatedError) {
        var values = array.floats
        if scale {
            let shift = max(-(values.min() ?? 0), 0)
            let largest = (values.max() ?? 0) + shift
            for index in values.indices {
                var value = values[index] + shift
                if largest != 0 { value /= largest }
                values[index] = value * 255
            }
        }
        let bytes = values.map { value in
            value.isFinite && value.magnitude < 0x1p62 ? UInt8(truncatingIfNeeded: Int64(value)) : 0
        }
        try self.init(pixels: Tensor(bytes, shape: array.shape))
    }

    /// The pixels as Keras's `img_to_array` gives them: float32, shape (height, width, channels), 0 to 255.
    public var array: Tensor {
        var result = Tensor(uninitialized: pixels.shape)
        guard pixels.dtype == .uint8 else { return pixels.asType(.float32) }
        result.withUnsafeMutableElements(as: Float.self) { target in
            pixels.withUnsafeElements(as: UInt8.self) { source in
                for index in target.indices { target[index] = Float(source[index]) }
            }
        }
        return result
    }
}
