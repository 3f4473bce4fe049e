internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Its inputs side by side along an axis.
///
/// Shapes: equal but for the extent of `axis` → the same, that extent summed.
/// Masks: joined like the inputs when the axis is one of the mask's; else a step counts if it counts in every input that has
/// a mask.
/// Config: `axis`.
/// Differs from Keras: 3.15 lets a step count if it counts in one input; here the rule of Keras 2.3 holds.
/// Source: keras/layers/merge.py (2.3.1), keras/src/layers/merging/concatenate.py (3.15).
public struct Concatenate: BuiltInLayer {
    public static let className = "Concatenate"
    public var common: LayerCommon
    /// Negative counts from the end.
    public var axis: Int

    public init(axis: Int = -1, name: String? = nil) {
        common = LayerCommon(name: name)
        self.axis = axis
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        axis = try config.integer("axis", default: -1)
    }

    package func encode(into config: inout ConfigObject) { config["axis"] = .integer(axis) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let inputs = try inputs.several(context)
        let output = try context.apply(Ops.Concatenate(axis: axis), to: inputs.map(\.value))[0]
        return [Signal(output, mask: try mask(inputs, context))]
    }

    private func mask(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> Value? {
        let masks = inputs.compactMap(\.mask)
        let rank = context.shape(inputs[0].value).rank
        guard !masks.isEmpty else { return nil }
        guard masks.allSatisfy({ context.shape($0).rank == rank - 1 }) else {
            throw LocatedError(
                .unsupported, "concatenate.mask", "expected masks of one axis less than the inputs', got others",
                at: [context.label])
        }
        let axis = axis < 0 ? axis + rank : axis
        if axis == rank - 1 { return try context.all(masks) }
        guard masks.count == inputs.count else {
            throw LocatedError(
                .unsupported, "concatenate.mask",
                "expected all inputs or none to have a mask when they are joined along axis \(axis), got "
                    + "\(masks.count) of \(inputs.count)", at: [context.label])
        }
        return try context.apply(Ops.Concatenate(axis: axis), to: masks)[0]
    }
}
