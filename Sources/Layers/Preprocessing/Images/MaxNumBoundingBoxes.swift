internal import Graphs
package import KerasSpec
package import Tensors

/// A fixed number of bounding boxes for each image; the images themselves are let through.
///
/// Shapes: any → the same.
/// Config: `max_number`, `fill_value`, `data_format`, `bounding_box_format` (kept).
/// Differs from Keras: bounding boxes, which come in a dictionary, are refused.
/// Source: keras/src/layers/preprocessing/image_preprocessing/max_num_bounding_box.py (3.15).
public struct MaxNumBoundingBoxes: ImageLayer {
    public static let className = "MaxNumBoundingBoxes"
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
}
