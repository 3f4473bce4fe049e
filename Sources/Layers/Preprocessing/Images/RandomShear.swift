internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images made slanting while training.
///
/// Formula: x' = x + f·y, y' = y + g·x, f and g an image's own, both times −1 for half of the images.
/// A single number for a factor stands for the pair from −number, as in Keras.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `x_factor`, `y_factor`, `fill_mode`, `interpolation`, `fill_value`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_shear.py (3.15).
public struct RandomShear: ImageLayer {
    public static let className = "RandomShear"
    public var common: LayerCommon
    public var options: ImageOptions
    public var xFactor: FactorRange
    public var yFactor: FactorRange
    public var fillMode: FillMode
    public var interpolation: ImageInterpolation
    public var fillValue: Double
    public var seed: Int?

    public init(xFactor: FactorRange = FactorRange(0, 0), yFactor: FactorRange = FactorRange(0, 0), fillMode: FillMode = .reflect, interpolation: ImageInterpolation = .bilinear, fillValue: Double = 0, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.xFactor = xFactor
        self.yFactor = yFactor
        self.fillMode = fillMode
        self.interpolation = interpolation
        self.fillValue = fillValue
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        xFactor = try FactorRange("x_factor", &config, default: 0)
        yFactor = try FactorRange("y_factor", &config, default: 0)
        fillMode = try config.imageBorder("fill_mode", default: .reflect)
        interpolation = try config.word("interpolation", default: .bilinear)
        fillValue = try config.number("fill_value", default: 0)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["x_factor"] = xFactor.config
        config["y_factor"] = yFactor.config
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
        let images = scene.images
        let (rows, columns, _) = try context.extents(images)
        let sign = try context.select(
            try context.compare(.greater, try context.random(for: images, from: 0, to: 1), context.scalar(0.5)), context.scalar(-1.0),
            context.scalar(1.0))
        let down = try context.multiply(try context.random(for: images, from: yFactor.lower, to: yFactor.upper), sign)
        let across = try context.multiply(try context.random(for: images, from: xFactor.lower, to: xFactor.upper), sign)
        if let boxes = scene.boxes { scene.boxes = try sheared(boxes, x: across, y: down, rows: rows, columns: columns, context) }
        let one = context.scalar(1.0)
        let transforms = try context.transforms(images, [one, across, nil, down, one, nil, nil, nil])
        try scene.project(transforms, interpolation, fillMode, fill: fillValue, context)
        return scene
    }

    /// Boxes of images that are sheared by so much, each (batch, 1, 1, 1).
    func sheared(
        _ given: BoundingBoxes, x across: Value, y down: Value, rows: Int, columns: Int, _ context: LoweringContext
    ) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context), extent = context.boxExtent(rows: rows, columns: columns)
        let across = try context.forBoxes(across), down = try context.forBoxes(down)
        func moved(_ place: Value, _ amount: Value, _ by: Value) throws(LocatedError) -> Value {
            try context.subtract(place, try context.multiply(amount, by))
        }
        var corners = try context.corners(given.boxes, format, relative: true, extent)
        let isLeft = try context.compare(.less, across, context.scalar(0.0))
        let (x1, x2) = (corners.x1, corners.x2)
        corners.x1 = try context.select(isLeft, try moved(x1, across, corners.y1), try moved(x1, across, corners.y2))
        corners.x2 = try context.select(isLeft, try moved(x2, across, corners.y2), try moved(x2, across, corners.y1))
        let isDown = try context.compare(.greater, down, context.scalar(0.0))
        let (y1, y2) = (corners.y1, corners.y2)
        corners.y1 = try context.select(isDown, try moved(y1, down, corners.x2), try moved(y1, down, corners.x1))
        corners.y2 = try context.select(isDown, try moved(y2, down, corners.x1), try moved(y2, down, corners.x2))
        let (inside, labels) = try context.clipped(
            corners, labels: given.labels, to: BoxExtent(width: context.scalar(1.0), height: context.scalar(1.0)))
        return BoundingBoxes(boxes: try context.boxes(inside, format, relative: true, extent), labels: labels)
    }
}
