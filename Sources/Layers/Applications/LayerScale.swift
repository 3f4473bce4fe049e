package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A trained factor for each channel: a class of keras.applications' ConvNeXt models.
///
/// Formula: y = x·gamma.
/// Shapes: (…, channels) → the same.
/// Weights: gamma (channels).
/// Config: `init_values` (what gamma begins with), `projection_dim` (the channels).
/// Source: keras/src/applications/convnext.py (3.15).
public struct LayerScale: BuiltInLayer {
    public static let className = "LayerScale"
    public var common: LayerCommon
    private var start: ConstantArray
    public var projectionDim: Int

    /// - Parameters:
    ///   - initValues: what gamma begins with.
    ///   - projectionDim: the number of channels.
    public init(_ initValues: Double, _ projectionDim: Int, name: String? = nil) {
        common = LayerCommon(name: name)
        start = ConstantArray(initValues)
        self.projectionDim = projectionDim
    }

    public var initValues: Double { Double(start.tensor.floats[0]) }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard let start = try config.constantArray("init_values"), start.tensor.shape.rank == 0 else {
            throw config.wrong("init_values", "a number", .null)
        }
        self.start = start
        projectionDim = try config.integer("projection_dim", atLeast: 1)
    }

    package func encode(into config: inout ConfigObject) {
        config["init_values"] = start.config
        config["projection_dim"] = .integer(projectionDim)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        _ = try inputs.single()
        return [WeightSlot("gamma", [projectionDim], initializer: Initializer.constant(initValues).config)]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        [Signal(try context.apply(Binary(.multiply), try inputs.single().value, context.weight("gamma")))]
    }
}
