internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Each step repeated.
///
/// Formula: y[b,i,c] = x[b, ⌊i/size⌋, c].
/// Shapes: (batch, steps, channels) → the same axes, spatial ones longer. No mask goes on.
/// Config: `size`.
/// Source: keras/src/layers/reshaping/up_sampling1d.py (3.15).
public struct UpSampling1D: BuiltInLayer {
    public static let className = "UpSampling1D"
    public var common: LayerCommon
    public var size: Int

    /// - Parameter size: how often each step stands.
    public init(
        size: Int = 2, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.size = size
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        size = try config.integers("size", count: 1, default: [2])[0]
    }

    package func encode(into config: inout ConfigObject) {
        config["size"] = .integer(size)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        _ = try [context.info(input)].single(rank: 3)
        return [Signal(try context.apply(Rearrange([.keep, .repeatEach(size), .keep]), input))]
    }
}
