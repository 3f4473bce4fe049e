package import Engine
package import Graphs
import KerasSpec
package import Layers
package import Tensors

/// A model in training: its weights in memory that is written in place, its optimizer, and the plans for the batch sizes met so
/// far. For one thread at a time; prints nothing and knows no files.
package final class Trainer {
    package let program: ModelProgram
    /// What the weights are, by index.
    package let table: ParameterTable
    package let outputs: [OutputTraining]
    package let generation: TrainingGeneration
    private let averagesActivity: Bool
    /// The key of dropout, beside the step's number.
    package let seed: UInt64
    /// The indices of the weights that are trained, in Keras's order.
    package let trained: [Int]
    let pool: ThreadPool
    let demands: DataDemands
    private let parameters: ParameterBuffers
    private let optimizer: any BuiltInOptimizer
    /// By place in `trained`.
    private let constraints: [Int: WeightConstraint]
    /// Made when the first step or its state is wanted: measuring needs none.
    private var run: OptimizerRun?
    private let regularizers: [(parameter: Int, WeightRegularizer)]
    private let indexChecks: [LoweringContext.IndexCheck]
    private var trainers = RecentRuns<TrainingRun>()
    /// Of the weights as they are now.
    private var testers = RecentRuns<TestingRun>()
    /// Loss and metrics of `trainOnBatch` and `testOnBatch`.
    var singles: EpochSums?

    /// Runs by what their plans are for, those that were used last: batches of a source may have ever other shapes.
    private struct RecentRuns<Run> {
        private var runs: [(key: PlanKey, run: Run)] = []
        private static var capacity: Int { 8 }

        var all: [(key: PlanKey, run: Run)] { runs }

        mutating func removeAll() { runs.removeAll() }

        mutating func run(_ key: PlanKey, make: () throws(LocatedError) -> Run) throws(LocatedError) -> Run {
            if let last = runs.last, last.key == key { return last.run }
            let entry: (key: PlanKey, run: Run)
            if let place = runs.firstIndex(where: { $0.key == key }) {
                entry = runs.remove(at: place)
            } else {
                // The oldest goes first, so that there is room for the new one.
                if runs.count == Self.capacity { runs.removeFirst() }
                entry = (key, try make())
            }
            runs.append(entry)
            return entry.run
        }
    }

    /// What plans differ by.
    struct PlanKey: Hashable {
        /// Of the inputs, with the batch.
        var inputs: [Shape]
        /// By output, whether there are sample weights.
        var weighted: [Bool]
        /// By output, the extent of targets' second axis, where these are class numbers.
        var labelPlaces: [Int?]

        var batch: Int { inputs.isEmpty ? 0 : inputs[0].dims[0] }

        init(_ data: TrainingData, batch: Int) {
            inputs = data.inputs.map { Shape([batch] + $0.shape.dims.dropFirst()) }
            weighted = data.sampleWeights.map { $0 != nil }
            labelPlaces = data.targets.map { $0.flatMap { $0.dtype == .int32 && $0.shape.rank == 2 ? $0.shape[1] : nil } }
        }
    }

    /// - Parameters:
    ///   - program: the model.
    ///   - table: its weights as declared by a lowering.
    ///   - weights: their values, copied.
    ///   - inputs: what the model takes, with any batch; default: what its input layers declare.
    ///   - outputs: how each output is trained, in the model's order.
    ///   - averagesActivity: whether penalties on layers' outputs are divided by the batch's size.
    /// - Throws: `.unsupported` for regularizers and constraints that aren't computed, `.mismatch` when weights don't fit.
    package init(
        _ program: ModelProgram, table: ParameterTable, weights: [Tensor], inputs: [ValueInfo]? = nil,
        outputs: [OutputTraining], optimizer: any Optimizer, generation: TrainingGeneration, averagesActivity: Bool? = nil,
        seed: UInt64 = 0, pool: ThreadPool = .shared
    ) throws(LocatedError) {
        precondition(table.slots.count == weights.count)
        guard let optimizer = optimizer as? any BuiltInOptimizer else {
            throw LocatedError(
                .unsupported, "optimizer.custom", "expected a built-in optimizer, got \(type(of: optimizer).className)")
        }
        guard let inputs = inputs ?? program.declaredInputs else {
            throw LocatedError(
                .mismatch, "model.unbuilt", "expected a model that knows its input's shape, got one that doesn't",
                at: [program.spec.name])
        }
        guard outputs.count == program.outputNames.count else {
            throw LocatedError(
                .mismatch, "fit.outputs", "expected settings for \(program.outputNames.count) outputs, got \(outputs.count)")
        }
        self.program = program
        self.table = table
        self.outputs = outputs
        self.generation = generation
        self.averagesActivity = averagesActivity ?? generation.averagesActivity(version: nil)
        self.seed = seed
        self.pool = pool
        let lowered = try program.lower(inputs: inputs, training: true, parameters: table, countsActivity: true)
        precondition(lowered.parameters.slots.count == table.slots.count, "the table lacks weights")
        demands = DataDemands(
            inputs: zip(program.inputNames, inputs).map { ($0, $1.shape.withoutBatch, $1.dtype) },
            outputs: outputs.enumerated().map { ($1, lowered.graph.info(lowered.graph.outputs[$0]).shape.withoutBatch) })

        trained = program.trainedWeights(in: table)
        let places = [Int: Int](uniqueKeysWithValues: zip(trained, trained.indices))
        var regularizers: [(parameter: Int, WeightRegularizer)] = []
        var constraints: [Int: WeightConstraint] = [:]
        for slot in program.layerSlots(in: table).flatMap(\.slots) {
            guard let index = table.index(of: slot.path) else { continue }
            let place = places[index]
            let regularizer = try locating(slot.path) { () throws(LocatedError) in
                try WeightRegularizer(config: slot.slot.regularizer)
            }
            // Keras 3 leaves out those of frozen weights.
            if let regularizer, place != nil || generation != .keras3 { regularizers.append((index, regularizer)) }
            guard let place else { continue }
            let constraint = try locating(slot.path) { () throws(LocatedError) in
                try WeightConstraint(config: slot.slot.constraint, shape: slot.slot.shape)
            }
            if let constraint { constraints[place] = constraint }
        }
        self.regularizers = regularizers
        parameters = try ParameterBuffers(weights)
        self.optimizer = optimizer
        self.constraints = constraints
        self.indexChecks = lowered.indexChecks
    }

    // MARK: State

    /// The weights as they are now, copied, by index in the table.
    package var weights: [Tensor] { parameters.tensors }

    package func setWeights(_ tensors: [Tensor]) throws(LocatedError) {
        precondition(tensors.count == table.slots.count)
        for (index, tensor) in tensors.enumerated() { try parameters.set(index, to: tensor) }
        testers.removeAll()
    }

    /// The optimizer's base learning rate, or a schedule's of this moment. Setting it ends the schedule.
    package var learningRate: Double {
        get { run?.learningRate ?? chosenRate ?? optimizer.learningRate }
        set {
            chosenRate = newValue
            run?.learningRate = newValue
        }
    }
    private var chosenRate: Double?
    /// What tells the learning rate, if something does.
    package var schedule: LearningRateSchedule? { chosenRate == nil ? optimizer.schedule : nil }

    /// What the end of `fit` does: weights become their averages, where the optimizer keeps these.
    func finalize() throws(LocatedError) {
        if areSwapped { try swapAverages() }
        try run?.finalize()
        testers.removeAll()
    }

    /// Lets weights and their averages change places. Throws `callback.ema` when the optimizer keeps none.
    func swapAverages() throws(LocatedError) {
        try requireAverages()
        try optimizerRun().swapAverages()
        areSwapped.toggle()
        testers.removeAll()
    }
    /// Whether averages stand in the weights' place.
    var areSwapped = false

    func requireAverages() throws(LocatedError) {
        guard !generation.isBefore211, optimizer.settings.average != nil else {
            throw LocatedError(
                .usage, "callback.ema", "expected an optimizer that keeps averages of the weights (use_ema), got \(type(of: optimizer).className)")
        }
    }

    private func optimizerRun() throws(LocatedError) -> OptimizerRun {
        if let run { return run }
        let run = try OptimizerRun(
            optimizer, generation: generation, parameters: parameters, trained: trained, paths: trainedPaths,
            constraints: constraints, pool: pool)
        if let chosenRate { run.learningRate = chosenRate }
        self.run = run
        return run
    }

    /// Steps made, those before a resumption included.
    package var iterations: Int { run?.iterations ?? 0 }
    /// What the optimizer remembers, copied; empty before the first step.
    package var optimizerState: OptimizerState { run?.state ?? OptimizerState() }
    package func restore(_ state: OptimizerState) throws(LocatedError) { try optimizerRun().restore(state) }

    /// The paths of the trained weights, in Keras's order: what optimizer state hangs on.
    package var trainedPaths: [String] { trained.map { table.slots[$0].path } }

    // MARK: Plans

    /// The model with losses and metrics for a batch.
    func graph(_ key: PlanKey, training: Bool) throws(LocatedError) -> TrainingGraph {
        let inputs = zip(demands.inputs, key.inputs).map { ValueInfo($1, $0.dtype) }
        let lowered = try program.lower(inputs: inputs, training: training, parameters: table, countsActivity: true)
        return try graph(lowered, weighted: key.weighted, labelPlaces: key.labelPlaces)
    }

    private func graph(_ lowered: LoweredModel, weighted: [Bool], labelPlaces: [Int?] = []) throws(LocatedError) -> TrainingGraph {
        var activity: [(Value, WeightRegularizer)] = []
        for entry in lowered.activityRegularizers {
            let regularizer = try locating(entry.layer) { () throws(LocatedError) in
                try WeightRegularizer(config: entry.regularizer.config)
            }
            if let regularizer { activity.append((entry.output, regularizer)) }
        }
        return try TrainingGraph(
            lowered.graph, outputs: outputs, masks: lowered.outputMasks, regularizers: regularizers,
            activityRegularizers: activity, averagesActivity: averagesActivity, weighted: weighted, labelPlaces: labelPlaces,
            generation: generation)
    }

    /// What runs steps of a batch size, made the first time.
    func training(_ key: PlanKey) throws(LocatedError) -> TrainingRun {
        // A step changes the weights.
        testers.removeAll()
        return try trainers.run(key) { () throws(LocatedError) in
            let graph = try graph(key, training: true)
            let optimized = graph.graph.optimized(for: .training)
            let lookups = LookupRule(optimizer, generation).flatMap { LookupGradients(optimized, trained: trained, rule: $0) }
            let plan = try TrainingPlan(
                graph: lookups?.graph ?? optimized, parameters: trained, inputs: lookups?.ledgerInputs ?? [],
                outputs: [graph.total])
            return TrainingRun(
                graph, try TrainingSession(plan: plan, parameters: parameters, pool: pool), try optimizerRun(), lookups: lookups)
        }
    }

    /// Floating-point operations of a step, roughly; 0 before the first one of this batch size.
    package func stepCost(batchSize: Int) -> Double {
        trainers.all.first { $0.key.batch == batchSize }?.run.cost ?? 0
    }

    /// What measures batches of a size with the weights of this moment.
    func testing(_ key: PlanKey) throws(LocatedError) -> TestingRun {
        try testers.run(key) { () throws(LocatedError) in
            let graph = try graph(key, training: false)
            let plan = try InferencePlan(graph: Banding.run(Slicing.run(graph.graph.optimized(for: .inference))))
            let prepared = try PreparedWeights(plan: plan, parameters: weights, pool: pool)
            return TestingRun(graph, try Session(weights: prepared, pool: pool))
        }
    }

    /// Lets go of what measured, with its copy of the weights.
    func forgetTests() { testers.removeAll() }

    /// Makes data what the model takes, on any thread.
    struct Preparation: Sendable {
        fileprivate let demands: DataDemands
        fileprivate let indexChecks: [LoweringContext.IndexCheck]

        /// Throws `data.…` for what doesn't fit, indices that no table row stands for included.
        func prepared(_ data: TrainingData) throws(LocatedError) -> TrainingData {
            let data = try data.prepared(for: demands)
            try locating("x") { () throws(LocatedError) in try indexChecks.check(data.inputs) }
            return data
        }
    }

    var preparation: Preparation { Preparation(demands: demands, indexChecks: indexChecks) }

    /// Throws `data.…` for what the model doesn't take.
    package func prepared(_ data: TrainingData) throws(LocatedError) -> TrainingData { try preparation.prepared(data) }

    /// Losses and metrics of a batch of any size.
    func measures() throws(LocatedError) -> TrainingGraph {
        let inputs = demands.inputs.map { ValueInfo(PartialShape([nil] + $0.shape.dims), $0.dtype) }
        let lowered = try program.lower(inputs: inputs, training: false, parameters: table)
        return try graph(lowered, weighted: outputs.map { _ in false })
    }

    /// What is reported, in Keras's order: `loss`, each output's loss, metrics.
    package func metricNames() throws(LocatedError) -> [String] { try measures().names }
}

extension PartialShape {
    var withoutBatch: PartialShape { PartialShape(Array(dims.dropFirst())) }
}

extension ModelProgram {
    /// The indices of the weights that training changes, in Keras's order: what optimizer state hangs on.
    package func trainedWeights(in table: ParameterTable) -> [Int] {
        let frozen = frozenPaths
        return layerSlots(in: table).flatMap(\.slots).compactMap { slot in
            slot.slot.trainable && !frozen.contains { slot.layerPath.starts(with: $0) } ? table.index(of: slot.path) : nil
        }
    }

    /// Paths of nested models that are frozen as a whole, the model itself as the empty path.
    fileprivate var frozenPaths: [[String]] {
        var paths: [[String]] = spec.trainable ? [] : [[]]
        for entry in entries {
            guard case .model(let model) = entry.body else { continue }
            paths += model.value.frozenPaths.map { [entry.name] + $0 }
        }
        return paths
    }
}
