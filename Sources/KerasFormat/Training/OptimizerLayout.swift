import KerasSpec
import Tensors

/// Which arrays an optimizer's file lists, in order: told by its class, its settings and the generation.
///
/// | generation | order |
/// |---|---|
/// | Keras 1 | step count (not RMSprop, Adagrad, Adadelta), then slot after slot, weights sorted by name |
/// | 2.0 to 2.2 | the same, weights in the model's order; Adam's vhat, one zero each without AMSGrad |
/// | 2.3 | step count always, Nadam's `m_schedule`, then as before |
/// | OptimizerV2 | step count, Nadam's `momentum_cache`, slot after slot; Ftrl's weight by weight; SGD's with momentum only |
/// | tf.keras 2.11 and later | step count, averages of weights, then weight by weight (blocks one after another); SGD's always |
/// | Keras 3 | step count, learning rate unless it is a schedule, averages, sums of gradients, then as before; SGD's with momentum only |
///
/// Source: `get_updates` of `keras/optimizers.py` 1.2.2, 2.2.4, 2.3.1; `_create_slots` of
/// `tf_keras/src/optimizers/legacy`; `build` of `tf_keras/src/optimizers` 2.21 and `keras/src/optimizers` 3.15.
struct OptimizerLayout {
    /// One array of the list.
    enum Entry: Hashable {
        case iterations
        case learningRate
        /// A number by its name.
        case scalar(String)
        /// The array of a slot beside a weight, by the weight's place.
        case slot(String, Int)
        /// What stands where an array isn't kept: a single zero in older Keras, the integer 0 in Keras 3.
        case stub(String, Int)
    }

    /// Names of `OptimizerRecord.scalars`.
    enum Scalar {
        /// Nadam's product of momenta: `m_schedule`, `momentum_cache`, `_u_product`.
        static let momentumProduct = "u_product"
        /// Of `LossScaleOptimizer`: good steps since the scale changed; the scale; its own step count and learning rate.
        static let goodSteps = "step_counter"
        static let scale = "dynamic_scale"
        static let outerIterations = "outer_iterations"
        static let outerLearningRate = "outer_learning_rate"
    }

    /// Slots that every optimizer may have: averages of weights, sums of gradients.
    enum CommonSlot {
        static let average = "average"
        static let gradientSum = "gradient_accumulator"
    }

    /// A weight's shape in the dialect, and its name, which tells Muon whose it is.
    struct Weight {
        var rank: Int
        var path: String
    }

    let entries: [Entry]

    /// - Parameters:
    ///   - isScaled: whether a `LossScaleOptimizer` stands around it.
    ///   - isKeras30: whether it is Keras 3.0's, which lists Nadam's product first, and averages and sums weight by weight.
    init(
        _ optimizer: OptimizerClass, _ config: ConfigObject, in generation: OptimizerGeneration, weights: [Weight],
        isScaled: Bool = false, isKeras30: Bool = false
    ) {
        let places = Array(weights.indices)
        var entries: [Entry] = []
        if isScaled, generation == .keras3 {
            entries += [
                .scalar(Scalar.outerIterations), .scalar(Scalar.outerLearningRate), .scalar(Scalar.goodSteps),
                .scalar(Scalar.scale),
            ]
        }
        let countsNothing = ["RMSprop", "Adagrad", "Adadelta"].contains(optimizer.name)
        if !(countsNothing && (generation == .keras1 || generation == .keras22)) { entries.append(.iterations) }
        if generation == .keras3, config["learning_rate"]?.object == nil { entries.append(.learningRate) }
        if optimizer.name == "Nadam", generation == .keras23 || generation == .optimizerV2 {
            entries.append(.scalar(Scalar.momentumProduct))
        }
        let listsProductFirst = isKeras30 && generation == .keras3
        if optimizer.name == "Nadam", listsProductFirst { entries.append(.scalar(Scalar.momentumProduct)) }
        if !generation.isBefore211 {
            var common: [String] = []
            if config["use_ema"]?.bool == true { common.append(CommonSlot.average) }
            if generation == .keras3, config["gradient_accumulation_steps"]?.isNull == false {
                common.append(CommonSlot.gradientSum)
            }
            entries +=
                listsProductFirst
                ? places.flatMap { place in common.map { .slot($0, place) } }
                : common.flatMap { slot in places.map { .slot(slot, $0) } }
        }
        let slots = optimizer.slots(config, in: generation)
        if generation.isBefore211, optimizer.name != "Ftrl" {
            for slot in slots { entries += places.map { .slot(slot.name, $0) } }
            let keepsStubs = optimizer.name == "Adam" && (generation == .keras22 || generation == .keras23)
            if keepsStubs, config["amsgrad"]?.bool != true { entries += places.map { .stub("velocity_hat", $0) } }
        } else {
            var block: [OptimizerClass.Slot] = []
            for slot in slots {
                if let first = block.first, first.block != slot.block {
                    entries += Self.interleaved(block, optimizer, config, generation, weights)
                    block = []
                }
                block.append(slot)
            }
            entries += Self.interleaved(block, optimizer, config, generation, weights)
        }
        if optimizer.name == "Nadam", generation == .keras3, !listsProductFirst { entries.append(.scalar(Scalar.momentumProduct)) }
        self.entries = entries
    }

    /// The slots of a block, weight by weight.
    private static func interleaved(
        _ slots: [OptimizerClass.Slot], _ optimizer: OptimizerClass, _ config: ConfigObject,
        _ generation: OptimizerGeneration, _ weights: [Weight]
    ) -> [Entry] {
        weights.indices.flatMap { place in
            slots.compactMap { slot in
                switch optimizer.name {
                case "Adafactor" where weights[place].rank < 2 && slot.name != "velocity":
                    generation == .keras3 ? .stub(slot.name, place) : nil
                case "Muon" where slot.name == "velocity" && !isAdamInMuon(weights[place], config): nil
                default: .slot(slot.name, place)
                }
            }
        }
    }

    /// Whether Muon leaves a weight to Adam: all but matrices, and those that it was told to leave out. Patterns are taken as
    /// plain words.
    private static func isAdamInMuon(_ weight: Weight, _ config: ConfigObject) -> Bool {
        if weight.rank != 2 { return true }
        if config["exclude_embeddings"]?.bool ?? true, weight.path.lowercased().contains("embedding") { return true }
        return (config["exclude_layers"]?.array ?? []).contains { $0.string.map { weight.path.contains($0) } ?? false }
    }
}
