internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images without colours, some of them, while training.
///
/// Formula: each image is grey with the probability `factor`.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_grayscale.py (3.15).
public struct RandomGrayscale: ImageLayer {
    public static let className = "RandomGrayscale"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: Double
    public var seed: Int?

    public init(factor: Double = 0.5, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try config.number("factor", default: 0.5, in: 0...1)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = .float(factor)
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let applies = try context.compare(.less, try context.random(for: images, from: 0, to: 1), context.scalar(factor))
        return try context.select(applies, try context.imageOperation("RGBToGrayscale", images), images)
    }
}
