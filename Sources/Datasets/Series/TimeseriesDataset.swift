import Batches
public import Tensors

/// Windows that slide over a series, in batches, as Keras's `timeseries_dataset_from_array`: `x` of shape (samples, steps, …), `y` of shape
/// (samples, …).
///
/// - Parameters:
///   - data: the first axis counts the steps.
///   - targets: the target of the window that begins at the same step; nil: none.
///   - sequenceLength: steps of a window.
///   - sequenceStride: steps between the beginnings of windows.
///   - samplingRate: steps between the steps of a window.
///   - batchSize: nil: one by one.
///   - shuffle, seed: the order is that of Keras on TensorFlow for the same seed.
///   - startIndex, endIndex: steps before and from there on aren't used.
///
/// Throws 64 `timeseries.…`, `data.batch_size`, 67 `timeseries.targets` when a window has no target.
public func timeseriesDatasetFromArray(
    _ data: Tensor, targets: Tensor?, sequenceLength: Int, sequenceStride: Int = 1, samplingRate: Int = 1, batchSize: Int? = 128,
    shuffle: Bool = false, seed: UInt32? = nil, startIndex: Int? = nil, endIndex: Int? = nil
) throws(LocatedError) -> BatchedDataset {
    try BatchedDataset.check(batchSize)
    guard data.shape.rank > 0, targets.map({ $0.shape.rank > 0 }) ?? true else {
        throw LocatedError(.usage, "timeseries.data", "expected arrays with an axis of steps, got a single number")
    }
    let length = data.shape[0]
    func check(_ name: String, _ value: Int, _ range: ClosedRange<Int>) throws(LocatedError) {
        guard range.contains(value) else {
            throw LocatedError(
                .usage, "timeseries.\(name)", "expected \(name) from \(range.lowerBound) to \(range.upperBound) for \(length) steps, got \(value)")
        }
    }
    let start = startIndex ?? 0
    guard length > 1 else { throw LocatedError(.usage, "timeseries.data", "expected a series of 2 steps or more, got \(length)") }
    try check("start_index", start, 0...(length - 1))
    if let endIndex, endIndex != 0 { try check("end_index", endIndex, (start + 1)...max(start + 1, length - 1)) }
    try check("sampling_rate", samplingRate, 1...(length - 1))
    try check("sequence_stride", sequenceStride, 1...(length - 1))
    try check("sequence_length", sequenceLength, 1...length)
    let end = endIndex ?? length
    // None of these overflows: all are at most the length, which an array has.
    var windows = end - start - (sequenceLength - 1) * samplingRate
    if let targets { windows = min(windows, targets.shape[0]) }
    var starts = Array(stride(from: 0, to: max(windows, 0), by: sequenceStride))
    guard !starts.isEmpty else {
        throw LocatedError(
            .usage, "timeseries.sequence_length",
            "expected a window that fits into \(end - start) steps, got one of \(sequenceLength), \(samplingRate) apart")
    }
    if let targets, let last = starts.last, start + last >= min(end, targets.shape[0]) {
        throw LocatedError(
            .mismatch, "timeseries.targets", "expected a target for the window at step \(start + last), got \(targets.shape[0]) targets")
    }
    let chosen = seed ?? UInt32.random(in: 0..<1_000_000)
    if shuffle {
        var random = NumPyRandom(seed: chosen)
        random.shuffle(&starts)
    }
    let order = starts
    return BatchedDataset(
        count: order.count, batchSize: batchSize ?? 1, shuffle: shuffle ? TensorFlowShuffle(batchSize: batchSize, seed: Int(chosen)) : nil
    ) { (numbers) throws(LocatedError) in
        let steps = numbers.flatMap { number in (0..<sequenceLength).map { start + order[number] + $0 * samplingRate } }
        let shape = Shape([numbers.count, sequenceLength] + data.shape.dims.dropFirst())
        try Memory.require(shape, dtype: data.dtype, for: "a batch of windows")
        let x = data.rows(at: steps).reshaped(to: shape)
        return Batch(x: [x], y: targets.map { [$0.rows(at: numbers.map { start + order[$0] })] } ?? [])
    }
}
