package import Batches
internal import Tensors

/// Where `fit` and `evaluate` take samples from.
package enum TrainingInput: Sendable {
    /// Arrays, cut into batches; shuffled if that is wanted.
    case arrays(TrainingData)
    /// Batches as they come.
    case source(any BatchSource)
}

/// Samples that a step is made of: rows of data that is as the model takes it.
struct Portion: Sendable {
    let data: TrainingData
    /// Rows of the data; nil: `start` and those after it.
    let order: [Int]?
    let start: Int
    let count: Int

    var key: Trainer.PlanKey { Trainer.PlanKey(data, batch: count) }
}

/// What the loop over batches draws from: arrays and sources look the same to it.
protocol BatchFeed: AnyObject {
    /// Batches of an epoch; nil while that isn't known.
    var steps: Int? { get }
    /// Samples of an epoch, for arrays.
    var samples: Int? { get }
    /// Shapes of the first batch, for arrays.
    var firstKey: Trainer.PlanKey? { get }
    /// Whether the same program, started again, draws the same.
    var isReproducible: Bool { get }
    /// Passes over whole epochs, and then the first batches of another, before anything is drawn.
    func skip(epochs: Int, batches: Int) throws(LocatedError)
    /// Begins an epoch: one of `epochs` that are still to come, this one included.
    func beginEpoch(of epochs: Int)
    /// The next batch of the epoch; nil where it ends.
    func next() throws(LocatedError) -> Portion?
    /// Whether the epoch that ended last had fewer batches than it should have.
    var ranOut: Bool { get }
    /// Ends what runs for it.
    func close()
}

/// Arrays, every sample once in an epoch.
final class ArrayFeed: BatchFeed {
    private let data: TrainingData
    private let batchSize: Int
    /// Of the shuffling; nil keeps the samples in order.
    private(set) var random: NumPyRandom?
    private var order: [Int]?
    private var start = 0
    private var skipped = 0

    /// - Parameter data: prepared.
    init(_ data: TrainingData, batchSize: Int, random: NumPyRandom?) {
        self.data = data
        self.batchSize = batchSize
        self.random = random
        // One list of indices, shuffled again for each epoch, as Keras 2.3 does it.
        order = random == nil ? nil : Array(0..<data.count)
    }

    var steps: Int? { (data.count - 1) / batchSize + 1 }
    var samples: Int? { data.count }
    var firstKey: Trainer.PlanKey? { Trainer.PlanKey(data, batch: min(batchSize, data.count)) }
    var isReproducible: Bool { true }
    var ranOut: Bool { false }

    func skip(epochs: Int, batches: Int) {
        for _ in 0..<epochs { shuffle() }
        skipped = batches
    }

    func beginEpoch(of epochs: Int) {
        shuffle()
        start = skipped * batchSize
        skipped = 0
    }

    private func shuffle() {
        guard var list = order else { return }
        order = nil
        random?.shuffle(&list)
        order = list
    }

    func next() -> Portion? {
        guard start < data.count else { return nil }
        let portion = Portion(data: data, order: order, start: start, count: min(batchSize, data.count - start))
        start += portion.count
        return portion
    }

    func close() {}
}

/// Batches of a source, made ready on a thread of its own while the one before is trained on.
///
/// With a number of steps, epochs follow each other on the source; without, each is a pass of it.
final class SourceFeed: BatchFeed {
    private let drawing: Drawing
    private let prefetch: Int
    private var prefetcher: Prefetcher<Drawing.Event>?
    private(set) var steps: Int?
    private(set) var ranOut = false
    /// Batches drawn in this epoch.
    private var drawn = 0

    /// - Parameters:
    ///   - steps: batches of an epoch; nil: those of a pass.
    ///   - wraps: whether an epoch goes on with the next pass where one ends before `steps`, as in standalone Keras.
    ///   - prefetch: batches that wait ahead; 0: none, and no thread.
    ///   - prepare: makes data of a batch what the model takes.
    init(
        _ source: any BatchSource, steps: Int?, wraps: Bool, prefetch: Int,
        prepare: @escaping @Sendable (Batch) throws(LocatedError) -> TrainingData
    ) {
        drawing = Drawing(source, steps: steps, wraps: wraps, prepare: prepare)
        self.prefetch = prefetch
        self.steps = steps ?? source.batchesPerPass
    }

    var samples: Int? { nil }
    var firstKey: Trainer.PlanKey? { nil }
    var isReproducible: Bool { drawing.source.isReproducible }

    func skip(epochs: Int, batches: Int) throws(LocatedError) {
        for _ in 0..<epochs { while try drawing.skip() {} }
        for _ in 0..<batches { guard try drawing.skip() else { break } }
        drawn = batches
    }

    func beginEpoch(of epochs: Int) {
        guard prefetcher == nil else { return }
        let drawing = drawing
        drawing.epochs = epochs
        prefetcher = Prefetcher(capacity: prefetch) { () throws(LocatedError) in try drawing.next() }
    }

    func next() throws(LocatedError) -> Portion? {
        switch try prefetcher?.next() {
        case .batch(let portion)?:
            drawn += 1
            return portion
        case .end(let ranOut)?:
            self.ranOut = ranOut
            // From now on it is known how long an epoch is.
            if steps == nil, drawn > 0 { steps = drawn }
            drawn = 0
            return nil
        case nil: return nil
        }
    }

    /// How often the training had to wait for a batch.
    var waits: Int { prefetcher?.waits ?? 0 }

    func close() {
        prefetcher?.close { drawing.source.interrupt() }
        prefetcher = nil
    }

    /// Which batches belong to which epoch. Used by one thread at a time.
    private final class Drawing: @unchecked Sendable {
        enum Event: Sendable {
            case batch(Portion)
            case end(ranOut: Bool)
        }

        let source: any BatchSource
        private let steps: Int?
        private let wraps: Bool
        private let prepare: @Sendable (Batch) throws(LocatedError) -> TrainingData
        /// Epochs to draw.
        var epochs = 0
        private var drawn = 0
        /// Since the last pass ended.
        private var drawnOfPass = 0

        init(
            _ source: any BatchSource, steps: Int?, wraps: Bool, prepare: @escaping @Sendable (Batch) throws(LocatedError) -> TrainingData
        ) {
            self.source = source
            self.steps = steps
            self.wraps = wraps && source.batchesPerPass != nil
            self.prepare = prepare
        }

        func next() throws(LocatedError) -> Event? {
            guard epochs > 0 else { return nil }
            let number = drawn
            switch try step({ () throws(LocatedError) in try source.next() }) {
            case .batch(let batch):
                let data = try locating("batch \(number)") { () throws(LocatedError) in try prepare(batch) }
                return .batch(Portion(data: data, order: nil, start: 0, count: data.count))
            case .end(let isEmpty, let ranOut):
                // Nothing more will come of a source that gives nothing.
                epochs = isEmpty ? 0 : epochs - 1
                return .end(ranOut: ranOut)
            }
        }

        /// Passes over a batch, or the end of an epoch. Says whether it was a batch.
        func skip() throws(LocatedError) -> Bool {
            guard case .batch = try step({ () throws(LocatedError) in try source.skip() ? () : nil }) else { return false }
            return true
        }

        private enum Step<Drawn> {
            case batch(Drawn)
            case end(isEmpty: Bool, ranOut: Bool)
        }

        private func step<Drawn>(_ draw: () throws(LocatedError) -> Drawn?) throws(LocatedError) -> Step<Drawn> {
            func end(ranOut: Bool) -> Step<Drawn> {
                defer { drawn = 0 }
                return .end(isEmpty: drawn == 0, ranOut: ranOut)
            }
            if let steps, drawn == steps { return end(ranOut: false) }
            var batch = try draw()
            if batch == nil {
                guard steps != nil else {
                    drawnOfPass = 0
                    return end(ranOut: drawn == 0)
                }
                // A pass that ended with the epoch before, or on which this epoch goes on.
                if drawnOfPass > 0, drawn == 0 || wraps { batch = try draw() }
                drawnOfPass = 0
            }
            guard let batch else { return end(ranOut: true) }
            drawn += 1
            drawnOfPass += 1
            return .batch(batch)
        }
    }
}
