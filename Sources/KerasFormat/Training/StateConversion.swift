package import KerasSpec
package import Tensors

/// An optimizer's state in files of weights alone, which say neither its class nor its settings.
///
/// Source: `_save_state` of `keras/src/saving/saving_lib.py` 3.15.1 and tf-keras 2.21: a compiled model's `.weights.h5` has the
/// same group `optimizer` as its `.keras`.
package enum StateConversion {
    /// Whose order the arrays have. Keras 3 keeps the learning rate behind the step count, and from 3.6 on the optimizer's name.
    package static func dialect(of list: OptimizerArrayList) -> Dialect {
        if list.name != nil { return .keras3 }
        guard list.arrays.count > 1 else { return .tfKeras }
        let second = list.arrays[1].tensor
        return second.shape.rank == 0 && second.dtype.isFloatingPoint ? .keras3 : .tfKeras
    }

    /// The arrays that a target's `.weights.h5` holds for a model that is trained as its file says; nil where there is no state,
    /// or the target has no such optimizer, which `notes` hears.
    package static func list(
        of training: TrainingSpec, in spec: ModelSpec, weights: ModelWeights, for target: KerasTarget,
        notes: inout [UpgradeNote]
    ) throws(LocatedError) -> OptimizerArrayList? {
        guard !training.optimizerWeights.isEmpty else { return nil }
        let isYoung = OptimizerGeneration(of: training) != .optimizerV2
        if isYoung, TrainingConversion.isNative(training, of: spec, to: target, as: TrainingConversion.Form(of: training.compileSettings)) {
            return OptimizerArrayList(of: training)
        }
        var record = try TrainingConversion.optimizer(of: training)
        return try attempt(&notes) { (notes) throws(LocatedError) in
            try OptimizerArrays.decode(training.optimizerWeights, into: &record, in: spec, weights: weights, dialect: training.dialect)
            return try encoded(record, spec, weights, target, &notes)
        }
    }

    /// The arrays of a file of weights in a target's order, as far as they tell: without settings, Keras 3's can be given to
    /// tf-keras, which doesn't keep the learning rate, but not the reverse. nil where they can't, which `notes` hears.
    ///
    /// - Parameter spec: nil: nobody knows which model it is; then only the file's own order is to be had.
    package static func list(
        _ list: OptimizerArrayList, in spec: ModelSpec?, weights: ModelWeights?, for target: KerasTarget,
        notes: inout [UpgradeNote]
    ) throws(LocatedError) -> OptimizerArrayList? {
        let source = dialect(of: list)
        if source == target.dialect { return list }
        guard source == .keras3, let spec, let weights else {
            notes.append(
                UpgradeNote(
                    layer: "",
                    text: "the optimizer's state was left out: weights alone don't tell what \(target.dialect.title) keeps with it; a whole model does"))
            return nil
        }
        guard var record = try guess(list, in: spec, weights: weights) else {
            notes.append(
                UpgradeNote(layer: "", text: "the optimizer's state was left out: no optimizer of Keras keeps such arrays for these weights"))
            return nil
        }
        return try attempt(&notes) { (notes) throws(LocatedError) in
            try OptimizerArrays.decode(list.arrays, into: &record, in: spec, weights: weights, dialect: source)
            return try encoded(record, spec, weights, target, &notes)
        }
    }

    /// Training settings with the state that a file of weights holds in place of their own: what loading these weights into the
    /// compiled model does. nil when it isn't the state of this optimizer and these weights, which `notes` hears.
    package static func training(
        _ settings: TrainingSpec, with list: OptimizerArrayList, in spec: ModelSpec, weights: ModelWeights,
        notes: inout [UpgradeNote]
    ) throws(LocatedError) -> TrainingSpec? {
        let source = dialect(of: list)
        let generation = OptimizerGeneration(of: settings)
        var record = try TrainingConversion.optimizer(of: settings)
        record.generation = source == .keras3 ? .keras3 : .keras211
        let arrays = try attempt(&notes) { (notes) throws(LocatedError) -> OptimizerArrayList? in
            try OptimizerArrays.decode(list.arrays, into: &record, in: spec, weights: weights, dialect: source)
            guard record.hasState else { return nil }
            // Names are those of the settings' own file.
            let arrays = try OptimizerArrays.encode(
                record, settings: record.config, of: spec, weights: weights, for: own(settings, spec), generation: generation)
            return OptimizerArrayList(arrays, name: list.name)
        }
        guard let arrays else { return nil }
        var result = settings
        result.optimizerWeights = arrays.arrays
        return result
    }

    private static func own(_ settings: TrainingSpec, _ spec: ModelSpec) -> KerasTarget {
        guard let origin = spec.provenance, origin.dialect == settings.dialect, let version = origin.kerasVersion else {
            return KerasTarget(settings.dialect)
        }
        return KerasTarget(settings.dialect, version: version)
    }

    /// What can't be kept is left out with a note: the weights count more.
    private static func attempt(
        _ notes: inout [UpgradeNote], _ body: (inout [UpgradeNote]) throws(LocatedError) -> OptimizerArrayList?
    ) throws(LocatedError) -> OptimizerArrayList? {
        do throws(LocatedError) { return try body(&notes) } catch {
            guard error.category == .mismatch || error.category == .unsupported else { throw error }
            notes.append(UpgradeNote(layer: "", text: "the optimizer's state was left out: \(error.message)"))
            return nil
        }
    }

    private static func encoded(
        _ record: OptimizerRecord, _ spec: ModelSpec, _ weights: ModelWeights, _ target: KerasTarget, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> OptimizerArrayList? {
        let generation: OptimizerGeneration = target.dialect == .keras3 ? .keras3 : .keras211
        guard record.hasState else { return nil }
        var refusals: [String] = []
        let settings = OptimizerConfig.downgraded(
            record, for: generation, minor: target.minor, form: .compileConfig, { refusals.append($0) }, { _ in })
        guard refusals.isEmpty, OptimizerClass.named(record.className) != nil else {
            throw LocatedError(
                .unsupported, "training.inexpressible",
                "expected an optimizer that \(target.dialect.title) has, got \((refusals + [record.className])[0])")
        }
        let own = settings.object?["config"]?.object ?? [:]
        let arrays = try OptimizerArrays.encode(
            record, settings: own["inner_optimizer"]?.object?["config"]?.object ?? own, of: spec, weights: weights, for: target,
            generation: generation)
        return OptimizerArrayList(arrays, name: own["name"]?.string)
    }

    // MARK: - Guessing

    /// An optimizer of Keras 3 that keeps such arrays. Where several do they keep them in the same places, which is all that is
    /// asked of it.
    private static func guess(
        _ list: OptimizerArrayList, in spec: ModelSpec, weights: ModelWeights
    ) throws(LocatedError) -> OptimizerRecord? {
        // Words of the optimizer's name that tell its class: `adam`, `adam_1`.
        let name = list.name.map { String($0.filter { $0 != "_" && !$0.isNumber }).lowercased() }
        let plain = ["SGD", "Adam", "RMSprop", "Nadam"] + OptimizerClass.names
        let names = OptimizerClass.names.filter { $0.lowercased() == name } + plain
        for className in names {
            for settings in variants(of: className) {
                var record = try OptimizerConfig.upgraded(
                    ["class_name": .string(className), "config": .object(settings)], from: .keras3)
                do throws(LocatedError) {
                    try OptimizerArrays.decode(list.arrays, into: &record, in: spec, weights: weights, dialect: .keras3, isExact: true)
                } catch {
                    guard error.code == "optimizer.weights" else { throw error }
                    continue
                }
                return try OptimizerConfig.upgraded(
                    ["class_name": .string(className), "config": .object(settings)], from: .keras3)
            }
        }
        return nil
    }

    /// Settings that decide which arrays are kept, in every combination.
    private static func variants(of className: String) -> [ConfigObject] {
        var result: [ConfigObject] = [[:]]
        func vary(_ key: String, _ value: ConfigValue) {
            result += result.map { settings in
                var settings = settings
                settings[key] = value
                return settings
            }
        }
        for slot in OptimizerClass.named(className)?.slots ?? [] {
            switch slot.condition {
            case .always: continue
            case .positive(let key): vary(key, 0.9)
            case .flag(let key): vary(key, true)
            }
        }
        vary("use_ema", true)
        vary(
            "learning_rate",
            Serialized.keras3(
                "keras.optimizers.schedules", "ExponentialDecay",
                ["initial_learning_rate": 0.001, "decay_steps": 1, "decay_rate": 1.0, "staircase": false, "name": "ExponentialDecay"]))
        return result
    }
}
