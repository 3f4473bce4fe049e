internal import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// Images made brighter or darker while training.
///
/// Formula: y = clip(x + f·(high − low), low, high), f of an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_brightness.py (3.15).
public struct RandomBrightness: FactorImageLayer {
    public static let className = "RandomBrightness"
    var keepsPlaces: Bool { true }
    static let leastFactor: Double = -1
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
        let delta = try context.scaled(
            try context.random(for: images, from: factor.lower, to: factor.upper), by: valueRange.high - valueRange.low)
        return try context.clipped(try context.add(images, delta), valueRange.low, valueRange.high)
    }
}
