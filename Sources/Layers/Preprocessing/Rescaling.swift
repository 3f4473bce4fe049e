internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Numbers in another range.
///
/// Formula: y = x·scale + offset, with NumPy's broadcasting where these are lists.
/// Shapes: any → the same; whole numbers become floats. The mask goes on.
/// Config: `scale`, `offset` (numbers or lists).
/// Source: keras/src/layers/preprocessing/rescaling.py (3.15).
public struct Rescaling: BuiltInLayer {
    public static let className = "Rescaling"
    public var common: LayerCommon
    private var factor: ConstantArray
    private var shift: ConstantArray

    /// - Parameters:
    ///   - scale: such as 1/255.
    ///   - offset: added afterwards.
    public init(scale: Double, offset: Double = 0, inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        (factor, shift) = (ConstantArray(scale), ConstantArray(offset))
    }

    /// With a number for each place of the last axis.
    public init(scale: [Double], offset: [Double] = [0], inputShape: [Int?]? = nil, name: String? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        (factor, shift) = (ConstantArray(scale), offset == [0] ? ConstantArray(0) : ConstantArray(offset))
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard let scale = try config.constantArray("scale") else { throw config.wrong("scale", "a number", .null) }
        (factor, shift) = (scale, try config.constantArray("offset") ?? ConstantArray(0))
    }

    var scale: Tensor { factor.tensor }
    var offset: Tensor { shift.tensor }

    package func encode(into config: inout ConfigObject) {
        config["scale"] = factor.config
        config["offset"] = shift.config
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let value = try context.floats(input.value)
        let scaled = try context.apply(Binary(.multiply), value, context.constant(scale))
        return [Signal(try context.apply(Binary(.add), scaled, context.constant(offset)), mask: input.mask)]
    }
}

extension LoweringContext {
    /// Whole numbers and masks as float32.
    func floats(_ value: Value) throws(LocatedError) -> Value {
        info(value).dtype == .float32 ? value : try apply(Cast(to: .float32), value)
    }
}
