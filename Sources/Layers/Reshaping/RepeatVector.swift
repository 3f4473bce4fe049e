internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// A vector as each of so many steps.
///
/// Formula: y[b,t,c] = x[b,c].
/// Shapes: (batch, features) → (batch, n, features). No mask goes on.
/// Config: `n`.
/// Source: keras/src/layers/reshaping/repeat_vector.py (3.15).
public struct RepeatVector: BuiltInLayer {
    public static let className = "RepeatVector"
    public var common: LayerCommon
    public var n: Int

    /// - Parameter n: the number of steps.
    public init(_ n: Int, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.n = n
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        n = try config.integer("n", atLeast: 1)
    }

    package func encode(into config: inout ConfigObject) { config["n"] = .integer(n) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        let shape = try [context.info(input)].single(rank: 2).shape
        let step = try context.apply(Ops.Reshape(to: [shape[0], 1, shape[1]]), input)
        return [Signal(try context.apply(BroadcastTo([shape[0], n, shape[1]]), step))]
    }
}
