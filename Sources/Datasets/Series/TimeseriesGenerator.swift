public import Batches
import Foundation
public import Tensors

/// Windows that end before each step of a series, in batches, as Keras 2's `TimeseriesGenerator`.
///
/// The window of step `i` holds the steps `i - length`, `i - length + samplingRate`, … before `i`; its target is that of `i`.
///
/// Source: `preprocessing/sequence.py` of Keras 2.3 and Keras 3's legacy.
public final class TimeseriesGenerator: BatchSource, @unchecked Sendable {
    /// Batches.
    public let count: Int
    public var batchesPerPass: Int? { count }

    private let data: Tensor
    private let targets: Tensor
    private let length: Int
    private let samplingRate: Int
    private let stride: Int
    /// The first and the last step that has a window.
    private let first: Int
    private let last: Int
    private let reverse: Bool
    private let batchSize: Int
    private let lock = NSLock()
    private var random: NumPyRandom?
    private var position = 0

    /// - Parameters:
    ///   - data, targets: the first axis counts the steps, the same of both.
    ///   - length: steps a window reaches back.
    ///   - samplingRate: steps between the steps of a window.
    ///   - stride: steps between windows.
    ///   - startIndex, endIndex: steps before and behind aren't used.
    ///   - shuffle: windows are drawn, each as often as it comes; by NumPy's numbers.
    ///   - reverse: the latest step of a window comes first.
    ///   - seed: of `shuffle`, as `np.random.seed` sets it.
    ///
    /// Throws 64 `timeseries.…`, 67 `timeseries.targets` for another number of targets.
    public init(
        _ data: Tensor, _ targets: Tensor, length: Int, samplingRate: Int = 1, stride: Int = 1, startIndex: Int = 0, endIndex: Int? = nil,
        shuffle: Bool = false, reverse: Bool = false, batchSize: Int = 128, seed: UInt32? = nil
    ) throws(LocatedError) {
        try BatchedDataset.check(batchSize)
        guard data.shape.rank > 0, targets.shape.rank > 0 else {
            throw LocatedError(.usage, "timeseries.data", "expected arrays with an axis of steps, got a single number")
        }
        let steps = data.shape[0]
        guard targets.shape[0] == steps else {
            throw LocatedError(.mismatch, "timeseries.targets", "expected a target for each of \(steps) steps, got \(targets.shape[0])")
        }
        for (name, value) in [("length", length), ("sampling_rate", samplingRate), ("stride", stride)] where value < 1 {
            throw LocatedError(.usage, "timeseries.\(name)", "expected \(name) of 1 or more, got \(value)")
        }
        let (first, overflow) = startIndex.addingReportingOverflow(length)
        let last = endIndex ?? steps - 1
        guard startIndex >= 0, !overflow, first <= last, last < steps else {
            throw LocatedError(
                .usage, "timeseries.start_index",
                "expected a step behind start_index + length and before the end of \(steps), got start_index \(startIndex), length \(length), end_index \(last)")
        }
        let (room, tooLarge) = batchSize.multipliedReportingOverflow(by: stride)
        // A batch that reaches beyond all steps is the only one.
        count = tooLarge || room > steps ? 1 : (last - first + room) / room
        self.data = data
        self.targets = targets
        self.length = length
        self.samplingRate = samplingRate
        self.stride = stride
        self.first = first
        self.last = last
        self.reverse = reverse
        self.batchSize = batchSize
        random = shuffle ? NumPyRandom(seed: seed ?? UInt32.random(in: 0...UInt32.max)) : nil
    }

    /// The batch of that number; with `shuffle`, the next one that is drawn. Throws 64 `timeseries.index`, 69 `memory.size`.
    public func batch(_ index: Int) throws(LocatedError) -> Batch {
        guard (0..<count).contains(index) else {
            throw LocatedError(.usage, "timeseries.index", "expected a batch from 0 to \(count - 1), got \(index)")
        }
        let rows = rows(index)
        var offsets = Array(Swift.stride(from: 0, to: length, by: samplingRate))
        if reverse { offsets.reverse() }
        let shape = Shape([rows.count, offsets.count] + data.shape.dims.dropFirst())
        try Memory.require(shape, dtype: data.dtype, for: "a batch of windows")
        let x = data.rows(at: rows.flatMap { row in offsets.map { row - length + $0 } }).reshaped(to: shape)
        return Batch(x: [x], y: [targets.rows(at: rows)])
    }

    private func rows(_ index: Int) -> [Int] {
        lock.lock()
        defer { lock.unlock() }
        if random != nil { return (0..<batchSize).map { _ in random!.randint(first..<(last + 1)) } }
        if count == 1 { return Array(Swift.stride(from: first, through: last, by: stride).prefix(batchSize)) }
        let start = first + batchSize * stride * index
        return Array(Swift.stride(from: start, to: min(start + batchSize * stride, last + 1), by: stride))
    }

    public func next() throws(LocatedError) -> Batch? {
        guard let index = advance() else { return nil }
        return try batch(index)
    }

    private func advance() -> Int? {
        lock.lock()
        defer { lock.unlock() }
        guard position < count else {
            position = 0
            return nil
        }
        position += 1
        return position - 1
    }
}
