import Engine
import Graphs
import OrderedCollections
import Tensors

/// Metrics over the batches of an epoch, as Keras's metric objects keep them: means in float32.
struct MetricSums {
    private let graph: TrainingGraph
    private let weighsLosses: Bool
    /// Of losses, then of metrics.
    private var sums: [Float]
    private var weights: [Float]
    /// By metric.
    private var states: [(any MetricState)?]

    init(_ graph: TrainingGraph, generation: TrainingGeneration) {
        self.graph = graph
        // The mean of the batches' losses in Keras 2.3, of the samples' elsewhere.
        weighsLosses = generation != .keras2
        sums = [Float](repeating: 0, count: graph.outputLosses.count + graph.metrics.count)
        weights = sums
        states = graph.metrics.map { if case .counting(let metric, _, _, _, _) = $0.source { metric.makeState(generation) } else { nil } }
    }

    /// Adds what a batch gave.
    mutating func add(_ run: some BatchResults) {
        let losses = graph.outputLosses
        for index in 0..<losses.count {
            let weight: Float = weighsLosses ? Float(run.batch.count) : 1
            sums[index] += run.number(losses[index].place) * weight
            weights[index] += weight
        }
        for index in 0..<graph.metrics.count {
            switch graph.metrics[index].source {
            case .mean(let sum, let weight):
                sums[losses.count + index] += run.number(sum)
                weights[losses.count + index] += run.number(weight)
            case .counting(_, let output, let predictions, let mask, let isWeighted):
                states[index]?.add(run.metricBatch(output, predictions: predictions, mask: mask, isWeighted: isWeighted))
            }
        }
    }

    /// All that was added up.
    var numbers: [Double] {
        var numbers = (sums + weights).map(Double.init)
        for case let state? in states {
            let own = state.sums
            numbers += [Double(own.count)] + own
        }
        return numbers
    }

    /// Goes on from what `numbers` gave. Does nothing with those of other metrics.
    mutating func restore(_ numbers: [Double]) {
        var result = self
        var rest = numbers[...]
        func take(_ count: Int) -> [Double]? {
            guard count >= 0, rest.count >= count else { return nil }
            defer { rest = rest.dropFirst(count) }
            return Array(rest.prefix(count))
        }
        guard let sums = take(sums.count), let weights = take(weights.count) else { return }
        (result.sums, result.weights) = (sums.map { Float($0) }, weights.map { Float($0) })
        for place in states.indices where states[place] != nil {
            guard let length = take(1).flatMap({ Int(exactly: $0[0]) }), let own = take(length) else { return }
            result.states[place]?.sums = own
        }
        if rest.isEmpty { self = result }
    }

    /// Values so far, after what `prefix` has put there.
    func report(into logs: inout Logs, prefix: String = "") {
        for (index, loss) in graph.outputLosses.enumerated() { logs[prefix + loss.name] = Double(sums[index] / weights[index]) }
        for (index, metric) in graph.metrics.enumerated() {
            let place = graph.outputLosses.count + index
            guard let state = states[index] else {
                logs[prefix + metric.name] = Double(sums[place] / weights[place])
                continue
            }
            for (name, value) in zip(metric.names, state.results) { logs[prefix + name] = value }
        }
    }
}

/// Loss and metrics over the batches of an epoch.
struct EpochSums {
    private(set) var metrics: MetricSums
    private var loss = 0.0
    /// Samples so far.
    private(set) var seen = 0
    /// What batches' losses count for, where that isn't their samples.
    private var squares: Double?

    init(_ graph: TrainingGraph, generation: TrainingGeneration) {
        if graph.squaresBatches { squares = 0 }
        metrics = MetricSums(graph, generation: generation)
    }

    mutating func add(_ run: some BatchResults, loss: Double) {
        metrics.add(run)
        let count = Double(run.batch.count)
        self.loss += loss * (squares == nil ? count : count * count)
        squares = squares.map { $0 + count * count }
        seen += run.batch.count
    }

    /// All that was added up, for a training that goes on later.
    var numbers: [Double] { [loss, Double(seen)] + (squares.map { [$0] } ?? []) + metrics.numbers }

    mutating func restore(_ numbers: [Double]) {
        let own = squares == nil ? 2 : 3
        guard numbers.count >= own, let seen = Int(exactly: numbers[1]) else { return }
        (loss, self.seen) = (numbers[0], seen)
        if squares != nil { squares = numbers[2] }
        metrics.restore(Array(numbers.dropFirst(own)))
    }

    /// The mean of the samples' losses, and metrics.
    func report(into logs: inout Logs) {
        logs["loss"] = loss / max(squares ?? Double(seen), 1)
        metrics.report(into: &logs)
    }

    var logs: Logs {
        var logs: Logs = [:]
        report(into: &logs)
        return logs
    }
}

/// What ran a batch and can tell its results.
protocol BatchResults {
    var graph: TrainingGraph { get }
    var batch: BatchBuffer { get }
    /// Where an output of the graph lies, and its shape.
    func output(_ place: Int) -> (start: UnsafeRawPointer, info: ConcreteInfo)
}

extension BatchResults {
    /// An output that is one number.
    func number(_ place: Int) -> Float { output(place).start.load(as: Float.self) }

    /// The batch as a counting metric sees it.
    func metricBatch(_ output: Int, predictions: Int, mask: Int?, isWeighted: Bool) -> MetricBatch {
        let (start, info) = self.output(predictions)
        let columns = info.shape.dims.last ?? 1
        let rows = info.shape.count / max(columns, 1)
        let (target, dtype) = batch.target(output)
        var weights: [Float]?
        func multiply(_ count: Int, _ weight: (Int) -> Float) {
            let before = weights ?? [Float](repeating: 1, count: rows)
            // One for a sample stands for all its rows.
            weights = before.indices.map { before[$0] * weight($0 * count / max(rows, 1)) }
        }
        if isWeighted, let (own, count) = batch.sampleWeights(output) { multiply(count) { own[$0] } }
        if let mask {
            let (start, info) = self.output(mask)
            let own = start.assumingMemoryBound(to: UInt8.self)
            multiply(info.shape.count) { own[$0] == 0 ? 0 : 1 }
        }
        return MetricBatch(
            predictions: start.assumingMemoryBound(to: Float.self), rows: rows, columns: columns,
            targets: dtype == .int32
                ? .labels(target.assumingMemoryBound(to: Int32.self)) : .values(target.assumingMemoryBound(to: Float.self)),
            weights: weights)
    }
}

/// One batch of samples in memory of its own, where a plan reads it.
final class BatchBuffer {
    /// By array of the plan.
    let pointers: [UnsafeRawPointer]
    let count: Int
    private let areas: [UnsafeMutableRawPointer]
    private let infos: [ConcreteInfo]
    private let sources: [Source]

    /// Which array of the data rows are taken from.
    private enum Source: Equatable {
        case input(Int), target(Int), sampleWeight(Int)
    }

    /// - Parameter infos: the inputs of the plan, `count` samples each.
    init(_ graph: TrainingGraph, _ infos: [ConcreteInfo], count: Int) {
        self.count = count
        self.infos = infos
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

    /// The targets of an output of the model that has a loss.
    func target(_ output: Int) -> (UnsafeRawPointer, DType) {
        guard let place = sources.firstIndex(of: .target(output)) else { preconditionFailure("no targets of output \(output)") }
        return (pointers[place], infos[place].dtype)
    }

    /// The sample weights of an output, if it has any, and how many these are.
    func sampleWeights(_ output: Int) -> (UnsafePointer<Float>, Int)? {
        sources.firstIndex(of: .sampleWeight(output)).map {
            (pointers[$0].assumingMemoryBound(to: Float.self), infos[$0].shape.count)
        }
    }

    /// Copies the samples of a batch to where the plan reads them.
    func fill(_ portion: Portion) {
        let (data, start) = (portion.data, portion.start)
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
                guard let order = portion.order else {
                    target.copyMemory(from: base + (first + start) * rowBytes, byteCount: count * rowBytes)
                    return
                }
                for place in 0..<count {
                    let row = first + order[start + place]
                    (target + place * rowBytes).copyMemory(from: base + row * rowBytes, byteCount: rowBytes)
                }
            }
        }
    }
}

/// Steps of one batch size.
final class TrainingRun: BatchResults {
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

    /// What the last step's forward gave.
    func output(_ place: Int) -> (start: UnsafeRawPointer, info: ConcreteInfo) {
        (session.output(place), session.plan.outputs[place])
    }
}

/// Measures batches of one size with one version of the weights.
final class TestingRun: BatchResults {
    let graph: TrainingGraph
    let batch: BatchBuffer
    private let session: Session
    private let results: UnsafeMutableRawPointer
    private let outputs: [UnsafeMutableRawPointer]

    init(_ graph: TrainingGraph, _ session: Session) {
        self.graph = graph
        self.session = session
        batch = BatchBuffer(graph, session.plan.inputs, count: session.plan.inputs[0].shape[0])
        // Each on a boundary of 64 bytes.
        let sizes = session.plan.outputs.map { (max($0.byteCount, 1) + 63) / 64 * 64 }
        let results = UnsafeMutableRawPointer.allocate(byteCount: sizes.reduce(64, +), alignment: 64)
        self.results = results
        var next = results
        var outputs: [UnsafeMutableRawPointer] = []
        for size in sizes {
            outputs.append(next)
            next += size
        }
        self.outputs = outputs
    }

    deinit { results.deallocate() }

    func run() { session.run(inputs: batch.pointers, outputs: outputs) }

    func output(_ place: Int) -> (start: UnsafeRawPointer, info: ConcreteInfo) {
        (UnsafeRawPointer(outputs[place]), session.plan.outputs[place])
    }
}
