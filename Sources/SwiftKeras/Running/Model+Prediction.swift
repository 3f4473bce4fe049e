internal import Engine
internal import Graphs
internal import KerasSpec
internal import Layers
public import Tensors
public import Training

/// What a model gave.
public struct Prediction: Sendable {
    /// One for each of the model's outputs.
    public var outputs: [Tensor]
    /// The outputs of the layers that were asked for, by name.
    public var layers: [String: Tensor]
}

extension Model {
    /// The model's output for a batch of samples, for a model with one input and one output.
    ///
    /// - Parameters:
    ///   - x: samples along the first axis. Integers and floats of any width are taken; the engine computes in float32.
    ///   - batchSize: how many samples go through at once.
    ///   - threads: how many cores to use; all by default. The result doesn't depend on it.
    /// - Throws: `.mismatch` when the shape doesn't fit the model.
    public func predict(_ x: Tensor, batchSize: Int = 32, threads: Int? = nil) throws(LocatedError) -> Tensor {
        let outputs = try predict([x], batchSize: batchSize, threads: threads)
        guard outputs.count == 1 else {
            throw LocatedError(
                .usage, "predict.outputs", "expected a model with one output, got \(outputs.count)",
                hint: "Call predict([x]) for all of them.")
        }
        return outputs[0]
    }

    /// The model's outputs for a batch of samples: one array for each input, one for each output.
    public func predict(
        _ x: [Tensor], batchSize: Int = 32, callbacks: [any Callback] = [], threads: Int? = nil
    ) throws(LocatedError) -> [Tensor] {
        try predict(x, taps: [], batchSize: batchSize, callbacks: callbacks, threads: threads).outputs
    }

    /// The same with the inputs by their names, as for a model that was built on a dictionary.
    ///
    /// - Throws: `.mismatch` unless there is an array for every input and no other.
    public func predict(_ x: [String: Tensor], batchSize: Int = 32, threads: Int? = nil) throws(LocatedError) -> [Tensor] {
        try predict(try ordered(x), batchSize: batchSize, threads: threads)
    }

    /// Arrays by the inputs' names in the model's order, which is that of their names where it was built on a dictionary.
    public func ordered(_ x: [String: Tensor]) throws(LocatedError) -> [Tensor] {
        let names = try program().inputNames
        guard Set(names) == Set(x.keys), names.count == x.count else {
            throw LocatedError(
                .mismatch, "input.names", "expected arrays for \(names.joined(separator: ", ")), got \(x.keys.sorted().joined(separator: ", "))")
        }
        return names.compactMap { x[$0] }
    }

    /// Also gives the outputs of layers within the model.
    ///
    /// - Parameter taps: names of layers (`encoder/dense_1` within a nested model); the output of a layer's first call, the
    ///   first if it has several.
    public func predict(
        _ x: [Tensor], taps: [String], batchSize: Int = 32, callbacks: [any Callback] = [], threads: Int? = nil
    ) throws(LocatedError) -> Prediction {
        guard batchSize > 0 else {
            throw LocatedError(.usage, "predict.batchSize", "expected a batch size of at least 1, got \(batchSize)")
        }
        let inputs = try engineInputs(x)
        let samples = inputs[0].shape[0]
        var whole: [Tensor] = []
        var tapped: [String: Tensor] = [:]
        var start = 0
        for callback in callbacks { try callback.onPredictBegin() }
        repeat {
            let rows = start..<min(start + batchSize, samples)
            let number = start / batchSize
            for callback in callbacks { try callback.onPredictBatchBegin(number, size: rows.count) }
            let batch = samples <= batchSize ? inputs : inputs.map { $0.rows(rows) }
            let runner = try runner(for: batch, taps: taps, threads: threads)
            try runner.check(batch)
            let outputs = try runner.withSession { (session) throws(LocatedError) in try run(session, on: batch) }
            let count = outputs.count - runner.taps.reduce(0) { $0 + $1.outputs.count }
            var rest: [String: Tensor] = [:]
            for tap in runner.taps { rest[tap.layer] = outputs[tap.outputs.lowerBound] }
            for callback in callbacks { try callback.onPredictBatchEnd(number, outputs: Array(outputs.prefix(count))) }
            if samples <= batchSize {
                for callback in callbacks { try callback.onPredictEnd() }
                return Prediction(outputs: Array(outputs.prefix(count)), layers: rest)
            }
            if whole.isEmpty {
                whole = try outputs.prefix(count).map { (output) throws(LocatedError) in try output.extended(to: samples) }
                for (name, tensor) in rest { tapped[name] = try tensor.extended(to: samples) }
            }
            for index in whole.indices { try whole[index].setRows(from: start, to: outputs[index]) }
            for (name, tensor) in rest { try tapped[name]?.setRows(from: start, to: tensor) }
            start = rows.upperBound
        } while start < samples
        for callback in callbacks { try callback.onPredictEnd() }
        return Prediction(outputs: whole, layers: tapped)
    }

    /// What most likely went wrong with an array's shape: one sample without the axis of samples, or channels at the other end.
    private static func hint(for shape: Shape, as declared: PartialShape) -> String? {
        if declared.admits(Shape([1] + shape.dims)) {
            return "One sample is an array of shape \(Shape([1] + shape.dims)): the first axis counts the samples."
        }
        guard shape.rank > 2 else { return nil }
        let dims = shape.dims
        if declared.admits(Shape([dims[0]] + dims[2...] + [dims[1]])) { return "Its channels stand first; the model's stand last." }
        if declared.admits(Shape([dims[0], dims[dims.count - 1]] + dims[1..<dims.count - 1])) {
            return "Its channels stand last; the model's stand first."
        }
        return nil
    }

    /// The arrays as the engine takes them: as many as the model has inputs, of fitting shapes, in its types.
    func engineInputs(_ x: [Tensor]) throws(LocatedError) -> [Tensor] {
        let program = try program()
        let names = program.inputNames
        guard x.count == names.count else {
            throw LocatedError(
                .mismatch, "input.count",
                "expected \(names.count) input\(names.count == 1 ? "" : "s") (\(names.joined(separator: ", "))), got \(x.count)")
        }
        var tensors: [Tensor] = []
        for (index, tensor) in x.enumerated() {
            let declared = program.declaredInputs?[index]
            guard tensor.shape.rank > 0, declared?.shape.admits(tensor.shape) ?? true else {
                throw LocatedError(
                    .mismatch, "input.shape",
                    "expected an array of shape \(declared?.shape.description ?? "(None, …)"), got \(tensor.shape)",
                    at: [names[index]], hint: declared.flatMap { Self.hint(for: tensor.shape, as: $0.shape) })
            }
            guard tensor.shape[0] == x[0].shape[0] else {
                throw LocatedError(
                    .mismatch, "input.samples",
                    "expected as many samples in every input (\(x[0].shape[0]) in \(names[0])), got \(tensor.shape[0])",
                    at: [names[index]])
            }
            tensors.append(try tensor.taken(as: declared?.dtype ?? (tensor.dtype == .string ? .string : .float32), at: names[index]))
        }
        return tensors
    }

    /// A runner for inputs of these shapes, from the cache or made now.
    func runner(for inputs: [Tensor], taps: [String], threads: Int?) throws(LocatedError) -> Runner {
        let infos = inputs.map { ConcreteInfo($0.shape, $0.dtype) }
        let values = infos.map { ValueInfo($0.shape, $0.dtype) }
        let weights = try weights(for: values)
        let pool = try Pools.pool(threads: threads)
        let program = try program()
        var lengths: [String: Int] = [:]
        if program.measuresInput {
            for measure in try program.lower(inputs: values, training: false, parameters: weights.table).measures {
                lengths[measure.layer] = measure.length(inputs[measure.input])
            }
        }
        let key = PlanCache.Key(inputs: infos, taps: taps, weights: weights.version, threads: pool.threads, lengths: lengths)
        return try plans.runner(for: key) { () throws(LocatedError) in
            let lowered = try program.lower(inputs: values, training: false, parameters: weights.table, taps: taps, lengths: lengths)
            return try Runner(lowered, weights: weights, pool: pool)
        }
    }
}

extension Tensor {
    /// An array for `samples` rows of this one's shape, not set.
    fileprivate func extended(to samples: Int) throws(LocatedError) -> Tensor {
        guard shape.rank > 0 else {
            throw LocatedError(
                .unsupported, "predict.batches", "expected outputs with a batch axis to put batches together, got a scalar",
                hint: "Predict with a batch size of at least the number of samples.")
        }
        var dims = shape.dims
        dims[0] = samples
        try Memory.require(Shape(dims), dtype: dtype, for: "the outputs of all samples")
        return Tensor(uninitialized: Shape(dims), dtype: dtype)
    }

    /// Overwrites rows from `start` on with another array's.
    ///
    /// - Throws: where the rows have another shape: what they are decided it.
    fileprivate mutating func setRows(from start: Int, to rows: Tensor) throws(LocatedError) {
        guard rows.shape.dims.dropFirst() == shape.dims.dropFirst(), rows.shape.rank > 0, start + rows.shape[0] <= shape[0] else {
            throw LocatedError(
                .mismatch, "predict.batches", "expected outputs of one shape in all batches, got \(shape) and \(rows.shape)",
                hint: "Predict with a batch size of at least the number of samples.")
        }
        let offset = rows.shape[0] == 0 ? 0 : start * (rows.byteCount / rows.shape[0])
        keepStrings(of: rows)
        withUnsafeMutableBytes { target in
            rows.withUnsafeBytes { target.baseAddress?.advanced(by: offset).copyMemory(from: $0.baseAddress!, byteCount: $0.count) }
        }
    }
}
