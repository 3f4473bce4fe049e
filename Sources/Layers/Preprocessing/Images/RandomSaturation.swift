internal import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// Images of stronger or weaker colours while training.
///
/// Formula: the saturation (of HSV) times f / (1 − f), f of an image's own; 0.5 changes nothing.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_saturation.py (3.15).
public struct RandomSaturation: FactorImageLayer {
    public static let className = "RandomSaturation"
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
        let random = try context.random(for: images, from: factor.lower, to: factor.upper)
        let factor = try context.divide(random, try context.scaled(random, by: -1, offset: 1 + 1e-7))
        let hsv = try context.imageOperation("RGBToHSV", images)
        let saturation = try context.clipped(
            try context.multiply(try context.sliced(hsv, axis: 3, from: 1, to: 2), factor), valueRange.low, valueRange.high)
        let changed = try context.concatenated(
            [try context.sliced(hsv, axis: 3, from: 0, to: 1), saturation, try context.sliced(hsv, axis: 3, from: 2, to: 3)], axis: 3)
        return try context.imageOperation("HSVToRGB", changed)
    }
}
