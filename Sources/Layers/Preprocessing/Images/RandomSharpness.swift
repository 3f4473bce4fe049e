internal import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// Images sharpened or smoothed while training.
///
/// Formula: y = clip(x + (1 − 2f)·(smooth − x), low, high), f an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_sharpness.py (3.15).
public struct RandomSharpness: FactorImageLayer {
    public static let className = "RandomSharpness"
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
        let share = try context.scaled(random, by: -2, offset: 1)
        var kernel = [Float](repeating: 1 / 13, count: 9)
        kernel[4] = 5 / 13
        // As Keras: with the channels first, rows and columns are exchanged, which makes no difference to this kernel.
        let smooth = try context.blurred(images, kernel: context.constant(Tensor(kernel, shape: [3, 3, 1, 1])), rows: 3, columns: 3)
        let result = try context.add(images, try context.multiply(share, try context.subtract(smooth, images)))
        return try context.clipped(result, valueRange.low, valueRange.high)
    }
}
