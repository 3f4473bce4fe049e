import KerasFormat
import KerasSpec
import TestSupport
import Tensors
import Testing
@testable import Training

@Suite struct OptimizerWeightsTests {
    /// The optimizer's arrays of a file that genuine Keras 2.3.1 wrote, and back under the same names.
    @Test func keras2File() throws {
        let stored = try KerasFile.read(Fixtures.path("samples/keras-2.3.1_tf1.15/mini1/whole.h5"))
        let training = try #require(stored.training)
        let settings = try CompileSettings(config: training.compileSettings)
        let optimizer = try #require(settings.optimizer as? any BuiltInOptimizer)
        let arrays = training.optimizerWeights
        let shapes = arrays.dropFirst().map(\.tensor.shape)
        let paths = shapes.indices.map { "weight_\($0)" }
        let state = try OptimizerWeights.decode(arrays, for: optimizer, generation: .keras2, paths: paths, shapes: Array(shapes))
        #expect(state.iterations == 2)
        #expect(Set(state.slots[.velocity]?.keys.map(\.self) ?? []) == Set(paths))
        let written = OptimizerWeights.encode(
            state, of: optimizer, generation: .keras2, paths: paths, names: paths, shapes: Array(shapes), learningRate: 0.001)
        #expect(written.map(\.name) == arrays.map(\.name))
        for (a, b) in zip(written, arrays) { #expect(try a.tensor.load() == b.tensor.load()) }
    }

    static let optimizers: [any BuiltInOptimizer] = [
        SGD(), SGD(momentum: 0.9), RMSprop(), Adam(), Adam(amsgrad: true),
    ]

    /// State goes through the lists of every generation unchanged.
    @Test(arguments: TrainingGeneration.allCases) func roundTrip(_ generation: TrainingGeneration) throws {
        let paths = ["a/kernel", "a/bias"]
        let shapes: [Shape] = [[2, 3], [3]]
        for optimizer in Self.optimizers {
            var random = TestRandom(3)
            var state = OptimizerState(iterations: 7)
            for slot in optimizer.slots(for: generation) {
                for (path, shape) in zip(paths, shapes) { state.slots[slot, default: [:]][path] = random.tensor(shape) }
            }
            let arrays = OptimizerWeights.encode(
                state, of: optimizer, generation: generation, paths: paths, names: ["a/kernel:0", "a/bias:0"], shapes: shapes,
                learningRate: 0.5)
            #expect(Set(arrays.map(\.name)).count == arrays.count)
            let back = try OptimizerWeights.decode(arrays, for: optimizer, generation: generation, paths: paths, shapes: shapes)
            #expect(back.iterations == 7 && back.slots == state.slots)
        }
    }

    @Test func orders() {
        func names(_ optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration) -> [String] {
            OptimizerWeights.encode(
                OptimizerState(), of: optimizer, generation: generation, paths: ["k", "b"], names: ["d/kernel:0", "d/bias:0"],
                shapes: [[1], [1]], learningRate: 1
            ).map(\.name)
        }
        #expect(
            names(Adam(), .keras2) == [
                "Adam/iterations:0", "training/Adam/m_0_1:0", "training/Adam/m_1_1:0", "training/Adam/v_0_1:0",
                "training/Adam/v_1_1:0", "training/Adam/vhat_0_1:0", "training/Adam/vhat_1_1:0",
            ])
        #expect(names(SGD(), .keras2) == ["SGD/iterations:0", "training/SGD/moment_0_1:0", "training/SGD/moment_1_1:0"])
        #expect(names(RMSprop(), .tfKerasLegacy) == ["RMSprop/iter:0", "RMSprop/d/kernel/rms:0", "RMSprop/d/bias/rms:0"])
        #expect(
            names(Adam(), .tfKeras) == ["iteration:0", "Adam/m/d/kernel:0", "Adam/v/d/kernel:0", "Adam/m/d/bias:0", "Adam/v/d/bias:0"])
        #expect(names(SGD(), .keras3) == ["iteration", "learning_rate"])
    }

    /// Keras 2.2.4 wrote no step count for RMSprop.
    @Test func withoutStepCount() throws {
        let arrays = ["Variable", "Variable_1"].map {
            StoredWeights.Weight(name: $0, tensor: LazyTensor(Tensor([1, 2] as [Float])))
        }
        let state = try OptimizerWeights.decode(
            arrays, for: RMSprop(), generation: .keras2, paths: ["a", "b"], shapes: [[2], [2]])
        #expect(state.iterations == 0 && state.slots[.velocity]?["b"]?.floats == [1, 2])
    }

    @Test func refusesOtherArrays() {
        func code(_ tensors: [Tensor]) -> String? {
            let arrays = tensors.enumerated().map {
                StoredWeights.Weight(name: "array_\($0)", tensor: LazyTensor($1))
            }
            let error = #expect(throws: LocatedError.self) {
                try OptimizerWeights.decode(arrays, for: RMSprop(), generation: .keras2, paths: ["a"], shapes: [[2]])
            }
            return error?.code
        }
        let count = Tensor(scalar: Int64(3))
        #expect(code([count, Tensor(zeros: [3])]) == "optimizer.weights")
        #expect(code([count, Tensor(zeros: [2]), Tensor(zeros: [2])]) == "optimizer.weights")
        #expect(code([Tensor(scalar: Int64(-3)), Tensor(zeros: [2])]) == "optimizer.iterations")
        #expect(code([Tensor(zeros: [2, 2]), Tensor(zeros: [2])]) == "optimizer.weights")
    }
}
