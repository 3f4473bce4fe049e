internal import Batches
internal import Synchronization
internal import Tensors

/// Where an iterator's pictures come from, and what belongs to them.
protocol PictureSource: Sendable {
    /// Of every picture.
    var layout: PictureLayout { get }
    /// How NumPy holds a picture that was read.
    var memory: MemoryOrder { get }

    /// Hands out the picture of a sample; called on any thread.
    func withPicture(_ sample: Int, _ body: (UnsafePointer<Float>) -> Void) throws(LocatedError)

    /// The batch around its pictures.
    func batch(_ x: Tensor, samples: [Int]) throws(LocatedError) -> Batch
}

/// Draws, warps, standardizes and saves the batches of an iterator.
final class BatchMaker: Sendable {
    let generator: ImageDataGenerator
    let source: any PictureSource
    let saving: PictureSaving?
    private struct State {
        var flow: IndexFlow
        /// Whether the last batch was a pass's last.
        var passEnded = false
    }
    private let state: Mutex<State>

    init(_ generator: ImageDataGenerator, _ source: any PictureSource, _ flow: IndexFlow, saving: PictureSaving?) {
        self.generator = generator
        self.source = source
        self.saving = saving
        state = Mutex(State(flow: flow))
    }

    var flow: IndexFlow { state.withLock { $0.flow } }

    /// Everything random about a batch.
    private struct Draft {
        var samples: [Int]
        var parameters: [TransformParameters]
        var hashes: [Int]
    }

    /// Draws in Keras's order: what seeds and orders the samples, the transformations, the names.
    private func draft(
        _ choose: (inout IndexFlow, inout NumPyRandom) throws(LocatedError) -> [Int]
    ) throws(LocatedError) -> Draft {
        let result: Result<Draft, LocatedError> = state.withLock { state in
            do throws(LocatedError) {
                return .success(
                    try generator.random.draw { numbers throws(LocatedError) in
                        let samples = try choose(&state.flow, &numbers)
                        state.passEnded = state.flow.batchIndex == 0
                        let parameters = samples.map { _ in generator.draw(source.layout, &numbers) }
                        let hashes = saving.map { saving in samples.map { _ in numbers.randint(0..<saving.largestHash) } }
                        return Draft(samples: samples, parameters: parameters, hashes: hashes ?? [])
                    })
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// Keras's `next`: goes on forever.
    func nextBatch() throws(LocatedError) -> Batch {
        try batch(draft { flow, numbers throws(LocatedError) in try flow.next(&numbers) })
    }

    /// A batch, or nil after each pass.
    func next() throws(LocatedError) -> Batch? {
        let isOver = state.withLock { state in
            defer { state.passEnded = false }
            return state.passEnded || state.flow.count == 0
        }
        return isOver ? nil : try nextBatch()
    }

    /// Keras's `__getitem__`.
    func batch(at index: Int) throws(LocatedError) -> Batch {
        try batch(draft { flow, numbers throws(LocatedError) in try flow.samples(ofBatch: index, &numbers) })
    }

    func onEpochEnd() {
        state.withLock { state in
            // Nothing in it throws.
            try? generator.random.draw { numbers throws(LocatedError) in state.flow.onEpochEnd(&numbers) }
        }
    }

    func reset() {
        state.withLock { state in
            state.flow.reset()
            state.passEnded = false
        }
    }

    private func batch(_ draft: Draft) throws(LocatedError) -> Batch {
        let layout = source.layout
        let shape = Shape([draft.samples.count] + layout.shape.dims)
        try Memory.require(shape, for: "a batch of pictures")
        let transformer: PictureTransformer<Float> = generator.transformer(layout)
        let standardizer: PictureStandardizer<Float> = try generator.standardizer(channels: layout.channels)
        let workers = Workers(threads: generator.threads)
        var x = Tensor(uninitialized: shape)
        try x.withUnsafeMutableElements(as: Float.self) { numbers throws(LocatedError) in
            guard let y = numbers.baseAddress, layout.count > 0 else { return }
            func standardize(_ index: Int, _ memory: MemoryOrder) {
                standardizer.standardize(
                    UnsafeMutableBufferPointer(start: y + index * layout.count, count: layout.count), layout, memory)
            }
            let preprocesses = generator.preprocessingFunction != nil
            let channelsApart = UnsafeMutableBufferPointer<Bool>.allocate(capacity: draft.samples.count)
            defer { channelsApart.deallocate() }
            try workers.forEach(draft.samples.count) { index throws(LocatedError) in
                try source.withPicture(draft.samples[index]) { picture in
                    let memory = transformer.transform(
                        picture, to: y + index * layout.count, draft.parameters[index], from: source.memory)
                    if preprocesses { channelsApart[index] = memory.channelsApart } else { standardize(index, memory) }
                }
            }
            guard preprocesses else { return }
            // In order and one at a time, as the user's function is used to.
            for index in draft.samples.indices {
                let place = UnsafeMutableBufferPointer(start: y + index * layout.count, count: layout.count)
                let picture = try generator.preprocessed(Tensor(Array(place), shape: layout.shape))
                picture.withUnsafeElements(as: Float.self) { _ = place.update(from: $0) }
                // What a function computes elementwise is an array of its own, in the same order of axes.
                standardize(index, MemoryOrder(channelsApart: channelsApart[index]))
            }
        }
        x = try generator.whitened(x)
        if let saving {
            try x.withUnsafeElements(as: Float.self) { x throws(LocatedError) in
                guard let x = x.baseAddress else { return }
                try workers.forEach(draft.samples.count) { index throws(LocatedError) in
                    try saving.write(
                        x + index * layout.count, layout,
                        name: saving.name(index: draft.samples[index], hash: draft.hashes[index]))
                }
            }
        }
        return try source.batch(x, samples: draft.samples)
    }
}

extension Tensor {
    /// Rows along the first axis, in any order; all must be there.
    func gathered(_ rows: [Int]) -> Tensor {
        var result = Tensor(uninitialized: Shape([rows.count] + shape.dims.dropFirst()), dtype: dtype)
        let size = shape[0] == 0 ? 0 : byteCount / shape[0]
        result.withUnsafeMutableBytes { target in
            withUnsafeBytes { source in
                for (place, row) in rows.enumerated() where size > 0 {
                    UnsafeMutableRawBufferPointer(rebasing: target[place * size..<(place + 1) * size])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[row * size..<(row + 1) * size]))
                }
            }
        }
        result.keepStrings(of: self)
        return result
    }
}
