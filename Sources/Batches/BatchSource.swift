public import Tensors

/// Where batches come from, one after another: what Keras takes as a generator, a `Sequence`, a `PyDataset` or a data set.
///
/// A source is drawn from by one thread at a time, which isn't always the same: `fit` draws ahead while it trains.
public protocol BatchSource: AnyObject, Sendable {
    /// Batches of one pass; nil when nobody knows, as of a stream.
    var batchesPerPass: Int? { get }

    /// The next batch; nil where a pass (or the stream) ends. After nil the next pass begins.
    func next() throws(LocatedError) -> Batch?
}
