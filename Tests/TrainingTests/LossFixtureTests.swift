import Engine
import Foundation
import Graphs
import Kernels
import Ops
import TestSupport
import Tensors
import KerasSpec
import OrderedCollections
import Testing
@testable import Training

/// Losses, gradients and accuracies as genuine Keras computes them.
@Suite struct LossFixtureTests {
    struct Case: Decodable, Sendable {
        var activation: String
        var x: [Float]
        var shape: [Int]
        var y: [Float]
        var y_shape: [Int]
        var weights: [Float]?
        var values: [Double]
        var gradient: [Float]
    }

    static let generations: [(TrainingGeneration, String)] = [(.keras2, "keras2"), (.tfKeras, "tfkeras"), (.keras3, "keras3")]

    static let losses: [String: Loss] = [
        "categorical_softmax": .categoricalCrossentropy, "categorical_softmax_soft_targets": .categoricalCrossentropy,
        "categorical_softmax_weighted": .categoricalCrossentropy, "categorical_softmax_sequence": .categoricalCrossentropy,
        "categorical_sigmoid": .categoricalCrossentropy, "categorical_logits": .categoricalCrossentropy(fromLogits: true),
        "categorical_smoothed": .categoricalCrossentropy(labelSmoothing: 0.1),
        "categorical_sum": .categoricalCrossentropy(reduction: .sum), "sparse_softmax": .sparseCategoricalCrossentropy,
        "sparse_softmax_sequence": .sparseCategoricalCrossentropy, "sparse_sigmoid": .sparseCategoricalCrossentropy,
        "sparse_logits": .sparseCategoricalCrossentropy(fromLogits: true), "binary_sigmoid": .binaryCrossentropy,
        "binary_sigmoid_many": .binaryCrossentropy, "binary_softmax": .binaryCrossentropy,
        "binary_logits": .binaryCrossentropy(fromLogits: true), "binary_smoothed": .binaryCrossentropy(labelSmoothing: 0.2),
        "mse": .meanSquaredError, "mse_one": .meanSquaredError, "mse_weighted_sequence": .meanSquaredError,
        "mae": .meanAbsoluteError, "mape": .meanAbsolutePercentageError, "msle": .meanSquaredLogarithmicError, "hinge": .hinge,
        "hinge_bits": .hinge, "squared_hinge": .squaredHinge, "categorical_hinge": .categoricalHinge, "logcosh": .logCosh,
        "kld": .klDivergence, "poisson": .poisson, "cosine": .cosineSimilarity, "huber": .huber(delta: 0.7),
        "cosine_axis": .cosineSimilarity(axis: 1), "binary_focal": .binaryFocalCrossentropy(),
        "binary_focal_balanced": .binaryFocalCrossentropy(
            applyClassBalancing: true, alpha: 0.3, gamma: 1.5, labelSmoothing: 0.1),
        "binary_focal_logits": .binaryFocalCrossentropy(fromLogits: true),
        "categorical_focal": .categoricalFocalCrossentropy(),
        "categorical_focal_logits": .categoricalFocalCrossentropy(
            alpha: 0.4, gamma: 3, fromLogits: true, labelSmoothing: 0.1),
        "sparse_ignoring": .sparseCategoricalCrossentropy(ignoreClass: 1),
        "sparse_ignoring_sequence": .sparseCategoricalCrossentropy(ignoreClass: 1), "dice": .dice(),
        "dice_axis": .dice(axis: [1]), "dice_weighted": .dice(), "tversky": .tversky(alpha: 0.3, beta: 0.8),
        "tversky_axis": .tversky(axis: [0]), "circle": .circle(),
        "circle_settings": .circle(gamma: 10, margin: 0.2, removeDiagonal: false),
        "categorical_axis": .categoricalCrossentropy(fromLogits: true, axis: 1),
        "categorical_axis_probabilities": .categoricalCrossentropy(axis: 1), "binary_axis": .binaryCrossentropy(axis: 1),
        "categorical_focal_axis": Loss(.categoricalFocalCrossentropy, fromLogits: true, settings: ["axis": 1]), "ctc": .ctc,
        "ctc_sum": Loss(.ctc, reduction: .sum), "ctc_weighted": .ctc,
        "generalized": .categoricalGeneralizedCrossEntropy(q: 0.7),
        "mse_mean": Loss(.meanSquaredError, reduction: .mean),
        "mse_mean_weighted": Loss(.meanSquaredError, reduction: .meanWithSampleWeight),
    ]

    static func cases(_ file: String) throws -> [String: Case] {
        let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("losses/\(file).json")))
        return try JSONDecoder().decode([String: Case].self, from: data)
    }

    @Test func everyCaseHasItsLoss() throws {
        for (_, file) in Self.generations { #expect(try Set(Self.cases(file).keys).isSubset(of: Self.losses.keys)) }
        #expect(try Set(Self.cases("keras3").keys) == Set(Self.losses.keys))
        let kinds = Set(Self.losses.values.map(\.kind))
        #expect(kinds == Set(Loss.Kind.allCases))
    }

    /// Every loss of a generation's file.
    static let all: [(String, String)] = generations.flatMap { _, file in
        ((try? cases(file).keys.sorted()) ?? []).map { ($0, file) }
    }

    @Test(arguments: all) func matchesKeras(_ name: String, _ file: String) throws {
        let generation = try #require(Self.generations.first { $0.1 == file }).0
        let fixture = try #require(try Self.cases(file)[name])
        let loss = try #require(Self.losses[name])
        let units = try #require(fixture.shape.last)
        let x = Tensor(fixture.x, shape: Shape(fixture.shape))

        var builder = GraphBuilder()
        let input = builder.input(ValueInfo(x.shape))
        let weight = builder.parameter(0, ValueInfo([units, units]))
        var output = try builder.apply(MatMul(hasBias: false), input, weight, label: "dense")
        switch fixture.activation {
        case "softmax": output = try builder.apply(Softmax(), output, label: "softmax")
        case "sigmoid": output = try builder.apply(Activate(.sigmoid), output, label: "sigmoid")
        case "tanh": output = try builder.apply(Activate(.tanh), output, label: "tanh")
        default: break
        }
        let graph = try TrainingGraph(
            builder.finish(outputs: [output]),
            outputs: [OutputTraining(name: "out", loss: loss, metrics: fixture.values.count > 1 ? [.accuracy] : [])], regularizers: [],
            weighted: [fixture.weights != nil], labelPlaces: [fixture.y_shape.last], generation: generation)
        #expect(graph.names == (fixture.values.count > 1 ? ["loss", "accuracy"] : ["loss"]))

        var targets = Tensor(fixture.y, shape: Shape(fixture.y_shape))
        if loss.targetType == .int32 {
            targets = targets.asType(.int32)
            if loss.kind != .ctc { targets = targets.reshaped(to: Shape(Array(fixture.shape.dropLast()))) }
        }
        var inputs = [x, targets]
        if let weights = fixture.weights { inputs.append(Tensor(weights)) }
        var identity = [Float](repeating: 0, count: units * units)
        for unit in 0..<units { identity[unit * (units + 1)] = 1 }
        let parameters = try ParameterBuffers([Tensor(identity, shape: [units, units])])
        let plan = try TrainingPlan(graph: graph.graph.optimized(for: .training), parameters: [0], outputs: [0])
        let session = try TrainingSession(plan: plan, parameters: parameters)
        let values = try session.forward(inputs).map { $0.floats[0] }
        // Keras evaluates three samples at a time and adds up batches' losses by their size: a sum's average differs.
        if loss.reduction == .sumOverBatchSize, fixture.weights == nil, !loss.dependsOnBatch {
            #expect(abs(Double(values[0]) - fixture.values[0]) < 1e-5 * max(1, abs(fixture.values[0])))
        }
        if fixture.values.count > 1 { #expect(abs(Double(values[1] / values[2]) - fixture.values[1]) < 1e-6) }
        let gradient = try session.backward([Tensor([1] as [Float], shape: [])]).parameters[0]!
        #expect(mismatch(gradient, fixture.gradient.map(Double.init), relative: 1e-4, absolute: 2e-6) == nil)
    }
}

extension Loss {
    /// Whether a loss of five samples isn't the mean of those of three and two.
    fileprivate var dependsOnBatch: Bool {
        kind == .dice || kind == .tversky || kind == .circle || kind == .hinge || settings["ignore_class"]?.isNull == false
    }
}
