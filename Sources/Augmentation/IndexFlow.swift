internal import Tensors

/// Which samples come next: Keras's `Iterator`, its two ways of counting and its order of draws.
struct IndexFlow: Sendable {
    let count: Int
    let batchSize: Int
    let shuffle: Bool
    let seed: Int?
    private(set) var batchIndex = 0
    private(set) var totalBatchesSeen = 0
    private var order: [Int]?

    init(count: Int, batchSize: Int, shuffle: Bool, seed: Int?) {
        self.count = count
        self.batchSize = batchSize
        self.shuffle = shuffle
        self.seed = seed
    }

    /// Batches of one pass, the last one perhaps smaller.
    var batches: Int { (count + batchSize - 1) / batchSize }

    /// Keras seeds with the number of batches seen, so that no two are varied alike.
    private func seeded(_ numbers: inout NumPyRandom) throws(LocatedError) {
        guard let seed else { return }
        let (next, overflow) = seed.addingReportingOverflow(totalBatchesSeen)
        numbers = NumPyRandom(seed: try RandomState.checked(overflow ? .max : next))
    }

    private mutating func setOrder(_ numbers: inout NumPyRandom) {
        order = shuffle ? numbers.permutation(count) : Array(0..<count)
    }

    /// The samples of the next batch, forever, as Keras's `next`: each pass in a new order.
    mutating func next(_ numbers: inout NumPyRandom) throws(LocatedError) -> [Int] {
        try seeded(&numbers)
        if batchIndex == 0 { setOrder(&numbers) }
        let first = count == 0 ? 0 : batchIndex * batchSize % count
        batchIndex = count > first + batchSize ? batchIndex + 1 : 0
        totalBatchesSeen += 1
        return samples(from: first)
    }

    /// The samples of one batch of the pass, as Keras's `__getitem__`. Throws 64 `augment.batch`.
    mutating func samples(ofBatch index: Int, _ numbers: inout NumPyRandom) throws(LocatedError) -> [Int] {
        guard (0..<batches).contains(index) else {
            throw LocatedError(.usage, "augment.batch", "expected a batch below \(batches), the number of batches, got \(index)")
        }
        try seeded(&numbers)
        totalBatchesSeen += 1
        if order == nil { setOrder(&numbers) }
        return samples(from: index * batchSize)
    }

    private func samples(from first: Int) -> [Int] {
        guard let order, first < order.count else { return [] }
        return Array(order[first..<min(order.count, first + batchSize)])
    }

    mutating func onEpochEnd(_ numbers: inout NumPyRandom) { setOrder(&numbers) }

    mutating func reset() { batchIndex = 0 }
}
