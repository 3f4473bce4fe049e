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
/// Config: `factor`, `scale`, `interpolation`, `fill_value`, `seed`, `data_format`, `bounding_box_format` (kept).
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
        let (rows, columns, _) = try context.extents(images)
        let (right, bottom) = (Float(columns - 1), Float(rows - 1))
        let applies = try context.happens(for: images, factor)
        let corners = context.constant(Tensor([0, 0, right, 0, 0, bottom, right, bottom] as [Float], shape: [1, 4, 2]))
        let shift = try context.reshaped(
            try context.random(for: images, from: -0.5 * scale, to: 0.5 * scale, count: 8), to: [context.shape(images)[0], 4, 2])
        let ends = try context.multiply(corners, try context.scaled(shift, by: 1, offset: 1))
        let transforms = try context.apply(Homography(), corners, ends)
        let seen = try context.projected(images, transforms, interpolation, .constant, fill: fillValue)
        return try context.select(applies, seen, images)
    }
}
