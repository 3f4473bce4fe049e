package import Graphs
internal import KerasOps
package import KerasSpec
package import Tensors

/// A user's layer as the house sees layers.
package struct CustomLayerAdapter: BuiltInLayer {
    package static let className = "CustomLayer"

    package var layer: any CustomLayer
    /// As files name the class: `Custom>Scale`.
    package let registeredName: String
    /// Told by the file, for a class whose `init(config:)` doesn't ask for it.
    package let activityRegularizer: Regularizer?

    package var common: LayerCommon {
        get { layer.common }
        set { layer.common = newValue }
    }

    package init(_ layer: any CustomLayer, registeredName: String, activityRegularizer: Regularizer? = nil) {
        self.layer = layer
        self.registeredName = registeredName
        self.activityRegularizer = activityRegularizer
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        throw LocatedError(.bug, "layer.custom", "expected a registered class to decode, got the adapter")
    }

    package func encode(into config: inout ConfigObject) {
        config.setActivityRegularizer(activityRegularizer)
        layer.encode(into: &config)
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let slots = try layer.build(inputs.map(\.shape))
        var paths: Set<[String]> = []
        for slot in slots {
            guard paths.insert(slot.path).inserted, !slot.path.isEmpty, slot.path.allSatisfy({ !$0.isEmpty && !$0.contains("/") })
            else {
                throw LocatedError(
                    .usage, "layer.weight", "expected weights with names of their own, without slashes, got \(slot.path)",
                    at: [registeredName])
            }
            guard slot.shape.checkedCount != nil else {
                throw LocatedError(
                    .usage, "layer.weight", "expected a weight that fits in memory, got the shape \(slot.shape)", at: [registeredName])
            }
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let symbols = inputs.map { Symbol($0.value, mask: $0.mask, in: context) }
        let mask = layer.supportsMasking ? inputs.first?.mask : nil
        let outputs = try layer.call(symbols, CallContext(lowering: context))
        guard !outputs.isEmpty else {
            throw LocatedError(.usage, "layer.outputs", "expected call() to give an output, got none", at: [context.label])
        }
        // Operations carry masks along for those who want them; only the layer's word says that they go on.
        return outputs.map { Signal($0.value, mask: mask) }
    }
}

extension BuiltInLayer {
    /// The class as a spec names it.
    package var specClassName: String { (self as? CustomLayerAdapter)?.registeredName ?? Self.className }
}

extension Layer {
    /// This layer as the house computes it; nil for a class that conforms to `Layer` alone.
    package var computed: (any BuiltInLayer)? {
        if let layer = self as? any BuiltInLayer { return layer }
        guard let layer = self as? any CustomLayer else { return nil }
        return CustomLayerAdapter(layer, registeredName: CustomObjects.registeredName(of: type(of: layer)))
    }
}
