import KerasSpec
import OrderedCollections
import Tensors

/// An optimizer's state, from a file's list of arrays to what belongs to which weight, and back.
enum OptimizerArrays {
    // MARK: - Reading

    /// Adds the state that a file's arrays tell; nothing when there are none.
    ///
    /// Throws 67 `optimizer.weights` when number or shapes aren't those of this optimizer and these weights.
    ///
    /// - Parameters:
    ///   - weights: of the model, for shapes; not read.
    ///   - isExact: whether every array must be there, with the shape and type that its place asks for.
    static func decode(
        _ arrays: [StoredWeights.Weight], into record: inout OptimizerRecord, in spec: ModelSpec, weights: ModelWeights,
        dialect: Dialect, isExact: Bool = false
    ) throws(LocatedError) {
        guard !arrays.isEmpty, let optimizer = OptimizerClass.named(record.className) else { return }
        var trained = TrainedWeights(in: spec, weights: weights, for: dialect)
        let shapes = Dictionary(weights.weights.map { ($0.outline.name, $0.tensor.shape) }, uniquingKeysWith: { first, _ in first })
        let order = isKeras30(spec, arrays, optimizer)
        var layout = OptimizerLayout(
            optimizer, record.config, in: record.generation, weights: trained.layoutWeights(shapes),
            isScaled: record.lossScaling != nil, isKeras30: order)
        func fitting(_ layout: OptimizerLayout) -> [OptimizerLayout.Entry]? {
            let holds = !isExact || (layout.entries.count == arrays.count && zip(layout.entries, arrays).allSatisfy(isOfKind))
            return holds ? self.fitting(layout.entries, to: arrays) : nil
        }
        var fit = fitting(layout)
        if fit == nil, dialect == .keras3, spec.holdsFrozen {
            trained = TrainedWeights(in: spec.thawed, weights: weights, for: dialect)
            layout = OptimizerLayout(
                optimizer, record.config, in: record.generation, weights: trained.layoutWeights(shapes),
                isScaled: record.lossScaling != nil, isKeras30: order)
            fit = fitting(layout)
        }
        guard let entries = fit else {
            throw LocatedError(
                .mismatch, "optimizer.weights",
                "expected \(layout.entries.count) arrays of \(optimizer.name) for \(trained.places.count) weights, got \(arrays.count)")
        }
        record.hasState = true
        var held: [String: [Int: StoredWeights.Weight]] = [:]
        for (entry, array) in zip(entries, arrays) {
            switch entry {
            case .iterations:
                let count = try number(array)
                guard let steps = Int(exactly: count.rounded(.towardZero)), steps >= 0 else {
                    throw LocatedError(
                        .invalid, "optimizer.iterations", "expected a number of steps, got \(count)", at: [array.name])
                }
                record.iterations = steps
            case .learningRate: record.config["learning_rate"] = .float(try number(array))
            case .scalar(OptimizerLayout.Scalar.goodSteps):
                record.lossScaling?.goodSteps = Int(exactly: try number(array))
            case .scalar(OptimizerLayout.Scalar.scale): record.lossScaling?.scale = try number(array)
            case .scalar(let name): record.scalars[name] = array.tensor
            case .slot(let slot, let place): held[slot, default: [:]][place] = array
            case .stub: break
            }
        }
        let origin = WeightOrigin(dialect, backend: spec.provenance?.backend)
        for (slot, byPlace) in held {
            record.slots[slot] = try modern(byPlace, slot, trained, shapes, origin)
        }
    }

    /// Whether arrays stand as Keras 3.0 lists them: its files tell the version, Nadam's number where it stands.
    private static func isKeras30(
        _ spec: ModelSpec, _ arrays: [StoredWeights.Weight], _ optimizer: OptimizerClass
    ) -> Bool {
        if optimizer.name == "Nadam" { return arrays.count > 2 && arrays[2].tensor.shape.rank == 0 }
        return spec.provenance?.kerasVersion?.hasPrefix("3.0.") ?? false
    }

    /// The entries that a file really has: older files lack step counts or the zeros of Adam.
    private static func fitting(
        _ entries: [OptimizerLayout.Entry], to arrays: [StoredWeights.Weight]
    ) -> [OptimizerLayout.Entry]? {
        if entries.count == arrays.count { return entries }
        let isStub = { (entry: OptimizerLayout.Entry) in if case .stub = entry { true } else { false } }
        let withoutStubs = entries.filter { !isStub($0) }
        let beginsWithNumber = arrays[0].tensor.shape.rank == 0
        for candidate in [entries, withoutStubs] {
            if candidate.count == arrays.count { return candidate }
            if candidate.first == .iterations, !beginsWithNumber, candidate.count - 1 == arrays.count {
                return Array(candidate.dropFirst())
            }
            if candidate.first != .iterations, beginsWithNumber, candidate.count + 1 == arrays.count {
                return [.iterations] + candidate
            }
        }
        // tf.keras makes the other arrays with the first step: an optimizer that made none has its counts alone.
        let counts = Array(entries.prefix { $0 == .iterations || $0 == .learningRate })
        return arrays.count == counts.count && arrays.allSatisfy { $0.tensor.shape.rank == 0 } ? counts : nil
    }

    /// Whether an array is a number of steps, a rate, or beside a weight, as its place asks.
    private static func isOfKind(_ entry: OptimizerLayout.Entry, _ array: StoredWeights.Weight) -> Bool {
        let tensor = array.tensor
        return switch entry {
        case .iterations: tensor.shape.rank == 0 && !tensor.dtype.isFloatingPoint
        case .learningRate: tensor.shape.rank == 0 && tensor.dtype.isFloatingPoint
        case .scalar: tensor.shape.rank == 0
        case .slot, .stub: true
        }
    }

    private static func number(_ array: StoredWeights.Weight) throws(LocatedError) -> Double {
        guard array.tensor.shape.count == 1 else {
            throw LocatedError(
                .mismatch, "optimizer.weights", "expected a single number, got the shape \(array.tensor.shape)",
                at: [array.name])
        }
        let tensor = try array.tensor.load()
        return tensor.dtype.isFloatingPoint
            ? Double(tensor.asType(.float32).array(as: Float.self)[0])
            : Double(tensor.asType(.int64).array(as: Int64.self)[0])
    }

    /// Arrays of one slot under the names of today's weights.
    private static func modern(
        _ byPlace: [Int: StoredWeights.Weight], _ slot: String, _ trained: TrainedWeights, _ shapes: [String: Shape],
        _ origin: WeightOrigin
    ) throws(LocatedError) -> [String: LazyTensor] {
        var byOwner: [Int: [Int: StoredWeights.Weight]] = [:]
        for (index, place) in trained.places.enumerated() {
            if let array = byPlace[index] { byOwner[place.owner, default: [:]][place.variable] = array }
        }
        var result: [String: LazyTensor] = [:]
        for (index, arrays) in byOwner {
            let (owner, modern) = (trained.owners[index], trained.modern[index])
            var tensors: [Int: LazyTensor] = [:]
            let own = owner.variables.indices.compactMap { arrays[$0] }
            if own.count == owner.variables.count, isWhole(slot) {
                let upgraded = try LegacyConversion.upgraded(own.map(\.tensor), of: modern, from: origin)
                for (place, tensor) in upgraded.enumerated() { tensors[place] = tensor }
            } else {
                for (place, array) in arrays { tensors[place] = array.tensor }
            }
            for (place, outline) in modern.outlines.enumerated() {
                guard let tensor = tensors[place] else { continue }
                if let weight = shapes[outline.name], tensor.shape != shape(of: slot, beside: weight) {
                    throw LocatedError(
                        .mismatch, "optimizer.weights",
                        "expected the shape \(shape(of: slot, beside: weight)) beside \(outline.name), got \(tensor.shape)",
                        at: [own.first?.name ?? slot])
                }
                result[outline.name] = tensor
            }
        }
        return result
    }

    /// Whether the slot's arrays have the shapes of their weights.
    private static func isWhole(_ slot: String) -> Bool {
        slot != OptimizerClass.Factor.rows && slot != OptimizerClass.Factor.columns
    }

    private static func shape(of slot: String, beside weight: Shape) -> Shape {
        guard !isWhole(slot), weight.rank >= 2 else { return weight }
        var dims = weight.dims
        dims.remove(at: slot == OptimizerClass.Factor.rows ? dims.count - 1 : dims.count - 2)
        return Shape(dims)
    }

    // MARK: - Writing

    /// Layers whose arrays a target's file has no place for: frozen ones, for which Keras 3.0 and 3.1 alone keep any.
    static func layersLeftOut(
        _ record: OptimizerRecord, of spec: ModelSpec, weights: ModelWeights, for target: KerasTarget
    ) -> [String] {
        guard record.hasState, spec.holdsFrozen, !target.ignoresFrozen else { return [] }
        let trained = TrainedWeights(in: spec, weights: weights, for: target.dialect)
        let kept = Set(trained.places.flatMap { trained.modern[$0.owner].outlines.map(\.name) })
        let held = Set(record.slots.values.flatMap(\.keys)).subtracting(kept)
        var layers: OrderedSet<String> = []
        for weight in weights.weights where held.contains(weight.outline.name) {
            layers.append(weight.outline.layerPath.joined(separator: "/"))
        }
        return Array(layers)
    }

    /// The arrays that a file of the target lists; none when there is no state.
    static func encode(
        _ record: OptimizerRecord, settings: ConfigObject, of spec: ModelSpec, weights: ModelWeights, for target: KerasTarget,
        generation: OptimizerGeneration
    ) throws(LocatedError) -> [StoredWeights.Weight] {
        guard record.hasState, let optimizer = OptimizerClass.named(record.className) else { return [] }
        let trained = TrainedWeights(in: target.ignoresFrozen ? spec.thawed : spec, weights: weights, for: target.dialect)
        let values = Dictionary(weights.weights.map { ($0.outline.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        let shapes = values.mapValues(\.shape)
        let isScaled = record.lossScaling != nil && generation == .keras3
        let layout = OptimizerLayout(
            optimizer, settings, in: generation, weights: trained.layoutWeights(shapes), isScaled: isScaled,
            isKeras30: target.dialect == .keras3 && target.minor == 0)
        let names = OptimizerNames(
            optimizer: optimizer, generation: generation, minor: target.minor,
            instance: OptimizerConfig.instanceName(optimizer.name, minor: target.minor),
            weights: trained.places.map(\.fileName), isScaled: isScaled
        ).names(of: layout.entries)

        var written: [String: [[LazyTensor?]]] = [:]
        for case .slot(let slot, _) in layout.entries where written[slot] == nil {
            let start = slot == "accumulator" ? record.config["initial_accumulator_value"]?.number ?? 0 : 0
            written[slot] = try dialectArrays(
                record.slots[slot] ?? [:], slot, startingWith: Float(start), trained, values, target.dialect)
        }
        let steps = record.iterations ?? 0
        var result: [StoredWeights.Weight] = []
        for (entry, name) in zip(layout.entries, names) {
            let tensor: LazyTensor
            switch entry {
            case .iterations, .scalar(OptimizerLayout.Scalar.outerIterations):
                let count = Tensor(scalar: Int64(steps))
                // Keras 1 counts in floats.
                tensor = LazyTensor(generation == .keras1 ? count.asType(.float32) : count)
            case .learningRate: tensor = LazyTensor(Tensor(scalar: Float(settings["learning_rate"]?.number ?? 0)))
            case .scalar(OptimizerLayout.Scalar.outerLearningRate): tensor = LazyTensor(Tensor(scalar: Float(0)))
            case .scalar(OptimizerLayout.Scalar.goodSteps):
                tensor = LazyTensor(Tensor(scalar: Int64(record.lossScaling?.goodSteps ?? 0)))
            case .scalar(OptimizerLayout.Scalar.scale):
                let start = record.lossScaling?.config["initial_scale"]?.number ?? 32768
                tensor = LazyTensor(Tensor(scalar: Float(record.lossScaling?.scale ?? start)))
            case .scalar(let name):
                let isKept = record.generation.isBefore211 == generation.isBefore211
                tensor =
                    isKept ? record.scalars[name] ?? momentumProduct(record, generation, steps) : momentumProduct(record, generation, steps)
            case .slot(let slot, let index):
                let place = trained.places[index]
                guard let array = written[slot]?[place.owner][place.variable] else {
                    throw LocatedError(
                        .mismatch, "weights.value", "expected a value for every weight, got none", at: [place.fileName])
                }
                tensor = array
            case .stub:
                tensor = generation == .keras3 ? LazyTensor(Tensor(scalar: Int32(0))) : LazyTensor(Tensor(zeros: [1]))
            }
            result.append(StoredWeights.Weight(name: name, tensor: tensor))
        }
        return result
    }

    /// Nadam's product of momenta after some steps, by the target's rule.
    private static func momentumProduct(
        _ record: OptimizerRecord, _ generation: OptimizerGeneration, _ steps: Int
    ) -> LazyTensor {
        let beta = record.config["beta_1"]?.number ?? 0.9
        let decay = generation.isBefore211 ? record.config["schedule_decay"]?.number ?? 0.004 : 1
        var product = 1.0
        var power = 1.0
        let factor = Self.power(0.96, decay)
        // Below this nothing is left of it.
        for _ in 0..<min(steps, 10_000) {
            power *= factor
            product *= beta * (1 - 0.5 * power)
        }
        return LazyTensor(Tensor(scalar: Float(product)))
    }

    /// base to the power of exponent, by the exponential's series: exponents are small.
    private static func power(_ base: Double, _ exponent: Double) -> Double {
        guard base == 0.96 else { return base }
        let logarithm = -0.040821994520255166
        let x = max(-30, min(30, exponent * logarithm))
        var (term, sum) = (1.0, 1.0)
        for n in 1..<60 {
            term *= x / Double(n)
            sum += term
        }
        return sum
    }

    /// Arrays of one slot by the dialect's owners and variables. What isn't known begins anew; an average is the weight itself.
    private static func dialectArrays(
        _ arrays: [String: LazyTensor], _ slot: String, startingWith start: Float, _ trained: TrainedWeights,
        _ values: [String: LazyTensor], _ dialect: Dialect
    ) throws(LocatedError) -> [[LazyTensor?]] {
        var result: [[LazyTensor?]] = []
        for (owner, modern) in zip(trained.owners, trained.modern) {
            var own: [LazyTensor?] = []
            for outline in modern.outlines {
                if let array = arrays[outline.name] {
                    own.append(array)
                } else if let weight = values[outline.name] {
                    own.append(
                        slot == OptimizerLayout.CommonSlot.average ? weight : filled(shape(of: slot, beside: weight.shape), with: start))
                } else {
                    own.append(nil)
                }
            }
            let known = own.compactMap(\.self)
            if known.count == modern.variables.count, isWhole(slot), !known.isEmpty {
                let downgraded = try LegacyConversion.downgraded(known, of: modern, for: dialect)
                guard downgraded.count == owner.variables.count else {
                    throw LocatedError(
                        .mismatch, "optimizer.weights",
                        "expected \(owner.variables.count) arrays of \(owner.className), got \(downgraded.count)")
                }
                result.append(downgraded)
            } else if owner.variables.count == modern.variables.count {
                result.append(own)
            } else {
                result.append(owner.variables.map { _ in nil })
            }
        }
        return result
    }

    private static func filled(_ shape: Shape, with number: Float) -> LazyTensor {
        LazyTensor(shape: shape, dtype: .float32) { () throws(LocatedError) in
            number == 0 ? Tensor(zeros: shape) : Tensor([Float](repeating: number, count: shape.count)).reshaped(to: shape)
        }
    }
}

extension TrainedWeights {
    /// What a layout asks of the weights.
    fileprivate func layoutWeights(_ shapes: [String: Shape]) -> [OptimizerLayout.Weight] {
        places.map { place in
            let name = owners[place.owner].outlines[place.variable].name
            return OptimizerLayout.Weight(rank: shapes[name]?.rank ?? 0, path: name)
        }
    }
}
