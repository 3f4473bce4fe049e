public import Tensors

/// Batches that a function makes: Keras's generator. nil ends a pass.
public final class GeneratorSource: BatchSource, @unchecked Sendable {
    public let batchesPerPass: Int?
    public let isReproducible: Bool
    private let generate: () throws(LocatedError) -> Batch?

    /// - Parameters:
    ///   - batchesPerPass: how many batches come before nil does; nil: nobody knows.
    ///   - isReproducible: whether it makes the same batches when the program is started again.
    ///   - generate: called by one thread at a time, ahead of the training.
    public init(
        batchesPerPass: Int? = nil, isReproducible: Bool = true, _ generate: sending @escaping () throws(LocatedError) -> Batch?
    ) {
        self.batchesPerPass = batchesPerPass
        self.isReproducible = isReproducible
        self.generate = generate
    }

    public func next() throws(LocatedError) -> Batch? { try generate() }
}

/// The batches of a sequence, from its beginning in each pass.
public final class SequenceSource: BatchSource, @unchecked Sendable {
    public let batchesPerPass: Int?
    private let begin: () -> () -> Batch?
    private var draw: (() -> Batch?)?

    /// - Parameter batchesPerPass: nil: nobody knows.
    public init<Base: Sequence>(_ base: sending Base, batchesPerPass: Int? = nil) where Base.Element == Batch {
        self.batchesPerPass = batchesPerPass
        begin = {
            var iterator = base.makeIterator()
            return { iterator.next() }
        }
    }

    public convenience init<Base: Collection>(_ base: sending Base) where Base.Element == Batch {
        self.init(base, batchesPerPass: base.count)
    }

    public func next() throws(LocatedError) -> Batch? {
        let draw = draw ?? begin()
        let batch = draw()
        self.draw = batch == nil ? nil : draw
        return batch
    }
}

/// The batches of an `AsyncSequence`, such as an `AsyncStream`. A sequence that can be gone through again begins anew in each
/// pass.
public final class AsyncSource: BatchSource, @unchecked Sendable {
    public let batchesPerPass: Int?
    public let isReproducible: Bool
    private let pull: Pull
    private let gate = Gate()
    private var waiting: Task<Void, Never>?
    private var result: Result<Batch?, LocatedError>?

    /// Draws from the sequence; used by one task at a time.
    private struct Pull: @unchecked Sendable {
        var next: () async throws -> Batch?
    }

    /// - Parameters:
    ///   - batchesPerPass: nil: nobody knows.
    ///   - isReproducible: whether the same batches come when the program is started again.
    public init<Base: AsyncSequence>(
        _ base: sending Base, batchesPerPass: Int? = nil, isReproducible: Bool = true
    ) where Base.Element == Batch {
        self.batchesPerPass = batchesPerPass
        self.isReproducible = isReproducible
        var iterator: Base.AsyncIterator?
        pull = Pull {
            var drawn = iterator ?? base.makeAsyncIterator()
            let batch = try await drawn.next()
            iterator = batch == nil ? nil : drawn
            return batch
        }
    }

    /// What the sequence throws is `source.failed`, unless it is a `LocatedError`.
    public func next() throws(LocatedError) -> Batch? {
        let pull = pull
        let task = Task.detached(priority: .userInitiated) { [self] in
            let result: Result<Batch?, LocatedError>
            do {
                result = .success(try await pull.next())
            } catch let error as LocatedError {
                result = .failure(error)
            } catch {
                result = .failure(LocatedError(.io, "source.failed", "expected a batch, got \(error)"))
            }
            gate.enter { self.result = result }
        }
        gate.enter { waiting = task }
        let result = gate.enter(when: { self.result != nil }) {
            defer { (waiting, self.result) = (nil, nil) }
            return self.result ?? .success(nil)
        }
        return try result.get()
    }

    public func interrupt() { gate.enter { waiting }?.cancel() }
}

/// Arrays in batches, each sample once in a pass.
public final class ArraySource: BatchSource, @unchecked Sendable {
    private let x: [Tensor]
    private let y: [Tensor]
    private let sampleWeight: [Tensor]?
    private let rows: Int
    private let count: Int
    private var random: NumPyRandom?
    private var order: [Int]
    private var start = 0

    /// - Parameters:
    ///   - x: one array for each input of the model, samples along the first axis.
    ///   - y: one for each output, or none.
    ///   - batchSize: samples of a batch; the last of a pass has what is left.
    ///   - shuffle: whether each pass has an order of its own, as `fit` has with arrays.
    ///   - seed: of the shuffling.
    /// - Throws: `source.…` for arrays of unequal numbers of samples, or a batch size below 1.
    public init(
        _ x: [Tensor], _ y: [Tensor] = [], sampleWeight: [Tensor]? = nil, batchSize: Int = 32, shuffle: Bool = false, seed: UInt64 = 0
    ) throws(LocatedError) {
        guard batchSize > 0 else {
            throw LocatedError(.usage, "source.batch_size", "expected a batch size of at least 1, got \(batchSize)")
        }
        count = x.first?.shape.dims.first ?? 0
        for array in x + y + (sampleWeight ?? []) {
            guard array.shape.dims.first == count else {
                throw LocatedError(
                    .mismatch, "source.samples", "expected \(count) samples in every array, as in the first, got the shape \(array.shape)")
            }
        }
        self.x = x
        self.y = y
        self.sampleWeight = sampleWeight
        rows = batchSize
        random = shuffle ? NumPyRandom(seed: UInt32(truncatingIfNeeded: seed)) : nil
        order = Array(0..<count)
    }

    public var batchesPerPass: Int? { (count + rows - 1) / rows }
    public var batchSize: Int? { rows }

    public func next() throws(LocatedError) -> Batch? {
        guard let places = nextRows() else { return nil }
        let indices = places.map { order[$0] }
        return Batch(
            x: x.map { $0.gathered(indices) }, y: y.map { $0.gathered(indices) },
            sampleWeight: sampleWeight?.map { $0.gathered(indices) })
    }

    public func skip() throws(LocatedError) -> Bool { nextRows() != nil }

    private func nextRows() -> Range<Int>? {
        guard start < count else {
            start = 0
            return nil
        }
        if start == 0 { random?.shuffle(&order) }
        let places = start..<min(start + rows, count)
        start = places.upperBound
        return places
    }
}

extension Tensor {
    /// Rows along the first axis, in the order of `indices`, copied.
    package func gathered(_ indices: [Int]) -> Tensor {
        var dims = shape.dims
        dims[0] = indices.count
        var result = Tensor(uninitialized: Shape(dims), dtype: dtype)
        let rowBytes = byteCount / max(shape[0], 1)
        result.withUnsafeMutableBytes { target in
            withUnsafeBytes { source in
                guard let to = target.baseAddress, let from = source.baseAddress else { return }
                for (place, index) in indices.enumerated() {
                    precondition(index >= 0 && index < shape[0])
                    (to + place * rowBytes).copyMemory(from: from + index * rowBytes, byteCount: rowBytes)
                }
            }
        }
        result.keepStrings(of: self)
        return result
    }
}
