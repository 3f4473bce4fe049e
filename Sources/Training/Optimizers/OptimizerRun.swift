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
    /// The base learning rate of the next step; callbacks change it.
    package var learningRate: Double

    private let parameters: ParameterBuffers
    private let paths: [String]
    private let kinds: [OptimizerSlot]
    /// Kind by kind, the trained weights in order.
    private let slots: ParameterBuffers
    private let pool: ThreadPool
    private let memory: StepMemory
    private let constraints: [(weight: Int, constraint: WeightConstraint)]

    /// Elements of a tile: a few arrays of it fit into a core's cache.
    static let tileSize = 16384

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
        learningRate = optimizer.learningRate
        kinds = optimizer.slots(for: generation)
        let shapes = trained.map { parameters.infos[$0].shape }
        var zeros: [Tensor] = []
        for _ in kinds { zeros += shapes.map { Tensor(zeros: $0) } }
        slots = try ParameterBuffers(zeros)
        memory = StepMemory(
            weights: trained.map { parameters.pointers[$0].assumingMemoryBound(to: Float.self) },
            counts: shapes.map(\.count),
            slots: slots.pointers.map { $0.assumingMemoryBound(to: Float.self) })
        self.constraints = constraints.sorted { $0.key < $1.key }.map { (trained[$0.key], $0.value) }
    }

    /// One step, with the gradients of a session's last backward.
    ///
    /// - Parameter session: of a plan that differentiates by `trained`, in this order; weights that it doesn't read keep their
    ///   value.
    package func step(_ session: TrainingSession) {
        memory.clearGradients()
        let differentiated = session.plan.differentiatedParameters
        var place = 0
        for number in 0..<differentiated.count {
            // Plans list weights in the order they were asked for, which is this one, perhaps without some.
            while place < trained.count, trained[place] != differentiated[number] { place += 1 }
            if place == trained.count { break }
            memory.setGradient(place, UnsafePointer(session.parameterGradients[number].assumingMemoryBound(to: Float.self)))
        }
        step()
    }

    /// One step, with a gradient for each trained weight in order.
    package func step(gradients: [UnsafePointer<Float>]) {
        for place in 0..<gradients.count { memory.setGradient(place, gradients[place]) }
        step()
    }

    private func step() {
        clip()
        let rule = optimizer.rule(iterations: iterations, rate: learningRate, generation: generation)
        memory.run(pool, rule)
        iterations += 1
        for number in 0..<constraints.count {
            let weight = parameters.pointers[constraints[number].weight]
            constraints[number].constraint.apply(weight.assumingMemoryBound(to: Float.self))
        }
    }

    /// Decides what happens to each gradient before it is used.
    private func clip() {
        let norm = optimizer.clipnorm ?? 0
        let value = optimizer.clipvalue ?? 0
        // Newer generations take the first of the two only.
        let limitsValues = value > 0 && (generation.isBefore211 || norm <= 0)
        memory.resetClipping(limit: limitsValues ? Float(value) : .infinity)
        guard norm > 0 else { return }
        // OptimizerV2 limits values first and takes the norm of what is left, the others the other way round.
        let limitsFirst = generation == .tfKerasLegacy && limitsValues
        memory.sumSquares(pool, limit: limitsFirst ? Float(value) : .infinity)
        if generation.isStandalone {
            var total = 0.0
            for place in 0..<memory.squares.count { total += memory.squares[place] }
            total = total.squareRoot()
            if total >= norm { memory.scaleAll(Float(norm) / Float(total)) }
        } else {
            for place in 0..<memory.squares.count {
                let own = memory.squares[place].squareRoot()
                if own > norm { memory.scale(place, by: Float(norm / own), scalesLimit: limitsFirst) }
            }
        }
    }

    // MARK: State

    /// A copy of what is remembered.
    package var state: OptimizerState {
        var state = OptimizerState(iterations: iterations)
        let tensors = slots.tensors
        for (number, kind) in kinds.enumerated() {
            var arrays: [String: Tensor] = [:]
            for (place, path) in paths.enumerated() { arrays[path] = tensors[number * paths.count + place] }
            state.slots[kind] = arrays
        }
        return state
    }

    /// Goes on from a state. Arrays it doesn't have become zero; those of other weights and kinds are passed over.
    ///
    /// Throws `optimizer.state` when an array has another shape than its weight.
    package func restore(_ state: OptimizerState) throws(LocatedError) {
        guard state.iterations >= 0 else {
            throw LocatedError(.invalid, "optimizer.iterations", "expected a number of steps, got \(state.iterations)")
        }
        var tensors: [Tensor] = []
        for kind in kinds {
            for (place, path) in paths.enumerated() {
                let shape = parameters.infos[trained[place]].shape
                let tensor = state.slots[kind]?[path] ?? Tensor(zeros: shape)
                guard tensor.shape == shape, tensor.dtype == .float32 else {
                    throw LocatedError(
                        .mismatch, "optimizer.state",
                        "expected float32 of shape \(shape), got \(tensor.dtype.rawValue) of shape \(tensor.shape)",
                        at: [path, kind.rawValue])
                }
                tensors.append(tensor)
            }
        }
        for (index, tensor) in tensors.enumerated() { try slots.set(index, to: tensor) }
        iterations = state.iterations
    }
}

/// The memory of steps: tiles, pointers to gradients, clipping. Made once, so that a step allocates nothing.
private final class StepMemory {
    /// Some elements of one weight.
    struct Tile {
        var place: Int
        var offset: Int
        var count: Int
    }

    /// All that a tile's work needs, as a plain struct.
    struct Job {
        var rule: StepRule
        var tiles: UnsafeMutablePointer<Tile>
        var weights: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
        var slots: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
        var gradients: UnsafeMutablePointer<UnsafePointer<Float>?>
        var clipping: UnsafeMutablePointer<GradientClipping>
        var partials: UnsafeMutablePointer<Float>
        var places: Int
        /// Of gradients whose squares are summed.
        var squareLimit = Float.infinity
    }

    private let tileCount: Int
    private let places: Int
    private let tiles: UnsafeMutablePointer<Tile>
    private let weights: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
    private let slots: UnsafeMutablePointer<UnsafeMutablePointer<Float>>
    private let gradients: UnsafeMutablePointer<UnsafePointer<Float>?>
    private let clipping: UnsafeMutablePointer<GradientClipping>
    private let partials: UnsafeMutablePointer<Float>
    /// By weight: the sum of squares of its gradient.
    let squares: UnsafeMutableBufferPointer<Double>

    init(weights: [UnsafeMutablePointer<Float>], counts: [Int], slots: [UnsafeMutablePointer<Float>]) {
        var tiles: [Tile] = []
        for (place, count) in counts.enumerated() {
            for offset in stride(from: 0, to: count, by: OptimizerRun.tileSize) {
                tiles.append(Tile(place: place, offset: offset, count: min(OptimizerRun.tileSize, count - offset)))
            }
        }
        places = counts.count
        tileCount = tiles.count
        self.tiles = .allocate(capacity: max(1, tileCount))
        self.tiles.initialize(from: tiles, count: tileCount)
        self.weights = .allocate(capacity: max(1, places))
        self.weights.initialize(from: weights, count: places)
        self.slots = .allocate(capacity: max(1, slots.count))
        self.slots.initialize(from: slots, count: slots.count)
        gradients = .allocate(capacity: max(1, places))
        gradients.initialize(repeating: nil, count: places)
        clipping = .allocate(capacity: max(1, places))
        clipping.initialize(repeating: .none, count: places)
        partials = .allocate(capacity: max(1, tileCount))
        partials.initialize(repeating: 0, count: tileCount)
        squares = .allocate(capacity: places)
        squares.initialize(repeating: 0)
    }

    deinit {
        tiles.deallocate()
        weights.deallocate()
        slots.deallocate()
        gradients.deallocate()
        clipping.deallocate()
        partials.deallocate()
        squares.deallocate()
    }

    func clearGradients() { gradients.update(repeating: nil, count: places) }
    func setGradient(_ place: Int, _ gradient: UnsafePointer<Float>) { gradients[place] = gradient }

    func resetClipping(limit: Float) {
        clipping.update(repeating: GradientClipping(scale: 1, limit: limit), count: places)
    }
    func scaleAll(_ factor: Float) { for place in 0..<places { clipping[place].scale = factor } }
    func scale(_ place: Int, by factor: Float, scalesLimit: Bool) {
        clipping[place].scale = factor
        if scalesLimit { clipping[place].limit *= factor }
    }

    private func job(_ rule: StepRule) -> Job {
        Job(
            rule: rule, tiles: tiles, weights: weights, slots: slots, gradients: gradients, clipping: clipping,
            partials: partials, places: places)
    }

    /// - Parameter limit: gradients are limited to −limit … limit first.
    func sumSquares(_ pool: ThreadPool, limit: Float) {
        var job = job(.sgd(rate: 0))
        job.squareLimit = limit
        pool.run(
            tiles: tileCount,
            { job, number, _ in
                let job = job.assumingMemoryBound(to: Job.self).pointee
                let tile = job.tiles[number]
                guard let gradient = job.gradients[tile.place] else { return job.partials[number] = 0 }
                job.partials[number] = sumOfSquares(gradient + tile.offset, limit: job.squareLimit, count: tile.count)
            }, &job)
        squares.update(repeating: 0)
        for number in 0..<tileCount { squares[tiles[number].place] += Double(partials[number]) }
    }

    func run(_ pool: ThreadPool, _ rule: StepRule) {
        var job = job(rule)
        pool.run(tiles: tileCount, { job, number, _ in StepMemory.run(job.assumingMemoryBound(to: Job.self).pointee, number) }, &job)
    }

    private static func run(_ job: Job, _ number: Int) {
        let tile = job.tiles[number]
        guard let start = job.gradients[tile.place] else { return }
        let (gradient, weight, count) = (start + tile.offset, job.weights[tile.place] + tile.offset, tile.count)
        let clipping = job.clipping[tile.place]
        func slot(_ kind: Int) -> UnsafeMutablePointer<Float> { job.slots[kind * job.places + tile.place] + tile.offset }
        switch job.rule {
        case .sgd(let rate): sgdStep(weight, gradient, clipping, rate: rate, count: count)
        case .momentum(let rate, let momentum, let nesterov):
            sgdMomentumStep(
                weight, gradient, slot(0), clipping, rate: rate, momentum: momentum, nesterov: nesterov, count: count)
        case .rmsprop(let rate, let rho, let rest, let epsilon, let epsilonInside):
            rmspropStep(
                weight, gradient, slot(0), clipping, rate: rate, rho: rho, rest: rest, epsilon: epsilon,
                epsilonInside: epsilonInside, count: count)
        case .adam(let rate, let beta1, let rest1, let beta2, let rest2, let epsilon, let keepsLargest):
            adamStep(
                weight, gradient, slot(0), slot(1), largest: keepsLargest ? slot(2) : nil, clipping, rate: rate, beta1: beta1,
                rest1: rest1, beta2: beta2, rest2: rest2, epsilon: epsilon, count: count)
        }
    }
}
