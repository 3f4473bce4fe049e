import Engine
import Graphs
import OrderedCollections
import Tensors

/// Sums of metrics over the batches of an epoch, as Keras's metric objects keep them: in float32.
struct MetricSums {
    private let metrics: [TrainingGraph.Measured]
    private let losses: [(name: String, place: Int)]
    private let weighsLosses: Bool
    private var sums: [Float]
    private var weights: [Float]

    init(_ graph: TrainingGraph, generation: TrainingGeneration) {
        metrics = graph.metrics
        losses = graph.outputLosses
        // The mean of the batches' losses in Keras 2.3, of the samples' elsewhere.
        weighsLosses = generation != .keras2
        sums = [Float](repeating: 0, count: losses.count + metrics.count)
        weights = sums
    }

    /// Adds what a batch gave.
    mutating func add(batch: Int, _ result: (Int) -> Float) {
        for index in 0..<losses.count {
            let weight: Float = weighsLosses ? Float(batch) : 1
            sums[index] += result(losses[index].place) * weight
            weights[index] += weight
        }
        for index in 0..<metrics.count {
            sums[losses.count + index] += result(metrics[index].sum)
            weights[losses.count + index] += result(metrics[index].weight)
        }
    }

    /// Means so far, after what `prefix` has put there.
    func report(into logs: inout Logs, prefix: String = "") {
        for (index, name) in (losses.map(\.name) + metrics.map(\.name)).enumerated() {
            logs[prefix + name] = Double(sums[index] / weights[index])
        }
    }
}

/// One batch of samples in memory of its own, where a plan reads it.
final class BatchBuffer {
    /// By array of the plan.
    let pointers: [UnsafeRawPointer]
    let count: Int
    private let areas: [UnsafeMutableRawPointer]
    private let sources: [Source]

    /// Which array of the data rows are taken from.
    private enum Source {
        case input(Int), target(Int), sampleWeight(Int)
    }

    /// - Parameter infos: the inputs of the plan, `count` samples each.
    init(_ graph: TrainingGraph, _ infos: [ConcreteInfo], count: Int) {
        self.count = count
        var sources: [Source] = []
        for (output, place) in graph.targets.enumerated() where place != nil { sources.append(.target(output)) }
        for (output, place) in graph.sampleWeights.enumerated() where place != nil { sources.append(.sampleWeight(output)) }
        let inputs = infos.count - sources.count
        self.sources = (0..<inputs).map { .input($0) } + sources
        areas = infos.map {
            UnsafeMutableRawPointer.allocate(byteCount: max(64, $0.byteCount), alignment: 64)
        }
        pointers = areas.map { UnsafeRawPointer($0) }
    }

    deinit { for area in areas { area.deallocate() } }

    /// Copies samples of the data, counted from its first: `order[start]` and those after it.
    func fill(_ data: TrainingData, _ order: [Int], from start: Int) {
        let first = data.samples.lowerBound
        for index in 0..<sources.count {
            let tensor: Tensor?
            switch sources[index] {
            case .input(let place): tensor = data.inputs[place]
            case .target(let place): tensor = data.targets[place]
            case .sampleWeight(let place): tensor = data.sampleWeights[place]
            }
            guard let tensor else { preconditionFailure("data without what the plan reads") }
            let rowBytes = tensor.byteCount / max(1, tensor.shape.dims[0])
            let target = areas[index]
            tensor.withUnsafeBytes { bytes in
                guard let base = bytes.baseAddress else { return }
                for place in 0..<count {
                    let row = first + order[start + place]
                    (target + place * rowBytes).copyMemory(from: base + row * rowBytes, byteCount: rowBytes)
                }
            }
        }
    }
}

/// Steps of one batch size.
final class TrainingRun {
    let graph: TrainingGraph
    let batch: BatchBuffer
    private let session: TrainingSession
    private let optimizer: OptimizerRun
    /// The gradient of the total loss: 1.
    private let one = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
    private let ones: [UnsafeRawPointer]
    private let lookups: LookupGradients?
    private let inputs: [UnsafeRawPointer]

    /// - Parameter lookups: of the graph that the session's plan was made of.
    init(_ graph: TrainingGraph, _ session: TrainingSession, _ optimizer: OptimizerRun, lookups: LookupGradients? = nil) {
        self.graph = graph
        self.session = session
        self.optimizer = optimizer
        self.lookups = lookups
        let ledgers = lookups?.ledgerInputs.count ?? 0
        batch = BatchBuffer(
            graph, Array(session.plan.inputs.dropLast(ledgers)), count: session.plan.inputs[0].shape[0])
        // Nobody reads what ledgers hold: any memory will do.
        inputs = batch.pointers + [UnsafeRawPointer](repeating: UnsafeRawPointer(one), count: ledgers)
        one.storeBytes(of: 1, as: Float.self)
        ones = [UnsafeRawPointer(one)]
    }

    deinit { one.deallocate() }

    /// Floating-point operations of a step, roughly: backward takes twice forward's.
    var cost: Double { session.plan.cost * 3 }

    /// Forward, backward, and the optimizer's step, with what is in `batch`. Allocates nothing.
    func step(seed: UInt64) {
        session.forward(inputs: inputs, seed: seed, step: UInt64(optimizer.iterations))
        session.backward(outputGradients: ones)
        optimizer.step(session, lookups: lookups)
    }

    /// A number that the last step's forward gave.
    func result(_ place: Int) -> Float { session.output(place).load(as: Float.self) }
}

/// Measures batches of one size with one version of the weights.
final class TestingRun {
    let graph: TrainingGraph
    let batch: BatchBuffer
    private let session: Session
    private let results: UnsafeMutableRawPointer
    private let outputs: [UnsafeMutableRawPointer]

    init(_ graph: TrainingGraph, _ session: Session) {
        self.graph = graph
        self.session = session
        batch = BatchBuffer(graph, session.plan.inputs, count: session.plan.inputs[0].shape[0])
        let count = session.plan.outputs.count
        let results = UnsafeMutableRawPointer.allocate(byteCount: 64 * count, alignment: 64)
        self.results = results
        outputs = (0..<count).map { results + 64 * $0 }
    }

    deinit { results.deallocate() }

    func run() { session.run(inputs: batch.pointers, outputs: outputs) }

    func result(_ place: Int) -> Float { outputs[place].load(as: Float.self) }
}
