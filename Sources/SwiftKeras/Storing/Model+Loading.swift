internal import Graphs
internal import KerasFormat
public import KerasSpec
public import Layers
internal import Synchronization
public import Tensors

extension Model {
    /// Reads a model: a whole-model file, or an architecture with weights beside it. What a file is, its content tells.
    ///
    /// Layers that aren't computed don't stop this; they stop running the model.
    ///
    /// - Parameters:
    ///   - path: architecture JSON, or a whole model.
    ///   - weights: a weights file or a whole model, of which the weights are taken.
    ///   - inputShape: of one sample, for a Sequential model that doesn't tell.
    ///   - backend: `theano` or `tensorflow`: what trained a file of Keras 1, which doesn't tell.
    ///   - byName: take the layers that both have, by name; the others keep what the model's own file holds, or what their
    ///     initializers make.
    ///   - skipMismatch: leave out what doesn't fit, instead of refusing the file. `loadingReport` tells.
    ///   - customObjects: what names mean that Keras doesn't have.
    /// - Throws: `.notFound`, `.invalid` for a broken file, `.mismatch` when weights and architecture disagree.
    public convenience init(
        contentsOf path: String, weights: String? = nil, inputShape: [Int]? = nil, backend: String? = nil,
        byName: Bool = false, skipMismatch: Bool = false, customObjects: CustomObjects = [:]
    ) throws(LocatedError) {
        var stored = try KerasFile.readModel(path, backend: backend)
        let options = LoadingOptions(byName: byName, skipMismatch: skipMismatch)
        let own = options.isStrict ? nil : stored.weights
        if let weights, own == nil {
            stored = try KerasFile.join(try Self.storedWeights(weights, backend: backend, options), to: stored, named: weights)
        }
        guard var spec = stored.spec else { preconditionFailure("readModel gives an architecture") }
        if let inputShape { try spec.declareInput(inputShape) }
        self.init(spec: spec, training: stored.training, customObjects: try customObjects.settled(for: spec))
        state.withLock { $0.assets = stored.assets }
        if let weights, let own {
            state.withLock { $0.stored = own }
            try locating(path) { () throws(LocatedError) in try bindIfPossible() }
            try loadWeights(weights, options, backend: backend)
            return
        }
        guard var values = stored.weights else { return }
        loadingNotes = UntoldBackend.note(values, spec.provenance?.dialect).map { [$0.description] } ?? []
        if byName { values = WeightBinding.labelled(values, by: spec) }
        state.withLock { state in
            state.stored = values
            state.loading = options
        }
        try locating(weights ?? path) { () throws(LocatedError) in try bindIfPossible() }
    }

    /// Reads a whole model, such as `cifar10_model.h5`.
    ///
    /// - Parameter customObjects: what names mean that Keras doesn't have.
    public convenience init(_ path: String, customObjects: CustomObjects = [:]) throws(LocatedError) {
        try self.init(contentsOf: path, customObjects: customObjects)
    }

    /// Reads the pair that `to_json()` and `save_weights()` make.
    public convenience init(
        json: String, weights: String? = nil, customObjects: CustomObjects = [:]
    ) throws(LocatedError) {
        try self.init(contentsOf: json, weights: weights, customObjects: customObjects)
    }

    /// Puts the weights of a file in place of the model's: Keras's `load_weights`.
    ///
    /// - Parameters:
    ///   - byName: take the layers that both have, by name, and leave the others as they are. Keras has this for the older
    ///     layout alone; here also for `.weights.h5` and `.keras` that tell their layers' names.
    ///   - skipMismatch: leave out what doesn't fit, instead of refusing the file. Layers that are told by their order must
    ///     still be as many in both.
    ///   - backend: `theano` or `tensorflow`: what trained a file of Keras 1, which doesn't tell.
    /// - Returns: what was loaded, and what was not and why.
    /// - Throws: `.mismatch` with every disagreement; the model is unchanged then.
    @discardableResult
    public func loadWeights(
        _ path: String, byName: Bool = false, skipMismatch: Bool = false, backend: String? = nil
    ) throws(LocatedError) -> LoadingReport {
        try loadWeights(path, LoadingOptions(byName: byName, skipMismatch: skipMismatch), backend: backend)
    }

    @discardableResult
    private func loadWeights(
        _ path: String, _ options: LoadingOptions, backend: String?
    ) throws(LocatedError) -> LoadingReport {
        let stored = try Self.storedWeights(path, backend: backend, options)
        let (values, report) = try locating(path) { () throws(LocatedError) in
            options.isStrict ? try bound(stored, for: nil) : try overlaid(stored, options, on: try weights())
        }
        setWeights(values, report)
        return report
    }

    /// The weights of a file. By name, groups that bear none get those of the architecture beside them.
    private static func storedWeights(
        _ path: String, backend: String?, _ options: LoadingOptions
    ) throws(LocatedError) -> StoredWeights {
        guard options.byName, try KerasFile.kind(path) == .archive else { return try KerasFile.readWeights(path, backend: backend) }
        let file = try KerasFile.read(path, backend: backend)
        guard let weights = file.weights else { return try KerasFile.readWeights(path, backend: backend) }
        return file.spec.map { WeightBinding.labelled(weights, by: $0) } ?? weights
    }

    /// Weights with those of a file over them that were found and fit.
    func overlaid(
        _ stored: StoredWeights, _ options: LoadingOptions, on current: WeightValues
    ) throws(LocatedError) -> (WeightValues, LoadingReport) {
        let program = try program()
        let (found, report) = try WeightBinding.bind(
            stored, to: program.layerSlots(in: current.table), in: program.spec, options)
        var tensors = current.tensors
        for (index, slot) in current.table.slots.enumerated() {
            guard let lazy = found[slot.path] else { continue }
            tensors[index] = try locating(slot.path) { () throws(LocatedError) in try lazy.load().asType(.float32) }
        }
        return (WeightValues(table: current.table, tensors: tensors), report)
    }

    /// What people should know of how the file was read.
    package private(set) var loadingNotes: [String] {
        get { state.withLock { $0.loadingNotes } }
        set { state.withLock { $0.loadingNotes = newValue } }
    }

    /// What the last loading of weights did; nil before one.
    public var loadingReport: LoadingReport? { state.withLock { $0.report } }

    /// Whether values were read for the weights, rather than made by initializers.
    public var hasWeights: Bool { state.withLock { $0.stored != nil || $0.weights != nil } }

    /// Values for the declared weights from what a file holds, all of it.
    func bound(_ stored: StoredWeights, for inputs: [ValueInfo]?) throws(LocatedError) -> (WeightValues, LoadingReport) {
        let program = try program()
        let table = try parameterTable(for: inputs)
        let (values, report) = try WeightBinding.bind(
            stored, to: program.layerSlots(in: table), in: program.spec, LoadingOptions())
        return (try WeightValues(loading: values, into: table), report)
    }

    /// Loads the weights now, unless the model has layers that aren't computed or doesn't tell its input's shape: then they
    /// wait, for a conversion or for the first inputs.
    private func bindIfPossible() throws(LocatedError) {
        do throws(LocatedError) { _ = try weights() } catch {
            guard error.category == .unsupported || error.code == "model.unbuilt" else { throw error }
        }
    }
}

extension ModelSpec {
    /// Puts an input layer in front of a Sequential model that has none.
    fileprivate mutating func declareInput(_ shape: [Int]) throws(LocatedError) {
        guard kind == .sequential, layers.first?.className != "InputLayer", layers.first?.model == nil else {
            throw LocatedError(
                .usage, "model.inputShape", "expected no input shape for a model that tells its own, got \(Shape(shape))",
                at: [name])
        }
        var input = InputLayer(inputShape: shape)
        let inputName = (layers.first?.name ?? name) + "_input"
        input.common.name = inputName
        layers.insert(LayerSpec(className: InputLayer.className, name: inputName, config: input.config), at: 0)
    }
}
