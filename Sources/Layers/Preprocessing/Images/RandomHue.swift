internal import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// Images of other colours while training.
///
/// Formula: the hue (of HSV) plus or minus f / 2, f of an image's own.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_hue.py (3.15).
public struct RandomHue: FactorImageLayer {
    public static let className = "RandomHue"
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
        let unit = ValueRange(0, 1)
        let sign = try context.select(
            try context.compare(.greater, try context.random(for: images, from: 0, to: 1), context.scalar(0.5)), context.scalar(-0.5),
            context.scalar(0.5))
        let shift = try context.multiply(sign, try context.random(for: images, from: factor.lower, to: factor.upper))
        let hsv = try context.imageOperation("RGBToHSV", try context.rescaled(images, from: valueRange, to: unit))
        var hue = try context.add(try context.sliced(hsv, axis: 3, from: 0, to: 1), shift)
        hue = try context.select(
            try context.compare(.greater, hue, context.scalar(1.0)), try context.scaled(hue, by: 1, offset: -1), hue)
        hue = try context.select(try context.compare(.less, hue, context.scalar(0.0)), try context.scaled(hue, by: 1, offset: 1), hue)
        let changed = try context.concatenated([hue, try context.sliced(hsv, axis: 3, from: 1, to: 3)], axis: 3)
        let result = try context.clipped(try context.imageOperation("HSVToRGB", changed), 0, 1)
        return try context.rescaled(result, from: unit, to: valueRange)
    }
}
