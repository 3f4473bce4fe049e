package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A layer whose kernel training divides by its largest singular value.
///
/// Formula: with the kernel as a matrix W of as many columns as it has last, each call in training does `power_iterations` times
/// v = u·Wᵀ / |u·Wᵀ|, u = v·W / |v·W|, then kernel ← kernel / (v·W·uᵀ). A kernel of zeros stays. Inference changes nothing.
/// Shapes, masks: the inner layer's. (Keras warns that the mask is lost; it hangs on the inner layer's output all the same.)
/// Weights: vector_u (1, columns), not trainable; the inner layer's, within `layer`.
/// Config: `layer`, `power_iterations`.
/// Source: keras/src/layers/normalization/spectral_normalization.py (3.15).
public struct SpectralNormalization: BuiltInLayer {
    public static let className = "SpectralNormalization"
    public var common: LayerCommon
    package var inner: any BuiltInLayer
    public var powerIterations: Int

    /// nil when `layer` is a user's class.
    public init?(_ layer: any Layer, powerIterations: Int = 1, name: String? = nil) {
        guard let inner = layer as? any BuiltInLayer else { return nil }
        common = LayerCommon(name: name)
        self.inner = inner
        self.powerIterations = powerIterations
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        inner = try config.layer("layer")
        powerIterations = try config.integer("power_iterations", default: 1, atLeast: 1)
        guard powerIterations <= 1 << 12 else {
            throw config.wrong("power_iterations", "a smaller number", .integer(powerIterations))
        }
    }

    package func encode(into config: inout ConfigObject) {
        config["layer"] = InnerLayer.encode(inner)
        config["power_iterations"] = .integer(powerIterations)
    }

    package var callKeywords: Set<String>? { inner.callKeywords }

    /// What of the inner layer is divided: its kernel or its table.
    private func kernel(_ slots: [WeightSlot]) throws(LocatedError) -> WeightSlot {
        for name in ["kernel", "embeddings"] {
            if let slot = slots.first(where: { $0.path == [name] }) { return slot }
        }
        throw LocatedError(
            .mismatch, "spectralNormalization.layer",
            "expected a layer with a kernel or embeddings, got a \(type(of: inner).className)", at: ["config/layer"])
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let slots = try inner.weights(for: inputs)
        let shape = try kernel(slots).shape
        let vector = WeightSlot(
            "vector_u", [1, shape[shape.rank - 1]], trainable: false,
            initializer: Initializer.truncatedNormal(stddev: 0.02).config)
        return [vector] + slots.within("layer", trainable: inner.common.trainable)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let slot = try kernel(try inner.weights(for: inputs.map { context.info($0.value) }))
        if context.training { try divide(slot.path[0], slot.shape, context) }
        let outputs = try context.within(attribute: "layer") { () throws(LocatedError) in try inner.lower(inputs, context) }
        context.count(outputs, by: inner.activityRegularizer)
        return outputs
    }

    /// Gives the kernel its new value. What the inner layer reads afterwards is that value, and its gradient the kernel's.
    private func divide(_ name: String, _ shape: Shape, _ context: LoweringContext) throws(LocatedError) {
        let kernel = context.state("layer", name)
        let columns = shape[shape.rank - 1]
        let fixed = try context.apply(StopGradient(), kernel)
        let matrix = try context.apply(Ops.Reshape(to: PartialShape([nil, columns])), fixed)
        func unit(_ vector: Value) throws(LocatedError) -> Value {
            try context.apply(RowNormalize(.unit, epsilon: 1e-7), vector)
        }
        let old = context.state("vector_u")
        var (u, v) = (old, old)
        for _ in 0..<powerIterations {
            v = try unit(try context.apply(BatchMatMul(transposingB: true), u, matrix))
            u = try unit(try context.apply(BatchMatMul(), v, matrix))
        }
        let sigma = try context.apply(
            BatchMatMul(transposingB: true), try context.apply(BatchMatMul(), v, matrix), u)
        let isNonzero = try context.apply(
            Aggregate(.any), try context.apply(NotEqual(to: 0), try context.apply(Ops.Reshape(to: [nil]), fixed)))
        let divided = try context.apply(Binary(.divide), fixed, try context.apply(Ops.Reshape(to: [1]), sigma))
        let chosen = try context.apply(Select(), isNonzero, divided, fixed)
        context.update("vector_u", with: try context.apply(Select(), isNonzero, u, old))
        // The kernel plus what the division changes: the gradient goes to the kernel itself.
        let change = try context.apply(Binary(.subtract), chosen, fixed)
        let new = try context.apply(AddN(), kernel, change)
        context.update("layer", name, with: new)
        context.replace("layer", name, by: new)
    }
}
