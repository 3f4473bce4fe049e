internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images mixed with others of the batch, and labels with them, while training.
///
/// Formula: y = w·x + (1 − w)·x', w of Beta(alpha, alpha), an image's own; x' another image, in a random order.
/// Shapes: (batch, rows, columns, channels) → the same; labels (batch, classes) in a dictionary beside them. At inference nothing
/// is done.
/// Config: `alpha`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/mix_up.py (3.15).
public struct MixUp: ImageLayer {
    public static let className = "MixUp"
    public var common: LayerCommon
    public var options: ImageOptions
    public var alpha: Double
    public var seed: Int?

    public init(
        alpha: Double = 0.2, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.alpha = alpha
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        alpha = try config.number("alpha", default: 0.2, in: 0 ... 1e6)
        seed = try config.optionalInteger("seed")
        config.ignore("factor")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["alpha"] = .float(alpha)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        if scene.masks != nil {
            throw refusal(of: "segmentation_masks", "Keras 3.15 mixes single numbers of the first into all", context)
        }
        var scene = scene
        let order = try context.apply(RandomDraw(.permutation, stream: context.randomStream()), scene.images)
        let weight = try context.apply(RandomDraw(.beta, stream: context.randomStream()), scene.images, context.scalar(alpha))
        scene.images = try context.mixed(scene.images, order, weight)
        if let labels = scene.labels { scene.labels = try context.mixed(try context.floats(labels), order, weight) }
        if let boxes = scene.boxes {
            // Those of both images; labels one after another along the batch, as Keras 3.15 has them.
            scene.boxes = BoundingBoxes(
                boxes: try context.concatenated([boxes.boxes, try context.apply(Gather(axis: 0), boxes.boxes, order)], axis: 1),
                labels: try context.concatenated([boxes.labels, try context.apply(Gather(axis: 0), boxes.labels, order)], axis: 0))
        }
        return scene
    }
}

extension LoweringContext {
    /// Rows mixed with others of the batch: w·x + (1 − w)·x[order], w one number a row.
    func mixed(_ x: Value, _ order: Value, _ weight: Value) throws(LocatedError) -> Value {
        let share = try reshaped(weight, to: [shape(x)[0]] + [Int?](repeating: 1, count: rank(x) - 1))
        let others = try apply(Gather(axis: 0), x, order)
        return try add(try multiply(share, x), try multiply(try scaled(share, by: -1, offset: 1), others))
    }
}
