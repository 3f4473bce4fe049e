internal import Engine
internal import KerasFormat
internal import KerasSpec
internal import Layers
internal import Synchronization
public import Tensors
public import Training

/// How a model is trained, and where its optimizer stands.
struct Compiled {
    var settings: CompileSettings
    /// Whose arithmetic training follows.
    var generation: TrainingGeneration
    /// nil until a step was made or state was read.
    var optimizerState: OptimizerState?
    /// What people should know of it: state that the file holds and that isn't used.
    var notes: [UpgradeNote] = []
}

extension Model {
    /// Says how the model is to be trained: Keras's `compile`. Optimizer state that was there is forgotten.
    ///
    /// Training follows the arithmetic of the Keras that the model comes from; models built in Swift follow Keras 2.3.
    ///
    /// - Parameters:
    ///   - loss: for every output.
    ///   - metrics: for every output; `.accuracy` means what Keras means by the string for this loss and output.
    public func compile(loss: Loss, optimizer: any Optimizer, metrics: [Metric] = []) throws(LocatedError) {
        try compile(CompileSettings(optimizer: optimizer, loss: loss, metrics: metrics))
    }

    /// Says how each output of the model is to be trained.
    public func compile(_ settings: CompileSettings) throws(LocatedError) {
        _ = try settings.outputs(named: program().outputNames)
        let generation = TrainingGeneration(of: spec.provenance)
        state.withLock { state in
            state.compiled = Compiled(settings: settings, generation: generation)
            state.training = nil
        }
    }

    /// Changes the compile settings and keeps the optimizer's state, where the optimizer keeps the same arrays: for another
    /// learning rate, loss or metric. Says whether state was lost.
    package func recompile(_ settings: CompileSettings) throws(LocatedError) -> Bool {
        let before = isCompiled ? try compiled() : nil
        try compile(settings)
        guard let before, let state = before.optimizerState,
            let old = before.settings.optimizer as? any BuiltInOptimizer,
            let new = settings.optimizer as? any BuiltInOptimizer
        else { return false }
        guard type(of: old) == type(of: new), old.slots(for: before.generation) == new.slots(for: before.generation) else {
            return true
        }
        self.state.withLock { model in
            model.compiled?.optimizerState = state
            model.compiled?.generation = before.generation
        }
        return false
    }

    /// Whether the model was compiled, here or before it was saved.
    public var isCompiled: Bool { state.withLock { $0.compiled != nil || $0.training != nil } }

    /// The compile settings: given here, or read from the file.
    ///
    /// - Parameter withState: whether the optimizer's arrays are read, too.
    func compiled(withState: Bool = true) throws(LocatedError) -> Compiled {
        let (compiled, training) = state.withLock { ($0.compiled, $0.training) }
        if let compiled { return compiled }
        guard let training else {
            throw LocatedError(
                .usage, "model.notCompiled", "expected a model with compile settings, got one without",
                at: [name], hint: "Give a loss and an optimizer: compile(loss:optimizer:), or --loss and --optimizer.")
        }
        var settings = try customObjects.scope { () throws(LocatedError) in try CompileSettings(training) }
        var result = Compiled(settings: settings, generation: TrainingGeneration(OptimizerGeneration(of: training)))
        guard withState, !training.optimizerWeights.isEmpty else { return result }
        let weights = try declaredWeights()
        do throws(LocatedError) {
            let record = try TrainingConversion.record(of: training, in: spec, weights: weights)
            var state = try OptimizerState(record)
            // Whole .h5 files have the settings under this name.
            state.isTracedOnce = training.compileSettings["optimizer_config"] != nil
            result.optimizerState = state
            // Keras 3 keeps the rate beside the state: callbacks may have changed it since the settings were made.
            if let rate = record.config["learning_rate"]?.number {
                settings.optimizer.learningRate = rate
                result.settings = settings
            }
        } catch {
            // As Keras does: a file's weights are of use without the optimizer's.
            guard error.code == "optimizer.weights" else { throw error.within("optimizer_weights") }
            result.notes.append(
                UpgradeNote(layer: "", text: "the optimizer begins anew, since its state isn't this model's: \(error.message)"))
        }
        return result
    }

    /// What people should know before training goes on: state that the file holds and that isn't used.
    package func trainingNotes() throws(LocatedError) -> [UpgradeNote] { isCompiled ? try compiled().notes : [] }

    /// The compile settings, given here or read; nil for a model without.
    package func compileSettings() throws(LocatedError) -> CompileSettings? {
        isCompiled ? try compiled(withState: false).settings : nil
    }

    /// The seed of weights that were neither loaded nor made yet.
    package func seedInitialWeights(_ seed: UInt64) { state.withLock { $0.seed = seed } }

    /// A trainer that begins with the model's weights.
    func makeTrainer(_ compiled: Compiled, threads: Int?, seed: UInt64) throws(LocatedError) -> Trainer {
        let program = try program()
        let weights = try weightsWithStates()
        // The weights themselves, the trainer's copy, gradients, and one slot of the optimizer.
        try weights.table.requireMemory(copies: 4)
        let trainer = try Trainer(
            program, table: weights.table, weights: weights.tensors,
            outputs: try compiled.settings.outputs(named: program.outputNames), optimizer: compiled.settings.optimizer,
            generation: compiled.generation,
            averagesActivity: compiled.generation.averagesActivity(
                version: spec.provenance?.dialect == .keras3 ? spec.provenance?.kerasVersion : nil),
            seed: seed, pool: try Pools.pool(threads: threads))
        if let state = compiled.optimizerState { try trainer.restore(state) }
        return trainer
    }

    /// The model's weights without values, for what hangs on them.
    private func declaredWeights() throws(LocatedError) -> ModelWeights {
        let slots = try parameterTable().slots.filter(\.slot.isSaved)
        return ModelWeights(
            slots.map { slot in
                let shape = slot.slot.shape
                return ModelWeights.Weight(
                    outline: WeightOutline(
                        layerPath: slot.layerPath, path: slot.slot.path, role: slot.slot.trainable ? .trained : .other),
                    tensor: LazyTensor(shape: shape, dtype: .float32) { () throws(LocatedError) in Tensor(zeros: shape) })
            })
    }

    /// The training state as a file holds it: as it was read, or as it is since, in the words of the Keras whose arithmetic it
    /// follows. `TrainingConversion` gives another's.
    func trainingSpec() throws(LocatedError) -> TrainingSpec? {
        let (compiled, training) = state.withLock { ($0.compiled, $0.training) }
        guard let compiled else { return training }
        guard let optimizer = compiled.settings.optimizer as? any BuiltInOptimizer else {
            throw LocatedError(
                .unsupported, "optimizer.custom",
                "expected a built-in optimizer, got \(type(of: compiled.settings.optimizer).className)")
        }
        var record = optimizer.record(for: compiled.generation.optimizers)
        compiled.optimizerState?.write(into: &record)
        return try TrainingConversion.spec(compiled.settings.config(for: compiled.generation), record, of: self.spec, weights: try declaredWeights())
    }
}

extension CompileSettings {
    /// What a file of any generation says.
    init(_ training: TrainingSpec) throws(LocatedError) {
        self = try locating("training_config") { () throws(LocatedError) in
            let key = training.compileSettings["optimizer_config"] != nil ? "optimizer_config" : "optimizer"
            let record = try TrainingConversion.optimizer(of: training)
            let optimizer = try locating(key) { () throws(LocatedError) in try Optimizers.decode(record) }
            return try CompileSettings(config: training.compileSettings, optimizer: optimizer)
        }
    }
}
