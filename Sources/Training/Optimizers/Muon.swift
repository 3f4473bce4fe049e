package import KerasSpec
package import Tensors

/// Moments of matrices made orthogonal; other weights follow Adam.
///
/// m = momentum·m + g, x = g + momentum·m or without `nesterov` m; x/‖x‖ goes through `nsSteps` rounds x = a·x + (b·A + c·A²)·x with
/// A = x·xᵀ; w −= rate·√max(rows, columns)·rmsRate·x. Keras 3.10.
/// Source: keras/src/optimizers/muon.py (3.15).
public struct Muon: BuiltInOptimizer {
    public static let className = "Muon"
    public var settings: OptimizerSettings
    public var momentum = 0.95
    public var nesterov = true
    /// Rounds of Newton's and Schulz's iteration, and its polynomial.
    public var nsSteps = 5
    public var muonA = 3.4445
    public var muonB = -4.775
    public var muonC = 2.0315
    /// nil: steps are as long as the orthogonal matrix has them.
    public var rmsRate: Double? = 0.2
    /// Of the weights that follow Adam.
    public var adamBeta1 = 0.9
    public var adamBeta2 = 0.999
    public var adamWeightDecay: Double? = 0.004
    public var adamLrRatio = 1.0
    /// nil is Keras's default, 1e-7.
    public var epsilon: Double?
    /// Whether matrices of embeddings follow Adam.
    public var excludeEmbeddings = true
    /// Words in the paths of matrices that follow Adam.
    public var excludeLayers: [String] = []

    public init(learningRate: Double = 0.001, schedule: LearningRateSchedule? = nil, weightDecay: Double? = 0.004) {
        settings = OptimizerSettings(learningRate: learningRate, schedule: schedule, weightDecay: weightDecay)
    }

    package init(config: inout ConfigReader) throws(LocatedError) {
        settings = try OptimizerSettings(config: &config, defaultRate: 0.001, defaultWeightDecay: 0.004)
        momentum = try config.number("momentum", default: momentum)
        nesterov = try config.bool("nesterov", default: nesterov)
        nsSteps = try config.integer("ns_steps", default: nsSteps)
        muonA = try config.number("muon_a", default: muonA)
        muonB = try config.number("muon_b", default: muonB)
        muonC = try config.number("muon_c", default: muonC)
        if config.has("rms_rate") { rmsRate = try config.optionalNumber("rms_rate") }
        adamBeta1 = try config.number("adam_beta_1", default: adamBeta1)
        adamBeta2 = try config.number("adam_beta_2", default: adamBeta2)
        if config.has("adam_weight_decay") { adamWeightDecay = try config.optionalNumber("adam_weight_decay") }
        adamLrRatio = try config.number("adam_lr_ratio", default: adamLrRatio)
        epsilon = try config.optionalNumber("epsilon")
        excludeEmbeddings = try config.bool("exclude_embeddings", default: excludeEmbeddings)
        for item in config.value("exclude_layers")?.array ?? [] {
            // Keras takes them for regular expressions.
            guard let word = item.string, !word.contains(where: { "\\^$.|?*+()[]{}".contains($0) }) else {
                throw LocatedError(
                    .unsupported, "optimizer.setting", "expected plain words, got \(item.summary)", at: ["config/exclude_layers"])
            }
            excludeLayers.append(word)
        }
    }

    package func ownConfig(for generation: TrainingGeneration) -> ConfigObject {
        [
            "adam_beta_1": .float(adamBeta1), "adam_beta_2": .float(adamBeta2),
            "epsilon": .float(epsilon ?? generation.defaultEpsilon),
            "exclude_layers": .array(excludeLayers.map(ConfigValue.string)), "muon_a": .float(muonA), "muon_b": .float(muonB),
            "muon_c": .float(muonC), "adam_lr_ratio": .float(adamLrRatio), "momentum": .float(momentum),
            "ns_steps": .integer(nsSteps), "nesterov": .bool(nesterov), "exclude_embeddings": .bool(excludeEmbeddings),
            "adam_weight_decay": adamWeightDecay.map(ConfigValue.float) ?? .null,
            "rms_rate": rmsRate.map(ConfigValue.float) ?? .null,
        ]
    }

    package func slots(for generation: TrainingGeneration) -> [OptimizerSlot] { [.momentum, .velocity] }

    /// Whether a weight follows Adam.
    private func isAdams(_ weight: Shape, _ path: String) -> Bool {
        weight.rank != 2 || (excludeEmbeddings && path.lowercased().contains("embedding"))
            || excludeLayers.contains { path.contains($0) }
    }

    package func shape(of slot: OptimizerSlot, beside weight: Shape, path: String) -> Shape? {
        slot == .velocity && !isAdams(weight, path) ? nil : weight
    }

    package func weightDecay(of weight: Shape, path: String) -> Double? {
        isAdams(weight, path) ? adamWeightDecay : settings.weightDecay
    }

    package func rule(_ step: StepContext) -> StepRule {
        let adam = Adam.rule(
            step, rate: step.rate * Float(adamLrRatio), beta1: adamBeta1, beta2: adamBeta2,
            epsilon: epsilon ?? step.generation.defaultEpsilon, keepsLargest: false)
        guard case .adam(let rate, let beta1, let rest1, let beta2, let rest2, let epsilon, _) = adam else { return adam }
        return .muon(
            MuonRule(
                rate: step.rate, momentum: Float(momentum), nesterov: nesterov, rounds: nsSteps, a: Float(muonA),
                b: Float(muonB), c: Float(muonC), rmsRate: rmsRate.map(Float.init), adamRate: rate, beta1: beta1, rest1: rest1,
                beta2: beta2, rest2: rest2, epsilon: epsilon))
    }
}

/// A step of Muon; see `StepRule`.
package struct MuonRule: Hashable, Sendable {
    var rate: Float
    var momentum: Float
    var nesterov: Bool
    var rounds: Int
    var a: Float
    var b: Float
    var c: Float
    var rmsRate: Float?
    var adamRate: Float
    var beta1: Float
    var rest1: Float
    var beta2: Float
    var rest2: Float
    var epsilon: Float
}
