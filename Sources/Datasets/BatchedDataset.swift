public import Batches
import Foundation
public import Tensors

/// A data set that gives batches, pass after pass: what Keras makes a `tf.data.Dataset` for.
///
/// With `shuffle` and a seed, the order of every pass is genuine Keras's on TensorFlow: samples are drawn from a buffer of eight
/// batches. Passes are counted from the data set's first one, so that each has an order of its own.
public final class BatchedDataset: BatchSource, @unchecked Sendable {
    /// Names of the classes in the order of the labels; nil where there are none.
    public let classNames: [String]?
    /// The files the samples are read from, before they are drawn; nil where there are none.
    public let filePaths: [String]?
    /// Samples.
    public let count: Int
    /// Samples of a batch; the last one may have fewer.
    public let batchSize: Int

    public var batchesPerPass: Int? { (count + batchSize - 1) / batchSize }

    private let lock = NSLock()
    private var shuffle: TensorFlowShuffle?
    private let load: @Sendable ([Int]) throws(LocatedError) -> Batch
    private var order: [Int] = []
    private var position = 0
    private var isInPass = false

    /// - Parameters:
    ///   - shuffle: nil: samples come in their order.
    ///   - load: makes a batch of samples, by their numbers.
    init(
        count: Int, batchSize: Int, shuffle: TensorFlowShuffle?, classNames: [String]? = nil, filePaths: [String]? = nil,
        load: @escaping @Sendable ([Int]) throws(LocatedError) -> Batch
    ) {
        self.count = count
        self.batchSize = batchSize
        self.shuffle = shuffle
        self.classNames = classNames
        self.filePaths = filePaths
        self.load = load
    }

    public func next() throws(LocatedError) -> Batch? {
        guard let numbers = draw() else { return nil }
        return try load(numbers)
    }

    /// The next batch's samples.
    private func draw() -> [Int]? {
        lock.lock()
        defer { lock.unlock() }
        if !isInPass {
            order = shuffle?.nextOrder(count) ?? Array(0..<count)
            (position, isInPass) = (0, true)
        }
        guard position < count else {
            isInPass = false
            return nil
        }
        let numbers = Array(order[position..<min(position + batchSize, count)])
        position += numbers.count
        return numbers
    }

    /// Throws 64 `data.batch_size` for a batch of nothing.
    static func check(_ batchSize: Int?) throws(LocatedError) {
        if let batchSize, !(1...1 << 40).contains(batchSize) {
            throw LocatedError(.usage, "data.batch_size", "expected a batch of 1 sample or more, got \(batchSize)")
        }
    }
}

/// `tf.data.Dataset.shuffle(buffer_size, seed)`: the same order, pass after pass.
///
/// Source: TensorFlow's `shuffle_dataset_op.cc`, `random_seed_ops`, `python/data/util/random_seed.py`.
struct TensorFlowShuffle: Sendable {
    private let bufferSize: Int
    private var seeds: TensorFlowRandom

    /// - Parameter batchSize: nil where samples come alone; the buffer has 1024 then.
    init(batchSize: Int?, seed: Int) {
        let (size, overflow) = (batchSize ?? 128).multipliedReportingOverflow(by: 8)
        bufferSize = overflow ? .max : size
        // With a seed of its own alone, an operation takes TensorFlow's DEFAULT_GRAPH_SEED for the graph's.
        seeds = TensorFlowRandom(87_654_321, UInt64(bitPattern: Int64(seed)))
    }

    /// The order of the next pass over so many samples.
    mutating func nextOrder(_ count: Int) -> [Int] {
        let first = UInt64(seeds.next()), second = UInt64(seeds.next())
        var random = TensorFlowRandom(first, second)
        var buffer = Array(0..<min(count, bufferSize))
        let size = buffer.count
        guard size > 0 else { return [] }
        var order: [Int] = []
        order.reserveCapacity(count)
        for start in 0..<count {
            // The buffer is a ring; what was at its start is moved to where the sample was taken.
            let filled = min(count - start, size)
            let place = (start + Int(UInt64(random.next()) % UInt64(filled))) % size
            order.append(buffer[place])
            buffer.swapAt(place, start % size)
            if start + size < count { buffer[start % size] = start + size }
        }
        return order
    }
}

/// TensorFlow's `SingleSampleAdapter<PhiloxRandom>`.
private struct TensorFlowRandom: Sendable {
    private let key: SIMD2<UInt32>
    private var counter: SIMD4<UInt32>
    private var block = SIMD4<UInt32>()
    private var used = 4

    init(_ low: UInt64, _ high: UInt64) {
        key = SIMD2(UInt32(truncatingIfNeeded: low), UInt32(truncatingIfNeeded: low >> 32))
        counter = SIMD4(0, 0, UInt32(truncatingIfNeeded: high), UInt32(truncatingIfNeeded: high >> 32))
    }

    mutating func next() -> UInt32 {
        if used == 4 {
            block = Philox.block(counter: counter, key: key)
            counter[0] &+= 1
            if counter[0] == 0 { counter[1] &+= 1 }
            used = 0
        }
        defer { used += 1 }
        return block[used]
    }
}
