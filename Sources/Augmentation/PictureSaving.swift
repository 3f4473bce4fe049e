internal import Datasets
internal import Tensors

/// Where an iterator keeps its pictures to be looked at, and under what names.
struct PictureSaving: Sendable {
    let directory: String
    let prefix: String
    /// The name's ending, too.
    let format: String
    /// Names end in a number drawn below this.
    let largestHash: Int
    let dataFormat: ImageDataGenerator.DataFormat
    private let kind: Image.FileKind

    /// Throws 69 `augment.save_format` for others than PNG and JPEG.
    init(
        directory: String, prefix: String, format: String, largestHash: Int, dataFormat: ImageDataGenerator.DataFormat
    ) throws(LocatedError) {
        guard let kind = Image.FileKind(ending: "." + format) else {
            throw LocatedError(
                .unsupported, "augment.save_format", "expected png, jpeg or jpg, got \(format)", at: ["save_format"])
        }
        self.directory = directory
        self.prefix = prefix
        self.format = format
        self.largestHash = largestHash
        self.dataFormat = dataFormat
        self.kind = kind
    }

    func name(index: Int, hash: Int) -> String { "\(prefix)_\(index)_\(hash).\(format)" }

    /// Writes a picture as Keras does: stretched so that its smallest number becomes 0 and its largest 255.
    func write(_ x: UnsafePointer<Float>, _ layout: PictureLayout, name: String) throws(LocatedError) {
        let path = directory.hasSuffix("/") || directory.isEmpty ? directory + name : directory + "/" + name
        guard layout.count > 0 else {
            throw LocatedError(.invalid, "image.shape", "expected a picture with pixels, got shape \(layout.shape)", at: [path])
        }
        try locating(path) { () throws(LocatedError) in
            let stretch = ByteStretch(x, layout.count)
            var pixels = Tensor(uninitialized: [layout.height, layout.width, layout.channels], dtype: .uint8)
            pixels.withUnsafeMutableElements(as: UInt8.self) { bytes in
                var place = 0
                for row in 0..<layout.height {
                    for column in 0..<layout.width {
                        for channel in 0..<layout.channels {
                            bytes[place] = stretch.byte(x[row * layout.row + column * layout.column + channel * layout.channel])
                            place += 1
                        }
                    }
                }
            }
            try Image(pixels: pixels).write(to: path, as: kind)
        }
    }
}
