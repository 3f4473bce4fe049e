package import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// A layer, or a model, applied to every step of a sequence.
///
/// Shapes: (batch, steps, …) → (batch, steps, …), where the layer makes (batch, …) of (batch, …).
/// Weights: the layer's, under `layer`.
/// Config: `layer`.
/// The steps are taken as further samples where that is the same; a layer whose samples depend on each other in training (batch
/// normalization), or that keeps states, is called for one step after the other, as in Keras 3. Keras 1, 2 and tf.keras do so for a
/// model that declares how large a batch is; for others they take the statistics over all steps. Masks pass through.
/// Source: keras/src/layers/rnn/time_distributed.py (3.15).
public struct TimeDistributed: BuiltInLayer {
    public static let className = "TimeDistributed"

    /// What is applied.
    package enum Inner: Sendable {
        case layer(any BuiltInLayer)
        case model(Box<ModelProgram>)
    }

    public var common: LayerCommon
    package var inner: Inner
    /// The inner model as the configuration has it.
    private var modelConfig: ConfigValue?

    public init(_ layer: any Layer, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true) throws {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        guard var layer = layer as? any BuiltInLayer else {
            throw LocatedError(
                .unsupported, "timeDistributed.layer", "expected a layer that is computed, got \(type(of: layer).className)")
        }
        layer.common.name = layer.common.name ?? SnakeCase.name(type(of: layer).className)
        inner = .layer(layer)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        if let model = config.model("layer") {
            inner = .model(Box(try locating("config/layer") { () throws(LocatedError) in try ModelProgram(model) }))
            modelConfig = config.value("layer")
        } else {
            inner = .layer(try config.layer("layer"))
        }
    }

    package func encode(into config: inout ConfigObject) {
        switch inner {
        case .layer(let layer): config["layer"] = InnerLayer.encode(layer)
        case .model: config["layer"] = modelConfig ?? .null
        }
    }

    package var mixesSamples: Bool {
        switch inner {
        case .layer(let layer): layer.mixesSamples
        case .model(let model): model.value.mixesSamples
        }
    }

    package var isStateful: Bool {
        switch inner {
        case .layer(let layer): layer.isStateful
        case .model(let model): model.value.isStateful
        }
    }

    /// An input's step, or all steps as samples.
    private func inner(_ info: ValueInfo, folds: Bool) throws(LocatedError) -> ValueInfo {
        var info = info
        guard info.shape.rank >= 3 else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input (batch, steps, …) of 3 axes or more, got the shape \(info.shape)")
        }
        let steps = info.shape.dims.remove(at: 1)
        if folds {
            info.shape[0] = info.shape[0].flatMap { batch in
                steps.flatMap { steps in
                    let (product, overflow) = batch.multipliedReportingOverflow(by: steps)
                    return overflow ? nil : product
                }
            }
        }
        return info
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        guard case .layer(let layer) = inner else { return [] }
        let step = try inner(try inputs.single(), folds: false)
        return try layer.weights(for: [step]).within("layer", trainable: layer.common.trainable)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let info = context.info(input.value)
        let keepsStates = isStateful
        if keepsStates || (context.training && mixesSamples && !context.foldsSteps), let steps = info.shape[1], steps > 0 {
            return [Signal(try stepByStep(input, context), mask: input.mask)]
        }
        guard !keepsStates else {
            throw LocatedError(
                .unsupported, "timeDistributed.stateful",
                "expected a known number of steps for a layer that keeps states, got the shape \(info.shape)", at: [context.label])
        }
        let samples = try context.apply(Ops.Reshape(to: try inner(info, folds: true).shape), input.value)
        // A mask that tells of more than the steps goes on into them.
        let mask = try input.mask.map { (mask) throws(LocatedError) -> Value? in
            let info = context.info(mask)
            return info.shape.rank < 3 ? nil : try context.apply(Ops.Reshape(to: try inner(info, folds: true).shape), mask)
        }
        var outputs: [Signal] = []
        for output in try call(Signal(samples, mask: mask ?? nil), context) {
            let shape = PartialShape([info.shape[0], info.shape[1]] + context.shape(output.value).dims.dropFirst())
            outputs.append(Signal(try context.apply(Ops.Reshape(to: shape), output.value), mask: input.mask))
        }
        return outputs
    }

    /// The layer called for each step on its own.
    private func stepByStep(_ input: Signal, _ context: LoweringContext) throws(LocatedError) -> Value {
        let steps = try context.apply(Steps(), to: [input.value])
        let masks = try input.mask.map { (mask) throws(LocatedError) in try context.apply(Steps(), to: [mask]) }
        var results: [Value] = []
        for (time, step) in steps.enumerated() {
            // A mask of the samples alone means nothing to a recurrent layer.
            let mask = masks.map { $0[time] }.flatMap { context.shape($0).rank < 2 && isStateful ? nil : $0 }
            let outputs = try call(Signal(step, mask: mask), context)
            guard outputs.count == 1 else {
                throw LocatedError(
                    .unsupported, "timeDistributed.outputs", "expected a layer with one output, got \(outputs.count)",
                    at: [context.label])
            }
            results.append(outputs[0].value)
        }
        return try context.apply(JoinedSteps(), to: results)[0]
    }

    private func call(_ input: Signal, _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        switch inner {
        case .model(let model): try context.run(model.value, on: [input], attribute: "layer")
        case .layer(let layer):
            try context.within(attribute: "layer", call: CallArguments([input])) { () throws(LocatedError) in
                try layer.lower([input], context)
            }
        }
    }
}
