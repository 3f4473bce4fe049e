internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images mirrored, half of them, while training.
///
/// Formula: both directions of an image at once, or none.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `mode`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_flip.py (3.15).
public struct RandomFlip: ImageLayer {
    public static let className = "RandomFlip"
    public var common: LayerCommon
    public var options: ImageOptions
    public var mode: Mode
    public var seed: Int?

    public init(mode: Mode = .horizontalAndVertical, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.mode = mode
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        mode = try config.word("mode", default: .horizontalAndVertical)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
        config["mode"] = .string(mode.rawValue)
    }

    /// Which way.
    public enum Mode: String, Sendable, CaseIterable {
        case horizontal, vertical
        case horizontalAndVertical = "horizontal_and_vertical"
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let flips = try context.compare(.lessEqual, try context.random(for: images, from: 0, to: 1), context.scalar(0.5))
        var flipped = images
        if mode != .vertical { flipped = try context.flipped(flipped, axis: 2) }
        if mode != .horizontal { flipped = try context.flipped(flipped, axis: 1) }
        return try context.select(flips, flipped, images)
    }
}
