import Engine
import Graphs
import KerasSpec
import Layers
import TestSupport
import Tensors
import Testing
@testable import Training

@Suite struct StepTests {
    private func trainer(
        _ optimizer: any Optimizer, generation: TrainingGeneration = .keras2, dropout: Double = 0, threads: Int = 2, seed: UInt64 = 0
    ) throws -> (Trainer, TrainingData) {
        let program = try Networks.sequential(
            [40],
            [
                Dense(600, activation: .relu, kernelRegularizer: .l2(0.001)), Dropout(dropout),
                Dense(4, activation: .softmax, kernelConstraint: .maxNorm(1)),
            ])
        let table = try program.lower(inputs: try #require(program.declaredInputs), training: false).parameters
        var random = TestRandom(1)
        let weights = table.slots.map { random.tensor($0.slot.shape) }
        let trainer = try Trainer(
            program, table: table, weights: weights,
            outputs: [OutputTraining(name: "out", loss: .categoricalCrossentropy, metrics: [.accuracy])], optimizer: optimizer,
            generation: generation, seed: seed, pool: ThreadPool(threads: threads))
        var targets = [Float](repeating: 0, count: 50 * 4)
        for sample in 0..<50 { targets[sample * 4 + sample % 4] = 1 }
        let data = TrainingData(inputs: [random.tensor([50, 40])], targets: [Tensor(targets, shape: [50, 4])])
        return (trainer, data)
    }

    static let optimizers: [any Optimizer] = [
        SGD(), SGD(momentum: 0.9, nesterov: true, clipvalue: 0.1), RMSprop(clipnorm: 0.1), Adam(amsgrad: true),
    ]

    /// A steady step takes nothing from the heap: batch, forward, backward, clipping, optimizer, constraints.
    @Test(arguments: 0..<4, [1, 2]) func allocatesNothing(_ number: Int, _ threads: Int) throws {
        let (trainer, data) = try trainer(Self.optimizers[number], dropout: 0.3, threads: threads)
        let run = try trainer.training(Trainer.PlanKey(data, batch: 10))
        let order = Array(0..<50)
        func step(_ batch: Int) {
            run.batch.fill(Portion(data: data, order: order, start: batch * 10, count: 10))
            run.step(seed: 3)
        }
        step(0)
        let count = allocations { for batch in 0..<5 { step(batch) } }
        #expect(count ?? 0 == 0)
        #expect(trainer.iterations == 6)
    }

    /// Dropout, clipping and penalties included.
    @Test(arguments: 0..<4) func sameBitsForEveryThreadCount(_ number: Int) throws {
        var results: [[Tensor]] = []
        for threads in [1, 2, 3] {
            let (trainer, data) = try trainer(Self.optimizers[number], dropout: 0.4, threads: threads, seed: 9)
            var options = FitOptions()
            options.batchSize = 16
            options.epochs = 2
            var random = NumPyRandom(seed: 4)
            _ = try trainer.fit(data, options: options, random: &random)
            results.append(trainer.weights)
        }
        #expect(results[1] == results[0] && results[2] == results[0])
    }

    @Test func seedsMatter() throws {
        func weights(seed: UInt64, shuffling: UInt32) throws -> [Tensor] {
            let (trainer, data) = try trainer(SGD(), dropout: 0.4, seed: seed)
            var random = NumPyRandom(seed: shuffling)
            _ = try trainer.fit(data, random: &random)
            return trainer.weights
        }
        let first = try weights(seed: 1, shuffling: 1)
        #expect(try weights(seed: 1, shuffling: 1) == first)
        #expect(try weights(seed: 2, shuffling: 1) != first)
        #expect(try weights(seed: 1, shuffling: 2) != first)
    }

    /// The norm of all gradients together in Keras 2.3, of each later; both clippings in Keras 2.3, the first later.
    @Test func clipping() throws {
        func step(_ optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration) throws -> [[Float]] {
            let parameters = try ParameterBuffers([Tensor(zeros: [1]), Tensor(zeros: [1])])
            let run = try OptimizerRun(
                optimizer, generation: generation, parameters: parameters, trained: [0, 1], paths: ["a", "b"])
            let gradients: [[Float]] = [[3], [4]]
            gradients[0].withUnsafeBufferPointer { a in
                gradients[1].withUnsafeBufferPointer { b in run.step(gradients: [a.baseAddress!, b.baseAddress!]) }
            }
            return parameters.tensors.map(\.floats)
        }
        #expect(try step(SGD(learningRate: 1, clipnorm: 1), .keras2) == [[-0.6], [-0.8]])
        #expect(try step(SGD(learningRate: 1, clipnorm: 1), .keras3) == [[-1], [-1]])
        #expect(try step(SGD(learningRate: 1, clipnorm: 1, clipvalue: 0.7), .keras2) == [[-0.6], [-0.7]])
        #expect(try step(SGD(learningRate: 1, clipnorm: 1, clipvalue: 0.7), .keras3) == [[-1], [-1]])
        #expect(try step(SGD(learningRate: 1, clipnorm: 1, clipvalue: 0.7), .tfKerasLegacy) == [[-0.7], [-0.7]])
        #expect(try step(SGD(learningRate: 1, clipnorm: 0.35, clipvalue: 0.7), .tfKerasLegacy) == [[-0.35], [-0.35]])
        #expect(try step(SGD(learningRate: 1, clipnorm: 100, clipvalue: 0), .keras2) == [[-3], [-4]])
        #expect(try step(SGD(learningRate: 1, clipvalue: 0.5), .tfKeras) == [[-0.5], [-0.5]])
    }

    @Test func constraints() throws {
        func project(_ kind: WeightConstraint.Kind, axes: [Int], _ values: [Float], _ shape: Shape) throws -> [Float] {
            let constraint = try WeightConstraint(kind, axes: axes, shape: shape)
            var values = values
            values.withUnsafeMutableBufferPointer { constraint.apply($0.baseAddress!) }
            return values
        }
        let matrix: [Float] = [3, 0.3, 4, 0.4]
        let norms = try project(.norms(low: 0, high: 1, rate: 1), axes: [0], matrix, [2, 2])
        #expect(zip(norms, [0.6, 0.3, 0.8, 0.4] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        let units = try project(.unitNorms, axes: [-2], matrix, [2, 2])
        #expect(zip(units, [0.6, 0.6, 0.8, 0.8] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(try project(.nonNegative, axes: [], [-1, 0, 2], [3]) == [0, 0, 2])
        let all = try project(.norms(low: 0, high: 1, rate: 1), axes: [0, 1], [3, 4], [1, 2])
        #expect(zip(all, [0.6, 0.8] as [Float]).allSatisfy { abs($0 - $1) < 1e-6 })
        #expect(throws: LocatedError.self) { try WeightConstraint(.unitNorms, axes: [2], shape: [2, 2]) }
        #expect(throws: LocatedError.self) { try WeightConstraint(config: ["class_name": "Odd", "config": [:]], shape: [2]) }
        #expect(try WeightConstraint(config: ["class_name": "MaxNorm", "config": ["max_value": 3, "axis": [0]]], shape: [2])?.kind == .norms(low: 0, high: 3, rate: 1))
    }

    @Test func regularizersFromConfigurations() throws {
        #expect(try WeightRegularizer(config: .null) == nil)
        #expect(try WeightRegularizer(config: ["class_name": "L1L2", "config": ["l1": 0.0, "l2": 0.0]]) == nil)
        #expect(try WeightRegularizer(config: ["class_name": "L1L2", "config": ["l1": 0.5, "l2": 0.25]]) == WeightRegularizer(l1: 0.5, l2: 0.25))
        #expect(try WeightRegularizer(config: ["class_name": "L2", "config": ["l2": 0.25]]) == WeightRegularizer(l2: 0.25))
        #expect(try WeightRegularizer(config: "l1_l2") == WeightRegularizer(l1: 0.01, l2: 0.01))
        #expect(throws: LocatedError.self) { try WeightRegularizer(config: ["class_name": "OddRegularizer", "config": [:]]) }
    }

    /// A masked output's losses count for nothing; Keras 2.3 divides by all places, Keras 3 by those that count.
    @Test(arguments: [TrainingGeneration.keras2, .keras3]) func masks(_ generation: TrainingGeneration) throws {
        var builder = GraphBuilder()
        let x = builder.input(ValueInfo([2, 3, 1]))
        let mask = builder.input(ValueInfo([2, 3], .bool))
        let graph = try TrainingGraph(
            builder.finish(outputs: [x]), outputs: [OutputTraining(name: "out", loss: .meanSquaredError, metrics: [.loss(.meanAbsoluteError)])],
            masks: [mask], regularizers: [], weighted: [false], generation: generation)
        let plan = try InferencePlan(graph: graph.graph.optimized(for: .inference))
        let session = try Session(weights: PreparedWeights(plan: plan, parameters: []))
        let results = try session.run([
            Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3, 1]), Tensor([true, true, false, false, true, false], shape: [2, 3]),
            Tensor(zeros: [2, 3, 1]),
        ]).map { $0.floats[0] }
        #expect(results[1] == 8 && results[2] == 3)
        #expect(abs(results[0] - (generation == .keras2 ? 5 : 10)) < 1e-5)
    }
}
