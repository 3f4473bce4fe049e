package import Graphs
internal import KerasOps
internal import KerasSpec
internal import Ops
internal import OrderedCollections
package import Tensors

/// What a layer may do while it lowers itself: add nodes, take its weights, write its state. One context serves a whole
/// model; `layer` changes as the walk goes on.
package final class LoweringContext {
    /// Training: dropout drops, batch statistics are taken, state is updated. (Not the same as wanting gradients.)
    package private(set) var training: Bool
    /// Whether gradients may be taken: the graph is one of training, be this layer called as in training or not.
    let mayTrain: Bool
    /// What becomes of masks.
    var masks = MaskTradition(nil)
    /// Whether `TimeDistributed` takes steps as samples even where samples depend on each other: Keras before 3 does, unless the
    /// batch's size is declared.
    var foldsSteps = false
    /// Whether the model comes from Theano, where each of the elements that tie for the largest gets the whole gradient; elsewhere they
    /// share it.
    var givesTiesWhole = false
    /// The arguments of the layer's call that is being lowered.
    package private(set) var call = CallArguments()
    package private(set) var builder = GraphBuilder()
    /// Outputs of layers whose values the loss counts, in the order of the calls.
    package private(set) var activityRegularizers: [LoweredModel.ActivityRegularizer] = []
    /// Indices that must be checked before a run, since an op can't refuse: inputs that are looked up in a table.
    package private(set) var indexChecks: [IndexCheck] = []

    /// Lengths that depend on what text the graph's inputs hold, and are unknown until it is seen.
    package private(set) var measures: [Measure] = []

    /// An input of the graph whose elements must be in `0..<limit`, or in a vocabulary.
    package struct IndexCheck: Sendable {
        package var input: Int
        package var limit: Int
        package var layer: String
        var vocabulary: Lookup?
        /// Whether `limit` is the largest magnitude instead, negative or not.
        var isMagnitude = false
    }

    /// A length that what an input of the graph holds decides.
    package struct Measure: Sendable {
        package var input: Int
        /// The layer's path, and which measure of the graph this is.
        package var layer: String
        var kind: Kind

        enum Kind: Sendable {
            /// Of the text with the most tokens.
            case tokens(TokenIndices)
            /// One more than the largest whole number.
            case largest
        }

        /// The length for this array.
        package func length(_ array: Tensor) -> Int {
            switch kind {
            case .tokens(let tokens): tokens.longest(array)
            case .largest: array.reachedIndex
            }
        }
    }

    /// Keras's types of whole numbers, and how large these get.
    var wholeNumbers: [Value: WholeNumbers] = [:]
    /// Results of 64 bits that must fit 32.
    var demands: [Demand] = []

    /// What such lengths are, by the measure's name.
    private let lengths: [String: Int]

    var parameters: ParameterTable
    private var path: [String] = []
    private var slots: [PlacedSlot] = []
    /// Attributes from the layer to the part of it that lowers itself now.
    private var part: [String] = []
    /// Whether the layer that lowers itself now is trained: its parts are only if it is.
    private var isTrainable = true
    private var streams: UInt64 = 0
    /// New values of parameters, by index in the table.
    private var updates: OrderedDictionary<Int, Value> = [:]
    /// What reads of parameters get instead, by index in the table.
    private var replacements: [Int: Value] = [:]

    init(training: Bool, parameters: ParameterTable, lengths: [String: Int] = [:]) {
        self.training = training
        mayTrain = training
        self.parameters = parameters
        self.lengths = lengths
    }

    /// Goes on building a graph behind a model's outputs.
    ///
    /// - Parameter label: of the nodes, for errors and profiles.
    package init(continuing builder: GraphBuilder, label: String, training: Bool = true) {
        self.training = training
        mayTrain = training
        self.parameters = ParameterTable()
        self.lengths = [:]
        self.builder = builder
        path = [label]
    }

    /// Lowers a function of `keras.ops` in the midst of a layer.
    func outputs(
        of operation: Operation, called name: String, with arguments: CallArguments
    ) throws(LocatedError) -> [Value] {
        let call = OperationCall(operation: operation, config: [:], context: self, arguments: arguments)
        do { return try operation.lower(call) } catch let error as LocatedError { throw error } catch {
            throw LocatedError(.bug, "operation.error", "\(name): \(error)")
        }
    }

    /// The path of the layer that lowers itself now, for labels and errors.
    package var label: String { path.joined(separator: "/") }

    package func shape(_ value: Value) -> PartialShape { builder.graph.info(value).shape }

    // MARK: nodes

    package func apply(_ op: any Op, _ inputs: Value...) throws(LocatedError) -> Value {
        let outputs = try apply(op, to: inputs)
        precondition(outputs.count == 1, "\(op.name) has \(outputs.count) outputs")
        return outputs[0]
    }

    func input(_ info: ValueInfo) -> Value { builder.input(info) }

    // MARK: weights and state

    /// The value of one of this layer's weights, named as in its `WeightSlot`.
    package func weight(_ path: String...) -> Value {
        guard let value = declaredWeight(path) else {
            preconditionFailure("\(label) has no weight \(path.joined(separator: "/"))")
        }
        return value
    }

    /// The same, nil where the layer declares no such weight.
    func declaredWeight(_ path: [String]) -> Value? {
        guard let (index, value) = parameter(path) else { return nil }
        return replacements[index] ?? value
    }

    private func parameter(_ path: [String]) -> (index: Int, value: Value)? {
        guard let slot = slots.first(where: { $0.slot.path == part + path }), let index = parameters.index(of: slot.path) else {
            return nil
        }
        return (index, builder.parameter(index, ValueInfo(slot.slot.shape)))
    }

    /// The value of a weight that runs change: what an earlier call of the layer in this graph has made of it, if there was
    /// one.
    package func state(_ path: String...) -> Value {
        let (index, value) = declared(path)
        return updates[index] ?? value
    }

    /// Gives a weight (a moving statistic, a state) a new value at the end of the run.
    package func update(_ path: String..., with value: Value) { updates[declared(path).index] = value }

    /// Gives a weight another value for what reads it from now on in this graph.
    package func replace(_ path: String..., by value: Value) { replacements[declared(path).index] = value }

    private func declared(_ path: [String]) -> (index: Int, value: Value) {
        guard let parameter = parameter(path) else {
            preconditionFailure("\(label) has no weight \(path.joined(separator: "/"))")
        }
        return parameter
    }

    /// A number that no other random op of this graph has: the same for every lowering of the same model.
    package func randomStream() -> UInt64 {
        streams += 1
        return streams
    }

    /// How many such numbers were given so far, and the way back: what is lowered twice from a mark on draws the same.
    var randomMark: UInt64 { streams }
    func rewindRandom(to mark: UInt64) { streams = mark }

    /// Says that `value`, when it is an input of the graph, holds indices into a table of `limit` rows.
    package func requireIndices(_ value: Value, below limit: Int) {
        guard case .input(let input) = builder.graph.origin(value) else { return }
        indexChecks.append(IndexCheck(input: input, limit: limit, layer: label))
    }

    func addMagnitudeCheck(_ input: Int, _ limit: Int, _ layer: String) {
        indexChecks.append(IndexCheck(input: input, limit: limit, layer: layer, isMagnitude: true))
    }

    /// Says that every element of `value`, which must be an input of the graph, is in a vocabulary.
    func requireKnown(_ value: Value, _ vocabulary: Lookup) throws(LocatedError) {
        guard case .input(let input) = builder.graph.origin(value) else {
            throw LocatedError(
                .unsupported, "lookup.unknown", "expected an index for unknown tokens, or tokens that are the model's input, got neither",
                at: [label])
        }
        indexChecks.append(IndexCheck(input: input, limit: 0, layer: label, vocabulary: vocabulary))
    }

    /// The length that what `value`, which must be an input of the graph, holds needs; nil while nothing was seen.
    func measured(_ value: Value, _ kind: Measure.Kind) throws(LocatedError) -> Int? {
        guard case .input(let input) = builder.graph.origin(value) else {
            switch kind {
            case .tokens:
                throw LocatedError(
                    .unsupported, "text.length", "expected output_sequence_length, or text that is the model's input, got neither", at: [label])
            case .largest:
                throw LocatedError(
                    .unsupported, "counts.length",
                    "expected the model's input, since the largest number decides the result's shape, got numbers that are computed", at: [label])
            }
        }
        let name = "\(label):\(measures.count)"
        measures.append(Measure(input: input, layer: name, kind: kind))
        return lengths[name]
    }

    // MARK: layers within layers

    /// Runs `body` as the layer that this one holds as `name`, whose weights this one has declared below that.
    ///
    /// - Parameter call: the inner layer's arguments; nil: this layer's.
    package func within<Result>(
        attribute name: String, call: CallArguments? = nil, _ body: () throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        let outer = (part, self.call)
        path.append(name)
        defer {
            path.removeLast()
            (part, self.call) = outer
        }
        part.append(name)
        if let call { self.call = call }
        return try body()
    }

    /// Runs a model that this layer holds as `name`. Its layers are called by their numbers within their classes there, as Keras
    /// calls them in files.
    package func run(_ model: ModelProgram, on inputs: [Signal], attribute name: String) throws(LocatedError) -> [Signal] {
        path.append(name)
        defer { path.removeLast() }
        return try Walk(context: self, isWithinLayer: true).run(model, on: inputs, path: path)
    }

    /// Says that the loss counts `outputs` of the layer at `path`, or of the one that lowers itself now.
    package func count(_ outputs: [Signal], by regularizer: Regularizer?, at path: String? = nil) {
        guard let regularizer else { return }
        activityRegularizers += outputs.map {
            LoweredModel.ActivityRegularizer(layer: path ?? label, output: $0.value, regularizer: regularizer)
        }
    }

    // MARK: the walk

    /// Runs `body` as the layer `place` (its name, and what leads to it) in one call, with its weights made (first time) or
    /// looked up.
    func within<Result>(
        layer place: [String], isTrainable: Bool = true, _ call: SettledCall,
        slots: (_ path: [String]) throws(LocatedError) -> [PlacedSlot], _ body: () throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        let (outer, outerCall, outerTraining) = ((self.slots, part, self.isTrainable), self.call, training)
        path += place
        defer {
            path.removeLast(place.count)
            (self.slots, part, self.isTrainable) = outer
            (self.call, training) = (outerCall, outerTraining)
        }
        part = []
        self.isTrainable = self.isTrainable && isTrainable
        self.call = call.arguments
        training = call.training ?? training
        self.slots = try slots(path)
        for slot in self.slots { try parameters.declare(slot) }
        return try body()
    }

    /// Runs `body` as the part `name` of the layer that lowers itself now, with the part's weights under its name.
    func within<Result>(
        part name: String, of layer: any BuiltInLayer, inputs: [Signal], _ body: () throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        let outer = (slots, part, call)
        path.append(name)
        defer {
            path.removeLast()
            (slots, part, call) = outer
        }
        part.append(name)
        call = CallArguments(inputs)
        let owner = Array(path.dropLast(part.count))
        let own = try locating(label) { () throws(LocatedError) in try layer.weights(for: inputs.map { info($0.value) }) }
        slots = own.map { slot in
            var slot = slot
            slot.path = part + slot.path
            slot.trainable = slot.trainable && layer.common.trainable && isTrainable
            return PlacedSlot(layerPath: owner, slot: slot)
        }
        for slot in slots { try parameters.declare(slot) }
        return try body()
    }

    func finish(outputs: [Value]) -> Graph {
        for (parameter, value) in updates { builder.update(parameter: parameter, with: value) }
        return builder.finish(outputs: outputs)
    }
}

extension LoweringContext: SymbolScope {
    package func apply(_ op: any Op, to inputs: [Value]) throws(LocatedError) -> [Value] {
        try builder.apply(op, to: inputs, label: label)
    }

    package func constant(_ tensor: Tensor) -> Value { builder.constant(tensor) }
    package func info(_ value: Value) -> ValueInfo { builder.graph.info(value) }
}

extension Tensor {
    /// One more than the largest number, cut to a whole one; 0 where there is none.
    fileprivate var reachedIndex: Int {
        switch dtype {
        case .int32: return withUnsafeElements(as: Int32.self) { $0.max() }.map { max(Int($0) + 1, 0) } ?? 0
        case .float32:
            return withUnsafeElements(as: Float.self) { numbers in
                // Whoever has the data checks it before the run.
                var reach = 0
                for number in numbers where number > -1 && number < 0x1p30 { reach = max(reach, Int(number) + 1) }
                return reach
            }
        default: return count == 0 ? 0 : 2
        }
    }
}
