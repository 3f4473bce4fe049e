internal import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// The same elements under another shape; the batch stays.
///
/// Formula: y in row-major order is x in row-major order.
/// Shapes: (batch, …) → (batch, target_shape); an extent of -1 takes what is left.
/// Config: `target_shape`.
/// Source: keras/src/layers/reshaping/reshape.py (3.15). No mask goes on.
public struct Reshape: BuiltInLayer {
    public static let className = "Reshape"
    public var common: LayerCommon
    public var targetShape: [Int]

    /// - Parameter targetShape: without the batch; one extent may be -1.
    public init(_ targetShape: [Int], inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.targetShape = targetShape
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        let value = config.value("target_shape")
        targetShape = (value?.array ?? []).compactMap(\.integer)
        guard let value, targetShape.count == value.array?.count, Self.isValid(targetShape) else {
            throw config.wrong("target_shape", "extents of 0 or above, one of them perhaps -1", value ?? .null)
        }
    }

    private static func isValid(_ shape: [Int]) -> Bool {
        shape.allSatisfy { $0 >= -1 && $0 < 1 << 40 } && shape.count { $0 == -1 } <= 1
    }

    package func encode(into config: inout ConfigObject) { config["target_shape"] = .integers(targetShape) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        let shape = context.shape(input)
        guard shape.rank > 0, Self.isValid(targetShape) else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input with a batch, for a shape \(targetShape), got the shape \(shape)",
                at: [context.label])
        }
        var target: [Int?] = targetShape.map { $0 == -1 ? nil : $0 }
        // The extent that is left doesn't depend on the batch.
        if let count = PartialShape(Array(shape.dims.dropFirst())).count {
            guard let product = Shape(target.compactMap(\.self)).checkedCount else { throw disagreement(shape, context) }
            if let open = target.firstIndex(of: nil) {
                guard product > 0, count % product == 0 else { throw disagreement(shape, context) }
                target[open] = count / product
            } else if product != count {
                throw disagreement(shape, context)
            }
        }
        return [Signal(try context.apply(Ops.Reshape(to: PartialShape([shape[0]] + target)), input))]
    }

    private func disagreement(_ shape: PartialShape, _ context: LoweringContext) -> LocatedError {
        LocatedError(
            .mismatch, "layer.inputShape",
            "expected an input whose samples have the elements of \(PartialShape(targetShape.map { $0 == -1 ? nil : $0 })), "
                + "got the shape \(shape)", at: [context.label])
    }
}
