internal import KerasFormat
internal import KerasSpec
internal import OrderedCollections
internal import Tensors
internal import Training

/// Compile settings and optimizer state of two models.
struct TrainingComparison {
    private(set) var differences: [ModelComparison.Difference] = []
    private(set) var notes: [String] = []
    private let a: ModelComparison.Side
    private let b: ModelComparison.Side
    private let pairing: LayerPairing?
    private let tolerance: ModelComparison.Tolerance

    init(
        _ a: ModelComparison.Side, _ b: ModelComparison.Side, _ pairing: LayerPairing?, _ tolerance: ModelComparison.Tolerance
    ) {
        self.a = a
        self.b = b
        self.pairing = pairing
        self.tolerance = tolerance
    }

    mutating func run() throws(LocatedError) {
        guard let x = a.stored.training, let y = b.stored.training else { return }
        let (generationA, generationB) = (
            TrainingGeneration(OptimizerGeneration(of: x)), TrainingGeneration(OptimizerGeneration(of: y))
        )
        if generationA != generationB {
            notes.append("training follows the rules of \(generationA.rawValue) in A, of \(generationB.rawValue) in B")
        }
        let settings: (CompileSettings, CompileSettings)
        do throws(LocatedError) {
            settings = (try CompileSettings(x), try CompileSettings(y))
        } catch {
            return try compareUnknown(x, y, error)
        }
        compare(settings.0, settings.1, (generationA, generationB))
        try compareState(x, settings.0, generationA, y, settings.1, generationB)
    }

    // MARK: - Settings

    private mutating func compare(
        _ a: CompileSettings, _ b: CompileSettings, _ generations: (TrainingGeneration, TrainingGeneration)
    ) {
        guard let optimizerA = a.optimizer as? any BuiltInOptimizer, let optimizerB = b.optimizer as? any BuiltInOptimizer
        else { return }
        let (x, y) = (a.config, b.config)
        let (ownA, ownB) = (Self.settings(of: optimizerA, generations.0), Self.settings(of: optimizerB, generations.1))
        let (classA, classB) = (type(of: optimizerA).className, type(of: optimizerB).className)
        if classA != classB {
            differences.append(ModelComparison.Difference(.training, "", "optimizer", a: classA, b: classB))
        } else {
            add("optimizer", ownA, ownB)
        }
        for key in OrderedSet(x.keys).union(y.keys) {
            var (left, right) = (Self.plain(x[key] ?? .null), Self.plain(y[key] ?? .null))
            if key == "loss" { (left, right) = (Self.byFullName(left), Self.byFullName(right)) }
            if key.hasSuffix("metrics") { (left, right) = (metrics(x[key] ?? .null, self.a), metrics(y[key] ?? .null, self.b)) }
            if !ConfigMeaning.isEqual(left, right) {
                differences.append(
                    ModelComparison.Difference(.training, "", key, a: ConfigMeaning.text(left), b: ConfigMeaning.text(right)))
            }
        }
    }

    private mutating func add(_ what: String, _ a: ConfigObject, _ b: ConfigObject) {
        for key in OrderedSet(a.keys).union(b.keys) where !ConfigMeaning.isEqual(a[key] ?? .null, b[key] ?? .null, key) {
            differences.append(
                ModelComparison.Difference(
                    .training, "", "\(what): \(key)", a: ConfigMeaning.text(a[key] ?? .null), b: ConfigMeaning.text(b[key] ?? .null)))
        }
    }

    /// By what they mean: `decay` as the schedule that it is, standalone Keras's `clipnorm` as the norm of all gradients.
    private static func settings(of optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration) -> ConfigObject {
        var optimizer = optimizer
        if optimizer.decay > 0, generation != .tfKeras, generation != .keras3 {
            optimizer.schedule = .inverseTimeDecay(
                initialLearningRate: optimizer.learningRate, decaySteps: 1, decayRate: optimizer.decay)
        }
        optimizer.decay = 0
        if generation == .keras1 || generation == .keras2 {
            optimizer.settings.globalClipnorm = optimizer.clipnorm
            optimizer.clipnorm = nil
        }
        // What doesn't change a step.
        optimizer.settings.lossScaleFactor = nil
        optimizer.settings.lossScaling = nil
        var config = optimizer.record(for: generation.optimizers).config
        // What only one generation has, or what is in the state by then.
        config["schedule_decay"] = nil
        config["initial_accumulator_value"] = nil
        return config
    }

    /// A list of one thing is that thing; none is null.
    private static func plain(_ value: ConfigValue) -> ConfigValue {
        guard let items = value.array?.map(plain) else { return value }
        return items.allSatisfy(\.isNull) ? .null : items.count == 1 ? items[0] : value
    }

    /// Metrics by the outputs' names, those of outputs without any left out; what is the same for every output is the model's.
    private func metrics(_ value: ConfigValue, _ side: ModelComparison.Side) -> ConfigValue {
        let outputs = side.stored.spec?.outputNames ?? []
        var named = value.object
        if let items = value.array, items.count == outputs.count, items.contains(where: { $0.array != nil || $0.isNull }) {
            named = ConfigObject(zip(outputs, items), uniquingKeysWith: { first, _ in first })
        }
        guard let named, named["class_name"] == nil else { return Self.plain(value) }
        let own = named.mapValues(Self.plain)
        if Set(own.keys) == Set(outputs), let first = own.values.first, own.values.allSatisfy({ $0 == first }) { return first }
        return .object(own.filter { !$0.value.isNull })
    }

    // MARK: - State

    private mutating func compareState(
        _ a: TrainingSpec, _ settingsA: CompileSettings, _ generationA: TrainingGeneration, _ b: TrainingSpec,
        _ settingsB: CompileSettings, _ generationB: TrainingGeneration
    ) throws(LocatedError) {
        switch (a.optimizerWeights.isEmpty, b.optimizerWeights.isEmpty) {
        case (true, true): return
        case (false, true) where isMisfit(a, settingsA, self.a), (true, false) where isMisfit(b, settingsB, self.b):
            return notes.append("one file's optimizer state isn't that of its weights, the other has none: training begins afresh")
        case (false, true): return differences.append(ModelComparison.Difference(.optimizer, "", "state", a: ""))
        case (true, false): return differences.append(ModelComparison.Difference(.optimizer, "", "state", b: ""))
        case (false, false): break
        }
        let states: (OptimizerState, OptimizerState)
        do throws(LocatedError) {
            states = (
                try Self.state(a, settingsA, self.a), try Self.state(b, settingsB, self.b)
            )
        } catch {
            return try compareUnknown(a, b, error)
        }
        if states.0.iterations != states.1.iterations {
            // Files of Keras 1 hold no count for most optimizers: it is read as 0.
            let isUntold = (generationA == .keras1 && states.0.iterations == 0) || (generationB == .keras1 && states.1.iterations == 0)
            if isUntold { notes.append("the number of steps was not compared: a file of Keras 1 doesn't tell it") }
            if !isUntold {
                differences.append(
                    ModelComparison.Difference(
                        .optimizer, "", "iterations", a: "\(states.0.iterations)", b: "\(states.1.iterations)"))
            }
        }
        var arrays = WeightComparison(tolerance: tolerance)
        var untouched = 0
        // Without momentum Keras 1 and 2 keep the last step, which no further step reads.
        let isIdle = [settingsA, settingsB].allSatisfy { ($0.optimizer as? SGD)?.momentum == 0 }
        for slot in OptimizerSlot.allCases where !(isIdle && slot == .momentum) {
            var others = states.1.slots[slot] ?? [:]
            for (path, tensor) in (states.0.slots[slot] ?? [:]).sorted(by: { $0.key < $1.key }) {
                let name = "\(path)/\(slot.rawValue)"
                let partner = self.partner(of: path)
                guard let other = others.removeValue(forKey: partner) else {
                    if Self.isUntouched(tensor, slot) {
                        untouched += 1
                    } else {
                        differences.append(ModelComparison.Difference(.optimizer, name, a: "\(tensor.shape)"))
                    }
                    continue
                }
                try arrays.compare(name, LazyTensor(tensor), LazyTensor(other), as: .optimizer)
            }
            for (path, tensor) in others.sorted(by: { $0.key < $1.key }) {
                guard !Self.isUntouched(tensor, slot) else {
                    untouched += 1
                    continue
                }
                differences.append(ModelComparison.Difference(.optimizer, "\(path)/\(slot.rawValue)", b: "\(tensor.shape)"))
            }
        }
        if untouched > 0 {
            notes.append("\(untouched) of the optimizer's arrays stand in one file only, and hold what an optimizer begins with")
        }
        differences += arrays.differences
    }

    /// Whether an array holds zeros, with which every slot begins but Adagrad's and Ftrl's sums and averages of weights.
    private static func isUntouched(_ tensor: Tensor, _ slot: OptimizerSlot) -> Bool {
        slot != .accumulator && slot != .average && tensor.floats.allSatisfy { $0 == 0 }
    }

    /// Whether a file's state can't be its model's, so that every Keras begins afresh.
    private func isMisfit(
        _ training: TrainingSpec, _ settings: CompileSettings, _ side: ModelComparison.Side
    ) -> Bool {
        do throws(LocatedError) {
            _ = try Self.state(training, settings, side)
            return false
        } catch { return error.code == "optimizer.weights" }
    }

    /// The path in B of a weight of A. Layers' names may hold slashes, so the longest layer path that fits is the owner's.
    private func partner(of weight: String) -> String {
        guard let pairing else { return weight }
        var parts = weight.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
        var rest: [String] = []
        while !parts.isEmpty {
            if let other = pairing.partner(of: parts) {
                return (other.split(separator: "\u{0}").map(String.init) + rest).joined(separator: "/")
            }
            rest.insert(parts.removeLast(), at: 0)
        }
        return weight
    }

    private static func state(
        _ training: TrainingSpec, _ settings: CompileSettings, _ side: ModelComparison.Side
    ) throws(LocatedError) -> OptimizerState {
        guard settings.optimizer is any BuiltInOptimizer, let spec = side.stored.spec, let stored = side.stored.weights else {
            throw LocatedError(.unsupported, "compare.optimizer", "expected a built-in optimizer and a model's weights")
        }
        let weights = try WeightBinding.resolve(stored, in: spec)
        return try OptimizerState(TrainingConversion.record(of: training, in: spec, weights: weights))
    }

    /// Losses have short names and long ones, which some files need.
    private static func byFullName(_ loss: ConfigValue) -> ConfigValue {
        switch loss {
        case .string(let name): .string(TrainingConversion.lossName(name))
        case .array(let items): .array(items.map(byFullName))
        case .object(let object) where object["class_name"] == nil: .object(object.mapValues(byFullName))
        default: loss
        }
    }

    // MARK: - What isn't understood

    /// Settings as they stand and arrays in their order, where both files are of one generation.
    private mutating func compareUnknown(
        _ a: TrainingSpec, _ b: TrainingSpec, _ reason: LocatedError
    ) throws(LocatedError) {
        guard a.dialect == b.dialect else {
            notes.append("training settings were not compared: \(reason.message)")
            return
        }
        var (x, y) = (a.compileSettings.mapValues(Self.plain), b.compileSettings.mapValues(Self.plain))
        do throws(LocatedError) {
            // What is said of the optimizer is understood all the same.
            let (own, other) = (try TrainingConversion.optimizer(of: a), try TrainingConversion.optimizer(of: b))
            for key in ["optimizer", "optimizer_config"] { (x[key], y[key]) = (nil, nil) }
            x["optimizer"] = .string(own.className)
            y["optimizer"] = .string(other.className)
            // No decay is as good as none said.
            func told(_ config: ConfigObject) -> ConfigObject { config.filter { $0.key != "decay" || $0.value.number != 0 } }
            if own.className == other.className { add("optimizer", told(own.config), told(other.config)) }
        } catch {
            notes.append("the optimizers were compared as they are written: \(error.message)")
        }
        add("settings", x, y)
        if a.optimizerWeights.count != b.optimizerWeights.count {
            differences.append(
                ModelComparison.Difference(
                    .optimizer, "", "arrays", a: "\(a.optimizerWeights.count)", b: "\(b.optimizerWeights.count)"))
        }
        var arrays = WeightComparison(tolerance: tolerance)
        for (x, y) in zip(a.optimizerWeights, b.optimizerWeights) { try arrays.compare(x.name, x.tensor, y.tensor, as: .optimizer) }
        differences += arrays.differences
    }
}
