internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// The axes behind the batch in another order.
///
/// Formula: axis i of the output is axis `dims[i − 1]` of the input; the batch stays.
/// Shapes: (batch, …) → (batch, … reordered). No mask goes on.
/// Config: `dims` (counted from 1).
/// Source: keras/src/layers/reshaping/permute.py (3.15).
public struct Permute: BuiltInLayer {
    public static let className = "Permute"
    public var common: LayerCommon
    public var dims: [Int]

    /// - Parameter dims: an order of 1 to the number of axes without the batch.
    public init(_ dims: [Int], inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.dims = dims
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        let value = config.value("dims")
        dims = (value?.array ?? []).compactMap(\.integer)
        guard let value, dims.count == value.array?.count, dims.sorted() == Array(1..<dims.count + 1) else {
            throw config.wrong("dims", "an order of the axes from 1 on", value ?? .null)
        }
    }

    package func encode(into config: inout ConfigObject) { config["dims"] = .integers(dims) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        _ = try [context.info(input)].single(rank: dims.count + 1)
        return [Signal(try context.apply(Transpose([0] + dims), input))]
    }
}
