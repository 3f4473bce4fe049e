internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A part of images at a random place, the same in all of a batch, while training.
///
/// Formula: `height` by `width` pixels; of images that are not larger both ways, the middle of these proportions in that size.
///
/// Shapes: training (batch, rows, columns, channels) → (batch, height, width, channels); at inference nothing is done, as in
/// Keras 3.15.
/// Config: `height`, `width`, `seed`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_crop.py (3.15).
public struct RandomCrop: ImageLayer {
    public static let className = "RandomCrop"
    public var common: LayerCommon
    public var options: ImageOptions
    public var height: Int
    public var width: Int
    public var seed: Int?

    public init(_ height: Int, _ width: Int, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.height = height
        self.width = width
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        height = try config.integer("height", atLeast: 1)
        width = try config.integer("width", atLeast: 1)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["height"] = .integer(height)
        config["width"] = .integer(width)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let (rows, columns, _) = try context.extents(images)
        var part = images
        if rows > height, columns > width {
            for (axis, extent, wanted) in [(1, rows, height), (2, columns, width)] {
                let start = try context.sharedRandom(for: images, from: 0, to: Double(extent - wanted + 1))
                let first = try context.cast(try context.reshaped(start, to: [1]), to: .int32)
                let places = try context.add(context.constant(Tensor((0..<wanted).map { Int32($0) })), first)
                part = try context.apply(Gather(axis: axis), part, places)
            }
            return part
        }
        let high = max(min(rows, Int(Double(columns * height) / Double(width))), 1)
        let wide = max(min(columns, Int(Double(rows * width) / Double(height))), 1)
        let (top, left) = ((rows - high) / 2, (columns - wide) / 2)
        part = try context.sliced(part, axis: 1, from: top, to: min(top + height, rows))
        part = try context.sliced(part, axis: 2, from: left, to: min(left + width, columns))
        let shape = context.shape(part)
        return shape[1] == height && shape[2] == width
            ? part : try context.imageOperation("Resize", part, ["size": [.integer(height), .integer(width)]])
    }
}
