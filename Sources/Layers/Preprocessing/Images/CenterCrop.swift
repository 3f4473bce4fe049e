internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// The middle of images, at inference, too.
///
/// Formula: `height` by `width` pixels; of an image that is smaller, the middle of these proportions in that size.
///
/// Shapes: (batch, rows, columns, channels) → (batch, height, width, channels).
/// Config: `height`, `width`, `data_format`, `bounding_box_format`.
/// Source: keras/src/layers/preprocessing/image_preprocessing/center_crop.py (3.15).
public struct CenterCrop: ImageLayer {
    public static let className = "CenterCrop"
    public var common: LayerCommon
    public var options: ImageOptions
    public var height: Int
    public var width: Int

    public init(_ height: Int, _ width: Int, dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.height = height
        self.width = width
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        height = try config.integer("height", atLeast: 1)
        width = try config.integer("width", atLeast: 1)
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["height"] = .integer(height)
        config["width"] = .integer(width)
    }

    var isAlways: Bool { true }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let (rows, columns, _) = try context.extents(images)
        if rows >= height, columns >= width {
            let (top, left) = ((rows - height) / 2, (columns - width) / 2)
            let band = try context.sliced(images, axis: 1, from: top, to: top + height)
            return try context.sliced(band, axis: 2, from: left, to: left + width)
        }
        return try context.imageOperation(
            "Resize", images, ["size": [.integer(height), .integer(width)], "crop_to_aspect_ratio": true])
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var scene = scene
        if let boxes = scene.boxes { scene.boxes = try cropped(boxes, images: scene.images, context) }
        scene.images = try changed(scene.images, context)
        if let masks = scene.masks { scene.masks = try changed(try context.floats(masks), context) }
        return scene
    }

    /// Boxes in the part that is left, in its new size.
    private func cropped(_ given: BoundingBoxes, images: Value, _ context: LoweringContext) throws(LocatedError) -> BoundingBoxes {
        let format = try boxFormat(context), extent = context.boxExtent(rows: height, columns: width)
        let (rows, columns, _) = try context.extents(images)
        var (high, wide) = (height, width)
        if rows < height || columns < width {
            (high, wide) = BoxExtent.largestPart(of: (rows, columns), like: (height, width)).size
        }
        func within(_ place: Value, _ whole: Int, _ part: Int, _ size: Int) throws(LocatedError) -> Value {
            let start = Double((whole - part) / 2)
            let inside = try context.scaled(try context.clipped(place, start, start + Double(part)), by: 1, offset: -start)
            return part == size ? inside : try context.scaled(inside, by: Double(size) / Double(part))
        }
        let corners = try context.corners(given.boxes, format, relative: false, context.boxExtent(rows: rows, columns: columns)).moved(
            x: { (x) throws(LocatedError) in try within(x, columns, wide, width) },
            y: { (y) throws(LocatedError) in try within(y, rows, high, height) })
        let (inside, labels) = try context.clipped(corners, labels: given.labels, to: extent)
        return BoundingBoxes(boxes: try context.boxes(inside, format, relative: false, extent), labels: labels)
    }
}
