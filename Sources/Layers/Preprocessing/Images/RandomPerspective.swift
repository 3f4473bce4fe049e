internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images seen aslant, some of them, while training.
///
/// Formula: each corner goes to itself times 1 + f, f from −scale / 2 to scale / 2, for an image whose probability, drawn from
/// `factor`, says so.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `scale`, `interpolation`, `fill_value`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_perspective.py (3.15).
public struct RandomPerspective: ImageLayer {
    public static let className = "RandomPerspective"
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var scale: Double
    public var interpolation: ImageInterpolation
    public var fillValue: Double
    public var seed: Int?

    public init(factor: FactorRange = FactorRange(0, 1), scale: Double = 1, interpolation: ImageInterpolation = .bilinear, fillValue: Double = 0, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.scale = scale
        self.interpolation = interpolation
        self.fillValue = fillValue
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: 0, default: 1)
        scale = try config.number("scale", default: 1, in: 0...1)
        interpolation = try config.word("interpolation", default: .bilinear)
        fillValue = try config.number("fill_value", default: 0)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["scale"] = .float(scale)
        config["interpolation"] = .string(interpolation.rawValue)
        config["fill_value"] = .float(fillValue)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        let images = scene.images
        let (rows, columns, _) = try context.extents(images)
        let (right, bottom) = (Float(columns - 1), Float(rows - 1))
        let applies = try context.happens(for: images, factor)
        let corners = context.constant(Tensor([0, 0, right, 0, 0, bottom, right, bottom] as [Float], shape: [1, 4, 2]))
        let shift = try context.reshaped(
            try context.random(for: images, from: -0.5 * scale, to: 0.5 * scale, count: 8), to: [context.shape(images)[0], 4, 2])
        let ends = try context.multiply(corners, try context.scaled(shift, by: 1, offset: 1))
        let transforms = try Self.transforms(from: corners, to: ends, context)
        if let boxes = scene.boxes {
            scene.boxes = try seen(boxes, applies, transforms, rows: rows, columns: columns, context)
        }
        let given = scene
        try scene.project(transforms, interpolation, .constant, fill: fillValue, context)
        scene.images = try context.select(applies, scene.images, images)
        if let masks = given.masks, let moved = scene.masks { scene.masks = try context.select(applies, moved, masks) }
        return scene
    }

    /// (batch, 8), from places of the result to places of the images, whose corners (batch, 4, 2) go to others.
    static func transforms(from corners: Value, to ends: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try context.apply(Homography(), corners, ends)
    }

    /// The boxes around boxes that are seen from elsewhere, where `applies` (batch, 1, 1, 1) says so.
    ///
    /// - Parameter transforms: (batch, 8), from places of the result to places of the images.
    /// - Returns: corners in pixels, whatever the format is: so does Keras 3.15.
    func seen(
        _ given: BoundingBoxes, _ applies: Value, _ transforms: Value, rows: Int, columns: Int, _ context: LoweringContext
    ) throws(LocatedError) -> BoundingBoxes {
        let extent = context.boxExtent(rows: rows, columns: columns)
        let corners = try context.corners(given.boxes, try boxFormat(context), relative: false, extent)
        var h: [Value] = []
        for place in 0..<8 {
            h.append(try context.expanded(try context.sliced(transforms, axis: 1, from: place, to: place + 1), axes: [2]))
        }
        h.append(context.scalar(1.0))
        // The inverse but for a factor, which the quotients lose.
        func minor(_ a: Int, _ b: Int, _ c: Int, _ d: Int) throws(LocatedError) -> Value {
            try context.subtract(try context.multiply(h[a], h[b]), try context.multiply(h[c], h[d]))
        }
        let inverse = [
            try minor(4, 8, 5, 7), try minor(2, 7, 1, 8), try minor(1, 5, 2, 4),
            try minor(5, 6, 3, 8), try minor(0, 8, 2, 6), try minor(2, 3, 0, 5),
            try minor(3, 7, 4, 6), try minor(1, 6, 0, 7), try minor(0, 4, 1, 3),
        ]
        func row(_ number: Int, _ x: Value, _ y: Value) throws(LocatedError) -> Value {
            let sum = try context.add(
                try context.multiply(inverse[3 * number], x), try context.multiply(inverse[3 * number + 1], y))
            return try context.add(sum, inverse[3 * number + 2])
        }
        var across: [Value] = [], along: [Value] = []
        for (x, y) in [(corners.x1, corners.y1), (corners.x2, corners.y2), (corners.x1, corners.y2), (corners.x2, corners.y1)] {
            let scale = try row(2, x, y)
            across.append(try context.divide(try row(0, x, y), scale))
            along.append(try context.divide(try row(1, x, y), scale))
        }
        let around = try context.around(across, along), applies = try context.forBoxes(applies)
        let seen = BoxCorners(
            x1: try context.select(applies, around.x1, corners.x1), y1: try context.select(applies, around.y1, corners.y1),
            x2: try context.select(applies, around.x2, corners.x2), y2: try context.select(applies, around.y2, corners.y2))
        let (inside, labels) = try context.clipped(seen, labels: given.labels, to: extent)
        return BoundingBoxes(boxes: try context.boxes(inside, .xyxy, relative: false, extent), labels: labels)
    }
}
