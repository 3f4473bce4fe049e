import Batches
public import Tensors

/// Batches of pictures in memory: Keras's `NumpyArrayIterator`, which `flow` makes.
public final class NumpyArrayIterator: ImageIterator, @unchecked Sendable {}

extension ImageDataGenerator {
    /// Batches of transformed and standardized pictures: Keras's `flow`.
    ///
    /// - Parameters:
    ///   - x: four axes: samples, then as `dataFormat` says. Computed in float32.
    ///   - y: the targets, the first axis the samples; nil: none.
    ///   - batchSize: samples a batch.
    ///   - sampleWeight: one number a sample; given on only where there are targets, as Keras does.
    ///   - seed: seeds the generator with `seed` plus the batches seen before each batch.
    ///   - saveToDir: a folder, which must exist, for the pictures of each batch: `{prefix}_{sample}_{number}.{format}`.
    ///   - saveFormat: `png`, `jpeg` or `jpg`.
    ///   - subset: the samples that `validationSplit` divides off, the first ones, or the rest.
    ///   - miscellaneous: more inputs of the model, given on as they are.
    ///
    /// Throws 64 `augment.batch_size`, `random.seed`, 67 `augment.rank`, `augment.count`, `augment.classes`, 69
    /// `augment.save_format`, `memory.size`.
    public func flow(
        _ x: Tensor, _ y: Tensor? = nil, batchSize: Int = 32, shuffle: Bool = true, sampleWeight: Tensor? = nil, seed: Int? = nil,
        saveToDir: String? = nil, savePrefix: String = "", saveFormat: String = "png", subset: Subset? = nil,
        miscellaneous: [Tensor] = []
    ) throws(LocatedError) -> NumpyArrayIterator {
        guard x.shape.rank == 4 else {
            throw LocatedError(
                .mismatch, "augment.rank", "expected pictures of rank 4, got an array with shape \(x.shape)", at: ["x"])
        }
        var arrays = [("x", x)]
        if let y { arrays.append(("y", y)) }
        if let sampleWeight { arrays.append(("sample_weight", sampleWeight)) }
        arrays += miscellaneous.enumerated().map { ("miscellaneous \($0.offset)", $0.element) }
        for (name, array) in arrays where array.shape.rank == 0 || array.shape[0] != x.shape[0] {
            throw LocatedError(
                .mismatch, "augment.count", "expected \(x.shape[0]) samples, as x has, got shape \(array.shape)", at: [name])
        }
        try checkFlow(batchSize: batchSize, seed: seed)
        warnOfChannels(x.shape)
        var parts = arrays.map(\.1)
        if let subset {
            // Python's int() of a product in double precision.
            let split = Int(Double(x.shape[0]) * validationSplit)
            if let y, Self.classes(y.rows(0..<split)) != Self.classes(y.rows(split..<x.shape[0])) {
                throw LocatedError(
                    .mismatch, "augment.classes",
                    "expected the same classes in the training and the validation subset, got different ones after the split",
                    at: ["y"], hint: "If the arrays are sorted by label, shuffle them.")
            }
            let rows = subset == .validation ? 0..<split : split..<x.shape[0]
            parts = parts.map { $0.rows(rows) }
        }
        let layout = try PictureLayout(Shape(Array(x.shape.dims.dropFirst())), dataFormat)
        if x.dtype != .float32 { try Memory.require(parts[0].shape, for: "the pictures as float32") }
        var rest = parts.dropFirst()
        let source = ArraySource(
            layout: layout, memory: naturalOrder, x: parts[0].asType(.float32), y: y == nil ? nil : rest.removeFirst(),
            sampleWeight: sampleWeight == nil ? nil : rest.removeFirst(), miscellaneous: Array(rest))
        let saving = try saveToDir.map { directory throws(LocatedError) in
            try PictureSaving(
                directory: directory, prefix: savePrefix, format: saveFormat, largestHash: 10_000, dataFormat: dataFormat)
        }
        return NumpyArrayIterator(
            BatchMaker(
                self, source, IndexFlow(count: parts[0].shape[0], batchSize: batchSize, shuffle: shuffle, seed: seed),
                saving: saving))
    }

    /// What both kinds of iterators refuse.
    func checkFlow(batchSize: Int, seed: Int?) throws(LocatedError) {
        guard batchSize > 0, batchSize <= Int.max / 4 else {
            throw LocatedError(.usage, "augment.batch_size", "expected at least 1 sample a batch, got \(batchSize)", at: ["batch_size"])
        }
        if let seed { _ = try RandomState.checked(seed) }
    }

    /// The numbers that occur, as `np.unique`.
    private static func classes(_ y: Tensor) -> Set<Double> {
        y.dtype == .string ? [] : Set(y.asType(.float64).array(as: Double.self))
    }
}

/// Pictures in memory.
private struct ArraySource: PictureSource {
    let layout: PictureLayout
    let memory: MemoryOrder
    let x: Tensor
    let y: Tensor?
    let sampleWeight: Tensor?
    let miscellaneous: [Tensor]

    func withPicture(_ sample: Int, _ body: (UnsafePointer<Float>) -> Void) throws(LocatedError) {
        x.withUnsafeElements(as: Float.self) { body($0.baseAddress! + sample * layout.count) }
    }

    func batch(_ x: Tensor, samples: [Int]) throws(LocatedError) -> Batch {
        Batch(
            x: [x] + miscellaneous.map { $0.gathered(samples) }, y: y.map { [$0.gathered(samples)] } ?? [],
            sampleWeight: y == nil ? nil : sampleWeight.map { [$0.gathered(samples)] })
    }
}
