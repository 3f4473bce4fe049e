import CImageCodecs
import Files
import Tensors

/// Pictures as `tf.io.decode_image` gives them: JPEGs by the fast cosine transform, grey as libjpeg and libpng make it.
///
/// Differs: a JPEG, BMP or GIF may be asked for with alpha, which is 255 then, and a BMP or GIF for grey.
enum TensorFlowDecoding {
    /// uint8, shape (height, width, channels). Throws as `Image(contentsOf:)` does.
    static func image(_ path: String, _ mode: Image.ColorMode) throws(LocatedError) -> Tensor {
        let bytes = try InputFile.readBytes(path, limit: 1 << 30)
        return try locating(path) { () throws(LocatedError) in
            if case .jpeg? = Image.FileKind(content: bytes.prefix(8)), let pixels = try jpeg(bytes, mode) { return pixels }
            if bytes.starts(with: GIFDecoding.signature) {
                let pixels = try GIFDecoding.firstPicture(bytes)
                return mode == .grayscale ? grey(pixels) : Image(unchecked: pixels).converted(to: mode).pixels
            }
            let image = try Image(encoded: bytes)
            let pixels = image.pixels.dtype == .uint8 ? image.pixels : highBytes(image.pixels)
            return mode == .grayscale ? grey(pixels) : Image(unchecked: pixels).converted(to: mode).pixels
        }
    }

    /// nil for inks, which are left to others.
    private static func jpeg(_ bytes: [UInt8], _ mode: Image.ColorMode) throws(LocatedError) -> Tensor? {
        var info = cimagecodecs_info()
        var error = cimagecodecs_error()
        let channels: Int32 = mode == .grayscale ? 1 : 3
        guard cimagecodecs_jpeg_info_fast(bytes, bytes.count, UInt64(Image.mostPixels), channels, &info, &error) == 0 else {
            throw Image.failure(error)
        }
        if Int(info.kind) == CIMAGECODECS_CMYK { return nil }
        var pixels = Tensor(uninitialized: [Int(info.height), Int(info.width), Int(channels)], dtype: .uint8)
        let status = pixels.withUnsafeMutableElements(as: UInt8.self) { target in
            cimagecodecs_jpeg_decode_fast(bytes, bytes.count, channels, &info, target.baseAddress, &error)
        }
        guard status == 0 else { throw Image.failure(error) }
        return mode == .rgba ? Image(unchecked: pixels).converted(to: .rgba).pixels : pixels
    }

    /// 16 bits cut to the upper 8, as libpng strips them.
    private static func highBytes(_ wide: Tensor) -> Tensor {
        Tensor(wide.array(as: UInt16.self).map { UInt8($0 >> 8) }, shape: wide.shape)
    }

    /// Grey as libpng's `png_set_rgb_to_gray(0.299, 0.587)` makes it.
    private static func grey(_ pixels: Tensor) -> Tensor {
        let channels = pixels.shape[2]
        if channels == 1 { return pixels }
        var result = Tensor(uninitialized: [pixels.shape[0], pixels.shape[1], 1], dtype: .uint8)
        let (red, green) = (9798, 19_235)
        result.withUnsafeMutableElements(as: UInt8.self) { to in
            pixels.withUnsafeElements(as: UInt8.self) { from in
                for index in to.indices {
                    let pixel = index * channels
                    let sum = red * Int(from[pixel]) + green * Int(from[pixel + 1]) + (32_768 - red - green) * Int(from[pixel + 2])
                    to[index] = UInt8(truncatingIfNeeded: sum >> 15)
                }
            }
        }
        return result
    }
}
