import Datasets
import Engine
import Graphs
import KerasSpec
import Layers
import TestSupport
import Tensors
import Testing
import Training

/// Optimizers against up to 50 steps of genuine Keras, from the same weights on the same batches.
@Suite struct OptimizerTraceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var file: String
        var generation: TrainingGeneration
        var optimizer: any Optimizer
        /// All 50 steps of the fixture for one setting of each rule, 20 of the others: a debug build takes its time.
        var steps: Int {
            ["SGD", "SGD_nesterov", "RMSprop", "Adam"].contains(name) && !file.hasSuffix("-more") && file != "keras1" ? 50 : 20
        }

        var testDescription: String { "\(name) as \(generation)" }
    }

    /// By the name in the fixtures: those with 50 steps.
    static let basic: [(String, any Optimizer)] = [
        ("SGD", SGD()), ("SGD_momentum", SGD(momentum: 0.9)), ("SGD_nesterov", SGD(momentum: 0.9, nesterov: true)),
        ("SGD_clipvalue", SGD(learningRate: 0.1, clipvalue: 0.01)), ("SGD_clipnorm", SGD(learningRate: 0.1, clipnorm: 0.05)),
        ("SGD_decay", SGD(learningRate: 0.1, decay: 0.1)), ("RMSprop", RMSprop()),
        ("RMSprop_rho", RMSprop(learningRate: 0.002, rho: 0.95)), ("RMSprop_clipnorm", RMSprop(clipnorm: 0.05)),
        ("RMSprop_decay", RMSprop(learningRate: 0.01, decay: 0.1)), ("Adam", Adam()), ("Adam_amsgrad", Adam(amsgrad: true)),
        ("Adam_decay", Adam(learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-5, decay: 0.01)),
    ]

    private static func with(_ optimizer: some Optimizer, _ change: (inout OptimizerSettings) -> Void) -> any Optimizer {
        var optimizer = optimizer
        change(&optimizer.settings)
        return optimizer
    }

    private static func sgd(_ schedule: LearningRateSchedule) -> any Optimizer { SGD(schedule: schedule) }

    /// Those with 20 steps. Defaults that differ between generations stand in `standalone`.
    static let more: [(String, any Optimizer)] = [
        ("Adagrad", Adagrad()), ("Adadelta", Adadelta(learningRate: 1)), ("Adamax", Adamax()), ("Nadam", Nadam()),
        ("RMSprop_momentum", RMSprop(momentum: 0.5)), ("RMSprop_centered", RMSprop(centered: true)),
        ("RMSprop_centered_momentum", RMSprop(momentum: 0.5, centered: true)), ("Ftrl", Ftrl(learningRate: 0.05)),
        (
            "Ftrl_settings",
            Ftrl(
                learningRate: 0.05, learningRatePower: -0.7, initialAccumulatorValue: 0.2, l1RegularizationStrength: 0.01,
                l2RegularizationStrength: 0.1, l2ShrinkageRegularizationStrength: 0.01, beta: 0.1)
        ),
        ("SGD_global_clipnorm", with(SGD(learningRate: 0.1)) { $0.globalClipnorm = 0.05 }),
        ("Adagrad_settings", Adagrad(learningRate: 0.05, initialAccumulatorValue: 0.5, epsilon: 1e-3)),
        ("ExponentialDecay", sgd(.exponentialDecay(initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.7))),
        (
            "ExponentialDecay_staircase",
            sgd(.exponentialDecay(initialLearningRate: 0.1, decaySteps: 4, decayRate: 0.7, staircase: true))
        ),
        ("InverseTimeDecay", sgd(.inverseTimeDecay(initialLearningRate: 0.1, decaySteps: 3, decayRate: 0.5))),
        (
            "InverseTimeDecay_staircase",
            sgd(.inverseTimeDecay(initialLearningRate: 0.1, decaySteps: 3, decayRate: 0.5, staircase: true))
        ),
        ("PiecewiseConstantDecay", sgd(.piecewiseConstantDecay(boundaries: [3, 9], values: [0.1, 0.05, 0.02]))),
        (
            "PolynomialDecay",
            sgd(.polynomialDecay(initialLearningRate: 0.1, decaySteps: 12, endLearningRate: 0.01, power: 2))
        ),
        (
            "PolynomialDecay_cycle",
            sgd(.polynomialDecay(initialLearningRate: 0.1, decaySteps: 6, endLearningRate: 0.01, cycle: true))
        ),
        ("CosineDecay", sgd(.cosineDecay(initialLearningRate: 0.1, decaySteps: 15, alpha: 0.1))),
        (
            "CosineDecay_warmup",
            sgd(.cosineDecay(initialLearningRate: 0.01, decaySteps: 12, alpha: 0.1, warmupTarget: 0.1, warmupSteps: 5))
        ),
        ("CosineDecayRestarts", sgd(.cosineDecayRestarts(initialLearningRate: 0.1, firstDecaySteps: 4, alpha: 0.1))),
        (
            "CosineDecayRestarts_settings",
            sgd(.cosineDecayRestarts(initialLearningRate: 0.1, firstDecaySteps: 6, tMul: 1, mMul: 0.7))
        ),
        ("Lion", Lion(learningRate: 1e-4)), ("AdamW", AdamW()), ("AdamW_settings", AdamW(amsgrad: true, weightDecay: 0.1)),
        ("Adafactor", Adafactor()),
        (
            "Adafactor_settings",
            Adafactor(learningRate: 0.05, beta2Decay: -0.5, epsilon2: 0.01, clipThreshold: 0.5)
        ),
        ("SGD_weight_decay", SGD(learningRate: 0.1, weightDecay: 0.1)),
        (
            "SGD_ema",
            with(SGD(learningRate: 0.1, momentum: 0.5)) {
                $0.average = OptimizerSettings.Average(momentum: 0.8, overwriteFrequency: 3)
            }
        ),
        (
            "Adam_ema", with(Adam()) { $0.average = OptimizerSettings.Average(momentum: 0.9, overwriteFrequency: 20) }
        ),
        ("Lamb", Lamb()), ("Lamb_settings", Lamb(learningRate: 0.01, beta1: 0.8)), ("Muon", Muon()), ("Muon_settings", muon),
        ("ScheduleFreeAdamW", ScheduleFreeAdamW()),
        ("ScheduleFreeAdamW_settings", ScheduleFreeAdamW(beta1: 0.8, warmupSteps: 5, weightDecay: 0.01)),
        (
            "SGD_accumulation",
            with(SGD(learningRate: 0.1, momentum: 0.9, clipnorm: 0.05)) { $0.gradientAccumulationSteps = 3 }
        ),
        (
            "Adam_accumulation_ema",
            with(Adam()) {
                $0.gradientAccumulationSteps = 2
                $0.average = OptimizerSettings.Average(momentum: 0.8, overwriteFrequency: 4)
            }
        ),
    ]

    private static let muon: any Optimizer = {
        var muon = Muon(learningRate: 0.01, weightDecay: 0.01)
        muon.nesterov = false
        muon.rmsRate = nil
        muon.adamLrRatio = 0.5
        muon.adamWeightDecay = nil
        muon.nsSteps = 3
        muon.excludeLayers = ["head"]
        return muon
    }()

    /// Of Keras 1, 2.3 and (decay) OptimizerV2.
    static let standalone: [(String, any Optimizer)] = [
        ("Adagrad", Adagrad(learningRate: 0.01)), ("Adadelta", Adadelta(learningRate: 1)), ("Adamax", Adamax(learningRate: 0.002)),
        ("Nadam", Nadam(learningRate: 0.002)), ("Adagrad_decay", Adagrad(learningRate: 0.05, decay: 0.1)),
        ("Adamax_decay", Adamax(learningRate: 0.01, decay: 0.1)), ("Adadelta_decay", Adadelta(learningRate: 1, decay: 0.1)),
        ("Nadam_settings", Nadam(learningRate: 0.01, beta1: 0.8, epsilon: 1e-5, scheduleDecay: 0.01)),
    ]
    static let legacy: [(String, any Optimizer)] =
        more + [("Nadam_settings", Nadam(learningRate: 0.01, beta1: 0.8, epsilon: 1e-5))]
        + standalone.filter { $0.0.hasSuffix("_decay") }

    /// Which file tells the truth about which generation. OptimizerV2's rules are those of Keras 2.3, whose own step counter
    /// races.
    static let files: [(String, [TrainingGeneration], [(String, any Optimizer)])] = [
        ("keras1", [.keras1], basic + standalone), ("keras2", [.keras2], basic), ("keras2-more", [.keras2], basic + standalone),
        ("tfkeras-legacy", [.tfKerasLegacy, .keras2], basic), ("tfkeras-legacy-more", [.tfKerasLegacy], legacy),
        ("tfkeras", [.tfKeras], basic), ("tfkeras-more", [.tfKeras], more), ("keras3", [.keras3], basic),
        ("keras3-more", [.keras3], more),
    ]

    static let cases: [Case] = files.flatMap { file, generations, optimizers in
        let names = (try? NPZ(reading: Fixtures.path("optimizers/\(file).npz")).names) ?? []
        return generations.flatMap { generation in
            optimizers.filter { names.contains("\($0.0).20") }.map {
                Case(name: $0.0, file: file, generation: generation, optimizer: $0.1)
            }
        }
    }

    /// Nothing in the files goes unread.
    @Test func everyTraceIsFollowed() throws {
        for (file, _, optimizers) in Self.files {
            let names = try NPZ(reading: Fixtures.path("optimizers/\(file).npz")).names.filter { $0.hasSuffix(".losses") }
            #expect(!names.isEmpty)
            for name in names { #expect(optimizers.contains { $0.0 + ".losses" == name }, "\(file) \(name)") }
        }
    }

    @Test(arguments: cases) func follows(_ trace: Case) throws {
        let file = try NPZ(reading: Fixtures.path("optimizers/\(trace.file).npz"))
        let (x, y) = (try file.tensor("x"), try file.tensor("y"))
        let isMore = trace.file.hasSuffix("-more") || trace.file == "keras1"
        let program = try Networks.traced(head: isMore ? "head" : nil)
        let model = try program.lower(inputs: [ValueInfo([16, 8, 8, 3])], training: true)
        let graph = try TrainingGraph(
            model.graph, outputs: [OutputTraining(name: "out", loss: .categoricalCrossentropy)], regularizers: [],
            weighted: [false], generation: trace.generation)
        let count = model.parameters.slots.count
        let parameters = try ParameterBuffers((0..<count).map { try file.tensor("initial.\($0)") })
        let plan = try TrainingPlan(graph: graph.graph.optimized(for: .training), parameters: Array(0..<count))
        let session = try TrainingSession(plan: plan, parameters: parameters)
        let run = try OptimizerRun(
            #require(trace.optimizer as? any BuiltInOptimizer), generation: trace.generation, parameters: parameters,
            trained: Array(0..<count), paths: model.parameters.slots.map(\.path))
        let losses = try file.tensor("\(trace.name).losses").floats
        for step in 0..<trace.steps {
            let rows = step % 2 * 16..<step % 2 * 16 + 16
            let outputs = try session.forward([x.rows(rows), y.rows(rows)])
            #expect(abs(outputs[0].floats[0] - losses[step]) < 1e-5, "loss of step \(step)")
            _ = try session.backward([Tensor([1] as [Float], shape: [])])
            run.step(session)
            guard (isMore ? [20] : [5, 20, 50]).contains(step + 1) else { continue }
            let expected = try file.tensor("\(trace.name).\(step + 1)").floats
            let got = parameters.tensors.flatMap(\.floats)
            let worst = zip(got, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
            // Each step of ScheduleFreeAdamW divides by β₁, which lets rounding grow.
            #expect(worst < (trace.optimizer is ScheduleFreeAdamW ? 2e-5 : 1e-5), "weights after step \(step + 1)")
        }
        #expect(run.iterations == trace.steps)
    }
}
