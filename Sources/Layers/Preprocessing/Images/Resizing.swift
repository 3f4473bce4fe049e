internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images in another size, at inference, too.
///
/// Formula: as TensorFlow's `tf.image.resize`; with `crop_to_aspect_ratio` the middle of the image's proportions that are
/// wanted, with `pad_to_aspect_ratio` all of it with `fill_value` around.
///
/// Shapes: (batch, rows, columns, channels) → (batch, height, width, channels); whole numbers are rounded and stay whole numbers.
/// Config: `height`, `width`, `interpolation`, `crop_to_aspect_ratio`, `pad_to_aspect_ratio`, `fill_mode` (constant), `fill_value`,
/// `antialias`, `data_format`, `bounding_box_format` (kept).
/// Source: keras/src/layers/preprocessing/image_preprocessing/resizing.py (3.15).
public struct Resizing: ImageLayer {
    public static let className = "Resizing"
    public var common: LayerCommon
    public var options: ImageOptions
    public var height: Int
    public var width: Int
    public var interpolation: String
    public var cropToAspectRatio: Bool
    public var padToAspectRatio: Bool
    public var fillValue: Double
    public var antialias: Bool

    public init(_ height: Int, _ width: Int, interpolation: String = "bilinear", cropToAspectRatio: Bool = false, padToAspectRatio: Bool = false, fillValue: Double = 0, antialias: Bool = false, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.height = height
        self.width = width
        self.interpolation = interpolation
        self.cropToAspectRatio = cropToAspectRatio
        self.padToAspectRatio = padToAspectRatio
        self.fillValue = fillValue
        self.antialias = antialias
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        height = try config.integer("height", atLeast: 1)
        width = try config.integer("width", atLeast: 1)
        interpolation = try config.string("interpolation", default: "bilinear")
        guard Resample.Method(rawValue: interpolation) != nil else { throw config.wrong("interpolation", "a kind of interpolation", .string(interpolation)) }
        cropToAspectRatio = try config.bool("crop_to_aspect_ratio", default: false)
        padToAspectRatio = try config.bool("pad_to_aspect_ratio", default: false)
        let mode = try config.string("fill_mode", default: "constant")
        guard mode == "constant" else { throw config.wrong("fill_mode", "constant", .string(mode)) }
        fillValue = try config.number("fill_value", default: 0)
        antialias = try config.bool("antialias", default: false)
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["height"] = .integer(height)
        config["width"] = .integer(width)
        config["interpolation"] = .string(interpolation)
        config["crop_to_aspect_ratio"] = .bool(cropToAspectRatio)
        config["pad_to_aspect_ratio"] = .bool(padToAspectRatio)
        config["fill_mode"] = "constant"
        config["fill_value"] = .float(fillValue)
        config["antialias"] = .bool(antialias)
    }

    var isAlways: Bool { true }
    var keepsWholeNumbers: Bool { true }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try context.imageOperation(
            "Resize", images,
            [
                "size": [.integer(height), .integer(width)], "interpolation": .string(interpolation), "antialias": .bool(antialias),
                "crop_to_aspect_ratio": .bool(cropToAspectRatio), "pad_to_aspect_ratio": .bool(padToAspectRatio), "fill_mode": "constant",
                "fill_value": .float(fillValue),
            ])
    }
}
