internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// Its inputs side by side along an axis.
///
/// Shapes: equal but for the extent of `axis` → the same, that extent summed.
/// Masks: joined like the inputs when the axis is one of the mask's; else a step counts if it counts in every input that has
/// a mask, or by Keras 3's rule (`MaskRule`).
/// Config: `axis`; `LegacyName.maskRule`.
/// Differs from Keras: an input without a mask may be joined to one that has one, along the mask's axis, too.
/// Source: keras/layers/merge.py (2.3.1), keras/src/layers/merging/concatenate.py (3.15).
public struct Concatenate: BuiltInLayer {
    public static let className = "Concatenate"
    public var common: LayerCommon
    /// Negative counts from the end.
    public var axis: Int
    package var maskRule: MaskRule

    public init(axis: Int = -1, name: String? = nil) {
        common = LayerCommon(name: name)
        self.axis = axis
        maskRule = .all
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        axis = try config.integer("axis", default: -1)
        maskRule = try config.maskRule()
    }

    package func encode(into config: inout ConfigObject) {
        config["axis"] = .integer(axis)
        config.setMaskRule(maskRule)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let inputs = try inputs.several(context)
        // The last axis is told from its end, as ops that take part in one another do.
        let isLast = axis == context.shape(inputs[0].value).rank - 1
        let output = try context.apply(Ops.Concatenate(axis: isLast ? -1 : axis), to: inputs.map(\.value))[0]
        return [Signal(output, mask: try mask(inputs, context))]
    }

    private func mask(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> Value? {
        let rank = context.shape(inputs[0].value).rank
        guard inputs.contains(where: { $0.mask != nil }) else { return nil }
        for case let mask? in inputs.map(\.mask) where context.shape(mask).rank != rank - 1 {
            throw LocatedError(
                .unsupported, "concatenate.mask",
                "expected masks of one axis less than the inputs' \(rank), got one of the shape \(context.shape(mask))",
                at: [context.label])
        }
        let axis = axis < 0 ? axis + rank : axis
        if axis == rank - 1 { return try context.merged(inputs.map(\.mask), by: maskRule) }
        var masks: [Value] = []
        for input in inputs {
            if let mask = input.mask {
                masks.append(mask)
            } else {
                masks.append(try context.apply(MaskReduction(.all), try context.apply(Fill(1, .bool), input.value)))
            }
        }
        return try context.apply(Ops.Concatenate(axis: axis), to: masks)[0]
    }
}
