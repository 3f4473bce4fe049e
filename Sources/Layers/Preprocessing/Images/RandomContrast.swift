internal import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// Images of more or less contrast while training.
///
/// Formula: y = clip((x − mean)·f + mean, low, high), f from 1 − lower to 1 + upper, an image's own; the mean is a channel's.
/// A single number for `factor` stands for 0 and that number, as in Keras.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_contrast.py (3.15).
public struct RandomContrast: FactorImageLayer {
    public static let className = "RandomContrast"
    var keepsPlaces: Bool { true }
    static let leastFactor: Double = 0
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var valueRange: ValueRange
    public var seed: Int?

    public init(_ factor: FactorRange, valueRange: ValueRange = ValueRange(), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.valueRange = valueRange
        self.seed = seed
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let factor = try context.random(for: images, from: 1 - factor.lower, to: 1 + factor.upper)
        let mean = try context.mean(images, axes: [1, 2], keepsAxes: true)
        let result = try context.add(try context.multiply(try context.subtract(images, mean), factor), mean)
        return try context.clipped(result, valueRange.low, valueRange.high)
    }
}
