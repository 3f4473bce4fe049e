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
/// Config: `mode`, `seed`, `data_format`, `bounding_box_format`.
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
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        let flips = try context.compare(
            .lessEqual, try context.random(for: scene.images, from: 0, to: 1), context.scalar(0.5))
        let (rows, columns, _) = try context.extents(scene.images)
        scene.images = try flipped(scene.images, flips, context)
        if let masks = scene.masks { scene.masks = try flipped(try context.floats(masks), flips, context) }
        if let boxes = scene.boxes { scene.boxes = try flipped(boxes, flips, rows: rows, columns: columns, context) }
        return scene
    }

    private func flipped(_ images: Value, _ flips: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        var flipped = images
        if mode != .vertical { flipped = try context.flipped(flipped, axis: 2) }
        if mode != .horizontal { flipped = try context.flipped(flipped, axis: 1) }
        return try context.select(flips, flipped, images)
    }

    /// Boxes of images of which those are flipped that `flips` (batch, 1, 1, 1) says.
    func flipped(
        _ given: BoundingBoxes, _ flips: Value, rows: Int, columns: Int, _ context: LoweringContext
    ) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context), extent = context.boxExtent(rows: rows, columns: columns)
        let flips = try context.forBoxes(flips)
        func turned(_ from: Value, _ own: Value) throws(LocatedError) -> Value {
            try context.select(flips, try context.scaled(from, by: -1, offset: 1), own)
        }
        var corners = try context.corners(given.boxes, format, relative: true, extent)
        if mode != .vertical { (corners.x1, corners.x2) = (try turned(corners.x2, corners.x1), try turned(corners.x1, corners.x2)) }
        if mode != .horizontal { (corners.y1, corners.y2) = (try turned(corners.y2, corners.y1), try turned(corners.y1, corners.y2)) }
        // Shares of the image, held against its size in pixels: so does Keras 3.15.
        let (inside, labels) = try context.clipped(corners, labels: given.labels, to: extent)
        return BoundingBoxes(boxes: try context.boxes(inside, format, relative: true, extent), labels: labels)
    }
}
