import Engine
import Graphs
import KerasSpec
import Layers
import Tensors
import Testing

/// What the same layers do in models of different generations of Keras.
@Suite struct GenerationTests {
    private func call(_ layer: String) -> LayerCall { LayerCall(arguments: [.tensor(TensorReference(layer: layer))]) }

    private func model(_ dialect: Dialect, batch: Int?) throws -> ModelSpec {
        let norm = BatchNormalization(name: "norm")
        var wrapper = try TimeDistributed(norm)
        wrapper.common.name = "each"
        let extents: [ConfigValue] = [batch.map(ConfigValue.integer) ?? .null, 3, 2]
        return ModelSpec(
            kind: .functional, name: "model",
            layers: [
                LayerSpec(
                    className: "InputLayer", name: "x", config: ["batch_shape": .array(extents), "dtype": "float32", "name": "x"],
                    calls: [LayerCall()]),
                LayerSpec(className: "TimeDistributed", name: "each", config: wrapper.config, calls: [call("x")]),
            ],
            inputs: .list([.tensor(TensorReference(layer: "x"))]), outputs: .list([.tensor(TensorReference(layer: "each"))]),
            provenance: Provenance(dialect: dialect))
    }

    private let x: [Float] = (0..<24).map { Float(($0 * 7) % 11) / 5 + Float($0 / 2 % 3) }

    /// Normalized over samples, and over steps too where `folds`.
    private func expected(folds: Bool) -> [Float] {
        var result = x
        for channel in 0..<2 {
            let groups = folds ? [Array(0..<12)] : (0..<3).map { step in (0..<4).map { $0 * 3 + step } }
            for group in groups {
                let values = group.map { Double(x[$0 * 2 + channel]) }
                let mean = values.reduce(0, +) / Double(values.count)
                let variance = values.map { ($0 - mean) * ($0 - mean) }.reduce(0, +) / Double(values.count)
                for place in group {
                    result[place * 2 + channel] = Float((Double(x[place * 2 + channel]) - mean) / (variance + 1e-3).squareRoot())
                }
            }
        }
        return result
    }

    /// Genuine Keras 2.3.1 and tf-keras 2.21 take batch statistics over all steps of all samples, Keras 3 step by step.
    @Test(arguments: [(Dialect.keras2, Int?.none, true), (.tfKeras, nil, true), (.keras2, 4, false), (.keras3, nil, false)])
    func statisticsWithinTimeDistributed(_ dialect: Dialect, _ batch: Int?, _ folds: Bool) throws {
        let program = try ModelProgram(try model(dialect, batch: batch))
        let input = Tensor(x, shape: [4, 3, 2])
        let lowered = try program.lower(inputs: [ValueInfo(input.shape)], training: true)
        let weights = lowered.parameters.slots.map { slot in
            Tensor(
                [Float](repeating: slot.slot.path.last == "gamma" || slot.slot.path.last == "moving_variance" ? 1 : 0, count: slot.slot.shape.count),
                shape: slot.slot.shape)
        }
        let plan = try TrainingPlan(graph: lowered.graph, parameters: [], outputs: [0])
        let session = try TrainingSession(plan: plan, parameters: try ParameterBuffers(weights))
        let output = try session.forward([input])[0].floats
        #expect(zip(output, expected(folds: folds)).allSatisfy { abs($0 - $1) < 1e-4 })
    }
}
