internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images with a rectangle painted over, some of them, while training.
///
/// Formula: the rectangle's sides are √s of the image's, s drawn from `scale`; it is filled with `fill_value`, or noise.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `scale`, `fill_value`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_erasing.py (3.15).
public struct RandomErasing: ImageLayer {
    public static let className = "RandomErasing"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var scale: FactorRange
    public var fillValue: [Double]?
    public var valueRange: ValueRange
    /// As the configuration has it.
    private var fill: ConfigValue = .null
    public var seed: Int?

    public init(factor: FactorRange = FactorRange(0, 1), scale: FactorRange = FactorRange(0.02, 0.33), fillValue: [Double]? = nil, valueRange: ValueRange = ValueRange(), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.scale = scale
        self.fillValue = fillValue
        fill = fillValue.map { $0.count == 1 ? .float($0[0]) : .array($0.map(ConfigValue.float)) } ?? .null
        self.valueRange = valueRange
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: 0, default: 1)
        scale = try FactorRange("scale", &config, least: 0)
        fill = config.value("fill_value") ?? .null
        if let number = fill.number {
            fillValue = [number]
        } else if !fill.isNull {
            let numbers = OperationCall.plain(fill).array?.compactMap(\.number) ?? []
            guard numbers.count == 3 else { throw config.wrong("fill_value", "a number, three or null", fill) }
            fillValue = numbers
        }
        valueRange = try ValueRange(&config)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["scale"] = scale.config
        config["fill_value"] = fill
        config["value_range"] = valueRange.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let (rows, columns, channels) = try context.extents(images)
        let sides = try context.unary(.sqrt, try context.random(for: images, from: scale.lower, to: scale.upper, count: 2))
        let inside = try context.rectangle(
            images, width: try context.sliced(sides, axis: 3, from: 0, to: 1), height: try context.sliced(sides, axis: 3, from: 1, to: 2),
            rows: rows, columns: columns).mask
        let applies = try context.happens(for: images, factor)
        let paint: Value
        if let fillValue {
            guard fillValue.count == 1 || fillValue.count == channels else {
                throw LocatedError(.mismatch, "layer.inputShape", "expected images of three channels, got \(channels)", at: [context.label])
            }
            paint = context.constant(Tensor(fillValue.map { Float($0) }))
        } else {
            let noise = try context.apply(RandomFill(.normal(mean: 0, stddev: 1), stream: context.randomStream()), images)
            paint = try context.scaled(noise, by: valueRange.high)
        }
        let erased = try context.select(inside, try context.clipped(paint, valueRange.low, valueRange.high), images)
        return try context.select(applies, erased, images)
    }
}

extension LoweringContext {
    /// A rectangle somewhere in each image.
    ///
    /// - Parameters:
    ///   - width, height: shares of the image's, (batch, 1, 1, 1).
    /// - Returns: whether a point is in it, (batch, rows, columns, 1), and its area's share of the image.
    func rectangle(
        _ images: Value, width: Value, height: Value, rows: Int, columns: Int
    ) throws(LocatedError) -> (mask: Value, share: Value) {
        func bounds(_ share: Value, _ extent: Int) throws(LocatedError) -> (Value, Value) {
            let length = try scaled(share, by: Double(extent))
            let start = try multiply(try random(for: images, from: 0, to: 1), try scaled(length, by: -1, offset: Double(extent)))
            return (start, try add(start, length))
        }
        func within(_ bounds: (Value, Value), _ places: Tensor) throws(LocatedError) -> Value {
            try logical(.and, try compare(.greaterEqual, constant(places), bounds.0), try compare(.less, constant(places), bounds.1))
        }
        let x = try bounds(width, columns), y = try bounds(height, rows)
        let across = try within(x, Tensor((0..<columns).map { Float($0) }, shape: [1, 1, columns, 1]))
        let down = try within(y, Tensor((0..<rows).map { Float($0) }, shape: [1, rows, 1, 1]))
        let area = try multiply(try subtract(x.1, x.0), try subtract(y.1, y.0))
        return (try logical(.and, down, across), try scaled(area, by: 1 / Double(rows * columns)))
    }
}
