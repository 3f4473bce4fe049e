package import Tensors

/// What a model is trained or measured on: arrays whose first axis is the samples.
package struct TrainingData: Sendable {
    /// In the order of the model's inputs.
    package var inputs: [Tensor]
    /// In the order of the model's outputs; nil for one without a loss.
    package var targets: [Tensor?]
    /// By output: one weight a sample (or a sample and step); nil is 1.
    package var sampleWeights: [Tensor?]
    /// Which samples of the arrays are meant; nil: all.
    private var part: Range<Int>?

    package init(inputs: [Tensor], targets: [Tensor?], sampleWeights: [Tensor?]? = nil) {
        self.inputs = inputs
        self.targets = targets
        self.sampleWeights = sampleWeights ?? targets.map { _ in nil }
    }

    /// The samples meant, as rows of the arrays.
    package var samples: Range<Int> { part ?? 0..<total }

    /// The number of samples.
    package var count: Int { samples.count }

    /// Samples of the arrays.
    private var total: Int { inputs.isEmpty || inputs[0].shape.rank == 0 ? 0 : inputs[0].shape.dims[0] }

    /// Some of the samples, counted from the first of these: a view of the same arrays.
    package func rows(_ range: Range<Int>) -> TrainingData {
        precondition(range.lowerBound >= 0 && range.upperBound <= count)
        var view = self
        view.part = samples.lowerBound + range.lowerBound..<samples.lowerBound + range.upperBound
        return view
    }

    /// The data cut in two as Keras's `validation_split` does it: the last part is for validation, whatever the order is later.
    ///
    /// Throws `fit.validation_split` when a part would be empty or the share isn't between 0 and 1.
    package func split(validationSplit share: Double) throws(LocatedError) -> (training: TrainingData, validation: TrainingData) {
        guard share > 0, share < 1 else {
            throw LocatedError(
                .usage, "fit.validation_split", "expected a share between 0 and 1, got \(share)")
        }
        let first = Int(Double(count) * (1 - share))
        guard first > 0, first < count else {
            throw LocatedError(
                .usage, "fit.validation_split", "expected samples on both sides of the split, got \(first) of \(count)")
        }
        return (rows(0..<first), rows(first..<count))
    }

    /// Sample weights times the weights of the samples' classes, for an output.
    ///
    /// Throws `class_weight.missing` when a class of the data has no weight.
    package mutating func weigh(classes: [Int: Double], ofOutput output: Int) throws(LocatedError) {
        guard targets.indices.contains(output), let target = targets[output] else { return }
        guard target.shape.rank <= 2 else {
            throw LocatedError(
                .mismatch, "class_weight.targets", "expected one class a sample, got targets of shape \(target.shape)")
        }
        let columns = target.shape.rank == 2 ? target.shape[1] : 1
        let values = target.floats
        var weights: [Float] = []
        for sample in 0..<total {
            let row = values[sample * columns..<(sample + 1) * columns]
            var label = row.first ?? 0
            if columns > 1 {
                var place = 0
                for (index, value) in row.enumerated() where value > row[row.startIndex + place] { place = index }
                label = Float(place)
            }
            guard let number = Int(exactly: label), let weight = classes[number] else {
                throw LocatedError(
                    .usage, "class_weight.missing", "expected a weight for every class of the data, got none for \(label)")
            }
            weights.append(Float(weight))
        }
        if let given = sampleWeights[output] {
            guard given.shape == [total] else {
                throw LocatedError(
                    .mismatch, "class_weight.sample_weight", "expected one sample weight a sample, got the shape \(given.shape)")
            }
            weights = zip(weights, given.floats).map(*)
        }
        sampleWeights[output] = Tensor(weights)
    }
}

/// What a model wants of its data.
struct DataDemands: Sendable {
    /// Shapes without the samples' axis; nil extents are free.
    var inputs: [(name: String, shape: PartialShape, dtype: DType)]
    var outputs: [(OutputTraining, shape: PartialShape)]
}

extension TrainingData {
    /// The data as the model takes it: types converted, labels without an axis of their own, everything checked.
    ///
    /// Throws `data.…`: counts, shapes, labels that are no class.
    func prepared(for demands: DataDemands) throws(LocatedError) -> TrainingData {
        guard inputs.count == demands.inputs.count else {
            throw LocatedError(
                .mismatch, "data.inputs", "expected \(demands.inputs.count) input arrays, got \(inputs.count)")
        }
        guard targets.count == demands.outputs.count else {
            throw LocatedError(
                .mismatch, "data.targets", "expected \(demands.outputs.count) target arrays, got \(targets.count)")
        }
        guard inputs.isEmpty || inputs[0].shape.rank > 0 else {
            throw LocatedError(.mismatch, "data.samples", "expected arrays of samples, got a single number", at: ["x"])
        }
        let count = total
        guard self.count > 0 else {
            throw LocatedError(.usage, "data.empty", "expected at least one sample, got none", at: ["x"])
        }
        var result = self
        for (place, demand) in demands.inputs.enumerated() {
            do throws(LocatedError) {
                result.inputs[place] = try Self.input(inputs[place], demand.shape, demand.dtype, count)
            } catch { throw error.within(demand.name).within("x") }
        }
        for (place, (output, shape)) in demands.outputs.enumerated() {
            guard let loss = output.loss else {
                result.targets[place] = nil
                result.sampleWeights[place] = nil
                continue
            }
            do throws(LocatedError) {
                result.targets[place] = try Self.target(targets[place], loss, shape, count)
            } catch { throw error.within(output.name).within("y") }
            do throws(LocatedError) {
                result.sampleWeights[place] = try Self.weights(sampleWeights[place], output, shape, count)
            } catch { throw error.within(output.name).within("sample_weight") }
        }
        return result
    }

    private static func requireSamples(_ tensor: Tensor, _ count: Int, _ what: String) throws(LocatedError) {
        guard let samples = tensor.shape.dims.first, samples == count else {
            throw LocatedError(
                .mismatch, "data.samples",
                "expected \(count) \(what), one a sample, got \(tensor.shape.dims.first ?? 0)")
        }
    }

    private static func input(
        _ tensor: Tensor, _ shape: PartialShape, _ dtype: DType, _ count: Int
    ) throws(LocatedError) -> Tensor {
        try requireSamples(tensor, count, "samples in each input array")
        var tensor = tensor
        // A vector of samples is a column, as in Keras.
        if tensor.shape.rank == 1, shape.rank == 1 { tensor = tensor.reshaped(to: [count, 1]) }
        guard shape.admits(Shape(Array(tensor.shape.dims.dropFirst()))) else {
            throw LocatedError(
                .mismatch, "data.input_shape",
                "expected samples of shape \(shape), got \(Shape(Array(tensor.shape.dims.dropFirst())))")
        }
        return try tensor.taken(as: dtype, at: "x")
    }

    private static func target(
        _ tensor: Tensor?, _ loss: Loss, _ shape: PartialShape, _ count: Int
    ) throws(LocatedError) -> Tensor {
        guard let tensor else {
            throw LocatedError(.mismatch, "data.targets", "expected targets for the loss \(loss.name), got none")
        }
        try requireSamples(tensor, count, "targets")
        let wanted = PartialShape([count] + shape.dims)
        if loss.kind == .ctc { return try spelling(tensor, loss, wanted) }
        // Not only the sparse cross entropy: whatever takes class numbers.
        if loss.targetType == .int32, loss.custom == nil { return try labels(tensor, loss, wanted) }
        var target = tensor
        if target.shape.rank == 1, wanted.rank == 2 { target = target.reshaped(to: [count, 1]) }
        guard wanted.admits(target.shape) else {
            let isLabel = loss.kind == .categoricalCrossentropy && (tensor.shape.rank == 1 || tensor.shape.dims.last == 1)
            throw LocatedError(
                .mismatch, "data.target_shape",
                "expected targets of the output's shape \(wanted) for the loss \(loss.name), got \(tensor.shape)",
                hint: isLabel
                    ? "Class numbers become such targets with toCategorical; or take sparse_categorical_crossentropy." : nil)
        }
        if loss.kind == .categoricalCrossentropy, wanted.dims.last == 1 {
            throw LocatedError(
                .mismatch, "data.single_class",
                "expected an output of two classes or more for the loss \(loss.name), got the shape \(wanted)",
                hint: "One output between 0 and 1 goes with binary_crossentropy.")
        }
        return target.asType(.float32)
    }

    /// Labels of any length for steps of an output (samples, steps, classes), as int32.
    private static func spelling(_ tensor: Tensor, _ loss: Loss, _ wanted: PartialShape) throws(LocatedError) -> Tensor {
        guard wanted.rank == 3 else {
            throw LocatedError(
                .mismatch, "data.output_shape", "expected an output of shape (samples, steps, classes) for the loss \(loss.name), got \(wanted)")
        }
        guard tensor.shape.rank == 2 else {
            throw LocatedError(
                .mismatch, "data.target_shape",
                "expected labels of shape (samples, places), padded with 0, for the loss \(loss.name), got \(tensor.shape)")
        }
        return try classNumbers(tensor, below: wanted[2])
    }

    /// Class numbers as int32, of one axis less than the output.
    private static func labels(_ tensor: Tensor, _ loss: Loss, _ wanted: PartialShape) throws(LocatedError) -> Tensor {
        let axis = loss.classAxis(wanted.rank)
        var dims = wanted.dims
        let classes = dims.remove(at: axis)
        let rows = PartialShape(dims)
        var target = tensor
        if target.shape.rank == rows.rank + 1, target.shape.dims.last == 1 {
            target = target.reshaped(to: Shape(Array(target.shape.dims.dropLast())))
        }
        guard rows.admits(target.shape) else {
            let isOneHot = wanted.admits(tensor.shape)
            throw LocatedError(
                .mismatch, "data.target_shape",
                "expected one class number for each of \(rows) for the loss \(loss.name), got targets of shape \(tensor.shape)",
                hint: isOneHot ? "Targets like the output go with categorical_crossentropy." : nil)
        }
        // The classes of a circle aren't the output's.
        return try classNumbers(target, below: loss.kind == .circle ? nil : classes)
    }

    private static func classNumbers(_ target: Tensor, below classes: Int?) throws(LocatedError) -> Tensor {
        if target.dtype.isFloatingPoint {
            let fraction = target.floats.first { $0.rounded() != $0 || !$0.isFinite }
            if let fraction {
                throw LocatedError(.mismatch, "data.labels", "expected class numbers, got \(fraction)")
            }
        }
        let wide = target.asType(.int64)
        let wrong = wide.withUnsafeElements(as: Int64.self) { labels in
            labels.first { $0 < 0 || $0 > Int64(Int32.max) || $0 >= Int64(classes ?? .max) }
        }
        if let wrong {
            throw LocatedError(
                .mismatch, "data.labels",
                "expected class numbers from 0 to \(classes.map { "\($0 - 1)" } ?? "2147483647"), got \(wrong)")
        }
        return wide.asType(.int32)
    }

    private static func weights(
        _ tensor: Tensor?, _ output: OutputTraining, _ shape: PartialShape, _ count: Int
    ) throws(LocatedError) -> Tensor? {
        guard let tensor else { return nil }
        try requireSamples(tensor, count, "sample weights")
        let wanted = PartialShape([count] + shape.dims.prefix(output.isTemporal ? 1 : 0))
        guard wanted.admits(tensor.shape) else {
            throw LocatedError(
                .mismatch, "data.sample_weight", "expected sample weights of shape \(wanted), got \(tensor.shape)",
                hint: output.isTemporal ? nil : "Weights for each step want the sample weight mode \"temporal\".")
        }
        return tensor.asType(.float32)
    }
}
