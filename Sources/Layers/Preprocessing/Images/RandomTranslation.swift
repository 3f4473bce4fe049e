internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images moved while training.
///
/// Formula: down by f·rows and to the right by g·columns, f and g an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `height_factor`, `width_factor`, `fill_mode`, `interpolation`, `fill_value`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_translation.py (3.15).
public struct RandomTranslation: ImageLayer {
    public static let className = "RandomTranslation"
    public var common: LayerCommon
    public var options: ImageOptions
    public var heightFactor: FactorRange
    public var widthFactor: FactorRange
    public var fillMode: FillMode
    public var interpolation: ImageInterpolation
    public var fillValue: Double
    public var seed: Int?

    public init(_ heightFactor: FactorRange, _ widthFactor: FactorRange, fillMode: FillMode = .reflect, interpolation: ImageInterpolation = .bilinear, fillValue: Double = 0, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.heightFactor = heightFactor
        self.widthFactor = widthFactor
        self.fillMode = fillMode
        self.interpolation = interpolation
        self.fillValue = fillValue
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        heightFactor = try FactorRange("height_factor", &config)
        widthFactor = try FactorRange("width_factor", &config)
        fillMode = try config.imageBorder("fill_mode", default: .reflect)
        interpolation = try config.word("interpolation", default: .bilinear)
        fillValue = try config.number("fill_value", default: 0)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["height_factor"] = heightFactor.config
        config["width_factor"] = widthFactor.config
        config["fill_mode"] = .string(fillMode.rawValue)
        config["interpolation"] = .string(interpolation.rawValue)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
        config["fill_value"] = .float(fillValue)
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        let (rows, columns, _) = try context.extents(scene.images)
        let down = try context.scaled(
            try context.random(for: scene.images, from: heightFactor.lower, to: heightFactor.upper), by: Double(-rows))
        let right = try context.scaled(
            try context.random(for: scene.images, from: widthFactor.lower, to: widthFactor.upper), by: Double(-columns))
        if let boxes = scene.boxes {
            let format = try boxFormat(context), extent = context.boxExtent(rows: rows, columns: columns)
            let left = try context.forBoxes(right), up = try context.forBoxes(down)
            let moved = try context.corners(boxes.boxes, format, relative: false, extent).moved(
                x: { (x) throws(LocatedError) in try context.subtract(x, left) }, y: { (y) throws(LocatedError) in try context.subtract(y, up) })
            let (inside, labels) = try context.clipped(moved, labels: boxes.labels, to: extent)
            scene.boxes = BoundingBoxes(boxes: try context.boxes(inside, format, relative: false, extent), labels: labels)
        }
        let one = context.scalar(1.0)
        let transforms = try context.transforms(scene.images, [one, nil, right, nil, one, down, nil, nil])
        try scene.project(transforms, interpolation, fillMode, fill: fillValue, context)
        return scene
    }
}
