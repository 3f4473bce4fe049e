public import Datasets
internal import Layers
public import Tensors
internal import Training

extension Model {
    /// Trains on the batches of a fixture and compares losses, the first batch's gradients and weights after some steps with what another
    /// runtime recorded. The model itself stays as it is.
    ///
    /// The fixture holds inputs `x0`, `x1`… and targets `t0`, `t1`… of all steps in order, and any of: `batch_size` (a number), `loss` (one of
    /// each step), `gradient/WEIGHT` (of the first batch), `after/STEPS/WEIGHT`. WEIGHT is a path (`dense_1/kernel`, also as `dense_1/kernel:0` or behind the
    /// model's name) or a number, in the order of `trainable_weights` for gradients and of `get_weights()` after steps.
    ///
    /// A loss passes within absolute + relative · |expected|; weights within absolute + relative · the largest of their array; a gradient
    /// within relative · the largest of its array, or a hundredth of that of all gradients where the array is smaller: of a bias before
    /// batch normalization rounding alone is left.
    ///
    /// - Parameters:
    ///   - repeated: the fixture recorded once more by the same runtime (on another number of threads): no error needs to be smaller than twice
    ///     the distance between the two.
    ///   - after: models as they were saved after so many steps, whatever their format.
    ///   - batchSize: default: the fixture's, else 32.
    /// - Throws: `.mismatch` when names, shapes or counts don't fit the model; `model.notCompiled`.
    public func verifyTraining(
        _ fixture: NPZ, repeated: NPZ? = nil, after: [Int: Model] = [:], relativeTolerance: Double = 1e-4,
        absoluteTolerance: Double = 1e-5, batchSize: Int? = nil, threads: Int? = nil
    ) throws(LocatedError) -> TrainingVerification {
        let trainer = try makeTrainer(try compiled(), threads: threads, seed: 0)
        let record = try TrainingRecord(fixture, repeated: repeated, after: after, batchSize: batchSize, trainer)
        let tolerance = ModelComparison.Tolerance(relative: relativeTolerance, absolute: absoluteTolerance)
        let first = record.batch(0)
        let start = try trainer.gradients(first, seed: 0)
        var report = TrainingVerification(
            batchSize: record.batchSize, steps: record.steps, isRandom: try start.loss != trainer.gradients(first, seed: 1).loss)
        let largest = record.gradients.reduce(0) { max($0, ArrayDistance.scale(of: $1.expected)) }
        for array in record.gradients {
            let place = array.place
            let got = start.weights[place] ?? Tensor(zeros: trainer.table.slots[trainer.trained[place]].slot.shape)
            report.gradients.append(
                try array.distance(of: got) { relativeTolerance * max($0, largest / 100) })
        }
        for step in stride(from: 1, through: record.steps, by: 1) {
            let logs = try trainer.trainOnBatch(record.batch(step - 1))
            if let expected = record.losses?[step - 1] {
                let got = logs["loss"] ?? .nan
                let spread = record.repeatedLosses.map { 2 * abs($0[step - 1] - expected) } ?? 0
                var loss = TrainingVerification.Loss(step: step, expected: expected, got: got, passed: false)
                loss.passed = loss.absoluteError <= max(tolerance.absolute + tolerance.relative * abs(expected), spread)
                report.losses.append(loss)
            }
            guard let expected = record.weights[step] else { continue }
            let weights = trainer.weights
            var arrays: [ArrayDistance] = []
            for array in expected {
                arrays.append(
                    try array.distance(of: weights[array.place]) { tolerance.absolute + tolerance.relative * $0 })
            }
            report.weights.append(TrainingVerification.Weights(steps: step, arrays: arrays))
        }
        return report
    }
}

/// What another runtime recorded of a training.
private struct TrainingRecord {
    struct Array {
        /// In the trained weights for gradients, in the table for weights.
        var place: Int
        var name: String
        var expected: Tensor
        var repeated: Tensor?

        func distance(of got: Tensor, limit: (Double) -> Double) throws(LocatedError) -> ArrayDistance {
            try ArrayDistance(name: name, got: got, expected: expected, repeated: repeated, limit: limit)
        }
    }

    let data: TrainingData
    let batchSize: Int
    var losses: [Double]?
    var repeatedLosses: [Double]?
    var gradients: [Array] = []
    /// By the number of steps before.
    var weights: [Int: [Array]] = [:]

    /// Steps that something is known of.
    var steps: Int { max(losses?.count ?? 0, weights.keys.max() ?? 0) }

    init(_ fixture: NPZ, repeated: NPZ?, after: [Int: Model], batchSize: Int?, _ trainer: Trainer) throws(LocatedError) {
        let (x, t) = (try fixture.numbered("x"), try fixture.numbered("t"))
        guard !x.isEmpty, !t.isEmpty else {
            throw LocatedError(
                .mismatch, "verify.training",
                "expected inputs x0, x1… and targets t0, t1…, got \(fixture.names.prefix(8).joined(separator: ", "))")
        }
        data = try trainer.prepared(TrainingData(inputs: x, targets: t))
        if let batchSize {
            self.batchSize = batchSize
        } else {
            self.batchSize = fixture.names.contains("batch_size") ? Int(try fixture.numbers("batch_size").first ?? 32) : 32
        }
        guard self.batchSize > 0 else {
            throw LocatedError(.mismatch, "verify.batch_size", "expected a batch size of at least 1, got \(self.batchSize)")
        }
        let names = WeightNames(trainer)
        if fixture.names.contains("loss") {
            losses = try fixture.numbers("loss")
            repeatedLosses = try repeated?.numbers("loss")
            if let repeatedLosses, repeatedLosses.count != losses?.count {
                throw LocatedError(
                    .mismatch, "verify.repeated", "expected \(losses?.count ?? 0) losses in the repetition, got \(repeatedLosses.count)")
            }
        }
        func array(_ member: String, _ place: Int, _ name: String) throws(LocatedError) -> Array {
            Array(place: place, name: name, expected: try fixture.tensor(member), repeated: try repeated?.tensor(member))
        }
        for member in fixture.names {
            if let name = member.dropping("gradient/") {
                let place = try names.trained(name, member)
                gradients.append(try array(member, place, trainer.trainedPaths[place]))
            } else if let rest = member.dropping("after/") {
                guard let slash = rest.firstIndex(of: "/"), let steps = Int(rest[..<slash]), steps > 0 else {
                    throw LocatedError(
                        .mismatch, "verify.after", "expected an array named after/STEPS/WEIGHT with at least one step", at: [member])
                }
                let place = try names.stored(String(rest[rest.index(after: slash)...]), member)
                weights[steps, default: []].append(try array(member, place, trainer.table.slots[place].path))
            }
        }
        for (steps, model) in after {
            let found = try model.weights()
            for (place, slot) in trainer.table.slots.enumerated() where slot.slot.isSaved {
                guard let expected = found[slot.path] else {
                    throw LocatedError(
                        .mismatch, "verify.after", "expected the weight \(slot.path) in the model after \(steps) steps, found none",
                        at: [model.name])
                }
                weights[steps, default: []].append(Array(place: place, name: slot.path, expected: expected))
            }
        }
        for steps in weights.keys { weights[steps]?.sort { $0.place < $1.place } }
        gradients.sort { $0.place < $1.place }
        guard losses != nil || !gradients.isEmpty || !weights.isEmpty else {
            throw LocatedError(
                .mismatch, "verify.training",
                "expected something to compare with: loss, gradient/WEIGHT or after/STEPS/WEIGHT, or a model after some steps, got \(fixture.names.prefix(8).joined(separator: ", "))"
            )
        }
        let batches = (data.count + self.batchSize - 1) / self.batchSize
        guard steps <= batches else {
            throw LocatedError(
                .mismatch, "verify.steps",
                "expected data for \(steps) steps, got \(data.count) samples, which are \(batches) batches of \(self.batchSize)")
        }
    }

    /// The samples of a step, counted from 0.
    func batch(_ step: Int) -> TrainingData {
        data.rows(step * batchSize..<min((step + 1) * batchSize, data.count))
    }
}

/// Which weight a name or a number of another runtime means.
private struct WeightNames {
    /// Paths by place, in Keras's orders.
    private let trainable: [(path: String, place: Int)]
    private let all: [(path: String, place: Int)]

    init(_ trainer: Trainer) {
        trainable = trainer.trainedPaths.enumerated().map { ($1, $0) }
        let table = trainer.table
        all = trainer.program.layerSlots(in: table).flatMap(\.slots).compactMap { slot in table.index(of: slot.path).map { (slot.path, $0) } }
    }

    /// A place among the trained weights.
    func trained(_ name: String, _ member: String) throws(LocatedError) -> Int { try Self.find(name, trainable, member) }

    /// A place in the table.
    func stored(_ name: String, _ member: String) throws(LocatedError) -> Int { try Self.find(name, all, member) }

    private static func find(_ name: String, _ weights: [(path: String, place: Int)], _ member: String) throws(LocatedError) -> Int {
        if let number = Int(name) {
            if weights.indices.contains(number) { return weights[number].place }
        } else {
            let plain = name.hasSuffix(":0") ? String(name.dropLast(2)) : name
            if let exact = weights.first(where: { $0.path == plain }) { return exact.place }
            let ends = weights.filter { plain.hasSuffix("/" + $0.path) }
            if ends.count == 1 { return ends[0].place }
        }
        let known = weights.prefix(6).map(\.path).joined(separator: ", ") + (weights.count > 6 ? ", …" : "")
        throw LocatedError(
            .mismatch, "verify.weight", "expected one of the model's \(weights.count) weights, by number or name (\(known)), got \(name)",
            at: [member])
    }
}

extension NPZ {
    /// The arrays `prefix0`, `prefix1`….
    func numbered(_ prefix: String) throws(LocatedError) -> [Tensor] {
        var tensors: [Tensor] = []
        while names.contains("\(prefix)\(tensors.count)") { tensors.append(try tensor("\(prefix)\(tensors.count)")) }
        return tensors
    }

    /// The elements of an array of numbers.
    fileprivate func numbers(_ name: String) throws(LocatedError) -> [Double] {
        try tensor(name).asType(.float64).withUnsafeElements(as: Double.self) { [Double]($0) }
    }
}

extension String {
    /// What comes behind a prefix; nil without it.
    fileprivate func dropping(_ prefix: String) -> String? { hasPrefix(prefix) ? String(dropFirst(prefix.count)) : nil }
}
