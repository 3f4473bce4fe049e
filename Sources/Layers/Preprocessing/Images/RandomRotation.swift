internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images turned about their middle while training.
///
/// Formula: by f·360 degrees, f an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `fill_mode`, `interpolation`, `fill_value`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_rotation.py (3.15).
public struct RandomRotation: ImageLayer {
    public static let className = "RandomRotation"
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var fillMode: FillMode
    public var interpolation: ImageInterpolation
    public var fillValue: Double
    public var seed: Int?

    public init(_ factor: FactorRange, fillMode: FillMode = .reflect, interpolation: ImageInterpolation = .bilinear, fillValue: Double = 0, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.fillMode = fillMode
        self.interpolation = interpolation
        self.fillValue = fillValue
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: -1)
        fillMode = try config.imageBorder("fill_mode", default: .reflect)
        interpolation = try config.word("interpolation", default: .bilinear)
        fillValue = try config.number("fill_value", default: 0)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["fill_mode"] = .string(fillMode.rawValue)
        config["fill_value"] = .float(fillValue)
        config["interpolation"] = .string(interpolation.rawValue)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        let (rows, columns, _) = try context.extents(scene.images)
        let degrees = try context.random(for: scene.images, from: factor.lower * 360, to: factor.upper * 360)
        let angle = try context.scaled(degrees, by: Double.pi / 180)
        let cosine = try context.unary(.cos, angle), sine = try context.unary(.sin, angle)
        let (x, y) = (Double(columns - 1) / 2, Double(rows - 1) / 2)
        let minus = try context.unary(.negative, sine)
        // What the middle must be moved by to stay where it is.
        let right = try context.subtract(
            try context.scaled(cosine, by: -x, offset: x), try context.scaled(minus, by: y))
        let down = try context.subtract(try context.scaled(sine, by: -x, offset: y), try context.scaled(cosine, by: y))
        if let boxes = scene.boxes {
            scene.boxes = try turned(
                boxes, cosine: try context.forBoxes(cosine), sine: try context.forBoxes(sine), rows: rows, columns: columns, context)
        }
        let transforms = try context.transforms(scene.images, [cosine, minus, right, sine, cosine, down, nil, nil])
        try scene.project(transforms, interpolation, fillMode, fill: fillValue, context)
        return scene
    }

    /// The boxes around boxes that were turned. Keras 3.15 takes them for corners in pixels, whatever their format is.
    private func turned(
        _ given: BoundingBoxes, cosine: Value, sine: Value, rows: Int, columns: Int, _ context: LoweringContext
    ) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context), extent = context.boxExtent(rows: rows, columns: columns)
        let corners = try context.corners(given.boxes, .xyxy, relative: false, extent)
        let (x, y) = (Double(columns - 1) / 2, Double(rows - 1) / 2)
        // (x, y) about the middle, turned the other way than the points that are read.
        let right = try context.subtract(try context.scaled(cosine, by: -x, offset: x), try context.scaled(sine, by: y))
        let down = try context.subtract(try context.scaled(sine, by: x, offset: y), try context.scaled(cosine, by: y))
        var across: [Value] = [], along: [Value] = []
        for (x, y) in [(corners.x1, corners.y1), (corners.x2, corners.y1), (corners.x2, corners.y2), (corners.x1, corners.y2)] {
            across.append(
                try context.add(try context.add(try context.multiply(cosine, x), try context.multiply(sine, y)), right))
            along.append(
                try context.add(try context.subtract(try context.multiply(cosine, y), try context.multiply(sine, x)), down))
        }
        let around = try context.around(across, along)
        let (inside, labels) = try context.clipped(around, labels: given.labels, to: extent)
        return BoundingBoxes(boxes: try context.boxes(inside, format, relative: false, extent), labels: labels)
    }
}
