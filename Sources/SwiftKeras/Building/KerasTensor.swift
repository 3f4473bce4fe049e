internal import Graphs
package import Layers
public import Tensors

/// A symbolic tensor of a functional model: what `Input` makes and calling layers on values gives.
public struct KerasTensor: Sendable {
    /// The shape with the batch, nil where an extent may vary.
    public let shape: PartialShape
    /// Keras's name of the type.
    public let dtype: DType
    let source: LayerUse
    let index: Int
}

/// One call of a layer or model, as a functional model remembers it.
final class LayerUse: Sendable {
    /// What was called.
    enum Callee: Sendable {
        case layer(any BuiltInLayer)
        case model(Model)
    }

    let callee: Callee
    let inputs: [KerasTensor]
    /// Grows in the order of calls.
    let serial: Serial

    init(_ callee: Callee, inputs: [KerasTensor]) {
        self.callee = callee
        self.inputs = inputs
        self.serial = Serial()
    }

    /// What makes two uses uses of one layer.
    var owner: ObjectIdentifier {
        switch callee {
        case .layer(let layer): ObjectIdentifier(layer.common.identity)
        case .model(let model): ObjectIdentifier(model)
        }
    }
}

/// A functional model's input.
///
/// - Parameters:
///   - shape: the shape of one sample; nil where an extent may vary.
///   - dtype: `int32` for indices.
public func Input(shape: [Int?], dtype: String = "float32", name: String? = nil) -> KerasTensor {
    let layer = InputLayer(inputShape: shape, dtype: dtype, name: name)
    return KerasTensor(
        shape: PartialShape([nil] + shape), dtype: DType(rawValue: dtype) ?? .float32,
        source: LayerUse(.layer(layer), inputs: []), index: 0)
}

extension Layer {
    /// Calls the layer on symbolic tensors. Calling the same layer (or a copy) again shares its weights.
    ///
    /// - Throws: `.mismatch` when the layer can't take these shapes.
    public func callAsFunction(_ inputs: KerasTensor...) throws(LocatedError) -> KerasTensor {
        try callAsFunction(inputs)
    }

    /// Calls a layer that takes a list, such as `Add` or `Concatenate`.
    public func callAsFunction(_ inputs: [KerasTensor]) throws(LocatedError) -> KerasTensor {
        let outputs = try outputs(for: inputs)
        guard outputs.count == 1 else {
            throw LocatedError(
                .usage, "layer.outputs", "expected a layer with one output, got \(outputs.count)",
                at: [Self.className], hint: "Call outputs(for:) for all of them.")
        }
        return outputs[0]
    }

    /// Calls a layer and gives all of its outputs.
    public func outputs(for inputs: [KerasTensor]) throws(LocatedError) -> [KerasTensor] {
        guard let layer = computed else {
            throw LocatedError(.unsupported, "layer.custom", "expected a built-in layer or a CustomLayer, got \(Self.className)")
        }
        let infos = try locating(common.name ?? Self.className) { () throws(LocatedError) in
            try layer.outputInfos(for: inputs.map { ValueInfo($0.shape, $0.dtype == .int64 ? .int32 : $0.dtype) })
        }
        let use = LayerUse(.layer(layer), inputs: inputs)
        return infos.enumerated().map { KerasTensor(shape: $1.shape, dtype: $1.dtype, source: use, index: $0) }
    }
}
