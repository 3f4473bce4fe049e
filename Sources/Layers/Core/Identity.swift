package import KerasSpec
package import Tensors

/// Passes its inputs on.
///
/// Shapes: any → the same. Masks go on.
/// Config: none.
/// Source: keras/src/layers/core/identity.py (3.15).
public struct Identity: BuiltInLayer {
    public static let className = "Identity"
    public var common: LayerCommon

    public init(inputShape: [Int?]? = nil, name: String? = nil) { common = LayerCommon(name: name, inputShape: inputShape) }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) { self.common = common }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] { inputs }
}
