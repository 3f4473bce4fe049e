public import Batches
public import Tensors

/// Batches of varied pictures, pass after pass: Keras's `Iterator`, which `flow` and its like make.
///
/// What is told of the pictures' source stands in the subclasses, and doesn't change.
public class ImageIterator: BatchSource, @unchecked Sendable {
    private let maker: BatchMaker

    init(_ maker: BatchMaker) { self.maker = maker }

    /// Samples.
    public var n: Int { maker.flow.count }
    /// Samples a batch; the last of a pass has what is left.
    public var batchSize: Int? { maker.flow.batchSize }
    /// Batches made so far, over all passes.
    public var totalBatchesSeen: Int { maker.flow.totalBatchesSeen }
    /// Batches of one pass, the last one perhaps smaller: Keras's `len`.
    public var batchesPerPass: Int? { maker.flow.batches }

    /// The next batch, or nil after each pass; else as `nextBatch`.
    public func next() throws(LocatedError) -> Batch? { try maker.next() }

    /// Passes over the next batch: its numbers are drawn, its pictures neither made nor saved.
    public func skip() throws(LocatedError) -> Bool { try maker.skip() }

    /// Whether seeds were given, here or to the generator that numbers are drawn from.
    public var isReproducible: Bool { maker.isReproducible }

    /// The next batch, forever: Keras's `next(iterator)`. Throws 64 `random.seed`, 67 `augment.statistics`, and what reading and
    /// writing pictures throws.
    public func nextBatch() throws(LocatedError) -> Batch { try maker.nextBatch() }

    /// A batch of the pass by its number: Keras's `iterator[index]`. Throws 64 `augment.batch`; else as `nextBatch`.
    public func batch(at index: Int) throws(LocatedError) -> Batch { try maker.batch(at: index) }

    /// Orders the samples anew for `batch(at:)`.
    public func onEpochEnd() { maker.onEpochEnd() }

    /// Begins the pass anew.
    public func reset() { maker.reset() }
}
