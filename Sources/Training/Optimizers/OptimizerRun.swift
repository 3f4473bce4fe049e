package import Engine
import Graphs
import Kernels
package import Tensors

/// An optimizer at work on a model's weights: its state, and its steps.
///
/// One pass over memory a step, cut into tiles that depend on the weights' sizes alone: the same bits for every number of
/// threads. A step allocates nothing. For one thread at a time.
package final class OptimizerRun {
    package let optimizer: any BuiltInOptimizer
    package let generation: TrainingGeneration
    /// The weights it changes, as indices in the model's table, in Keras's order.
    package let trained: [Int]
    /// Steps made.
    package private(set) var iterations = 0
    /// The base learning rate of the next step; callbacks change it, which ends a schedule.
    package var learningRate: Double {
        get { schedule?.rate(at: iterations) ?? baseRate }
        set {
            baseRate = newValue
            schedule = nil
        }
    }
    /// What tells the learning rate.
    package private(set) var schedule: LearningRateSchedule?

    private let parameters: ParameterBuffers
    private let paths: [String]
    /// The optimizer's own, then averages of weights and sums of gradients, if it has these.
    private let kinds: [OptimizerSlot]
    /// Kind by kind, the trained weights in order; a single zero stands where nothing is kept.
    private let slots: ParameterBuffers
    private let pool: ThreadPool
    private let memory: StepMemory
    private let constraints: [(weight: Int, constraint: WeightConstraint)]
    private var baseRate: Double
    /// Nadam's.
    private var momentumProduct: Float = 1
    private var scaling: OptimizerState.Scaling?
    private var isTracedOnce = false

    /// - Parameters:
    ///   - trained: the weights to change, as indices in `parameters`.
    ///   - paths: their `PlacedSlot.path`s.
    ///   - constraints: by place in `trained`, what to do with a weight after each step.
    package init(
        _ optimizer: any BuiltInOptimizer, generation: TrainingGeneration, parameters: ParameterBuffers, trained: [Int],
        paths: [String], constraints: [Int: WeightConstraint] = [:], pool: ThreadPool = .shared
    ) throws(LocatedError) {
        precondition(trained.count == paths.count)
        self.optimizer = optimizer
        self.generation = generation
        self.parameters = parameters
        self.trained = trained
        self.paths = paths
        self.pool = pool
        baseRate = optimizer.learningRate
        schedule = optimizer.schedule
        let settings = optimizer.settings
        scaling = settings.lossScaling.map { OptimizerState.Scaling(scale: $0.initialScale, goodSteps: 0) }
        let average = generation.isBefore211 ? nil : settings.average
        let accumulates = generation == .keras3 && settings.gradientAccumulationSteps != nil
        let own = optimizer.slots(for: generation)
        let kinds = own + (average != nil ? [.average] : []) + (accumulates ? [.gradientSum] : [])

        self.kinds = kinds
        let shapes = trained.map { parameters.infos[$0].shape }
        slots = try ParameterBuffers(Self.starts(of: kinds, optimizer, generation, parameters, trained, paths))
        let pointers = slots.pointers.map { $0.assumingMemoryBound(to: Float.self) }
        func beside(_ kind: OptimizerSlot) -> [UnsafeMutablePointer<Float>]? {
            kinds.firstIndex(of: kind).map { Array(pointers[$0 * trained.count..<($0 + 1) * trained.count]) }
        }
        memory = StepMemory(
            weights: trained.map { parameters.pointers[$0].assumingMemoryBound(to: Float.self) }, shapes: shapes,
            slots: Array(pointers[..<(own.count * trained.count)]), averages: beside(.average),
            gradientSums: beside(.gradientSum),
            isKept: kinds.flatMap { kind in
                trained.indices.map { optimizer.shape(of: kind, beside: shapes[$0], path: paths[$0]) != nil }
            },
            decays: generation.isBefore211
                ? [] : trained.indices.map { Float(optimizer.weightDecay(of: shapes[$0], path: paths[$0]) ?? 0) },
            needsMatrices: optimizer is Muon)
        self.constraints = constraints.sorted { $0.key < $1.key }.map { (trained[$0.key], $0.value) }
    }

    /// What the arrays begin with, kind by kind.
    private static func starts(
        of kinds: [OptimizerSlot], _ optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration,
        _ parameters: ParameterBuffers, _ trained: [Int], _ paths: [String]
    ) -> [Tensor] {
        var values: [Tensor]?
        var starts: [Tensor] = []
        for kind in kinds {
            let number = kind == .average ? nil : kind == .gradientSum ? 0 : optimizer.start(of: kind, generation: generation)
            if number == nil, values == nil { values = parameters.tensors }
            for (place, path) in paths.enumerated() {
                let weight = parameters.infos[trained[place]].shape
                let isCommon = kind == .average || kind == .gradientSum
                let shape = isCommon ? weight : optimizer.shape(of: kind, beside: weight, path: path)
                guard let shape else {
                    starts.append(Tensor(zeros: [1]))
                    continue
                }
                if let number {
                    starts.append(
                        number == 0
                            ? Tensor(zeros: shape)
                            : Tensor([Float](repeating: number, count: shape.count)).reshaped(to: shape))
                } else if let values {
                    starts.append(values[trained[place]])
                }
            }
        }
        return starts
    }

    /// One step, with the gradients of a session's last backward.
    ///
    /// - Parameters:
    ///   - session: of a plan that differentiates by `trained`, in this order; weights that it doesn't read keep their value.
    ///   - lookups: of the graph that the plan was made of.
    package func step(_ session: TrainingSession, lookups: LookupGradients? = nil) {
        memory.clearGradients()
        let differentiated = session.plan.differentiatedParameters
        var place = 0
        for number in 0..<differentiated.count {
            // Plans list weights in the order they were asked for, which is this one, perhaps without some.
            while place < trained.count, trained[place] != differentiated[number] { place += 1 }
            if place == trained.count { break }
            memory.setGradient(place, UnsafePointer(session.parameterGradients[number].assumingMemoryBound(to: Float.self)))
        }
        if let lookups {
            for table in 0..<lookups.tables.count {
                guard let place = trained.firstIndex(of: lookups.tables[table]) else { continue }
                memory.setLookups(place, lookups.ledgers(ofTable: table, in: session))
            }
        }
        step()
    }

    /// One step, with a gradient for each trained weight in order.
    package func step(gradients: [UnsafePointer<Float>]) {
        for place in 0..<gradients.count { memory.setGradient(place, gradients[place]) }
        step()
    }

    private func step() {
        if scaling != nil, !judgeGradients() { return }
        let settings = optimizer.settings
        let rate = optimizer.rate(base: baseRate, schedule: schedule, iterations, generation)
        // Keras 3 counts steps, not batches, but for schedules and in files.
        let batches = generation == .keras3 ? settings.gradientAccumulationSteps : nil
        let steps = iterations / (batches ?? 1)
        let context = StepContext(iterations: steps, rate: rate, generation: generation, isTracedOnce: isTracedOnce)
        var rule = StepRule.still
        var isStep = true
        if let batches {
            isStep = (iterations + 1) % batches == 0
            memory.accumulate(pool, batches: isStep ? batches : nil)
        }
        if isStep {
            clip()
            rule = optimizer.rule(context)
            optimizer.prepare(memory.factors, product: &momentumProduct, context)
        }
        var average: StepMemory.Averaging?
        if !generation.isBefore211, let own = settings.average {
            // Keras 3 begins with the weights after the first step.
            let momentum = generation == .keras3 && steps == 0 ? 0 : Float(own.momentum)
            average = StepMemory.Averaging(
                momentum: momentum, rest: generation == .keras3 ? 1 - momentum : Float(1 - own.momentum),
                overwrites: own.overwriteFrequency.map { (steps + 1) % $0 == 0 } ?? false)
        }
        memory.run(pool, rule, rate: rate, average)
        if isStep { memory.clearSums() }
        iterations += 1
        for number in 0..<constraints.count {
            let weight = parameters.pointers[constraints[number].weight]
            constraints[number].constraint.apply(weight.assumingMemoryBound(to: Float.self))
        }
    }

    /// What `LossScaleOptimizer` does with gradients: whether they are finite, so that the step is made.
    private func judgeGradients() -> Bool {
        guard var now = scaling, let settings = optimizer.settings.lossScaling else { return true }
        let isFinite = memory.isFinite(pool)
        if !isFinite {
            now.scale *= 0.5
            now.goodSteps = 0
        } else if now.goodSteps + 1 >= settings.dynamicGrowthSteps {
            now.scale *= 2
            now.goodSteps = 0
        } else {
            now.goodSteps += 1
        }
        scaling = now
        return isFinite
    }

    /// Decides what happens to each gradient before it is used.
    private func clip() {
        let settings = optimizer.settings
        var norm = settings.clipnorm ?? 0
        var isGlobal = generation.isStandalone
        if !generation.isStandalone, norm <= 0, let global = settings.globalClipnorm {
            norm = global
            isGlobal = true
        }
        let value = settings.clipvalue ?? 0
        // Newer generations take the first of the two only.
        let limitsValues = value > 0 && (generation.isBefore211 || norm <= 0)
        // Keras 3 squares lookup by lookup, unless all gradients were scaled by their common norm, which makes arrays of them.
        memory.resetClipping(
            limit: limitsValues ? Float(value) : .infinity, usesTerms: generation == .keras3 && !isGlobal)
        guard norm > 0 else { return }
        // OptimizerV2 limits values first and takes the norm of what is left, the others the other way round.
        let limitsFirst = generation == .tfKerasLegacy && limitsValues
        memory.sumSquares(pool, limit: limitsFirst ? Float(value) : .infinity)
        if isGlobal {
            var total = 0.0
            for place in 0..<memory.squares.count { total += memory.squares[place] }
            total = total.squareRoot()
            guard total >= norm else { return }
            for place in 0..<memory.squares.count {
                memory.scale(place, by: Float(norm) / Float(total), scalesLimit: limitsFirst)
            }
        } else {
            for place in 0..<memory.squares.count {
                let own = memory.squares[place].squareRoot()
                if own > norm { memory.scale(place, by: Float(norm / own), scalesLimit: limitsFirst) }
            }
        }
    }

    /// What the end of `fit` does: weights become their averages, where the optimizer keeps these.
    package func finalize() throws(LocatedError) {
        guard let kind = kinds.firstIndex(of: .average), iterations > 0 else { return }
        let tensors = slots.tensors
        for place in trained.indices { try parameters.set(trained[place], to: tensors[kind * trained.count + place]) }
    }

    /// Lets trained weights and their averages change places, if there are any.
    package func swapAverages() throws(LocatedError) {
        guard let kind = kinds.firstIndex(of: .average) else { return }
        let (weights, averages) = (parameters.tensors, slots.tensors)
        for place in trained.indices {
            try parameters.set(trained[place], to: averages[kind * trained.count + place])
            try slots.set(kind * trained.count + place, to: weights[trained[place]])
        }
    }

    // MARK: State

    /// A copy of what is remembered.
    package var state: OptimizerState {
        var state = OptimizerState(iterations: iterations)
        let tensors = slots.tensors
        for (number, kind) in kinds.enumerated() {
            var arrays: [String: Tensor] = [:]
            for (place, path) in paths.enumerated() where memory.isKept[number * paths.count + place] {
                arrays[path] = tensors[number * paths.count + place]
            }
            state.slots[kind] = arrays
        }
        if optimizer is Nadam { state.momentumProduct = momentumProduct }
        state.scaling = scaling
        state.isTracedOnce = isTracedOnce
        return state
    }

    /// Goes on from a state. Arrays it doesn't have begin anew; those of other weights and kinds are passed over.
    ///
    /// Throws `optimizer.state` when an array has another shape than its weight's.
    package func restore(_ state: OptimizerState) throws(LocatedError) {
        guard state.iterations >= 0 else {
            throw LocatedError(.invalid, "optimizer.iterations", "expected a number of steps, got \(state.iterations)")
        }
        let starts = Self.starts(of: kinds, optimizer, generation, parameters, trained, paths)
        var tensors: [Tensor] = []
        for (number, kind) in kinds.enumerated() {
            for (place, path) in paths.enumerated() {
                let index = number * paths.count + place
                let start = starts[index]
                let tensor = memory.isKept[index] ? state.slots[kind]?[path] ?? start : start
                guard tensor.shape == start.shape, tensor.dtype == .float32 else {
                    throw LocatedError(
                        .mismatch, "optimizer.state",
                        "expected float32 of shape \(start.shape), got \(tensor.dtype.rawValue) of shape \(tensor.shape)",
                        at: [path, kind.rawValue])
                }
                tensors.append(tensor)
            }
        }
        for (index, tensor) in tensors.enumerated() { try slots.set(index, to: tensor) }
        iterations = state.iterations
        momentumProduct = state.momentumProduct ?? 1
        isTracedOnce = state.isTracedOnce
        if let saved = state.scaling, scaling != nil { scaling = saved }
    }
}
