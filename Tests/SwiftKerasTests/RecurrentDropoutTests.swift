import Engine
import Graphs
import KerasSpec
import Layers
import Tensors
import TestSupport
import Testing

/// Dropout within recurrent layers: random, so that what is tested is what it means.
@Suite struct RecurrentDropoutTests {
    /// One layer on a sequence and a mask, in training.
    private struct Network {
        let plan: TrainingPlan
        let table: ParameterTable
        let count: Int

        init(_ layer: any BuiltInLayer, _ shape: Shape, masked: Bool = false) throws {
            var layer = layer
            layer.common.name = "layer"
            func input(_ name: String, _ shape: Shape, _ dtype: String) -> LayerSpec {
                LayerSpec(
                    className: "InputLayer", name: name,
                    config: ["batch_shape": .integers(shape.dims), "dtype": .string(dtype), "name": .string(name)],
                    calls: [LayerCall()])
            }
            var layers = [input("x", shape, "float32")]
            var call = LayerCall(arguments: [.tensor(TensorReference(layer: "x"))])
            if masked {
                layers.append(input("m", [shape[0], shape[1]], "bool"))
                call.keywords["mask"] = .tensor(TensorReference(layer: "m"))
            }
            layers.append(
                LayerSpec(className: type(of: layer).className, name: "layer", config: layer.config, calls: [call]))
            let inputs = layers.dropLast().map { Nest.tensor(TensorReference(layer: $0.name)) }
            let spec = ModelSpec(
                kind: .functional, name: "model", layers: layers, inputs: .list(inputs),
                outputs: .list([.tensor(TensorReference(layer: "layer"))]))
            let infos = [ValueInfo(shape)] + (masked ? [ValueInfo([shape[0], shape[1]] as Shape, .bool)] : [])
            let lowered = try ModelProgram(spec).lower(inputs: infos, training: true)
            table = lowered.parameters
            count = lowered.graph.nodes.count
            plan = try TrainingPlan(
                graph: lowered.graph.optimized(for: .training), parameters: Array(table.slots.indices), inputs: [0])
        }

        func run(_ inputs: [Tensor], _ weights: [Tensor]) throws -> (output: Tensor, gradients: [Tensor]) {
            let session = try TrainingSession(plan: plan, parameters: try ParameterBuffers(weights))
            let outputs = try session.forward(inputs)
            var random = TestRandom(9)
            let gradients = try session.backward(outputs.map { random.tensor($0.shape) })
            return (outputs[0], gradients.inputs + table.slots.indices.map { gradients.parameters[$0] ?? Tensor(zeros: [0]) })
        }
    }

    private func identity(_ count: Int) -> Tensor {
        Tensor((0..<count * count).map { Float($0 / count == $0 % count ? 1 : 0) }, shape: [count, count])
    }

    /// Every step drops the same inputs of a sequence, another sequence others; what is kept is scaled.
    @Test func inputsAreDroppedForAWholeSequence() throws {
        let layer = SimpleRNN(64, activation: .linear, useBias: false, dropout: 0.25, returnSequences: true)
        let network = try Network(layer, [8, 3, 64])
        let x = Tensor([Float](repeating: 1, count: 8 * 3 * 64), shape: [8, 3, 64])
        let values = try network.run([x], [identity(64), Tensor(zeros: [64, 64])]).output.floats
        #expect(values.allSatisfy { $0 == 0 || abs($0 - 4 / 3) < 1e-5 })
        let dropped = Double(values.count { $0 == 0 }) / Double(values.count)
        #expect(abs(dropped - 0.25) < 0.06)
        func step(_ sequence: Int, _ time: Int) -> ArraySlice<Float> { values[(sequence * 3 + time) * 64..<(sequence * 3 + time + 1) * 64] }
        for sequence in 0..<8 {
            #expect(Array(step(sequence, 0)) == Array(step(sequence, 1)) && Array(step(sequence, 0)) == Array(step(sequence, 2)))
        }
        #expect(Array(step(0, 0)) != Array(step(1, 0)))
    }

    /// Every step drops the same parts of the state.
    @Test func statesAreDroppedForAWholeSequence() throws {
        let layer = SimpleRNN(64, activation: .linear, useBias: false, recurrentDropout: 0.5, returnSequences: true)
        let network = try Network(layer, [4, 3, 64])
        let first = [Float](repeating: 1, count: 64) + [Float](repeating: 0, count: 128)
        let x = Tensor((0..<4).flatMap { _ in first }, shape: [4, 3, 64])
        let values = try network.run([x], [identity(64), identity(64)]).output.floats
        for sequence in 0..<4 {
            for unit in 0..<64 {
                let steps = (0..<3).map { values[(sequence * 3 + $0) * 64 + unit] }
                #expect(steps == [1, 0, 0] || steps == [1, 2, 4], "\(steps)")
            }
        }
        let dropped = Double(values.count { $0 == 0 }) / Double(4 * 2 * 64)
        #expect(abs(dropped - 0.5) < 0.12)
    }

    /// A rate that drops nothing takes every step by itself and must give what the fused op gives.
    static let layers: [(name: String, make: @Sendable (Double) -> any BuiltInLayer)] = [
        ("LSTM", { LSTM(3, dropout: $0, recurrentDropout: $0, returnSequences: true) }),
        ("LSTM backwards", { LSTM(3, useBias: false, recurrentDropout: $0, goBackwards: true) }),
        ("GRU", { GRU(3, dropout: $0, recurrentDropout: $0, returnSequences: true) }),
        ("GRU reset before", { GRU(3, recurrentDropout: $0, returnSequences: true, goBackwards: true, resetAfter: false) }),
        ("GRU no bias", { GRU(3, useBias: false, recurrentDropout: $0) }),
        ("SimpleRNN", { SimpleRNN(3, dropout: $0, recurrentDropout: $0) }),
    ]

    @Test(arguments: layers.indices, [false, true]) func stepByStepIsFused(_ number: Int, _ masked: Bool) throws {
        let make = Self.layers[number].make
        let fused = try Network(make(0), [4, 5, 2], masked: masked), steps = try Network(make(1e-9), [4, 5, 2], masked: masked)
        #expect(steps.count > fused.count)
        var random = TestRandom(UInt64(number))
        var inputs = [random.tensor([4, 5, 2])]
        if masked {
            inputs.append(
                Tensor(
                    [true, true, false, false, true, false, true, true, true, false].flatMap { [$0, true] }, shape: [4, 5]))
        }
        let weights = fused.table.slots.map { random.tensor($0.slot.shape) }
        let (expected, got) = (try fused.run(inputs, weights), try steps.run(inputs, weights))
        #expect(departure(of: got.output, from: expected.output).error < 1e-5)
        for (a, b) in zip(got.gradients, expected.gradients) { #expect(departure(of: a, from: b, floor: 0.01).error < 1e-4) }
    }

    /// Several hundred steps one by one stay within reason.
    @Test func longSequence() throws {
        let network = try Network(LSTM(4, recurrentDropout: 0.2), [2, 300, 3])
        var random = TestRandom(2)
        let run = try network.run([random.tensor([2, 300, 3])], network.table.slots.map { random.tensor($0.slot.shape) })
        #expect(run.output.floats.allSatisfy(\.isFinite) && network.count < 300 * 30)
    }
}
