internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// One input plus a share of the other: a class of keras.applications' InceptionResNetV2.
///
/// Formula: y = x₀ + x₁·scale.
/// Shapes: two of one shape, or that can be broadcast → their shape.
/// Config: `scale`.
/// Source: keras/src/applications/inception_resnet_v2.py (3.15).
public struct CustomScaleLayer: BuiltInLayer {
    public static let className = "CustomScaleLayer"
    public var common: LayerCommon
    private var factor: ConstantArray

    public init(_ scale: Double, name: String? = nil) {
        common = LayerCommon(name: name)
        factor = ConstantArray(scale)
    }

    public var scale: Double { Double(factor.tensor.floats[0]) }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard let scale = try config.constantArray("scale"), scale.tensor.shape.rank == 0 else {
            throw config.wrong("scale", "a number", .null)
        }
        factor = scale
    }

    package func encode(into config: inout ConfigObject) { config["scale"] = factor.config }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard inputs.count == 2 else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected two inputs, got \(inputs.count)", at: [context.label])
        }
        let scaled = try context.apply(Binary(.multiply), inputs[1].value, context.constant(factor.tensor))
        return [Signal(try context.apply(Binary(.add), inputs[0].value, scaled))]
    }
}
