internal import Graphs
internal import Kernels
internal import Ops
internal import Tensors

/// Which input places each output place of a locally connected layer sees, and how its kernel is laid out.
struct LocalPlaces {
    let options: LocallyConnectedOptions
    let channels: Int
    /// Extents of the spatial axes.
    let inputs: [Int]
    let outputs: [Int]

    init(_ input: ValueInfo, _ options: LocallyConnectedOptions) throws(LocatedError) {
        self.options = options
        let rank = options.kernelSize.count
        let first = options.dataFormat == .channelsFirst
        channels = try input.knownExtent(first ? 1 : -1, "the channels")
        var (extents, results): ([Int], [Int]) = ([], [])
        for axis in 0..<rank {
            let extent = try input.knownExtent(axis + (first ? 2 : 1), "the spatial axes (each place has its own kernel)")
            let (size, stride) = (options.kernelSize[axis], options.strides[axis])
            guard extent < 1 << 31, options.padding == .same || extent >= size else {
                throw LocatedError(
                    .mismatch, "layer.inputShape", "expected at least \(size) places on each spatial axis, got \(input.shape)")
            }
            extents.append(extent)
            results.append(options.padding == .same ? (extent + stride - 1) / stride : (extent - size) / stride + 1)
        }
        (inputs, outputs) = (extents, results)
        // Kernels multiply places by places: what can't be counted can't be had.
        let factors = extents + results + [channels, options.filters] + options.kernelSize
        guard Shape(factors).checkedCount != nil else {
            throw LocatedError(
                .unsupported, "layer.size", "expected a kernel that fits in memory, got one for the input \(input.shape)")
        }
    }

    private var first: Bool { options.dataFormat == .channelsFirst }
    private var filters: Int { options.filters }
    private var rank: Int { inputs.count }
    private func count(_ extents: [Int]) -> Int { extents.reduce(1, *) }

    var kernelShape: [Int] {
        switch options.implementation {
        case .matrices: [count(outputs), count(options.kernelSize) * channels, filters]
        case .dense:
            first ? [channels] + inputs + [filters] + outputs : inputs + [channels] + outputs + [filters]
        case .sparse: [zip(0..., outputs).reduce(1) { $0 * connections($1.0) } * channels * filters]
        }
    }

    /// Pairs of places that see each other along one axis.
    private func connections(_ axis: Int) -> Int { (0..<outputs[axis]).reduce(0) { $0 + window($1, axis).count } }

    /// The inputs that an output sees along one axis.
    private func window(_ place: Int, _ axis: Int) -> Range<Int> {
        let (size, stride) = (options.kernelSize[axis], options.strides[axis])
        let start = place * stride - (options.padding == .same ? size / 2 : 0)
        let low = min(max(0, start), inputs[axis])
        return low..<max(low, min(inputs[axis], start + size))
    }

    // MARK: A matrix for each output place

    /// (batch, …) → (places, batch, what a place sees), times (places, what it sees, filters).
    func byMatrices(
        _ input: Value, _ kernel: Value, _ batch: Int?, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let taken = (0..<rank).map { axis in
            AxisRule.take((0..<outputs[axis]).flatMap { Array(window($0, axis)) })
        }
        var value = try context.apply(Rearrange(first ? [.keep, .keep] + taken : [.keep] + taken + [.keep]), input)
        let pairs = (0..<rank).flatMap { [outputs[$0], options.kernelSize[$0]] }
        let split = first ? [channels] + pairs : pairs + [channels]
        value = try context.apply(Ops.Reshape(to: PartialShape([batch] + split.map { $0 })), value)
        // Places first, then the batch, then the window in the order of the kernel's rows.
        let offset = first ? 2 : 1
        let places = (0..<rank).map { offset + 2 * $0 }
        let windows = (0..<rank).map { offset + 2 * $0 + 1 }
        value = try context.apply(Transpose(places + [0] + (first ? [1] + windows : windows + [2 * rank + 1])), value)
        value = try context.apply(
            Ops.Reshape(to: [count(outputs), batch, count(options.kernelSize) * channels]), value)
        value = try context.apply(BatchMatMul(), value, kernel)
        value = try context.apply(Transpose(first ? [1, 2, 0] : [1, 0, 2]), value)
        return try context.apply(Ops.Reshape(to: shaped(batch)), value)
    }

    private func shaped(_ batch: Int?) -> PartialShape {
        PartialShape([batch] + (first ? [filters] + outputs : outputs + [filters]).map { $0 })
    }

    // MARK: One matrix

    /// (batch, all inputs) times (all inputs, all outputs), zero where they don't see each other.
    func byOneMatrix(
        _ input: Value, _ kernel: Value, _ batch: Int?, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let rows = count(inputs) * channels, columns = count(outputs) * filters
        try Memory.require([rows, columns], for: "a locally connected layer")
        var matrix: Value
        switch options.implementation {
        case .sparse:
            // The numbers, and behind them a zero for all pairs that don't see each other; output by output.
            let extended = try context.apply(Pad(before: [0], after: [1]), kernel)
            matrix = try context.apply(Rearrange([.take(numbers)]), extended)
            matrix = try context.apply(Ops.Reshape(to: [columns, rows]), matrix)
            matrix = try context.apply(Transpose([1, 0]), matrix)
        default:
            let mask = context.constant(Tensor(sees.map { $0 ? Float(1) : 0 }, shape: [columns, rows]))
            matrix = try context.apply(Ops.Reshape(to: [rows, columns]), kernel)
            matrix = try context.apply(Binary(.multiply), matrix, try context.apply(Transpose([1, 0]), mask))
        }
        let flat = try context.apply(Ops.Reshape(to: [batch, rows]), input)
        let output = try context.apply(MatMul(hasBias: false), flat, matrix)
        return try context.apply(Ops.Reshape(to: shaped(batch)), output)
    }

    /// For each output, for each input, both in the order of the arrays: whether they see each other.
    private var sees: [Bool] {
        var flags: [Bool] = []
        flags.reserveCapacity(count(outputs) * filters * count(inputs) * channels)
        for output in 0..<count(outputs) * filters {
            let windows = zip(0..., place(output, outputs, filters)).map { window($1, $0) }
            for input in 0..<count(inputs) * channels {
                flags.append(zip(windows, place(input, inputs, channels)).allSatisfy { $0.contains($1) })
            }
        }
        return flags
    }

    /// The number of each pair's number in a sparse kernel.
    private var numbers: [Int] {
        let flags = sees
        let total = kernelShape[0]
        var next = 0
        return flags.map { flag in
            guard flag else { return total }
            next += 1
            return next - 1
        }
    }

    /// The spatial indices of an element of an array with `channels` in the layer's format.
    private func place(_ element: Int, _ extents: [Int], _ channels: Int) -> [Int] {
        var rest = first ? element % count(extents) : element / channels
        var indices = [Int](repeating: 0, count: extents.count)
        for axis in extents.indices.reversed() {
            indices[axis] = rest % extents[axis]
            rest /= extents[axis]
        }
        return indices
    }
}
