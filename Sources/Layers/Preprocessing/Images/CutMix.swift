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
/// Config: `factor`, `seed`, `data_format`, `bounding_box_format`.
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
        try changed(ImageScene(images: images), context).images
    }

    func resting(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        try refuseBoxes(scene, context)
        return scene
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        try refuseBoxes(scene, context)
        var scene = scene
        let images = scene.images
        let (rows, columns, channels) = try context.extents(images), batch = context.shape(images)[0]
        let shared = try context.sharedRandom(for: images, from: factor.lower, to: factor.upper)
        let alpha = try context.scaled(try context.reshaped(shared, to: []), by: 1, offset: 1e-6)
        let weight = try context.apply(RandomDraw(.beta, stream: context.randomStream()), images, alpha)
        let side = try context.unary(
            .sqrt, try context.scaled(try context.reshaped(weight, to: [batch, 1, 1, 1]), by: -1, offset: 1))
        let (inside, share) = try context.rectangle(images, width: side, height: side, rows: rows, columns: columns)
        let order = try context.apply(RandomDraw(.permutation, stream: context.randomStream()), images)
        func patched(_ own: Value, _ inside: Value) throws(LocatedError) -> Value {
            try context.select(inside, try context.apply(Gather(axis: 0), own, order), own)
        }
        scene.images = try patched(images, inside)
        if let masks = scene.masks {
            // As many channels as images have, where masks have one: so does Keras 3.15.
            let whole = try context.logical(
                .or, inside, context.constant(Tensor([Bool](repeating: false, count: channels), shape: [1, 1, 1, channels])))
            scene.masks = try patched(try context.floats(masks), whole)
        }
        if let labels = scene.labels {
            let left = try context.reshaped(try context.scaled(share, by: -1, offset: 1), to: [batch])
            scene.labels = try context.mixed(try context.floats(labels), order, left)
        }
        return scene
    }
}
