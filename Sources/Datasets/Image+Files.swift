import CImageCodecs
import Files
public import Tensors

extension Image {
    /// Kinds of image files, told apart by their first bytes.
    public enum FileKind: Sendable, Equatable {
        case png
        /// Quality 1 to 100; Pillow's default is 75. Colours are stored at half the resolution (4:2:0).
        case jpeg(quality: Int = 75)

        /// The kind that a file name's ending asks for: `.png`, `.jpg`, `.jpeg`, in any case.
        public init?(ending path: String) {
            let name = path.lowercased()
            if name.hasSuffix(".png") {
                self = .png
            } else if name.hasSuffix(".jpg") || name.hasSuffix(".jpeg") {
                self = .jpeg()
            } else {
                return nil
            }
        }

        /// The kind of the file that starts with these bytes (8 are enough).
        public init?(content bytes: some Collection<UInt8>) {
            if bytes.starts(with: [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a]) {
                self = .png
            } else if bytes.starts(with: [0xff, 0xd8, 0xff]) {
                self = .jpeg()
            } else {
                return nil
            }
        }
    }

    /// The picture in a PNG, JPEG or BMP file, whatever the file's name says.
    ///
    /// Throws 66 when there is no such file, 65 `image.kind`, `image.broken`, `image.truncated`, `image.too_large`, 69
    /// `image.kind`, `image.unsupported`, 74 when reading fails.
    public init(contentsOf path: String) throws(LocatedError) {
        let bytes = try InputFile.readBytes(path, limit: 1 << 30)
        self = try locating(path) { () throws(LocatedError) in try Image(encoded: bytes) }
    }

    /// The picture that a whole PNG, JPEG or BMP file's bytes hold. Throws as `init(contentsOf:)` does.
    public init(encoded bytes: [UInt8]) throws(LocatedError) {
        if bytes.starts(with: Image.bitmapSignature) {
            self = try Image(bitmap: bytes)
            return
        }
        guard let kind = FileKind(content: bytes.prefix(8)) else { throw Image.unknownKind(bytes) }
        var info = cimagecodecs_info()
        var error = cimagecodecs_error()
        let limit = UInt64(Image.mostPixels)
        let status =
            switch kind {
            case .png: cimagecodecs_png_info(bytes, bytes.count, limit, &info, &error)
            case .jpeg: cimagecodecs_jpeg_info(bytes, bytes.count, limit, &info, &error)
            }
        guard status == 0 else { throw Image.failure(error) }
        func decode(_ target: UnsafeMutablePointer<UInt8>) throws(LocatedError) {
            let status =
                switch kind {
                case .png: cimagecodecs_png_decode(bytes, bytes.count, &info, target, &error)
                case .jpeg: cimagecodecs_jpeg_decode(bytes, bytes.count, &info, target, &error)
                }
            guard status == 0 else { throw Image.failure(error) }
        }
        let (width, height) = (Int(info.width), Int(info.height))
        if Int(info.kind) == CIMAGECODECS_CMYK {
            var inks = [UInt8](repeating: 0, count: width * height * 4)
            try inks.withUnsafeMutableBufferPointer { (buffer) throws(LocatedError) in try decode(buffer.baseAddress!) }
            self = Image.rgb(fromInvertedInks: inks, width: width, height: height)
            return
        }
        let wide = Int(info.kind) == CIMAGECODECS_GREY16
        var pixels = Tensor(
            uninitialized: [height, width, wide ? 1 : Int(info.pixel_bytes)], dtype: wide ? .uint16 : .uint8)
        try pixels.withUnsafeMutableBytes { (raw) throws(LocatedError) in
            try decode(raw.baseAddress!.assumingMemoryBound(to: UInt8.self))
        }
        self.init(unchecked: pixels)
    }

    /// Writes the picture as `kind`, or as the path's ending says.
    ///
    /// Throws 64 `image.ending`, `image.quality`, 69 `image.alpha` for JPEG with alpha, 73 and 74 when writing fails.
    public func write(to path: String, as kind: FileKind? = nil) throws(LocatedError) {
        guard let kind = kind ?? FileKind(ending: path) else {
            throw LocatedError(.usage, "image.ending", "expected a file name ending in .png, .jpg or .jpeg", at: [path])
        }
        try AtomicFile.write(
            try locating(path) { () throws(LocatedError) in try encoded(as: kind) }, to: path)
    }

    /// The bytes of an image file. Throws 64 `image.quality`, 69 `image.alpha` for JPEG with alpha.
    public func encoded(as kind: FileKind) throws(LocatedError) -> [UInt8] {
        if case .jpeg(let quality) = kind {
            guard (1...100).contains(quality) else {
                throw LocatedError(.usage, "image.quality", "expected a quality of 1 to 100, got \(quality)")
            }
            guard channels < 4 else {
                throw LocatedError(
                    .unsupported, "image.alpha", "expected a picture without alpha for JPEG, got RGBA",
                    hint: "Convert it to RGB or write PNG.")
            }
            guard width <= 65_500, height <= 65_500 else {
                throw LocatedError(
                    .unsupported, "image.too_large", "expected at most 65500 pixels a side for JPEG, got \(width) x \(height)")
            }
        }
        let source = pixels.dtype == .uint8 ? self : converted(to: .rgb).converted(to: .grayscale)
        var data: UnsafeMutablePointer<UInt8>?
        var size = 0
        var error = cimagecodecs_error()
        let (width, height) = (UInt32(width), UInt32(height))
        let status = source.pixels.withUnsafeElements(as: UInt8.self) { pixels in
            switch kind {
            case .png:
                cimagecodecs_png_encode(pixels.baseAddress, width, height, Int32(source.channels), &data, &size, &error)
            case .jpeg(let quality):
                cimagecodecs_jpeg_encode(
                    pixels.baseAddress, width, height, Int32(source.channels), Int32(quality), &data, &size, &error)
            }
        }
        guard status == 0, let data else { throw Image.failure(error) }
        defer { cimagecodecs_free(data) }
        return Array(UnsafeBufferPointer(start: data, count: size))
    }

    static func failure(_ error: cimagecodecs_error) -> LocatedError {
        let message = withUnsafeBytes(of: error.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        switch Int(error.status) {
        case CIMAGECODECS_TRUNCATED: return LocatedError(.invalid, "image.truncated", "expected a whole image, got: \(message)")
        case CIMAGECODECS_TOO_LARGE:
            return LocatedError(.invalid, "image.too_large", "expected an image of bearable size, got: \(message)")
        case CIMAGECODECS_UNSUPPORTED:
            return LocatedError(.unsupported, "image.unsupported", "expected a common kind of image, got: \(message)")
        case CIMAGECODECS_NO_MEMORY: return LocatedError(.io, "image.memory", "ran out of memory: \(message)")
        default: return LocatedError(.invalid, "image.broken", "expected a sound image, got: \(message)")
        }
    }

    private static func unknownKind(_ bytes: [UInt8]) -> LocatedError {
        let others: [(name: String, start: [UInt8])] = [
            ("GIF", Array("GIF8".utf8)), ("TIFF", [0x49, 0x49, 0x2a, 0]),
            ("TIFF", [0x4d, 0x4d, 0, 0x2a]), ("WebP", Array("RIFF".utf8)),
        ]
        if let other = others.first(where: { bytes.starts(with: $0.start) }) {
            return LocatedError(
                .unsupported, "image.kind", "expected a PNG, JPEG or BMP image, got a \(other.name) image",
                hint: "Convert it to PNG first.")
        }
        return LocatedError(
            .invalid, "image.kind", "expected a PNG, JPEG or BMP image, got \(bytes.isEmpty ? "an empty file" : "something else")")
    }
}
