package import Graphs
internal import KerasSpec
package import Tensors
internal import OrderedCollections

/// A model lowered for inputs of certain shapes.
package struct LoweredModel: Sendable {
    /// One call of a layer, for summaries and for taps.
    package struct Call: Sendable {
        /// The layer's path: `encoder/dense_1`.
        package var layer: String
        /// What this call is tapped by: the layer's path for its first call, then `shared:1`, `shared:2`…
        package var tap: String
        package var inputs: [ValueInfo]
        package var outputs: [ValueInfo]
    }

    /// A penalty on an output of a layer. Some generations of Keras divide it by the batch's size.
    package struct ActivityRegularizer: Sendable {
        package var layer: String
        package var output: Value
        package var regularizer: Regularizer
    }

    package var graph: Graph
    /// The model's weights, those that this lowering declared included.
    package var parameters: ParameterTable
    /// In the order in which the layers were called.
    package var calls: [Call]
    package var indexChecks: [LoweringContext.IndexCheck]
    /// Lengths that the text in the inputs decides: unknown, unless they were given.
    package var measures: [LoweringContext.Measure]
    /// The masks that the model's outputs have, by output.
    package var outputMasks: [Value?]
    /// Outputs of layers whose values the loss counts, in the order of the calls.
    package var activityRegularizers: [ActivityRegularizer]
    /// Which outputs of the graph, after the model's own, belong to which tapped layer.
    package var taps: [(layer: String, outputs: Range<Int>)]
}

extension ModelProgram {
    /// Lowers the model to a graph.
    ///
    /// - Parameters:
    ///   - inputs: shapes and types of the inputs, in the model's order. Unknown extents are fine for looking at a model; a
    ///     plan needs them all.
    ///   - training: whether dropout drops and batch statistics are taken.
    ///   - parameters: the weights known so far; layers that are called for the first time add theirs.
    ///   - countsActivity: whether the caller adds `activityRegularizers` to the loss. Training without that is refused where
    ///     there are some.
    ///   - lengths: what the text in the inputs makes of lengths that it decides, by layer (`LoweredModel.measures`).
    ///   - taps: paths of layers whose outputs are wanted as further outputs of the graph: of their first call, or of the
    ///     second with `:1` behind the path, and so on.
    package func lower(
        inputs: [ValueInfo], training: Bool, parameters: ParameterTable = ParameterTable(),
        countsActivity: Bool = false, taps: [String] = [], lengths: [String: Int] = [:]
    ) throws(LocatedError) -> LoweredModel {
        let walk = Walk(context: LoweringContext(training: training, parameters: parameters, lengths: lengths))
        walk.context.masks = MaskTradition(spec.provenance)
        walk.context.givesTiesWhole = spec.provenance?.backend == "theano"
        if let dialect = spec.provenance?.dialect, dialect != .keras3 {
            walk.context.foldsSteps = declaredInputs?.first.map { $0.shape.rank > 0 && $0.shape[0] == nil } ?? true
        }
        var signals: [Signal] = []
        for info in inputs { signals.append(Signal(walk.context.input(info))) }
        let outputs = try walk.run(self, on: signals, path: [])
        var values = outputs.map(\.value)
        var ranges: [(layer: String, outputs: Range<Int>)] = []
        for tap in taps {
            guard let signals = walk.outputs[tap] else {
                throw LocatedError(
                    .usage, "layer.absent", "expected the name of a layer of the model, got \"\(tap)\"",
                    hint: NearestName.hint(for: tap, in: walk.outputs.keys.sorted()) ?? "swift-keras summary lists them.")
            }
            ranges.append((tap, values.count..<values.count + signals.count))
            values += signals.map(\.value)
        }
        if training, !countsActivity, let first = walk.context.activityRegularizers.first {
            throw LocatedError(
                .unsupported, "layer.activityRegularizer", "expected layers without activity regularizers for training, got one",
                at: [first.layer, "config/activity_regularizer"])
        }
        let context = walk.context
        context.settleDemands()
        return LoweredModel(
            graph: context.finish(outputs: values), parameters: context.parameters, calls: walk.calls,
            indexChecks: context.indexChecks, measures: context.measures, outputMasks: outputs.map(\.mask),
            activityRegularizers: context.activityRegularizers, taps: ranges)
    }
}

/// One walk through a model and its nested models.
final class Walk {
    let context: LoweringContext
    var calls: [LoweredModel.Call] = []
    var outputs: [String: [Signal]] = [:]

    /// Whether the model is one that a layer holds.
    private let isWithinLayer: Bool

    init(context: LoweringContext, isWithinLayer: Bool = false) {
        self.context = context
        self.isWithinLayer = isWithinLayer
    }

    /// What leads to a layer from its model: its name; within a layer, Keras's number in the list of layers.
    private func place(of entry: ModelProgram.Entry, in program: ModelProgram) -> [String] {
        isWithinLayer ? program.numbered(entry) : [entry.name]
    }

    func run(_ program: ModelProgram, on inputs: [Signal], path: [String]) throws(LocatedError) -> [Signal] {
        switch program.spec.kind {
        case .sequential: try runSequential(program, on: inputs, path: path)
        case .functional: try runFunctional(program, on: inputs, path: path)
        }
    }

    private func runSequential(
        _ program: ModelProgram, on inputs: [Signal], path: [String]
    ) throws(LocatedError) -> [Signal] {
        var signals = inputs
        for entry in program.entries { signals = try call(entry, of: program, on: CallArguments(signals), path: path) }
        return signals
    }

    private func runFunctional(
        _ program: ModelProgram, on inputs: [Signal], path: [String]
    ) throws(LocatedError) -> [Signal] {
        let modelInputs = program.spec.inputs.tensors
        guard modelInputs.count == inputs.count else {
            throw LocatedError(
                .mismatch, "model.inputCount", "expected \(modelInputs.count) inputs, got \(inputs.count)", at: path)
        }
        var fed: [TensorReference: Signal] = [:]
        for (reference, signal) in zip(modelInputs, inputs) { fed[reference] = signal }
        var made: [TensorReference: Signal] = [:]
        for step in try CallOrder(program, at: path).steps {
            let entry = program.entries[step.entry]
            let layerCall = entry.calls[step.call]
            let reference = TensorReference(layer: entry.name, node: step.call)
            if let signal = fed[reference] {
                made[reference] = try call(entry, of: program, node: step.call, on: CallArguments([signal]), path: path)[0]
                continue
            }
            let arguments = CallArguments(
                positional: try layerCall.arguments.map { (nest) throws(LocatedError) in
                    try argument(nest, of: entry.name, in: made, path)
                },
                keywords: try keywords(of: layerCall, for: entry, in: made, path))
            let outputs = try call(entry, of: program, node: step.call, on: arguments, path: path)
            for (index, signal) in outputs.enumerated() {
                made[TensorReference(layer: entry.name, node: step.call, tensor: index)] = signal
            }
        }
        var outputs: [Signal] = []
        for tensor in program.spec.outputs.tensors {
            guard let signal = made[tensor] else { throw absent(tensor, wantedBy: "the model's outputs", path) }
            outputs.append(signal)
        }
        return outputs
    }

    private func absent(_ tensor: TensorReference, wantedBy reader: String, _ path: [String]) -> LocatedError {
        LocatedError(
            .invalid, "model.reference",
            "expected \(reader) to read an output that exists, got \(tensor) (layer, call, output)", at: path)
    }

    private func call(
        _ entry: ModelProgram.Entry, of program: ModelProgram, node: Int = 0, on arguments: CallArguments, path: [String]
    ) throws(LocatedError) -> [Signal] {
        let place = place(of: entry, in: program), path = path + place
        let name = path.joined(separator: "/")
        let arguments = if case .layer(let layer) = entry.body, context.masks.blind.contains(type(of: layer).className) {
            arguments.unmasked
        } else {
            arguments
        }
        let call = try locating(name) { () throws(LocatedError) in try SettledCall(arguments, of: entry.body, context) }
        let inputs = call.arguments.signals
        let outputs: [Signal]
        switch entry.body {
        case .model(let model):
            outputs = try context.within(layer: place, call, slots: { (_) throws(LocatedError) in [] }) {
                () throws(LocatedError) in try run(model.value, on: inputs, path: path)
            }
        case .layer(let layer):
            outputs = try context.within(
                layer: place, isTrainable: layer.common.trainable, call,
                slots: { (path) throws(LocatedError) in
                    try locating(path.joined(separator: "/")) { () throws(LocatedError) in
                        try layer.weights(for: inputs.map { context.info($0.value) })
                    }.map { slot in
                        var slot = slot
                        slot.trainable = slot.trainable && layer.common.trainable
                        return PlacedSlot(layerPath: path, slot: slot)
                    }
                }
            ) { () throws(LocatedError) in
                let outputs = try context.following(try layer.lower(inputs, context), of: layer, call.arguments)
                return context.masks.swallowing.contains(type(of: layer).className) ? outputs.map { Signal($0.value) } : outputs
            }
        }
        let tap = node == 0 ? name : "\(name):\(node)"
        // A nested model that is called again calls its layers again: the first time is what taps mean.
        if self.outputs[tap] == nil { self.outputs[tap] = outputs }
        if case .layer(let layer) = entry.body { context.count(outputs, by: layer.activityRegularizer, at: name) }
        calls.append(
            LoweredModel.Call(
                layer: name, tap: tap, inputs: inputs.map { context.info($0.value) },
                outputs: outputs.map { context.info($0.value) }))
        return outputs
    }

    /// An argument with the signals that its tensors are.
    private func argument(
        _ nest: Nest, of reader: String, in made: [TensorReference: Signal], _ path: [String]
    ) throws(LocatedError) -> CallArguments.Argument {
        switch nest {
        case .constant(let value): return .constant(value)
        case .tensor(let tensor):
            guard let signal = made[tensor] else { throw absent(tensor, wantedBy: reader, path) }
            return .signal(signal)
        case .list(let items):
            return .list(try items.map { (item) throws(LocatedError) in try argument(item, of: reader, in: made, path) })
        case .dictionary(let items):
            var arguments: OrderedDictionary<String, CallArguments.Argument> = [:]
            for (key, item) in items { arguments[key] = try argument(item, of: reader, in: made, path) }
            return .dictionary(arguments)
        }
    }

    /// The keyword arguments of a call. One that the layer doesn't know changes what it computes: it is refused.
    private func keywords(
        of call: LayerCall, for entry: ModelProgram.Entry, in made: [TensorReference: Signal], _ path: [String]
    ) throws(LocatedError) -> OrderedDictionary<String, CallArguments.Argument> {
        var known: Set<String>? = SettledCall.common
        if case .layer(let layer) = entry.body { known = layer.callKeywords.map { $0.union(SettledCall.common) } }
        var keywords: OrderedDictionary<String, CallArguments.Argument> = [:]
        for (key, value) in call.keywords {
            if case .constant(.null) = value { continue }
            if let known, !known.contains(key) {
                throw LocatedError(
                    .unsupported, "model.callKeyword", "expected a call without the keyword argument \"\(key)\", got one",
                    at: [(path + [entry.name]).joined(separator: "/"), "inbound_nodes"])
            }
            keywords[key] = try argument(value, of: entry.name, in: made, path)
        }
        return keywords
    }
}

/// The calls of a functional model in an order in which each comes after those it reads (Kahn's algorithm, in the spec's
/// order among those that are ready).
private struct CallOrder {
    struct Step {
        var entry: Int
        var call: Int
    }

    let steps: [Step]

    init(_ program: ModelProgram, at path: [String]) throws(LocatedError) {
        var all: [Step] = []
        var numbers: [TensorReference: Int] = [:]
        for (index, entry) in program.entries.enumerated() {
            for call in entry.calls.indices {
                numbers[TensorReference(layer: entry.name, node: call)] = all.count
                all.append(Step(entry: index, call: call))
            }
        }
        let inputs = Set(program.spec.inputs.tensors)
        var readers = [[Int]](repeating: [], count: all.count)
        var waiting = [Int](repeating: 0, count: all.count)
        for (number, step) in all.enumerated() {
            let entry = program.entries[step.entry]
            if inputs.contains(TensorReference(layer: entry.name, node: step.call)) { continue }
            let call = entry.calls[step.call]
            let read = call.arguments.flatMap(\.tensors) + call.keywords.values.flatMap(\.tensors)
            for tensor in read {
                guard let source = numbers[TensorReference(layer: tensor.layer, node: tensor.node)] else {
                    throw LocatedError(
                        .invalid, "model.reference",
                        "expected inputs of \(entry.name) to be calls of layers of this model, got \(tensor) (layer, call, output)",
                        at: path + [entry.name, "inbound_nodes"])
                }
                readers[source].append(number)
                waiting[number] += 1
            }
        }
        var ready = all.indices.filter { waiting[$0] == 0 }
        var steps: [Step] = []
        var next = 0
        while next < ready.count {
            let number = ready[next]
            next += 1
            steps.append(all[number])
            for reader in readers[number] {
                waiting[reader] -= 1
                if waiting[reader] == 0 { ready.append(reader) }
            }
        }
        guard steps.count == all.count else {
            let stuck = all.indices.filter { waiting[$0] > 0 }.map { program.entries[all[$0].entry].name }
            throw LocatedError(
                .invalid, "model.cycle",
                "expected layers that don't wait for each other, got a cycle through \(stuck.prefix(5).joined(separator: ", "))",
                at: path)
        }
        self.steps = steps
    }
}

extension BuiltInLayer {
    /// Shapes and types of this layer's outputs for such inputs, without a model around it.
    package func outputInfos(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        let context = LoweringContext(training: false, parameters: ParameterTable())
        let signals = inputs.map { Signal(context.input($0)) }
        let outputs = try context.within(
            layer: [""], SettledCall(signals), slots: { (path) throws(LocatedError) in
                try weights(for: inputs).map { PlacedSlot(layerPath: path, slot: $0) }
            }
        ) { () throws(LocatedError) in try lower(signals, context) }
        return outputs.map { context.info($0.value) }
    }
}
