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
/// `antialias`, `data_format`, `bounding_box_format`.
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
        try resized(images, interpolation, context)
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        if let boxes = scene.boxes { scene.boxes = try resized(boxes, images: scene.images, context) }
        scene.images = try resized(scene.images, interpolation, context)
        if let masks = scene.masks { scene.masks = try resized(masks, "nearest", context) }
        return scene
    }

    private func resized(_ images: Value, _ interpolation: String, _ context: LoweringContext) throws(LocatedError) -> Value {
        try context.imageOperation(
            "Resize", images,
            [
                "size": [.integer(height), .integer(width)], "interpolation": .string(interpolation), "antialias": .bool(antialias),
                "crop_to_aspect_ratio": .bool(cropToAspectRatio), "pad_to_aspect_ratio": .bool(padToAspectRatio), "fill_mode": "constant",
                "fill_value": .float(fillValue),
            ])
    }

    /// Boxes in the new image; those of nothing but 0 or of nothing but -1 become 0.
    private func resized(_ given: BoundingBoxes, images: Value, _ context: LoweringContext) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context)
        let (rows, columns, _) = try context.extents(images)
        let corners = try context.corners(given.boxes, format, relative: false, context.boxExtent(rows: rows, columns: columns))
        let (x, y) = scales(rows: Float(rows), columns: Float(columns))
        let moved = try corners.moved(
            x: { (value) throws(LocatedError) in try context.scaled(value, by: Double(x.factor), offset: Double(x.offset)) },
            y: { (value) throws(LocatedError) in try context.scaled(value, by: Double(y.factor), offset: Double(y.offset)) })
        let extent = context.boxExtent(rows: height, columns: width)
        var (inside, labels) = try context.clipped(moved, labels: given.labels, to: extent)
        func all(_ number: Double) throws(LocatedError) -> Value {
            try context.reduce(.all, try context.compare(.equal, given.boxes, context.scalar(number)), axes: [2], keepsAxes: true)
        }
        let isNone = try context.logical(.or, try all(-1), try all(0)), zero = context.scalar(0.0)
        inside = try inside.moved(
            x: { (x) throws(LocatedError) in try context.select(isNone, zero, x) },
            y: { (y) throws(LocatedError) in try context.select(isNone, zero, y) })
        labels = try context.cast(labels, to: context.dtype(given.labels))
        return BoundingBoxes(boxes: try context.boxes(inside, format, relative: false, extent), labels: labels)
    }

    /// What places of boxes are multiplied by, and what is added then, from left to right and from top to bottom.
    private func scales(rows: Float, columns: Float) -> (x: (factor: Float, offset: Float), y: (factor: Float, offset: Float)) {
        let (high, wide) = (Float(height), Float(width))
        if padToAspectRatio {
            let ratio = min(high / rows, wide / columns)
            return ((ratio, ((wide - columns * ratio) / 2).rounded(.down)), (ratio, ((high - rows * ratio) / 2).rounded(.down)))
        }
        guard cropToAspectRatio else { return ((wide / columns, 0), (high / rows, 0)) }
        let source = columns / rows
        let isWider = source > wide / high
        let (newWidth, newHeight) = (isWider ? high * source : wide, isWider ? high : wide / source)
        return (
            (newWidth / columns, -((newWidth - wide) / 2).rounded(.down)), (newHeight / rows, -((newHeight - high) / 2).rounded(.down))
        )
    }
}
