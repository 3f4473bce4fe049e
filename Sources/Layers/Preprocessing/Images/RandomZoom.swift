internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images enlarged or made smaller about their middle while training.
///
/// Formula: by 1 + f along rows and 1 + g along columns, above 1 smaller; f and g an image's own, equal without `width_factor`.
///
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `height_factor`, `width_factor`, `fill_mode`, `interpolation`, `fill_value`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/random_zoom.py (3.15).
public struct RandomZoom: ImageLayer {
    public static let className = "RandomZoom"
    public var common: LayerCommon
    public var options: ImageOptions
    public var heightFactor: FactorRange
    public var widthFactor: FactorRange?
    public var fillMode: FillMode
    public var interpolation: ImageInterpolation
    public var fillValue: Double
    public var seed: Int?

    public init(_ heightFactor: FactorRange, _ widthFactor: FactorRange? = nil, fillMode: FillMode = .reflect, interpolation: ImageInterpolation = .bilinear, fillValue: Double = 0, seed: Int? = nil, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.heightFactor = heightFactor
        self.widthFactor = widthFactor
        self.fillMode = fillMode
        self.interpolation = interpolation
        self.fillValue = fillValue
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        heightFactor = try FactorRange("height_factor", &config)
        let width = config.value("width_factor") ?? .null
        if !width.isNull {
            var own = ConfigReader(["width_factor": width])
            widthFactor = try FactorRange("width_factor", &own)
        }
        fillMode = try config.imageBorder("fill_mode", default: .reflect)
        interpolation = try config.word("interpolation", default: .bilinear)
        fillValue = try config.number("fill_value", default: 0)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["height_factor"] = heightFactor.config
        config["width_factor"] = widthFactor?.config ?? .null
        config["fill_mode"] = .string(fillMode.rawValue)
        config["interpolation"] = .string(interpolation.rawValue)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
        config["fill_value"] = .float(fillValue)
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        let images = scene.images
        let (rows, columns, _) = try context.extents(images)
        let down = try context.random(for: images, from: 1 + heightFactor.lower, to: 1 + heightFactor.upper)
        var across = down
        if let widthFactor { across = try context.random(for: images, from: 1 + widthFactor.lower, to: 1 + widthFactor.upper) }
        let (x, y) = (Double(columns - 1) / 2, Double(rows - 1) / 2)
        let left = try context.scaled(try context.scaled(across, by: -1, offset: 1), by: x)
        let top = try context.scaled(try context.scaled(down, by: -1, offset: 1), by: y)
        if let boxes = scene.boxes {
            scene.boxes = try zoomed(
                boxes, by: (try context.forBoxes(across), try context.forBoxes(down)),
                from: (try context.forBoxes(left), try context.forBoxes(top)), rows: rows, columns: columns, context)
        }
        let transforms = try context.transforms(images, [across, nil, left, nil, down, top, nil, nil])
        try scene.project(transforms, interpolation, fillMode, fill: fillValue, context)
        return scene
    }

    /// Boxes in the part of the image that is seen, in shares of that part.
    private func zoomed(
        _ given: BoundingBoxes, by zoom: (x: Value, y: Value), from start: (x: Value, y: Value), rows: Int, columns: Int,
        _ context: LoweringContext
    ) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context), extent = context.boxExtent(rows: rows, columns: columns)
        func shares(_ x: Value, _ zoom: Value, _ start: Value, _ size: Int) throws(LocatedError) -> Value {
            let end = try context.add(try context.scaled(zoom, by: Double(size)), start)
            let inside = try context.binary(.maximum, try context.binary(.minimum, x, end), start)
            return try context.divide(try context.subtract(inside, start), try context.subtract(end, start))
        }
        let corners = try context.corners(given.boxes, format, relative: false, extent).moved(
            x: { (x) throws(LocatedError) in try shares(x, zoom.x, start.x, columns) },
            y: { (y) throws(LocatedError) in try shares(y, zoom.y, start.y, rows) })
        let (inside, labels) = try context.clipped(
            corners, labels: given.labels, to: BoxExtent(width: context.scalar(1.0), height: context.scalar(1.0)))
        return BoundingBoxes(boxes: try context.boxes(inside, format, relative: true, extent), labels: labels)
    }
}
