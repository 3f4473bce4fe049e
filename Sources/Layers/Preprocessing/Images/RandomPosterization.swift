internal import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// Images of fewer shades while training.
///
/// Formula: of 0 to 255, each value keeps its f highest bits, f an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_posterization.py (3.15).
public struct RandomPosterization: FactorImageLayer {
    public static let className = "RandomPosterization"
    var keepsPlaces: Bool { true }
    static let leastFactor: Double = 1
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
        let whole = ValueRange()
        var bits = context.scalar(factor.lower.rounded(.down))
        if factor.lower < factor.upper {
            bits = try context.unary(.floor, try context.random(for: images, from: factor.lower, to: factor.upper))
        }
        // 2 to the power of the bits that go.
        let step = try context.unary(.exp2, try context.scaled(bits, by: -1, offset: 8))
        let shades = try context.unary(.trunc, try context.rescaled(images, from: valueRange, to: whole))
        let kept = try context.multiply(try context.unary(.floor, try context.divide(shades, step)), step)
        return try context.rescaled(try context.apply(StopGradient(), kept), from: whole, to: valueRange)
    }
}
