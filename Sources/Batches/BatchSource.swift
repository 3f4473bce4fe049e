public import Tensors

/// Where batches come from, one after another: what Keras takes as a generator, a `Sequence`, a `PyDataset` or a data set.
///
/// A source is drawn from by one thread at a time, which isn't always the same: `fit` draws ahead while it trains.
public protocol BatchSource: AnyObject, Sendable {
    /// Batches of one pass; nil when nobody knows, as of a stream.
    var batchesPerPass: Int? { get }

    /// Samples of a batch, but for smaller ones at the end of a pass; nil when nobody knows.
    var batchSize: Int? { get }

    /// The next batch; nil where a pass (or the stream) ends. After nil the next pass begins.
    func next() throws(LocatedError) -> Batch?

    /// Whether the same program, started again, gets the same batches from it. A training that was cut off is gone on with by
    /// drawing this source forward; from one that says no, it takes what comes.
    var isReproducible: Bool { get }

    /// Passes over the next batch, or the end of a pass: what `next` does, where that can be had for less. Says whether there
    /// was a batch.
    func skip() throws(LocatedError) -> Bool

    /// Asks a `next` that waits for others, on another thread, to give up: to throw, or to return nil.
    func interrupt()
}

extension BatchSource {
    public var batchSize: Int? { nil }
    public var isReproducible: Bool { true }
    public func skip() throws(LocatedError) -> Bool { try next() != nil }
    public func interrupt() {}
}
