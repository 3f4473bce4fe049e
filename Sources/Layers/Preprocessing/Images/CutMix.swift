internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images with a rectangle of others of the batch, and labels mixed by its area, while training.
///
/// Formula: the rectangle's sides are √(1 − w) of the image's, w of Beta(a, a), a drawn from `factor` for all; labels are mixed
/// by the share of the image that is left.
/// Shapes: (batch, rows, columns, channels) → the same; labels (batch, classes) in a dictionary beside them. At inference nothing
/// is done.
/// Config: `factor`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/cut_mix.py (3.15).
public struct CutMix: ImageLayer {
    public static let className = "CutMix"
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var seed: Int?

    public init(
        factor: FactorRange = FactorRange(0, 1), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil,
        name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: 0, default: 1)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(images, labels: nil, context).images
    }

    func changed(_ images: Value, labels: Value?, _ context: LoweringContext) throws(LocatedError) -> (images: Value, labels: Value?) {
        let (rows, columns, _) = try context.extents(images), batch = context.shape(images)[0]
        let shared = try context.sharedRandom(for: images, from: factor.lower, to: factor.upper)
        let alpha = try context.scaled(try context.reshaped(shared, to: []), by: 1, offset: 1e-6)
        let weight = try context.apply(RandomDraw(.beta, stream: context.randomStream()), images, alpha)
        let side = try context.unary(
            .sqrt, try context.scaled(try context.reshaped(weight, to: [batch, 1, 1, 1]), by: -1, offset: 1))
        let (inside, share) = try context.rectangle(images, width: side, height: side, rows: rows, columns: columns)
        let order = try context.apply(RandomDraw(.permutation, stream: context.randomStream()), images)
        let others = try context.apply(Gather(axis: 0), images, order)
        let left = try context.reshaped(try context.scaled(share, by: -1, offset: 1), to: [batch])
        return (
            try context.select(inside, others, images),
            try labels.map { (labels) throws(LocatedError) in try context.mixed(try context.floats(labels), order, left) }
        )
    }
}
