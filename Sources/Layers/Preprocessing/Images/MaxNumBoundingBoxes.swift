internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// A fixed number of bounding boxes for each image; the images themselves are let through.
///
/// Shapes: images → the same; boxes (batch, boxes, 4) and their labels (batch, boxes) → as many as `max_number` says: the first, and
/// -1 where there are fewer.
/// Config: `max_number`, `fill_value`, `data_format`, `bounding_box_format`.
/// Source: keras/src/layers/preprocessing/image_preprocessing/max_num_bounding_box.py (3.15).
public struct MaxNumBoundingBoxes: ImageLayer {
    public static let className = "MaxNumBoundingBoxes"
    var keepsPlaces: Bool { true }
    var isAlways: Bool { true }
    public var common: LayerCommon
    public var options: ImageOptions
    public var maxNumber: Int

    public init(_ maxNumber: Int, name: String? = nil) {
        common = LayerCommon(name: name)
        options = ImageOptions()
        self.maxNumber = maxNumber
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        maxNumber = try config.integer("max_number", atLeast: 0)
        config.ignore("fill_value", "factor")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["max_number"] = .integer(maxNumber)
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value { images }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        guard let boxes = scene.boxes else { return scene }
        func sized(_ values: Value) throws(LocatedError) -> Value {
            // What is padded is -1: one more, zeros, one less.
            let zeros = [Int](repeating: 0, count: context.rank(values))
            var after = zeros
            after[1] = maxNumber
            let padded = try context.apply(Pad(before: zeros, after: after), try context.scaled(values, by: 1, offset: 1))
            let part = try context.scaled(try context.sliced(padded, axis: 1, from: 0, to: maxNumber), by: 1, offset: -1)
            return try context.cast(part, to: context.dtype(values))
        }
        var scene = scene
        scene.boxes = BoundingBoxes(boxes: try sized(boxes.boxes), labels: try sized(boxes.labels))
        return scene
    }
}
