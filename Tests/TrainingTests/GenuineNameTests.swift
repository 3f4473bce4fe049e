import Foundation
import KerasFormat
import KerasSpec
import TestSupport
import Tensors
import Testing
@testable import Training

/// Every class and alias that Keras 1.2.2, 2.3.1, tf-keras 2.21 and Keras 3.15.1 know means something here, or is refused with a
/// reason (fixtures/generate/training_names.py).
@Suite struct GenuineNameTests {
    static let versions = ["1.2", "2.3", "tf_keras", "3.15"]

    /// What no default is known for: by its class, and by Keras 3's name for it.
    static let needed: [String: ConfigObject] = [
        "IoU": ["num_classes": 2, "target_class_ids": [0]], "MeanIoU": ["num_classes": 2], "OneHotIoU": ["num_classes": 2, "target_class_ids": [0]],
        "OneHotMeanIoU": ["num_classes": 2], "PrecisionAtRecall": ["recall": 0.5], "RecallAtPrecision": ["precision": 0.5],
        "SensitivityAtSpecificity": ["specificity": 0.5], "SpecificityAtSensitivity": ["sensitivity": 0.5],
    ]
    static let schedules: [String: ConfigObject] = {
        let common: ConfigObject = ["initial_learning_rate": 0.1, "decay_steps": 10]
        var all = Dictionary(
            uniqueKeysWithValues: ["CosineDecay", "LinearCosineDecay", "NoisyLinearCosineDecay", "PolynomialDecay", "LearningRateSchedule"].map { ($0, common) })
        all["CosineDecayRestarts"] = ["initial_learning_rate": 0.1, "first_decay_steps": 10]
        all["PiecewiseConstantDecay"] = ["boundaries": [1], "values": [0.1, 0.2]]
        for name in ["ExponentialDecay", "InverseTimeDecay"] { all[name] = common.merging(["decay_rate": 0.5]) { $1 } }
        return all
    }()

    /// Names that are refused, none of which trains a model in Keras either, or which are told why.
    static let refused: Set<String> = [
        "losses Loss", "losses LossFunctionWrapper",
        "metrics Mean", "metrics mean", "metrics Sum", "metrics sum", "metrics MeanTensor", "metrics Metric", "metrics metric", "metrics PyMetric",
        "metrics Reduce", "metrics SumOverBatchSize", "metrics SumOverBatchSizeMetricWrapper", "metrics SensitivitySpecificityBase",
        "metrics MeanMetricWrapper", "metrics mean_metric_wrapper", "metrics MeanRelativeError",
        "optimizers Optimizer", "optimizers optimizer", "optimizers TFOptimizer", "optimizers tfoptimizer", "optimizers MultiOptimizer",
        "optimizers multioptimizer", "optimizers OptimizerMap", "optimizers optimizermap", "optimizers LossScaleOptimizer",
        "optimizers lossscaleoptimizer",
        "regularizers Regularizer", "regularizers regularizer", "regularizers EigenvalueRegularizer",
        "constraints Constraint", "constraints constraint",
        "schedules LearningRateSchedule", "schedules NoisyLinearCosineDecay",
    ]

    @Test(arguments: versions) func names(_ version: String) throws {
        let lines = try String(contentsOfFile: Fixtures.path("catalogue/training_names_\(version).txt"), encoding: .utf8).split(separator: "\n").map(String.init)
        #expect(lines.count > 80)
        for line in lines {
            let parts = line.split(separator: " ").map(String.init)
            let name = try #require(parts.last)
            do {
                try Self.decode(parts[0], name)
                #expect(!Self.refused.contains(line), "\(line) isn't refused")
            } catch {
                #expect(Self.refused.contains(line) && error.category == .unsupported, "\(version) \(line): \(error)")
                // Not for being unknown.
                #expect(error.message.contains(name) || error.message.lowercased().contains(name), "\(error)")
            }
        }
    }

    static func decode(_ kind: String, _ name: String) throws(LocatedError) {
        switch kind {
        case "losses": _ = try Loss(named: name)
        case "metrics":
            let className = needed.keys.first { CountingMetric.Kind.named[$0] == CountingMetric.Kind.named[name] && CountingMetric.Kind.named[name] != nil }
            if let className, let settings = needed[className] {
                _ = try Metric(config: ["class_name": .string(name), "config": .object(settings)])
            } else {
                _ = try Metric(named: name)
                _ = try Metric(config: ["class_name": .string(name), "config": ["name": "own"]])
            }
        case "optimizers": _ = try Optimizers.named(name)
        case "schedules":
            _ = try LearningRateSchedule(config: ["class_name": .string(name), "config": .object(schedules[name] ?? [:])])
        case "regularizers": _ = try WeightRegularizer(config: .string(name))
        default: _ = try WeightConstraint(config: .string(name), shape: [3, 3, 2, 2])
        }
    }

    /// An optimizer of several, Keras's and TensorFlow Addons', ends with its reason and not as one that nobody knows.
    @Test(arguments: ["MultiOptimizer", "Addons>MultiOptimizer"]) func severalOptimizers(_ name: String) {
        let error = #expect(throws: LocatedError.self) { try Optimizers.named(name) }
        #expect(error?.code == "optimizer.unsupported" && error?.message.contains("several") == true)
    }

    /// Numbers of tf-keras 2.21.
    @Test func radialConstraint() throws {
        func rings(_ side: Int, depth: Int) throws -> [Float] {
            let shape: Shape = [side, side, depth, 1]
            let constraint = try #require(try WeightConstraint(config: "radial_constraint", shape: shape))
            var values = (0..<shape.count).map(Float.init)
            values.withUnsafeMutableBufferPointer { constraint.apply($0.baseAddress!) }
            return values.enumerated().filter { $0.offset % depth == depth - 1 }.map(\.element)
        }
        #expect(try rings(3, depth: 1) == [4, 4, 4, 4, 0, 4, 4, 4, 4])
        #expect(try rings(4, depth: 1) == [15, 15, 15, 15, 15, 5, 5, 15, 15, 5, 5, 15, 15, 15, 15, 15])
        let rows: [[Float]] = [
            [37, 37, 37, 37, 37], [37, 25, 25, 25, 37], [37, 25, 13, 25, 37], [37, 25, 25, 25, 37], [37, 37, 37, 37, 37],
        ]
        #expect(try rings(5, depth: 2) == rows.flatMap(\.self))
        #expect(throws: LocatedError.self) { try WeightConstraint(config: "RadialConstraint", shape: [3, 4, 1, 1]) }
    }

    /// Likewise.
    @Test func linearCosineDecay() throws {
        let steps = [0, 1, 7, 33, 40, 99, 200]
        let first = LearningRateSchedule.linearCosineDecay(initialLearningRate: 0.1, decaySteps: 100)
        let genuine = [0.10010000318288803, 0.0990755707025528, 0.09198012948036194, 0.0506528876721859, 0.03937051072716713, 0.0001002467397483997, 0.00010000000474974513]
        #expect(zip(steps, genuine).allSatisfy { abs(first.rate(at: $0) - $1) < 1e-8 })
        let second = LearningRateSchedule.linearCosineDecay(initialLearningRate: 0.05, decaySteps: 40, numPeriods: 2, alpha: 0.1, beta: 0.02)
        let others = [0.0560000017285347, 0.053434647619724274, 0.010532467626035213, 0.003833978669717908, 0.0060000005178153515, 0.0060000005178153515, 0.0060000005178153515]
        #expect(zip(steps, others).allSatisfy { abs(second.rate(at: $0) - $1) < 1e-8 })
        #expect(try LearningRateSchedule(config: second.config) == second)
    }
}
