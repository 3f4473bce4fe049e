internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images distorted like rubber, some of them, while training.
///
/// Formula: each point shows what stood at itself plus smoothed noise, as much as `scale` says; then clip(y, low, high).
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `scale`, `fill_mode`, `interpolation`, `fill_value`, `value_range`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_elastic_transform.py (3.15).
public struct RandomElasticTransform: ImageLayer {
    public static let className = "RandomElasticTransform"
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var scale: FactorRange
    public var fillMode: FillMode
    public var interpolation: ImageInterpolation
    public var fillValue: Double
    public var valueRange: ValueRange
    public var seed: Int?

    public init(factor: FactorRange = FactorRange(0, 1), scale: FactorRange = FactorRange(0, 1), fillMode: FillMode = .reflect, interpolation: ImageInterpolation = .bilinear, fillValue: Double = 0, valueRange: ValueRange = ValueRange(), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.scale = scale
        self.fillMode = fillMode
        self.interpolation = interpolation
        self.fillValue = fillValue
        self.valueRange = valueRange
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: 0, default: 1)
        scale = try FactorRange("scale", &config, least: 0, default: 1)
        fillMode = try config.imageBorder("fill_mode", default: .reflect, mirrors: true)
        interpolation = try config.word("interpolation", default: .bilinear)
        fillValue = try config.number("fill_value", default: 0)
        valueRange = try ValueRange(&config)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["scale"] = scale.config
        config["interpolation"] = .string(interpolation.rawValue)
        config["fill_mode"] = .string(fillMode.rawValue)
        config["fill_value"] = .float(fillValue)
        config["value_range"] = valueRange.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func resting(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        try refuseBoxes(scene, context)
        return scene
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        guard scale.upper > 0, factor.upper > 0 else { return scene }
        try refuseBoxes(scene, context)
        var scene = scene
        let applies = try context.happens(for: scene.images, factor)
        let amount = try context.reshaped(try context.sharedRandom(for: scene.images, from: scale.lower, to: scale.upper), to: [1])
        scene.images = try distorted(scene.images, by: amount, applies, interpolation, context)
        // Keras 3.15 draws other noise for the masks.
        if let masks = scene.masks { scene.masks = try distorted(try context.floats(masks), by: amount, applies, .nearest, context) }
        return scene
    }

    private func distorted(
        _ images: Value, by factor: Value, _ applies: Value, _ interpolation: ImageInterpolation, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let (rows, columns, _) = try context.extents(images), batch = context.shape(images)[0]
        let alpha = try context.scaled(factor, by: 0.1 * Double(max(rows, columns)))
        let sigma = try context.scaled(factor, by: 0.05 * Double(min(rows, columns)))
        // Three widths to each side; the largest kernel that there may be, with zeros where this one doesn't reach.
        let reach = 3 * Int(0.05 * scale.upper * Double(min(rows, columns))), size = 2 * reach + 1
        let distances = context.constant(Tensor((0..<size).map { Float($0 - reach) }))
        let squares = try context.unary(.square, try context.divide(distances, sigma))
        let powers = try context.unary(.exp, try context.scaled(squares, by: -0.5))
        let own = try context.scaled(try context.unary(.floor, sigma), by: 3, offset: 0.5)
        let reached = try context.compare(.less, context.constant(Tensor((0..<size).map { Float(abs($0 - reach)) })), own)
        let weights = try context.select(reached, powers, context.scalar(0.0))
        let bell = try context.divide(weights, try context.reduce(.sum, weights))
        let kernel = try context.multiply(try context.expanded(bell, axes: [1]), bell)
        let noise = try context.apply(
            RandomFill(.normal(mean: 0, stddev: 1), stream: context.randomStream(), shape: [nil, rows, columns, 1]), images)
        let smooth = try context.blurred(
            try context.multiply(noise, sigma), kernel: try context.reshaped(kernel, to: [size, size, 1, 1]), rows: size, columns: size)
        // Keras draws the same noise for both directions.
        let shift = try context.multiply(try context.reshaped(smooth, to: [batch, 1, rows, columns]), alpha)
        var grid: [Float] = []
        for row in 0..<rows { grid += [Float](repeating: Float(row), count: columns) }
        for _ in 0..<rows { grid += (0..<columns).map { Float($0) } }
        let places = try context.add(context.constant(Tensor(grid, shape: [1, 2, rows, columns])), shift)
        let distorted = try context.apply(
            MapCoordinates(isLinear: interpolation == .bilinear, border: fillMode.border, fill: Float(fillValue)), images, places)
        return try context.clipped(try context.select(applies, distorted, images), valueRange.low, valueRange.high)
    }
}
