internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images blurred, some of them, while training.
///
/// Formula: a Gaussian kernel of `kernel_size` whose widths are drawn from `sigma`, for an image whose probability, drawn from
/// `factor`, says so; then clip(y, low, high).
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `factor`, `kernel_size`, `sigma`, `value_range`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_gaussian_blur.py (3.15).
public struct RandomGaussianBlur: ImageLayer {
    public static let className = "RandomGaussianBlur"
    var keepsPlaces: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var factor: FactorRange
    public var kernelSize: [Int]
    public var sigma: FactorRange
    public var valueRange: ValueRange
    public var seed: Int?

    public init(factor: FactorRange = FactorRange(0, 1), kernelSize: [Int] = [3, 3], sigma: FactorRange = FactorRange(0, 1), valueRange: ValueRange = ValueRange(), seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.factor = factor
        self.kernelSize = kernelSize
        self.sigma = sigma
        self.valueRange = valueRange
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        factor = try FactorRange("factor", &config, least: 0, default: 1)
        kernelSize = try config.integers("kernel_size", count: 2, default: [3, 3])
        guard kernelSize.allSatisfy({ $0 % 2 == 1 && $0 < 1 << 12 }) else { throw config.wrong("kernel_size", "odd numbers below 4096", .integers(kernelSize)) }
        sigma = try FactorRange("sigma", &config, least: 0, default: 1)
        valueRange = try ValueRange(&config)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["factor"] = factor.config
        config["kernel_size"] = .array(kernelSize.map(ConfigValue.integer))
        config["sigma"] = sigma.config
        config["value_range"] = valueRange.config
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let applies = try context.happens(for: images, factor)
        let widths = try context.scaled(
            try context.sharedRandom(for: images, from: sigma.lower, to: sigma.upper, count: 2), by: 1, offset: 1e-6)
        func bell(_ place: Int) throws(LocatedError) -> Value {
            let size = kernelSize[place], width = try context.reshaped(try context.sliced(widths, axis: 3, from: place, to: place + 1), to: [1])
            let distances = context.constant(Tensor((0..<size).map { Float($0) - Float(size - 1) / 2 }))
            let squares = try context.unary(.square, try context.divide(distances, width))
            let powers = try context.unary(.exp, try context.scaled(squares, by: -0.5))
            return try context.divide(powers, try context.reduce(.sum, powers))
        }
        let kernel = try context.multiply(try context.expanded(try bell(1), axes: [1]), try bell(0))
        let blurred = try context.blurred(
            images, kernel: try context.reshaped(kernel, to: [kernelSize[0], kernelSize[1], 1, 1]), rows: kernelSize[0], columns: kernelSize[1])
        return try context.clipped(try context.select(applies, blurred, images), valueRange.low, valueRange.high)
    }
}
