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
/// Config: `height`, `width`, `seed`, `data_format`, `bounding_box_format`.
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
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        let (rows, columns, _) = try context.extents(scene.images)
        guard rows > height, columns > width else {
            let (top, left) = BoxExtent.largestPart(of: (rows, columns), like: (height, width)).start
            if let boxes = scene.boxes {
                scene.boxes = try cropped(boxes, top: context.scalar(Double(top)), left: context.scalar(Double(left)), context)
            }
            scene.images = try cropped(scene.images, top: top, left: left, context)
            if let masks = scene.masks { scene.masks = try cropped(try context.floats(masks), top: top, left: left, context) }
            return scene
        }
        var starts: [Value] = []
        for (axis, extent, wanted) in [(1, rows, height), (2, columns, width)] {
            let start = try context.sharedRandom(for: scene.images, from: 0, to: Double(extent - wanted + 1))
            let first = try context.cast(try context.reshaped(start, to: [1]), to: .int32)
            let places = try context.add(context.constant(Tensor((0..<wanted).map { Int32($0) })), first)
            scene.images = try context.apply(Gather(axis: axis), scene.images, places)
            if let masks = scene.masks { scene.masks = try context.apply(Gather(axis: axis), try context.floats(masks), places) }
            starts.append(try context.float(first))
        }
        if let boxes = scene.boxes { scene.boxes = try cropped(boxes, top: starts[0], left: starts[1], context) }
        return scene
    }

    /// At inference Keras 3.15 crops the masks alone, in their middle.
    func resting(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        guard let masks = scene.masks else { return scene }
        var scene = scene
        let (rows, columns, _) = try context.extents(scene.images)
        let (top, left) = BoxExtent.largestPart(of: (rows, columns), like: (height, width)).start
        scene.masks = try cropped(try context.floats(masks), top: top, left: left, context)
        return scene
    }

    private func cropped(_ images: Value, top: Int, left: Int, _ context: LoweringContext) throws(LocatedError) -> Value {
        let (rows, columns, _) = try context.extents(images)
        var part = try context.sliced(images, axis: 1, from: top, to: top + min(height, rows - top))
        part = try context.sliced(part, axis: 2, from: left, to: left + min(width, columns - left))
        let shape = context.shape(part)
        return shape[1] == height && shape[2] == width
            ? part : try context.imageOperation("Resize", part, ["size": [.integer(height), .integer(width)]])
    }

    /// Boxes moved with the part that is left. Keras 3.15 takes the first row from what runs from left to right, and measures in
    /// the new size.
    func cropped(_ given: BoundingBoxes, top: Value, left: Value, _ context: LoweringContext) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context), extent = context.boxExtent(rows: height, columns: width)
        func moved(_ place: Value, _ start: Value) throws(LocatedError) -> Value {
            try context.binary(.maximum, try context.subtract(place, start), context.scalar(0.0))
        }
        let corners = try context.corners(given.boxes, format, relative: false, extent).moved(
            x: { (x) throws(LocatedError) in try moved(x, top) }, y: { (y) throws(LocatedError) in try moved(y, left) })
        return BoundingBoxes(boxes: try context.boxes(corners, format, relative: false, extent), labels: given.labels)
    }
}
