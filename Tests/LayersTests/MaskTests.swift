import Engine
import Graphs
import KerasSpec
import Layers
import Tensors
import Testing

/// What becomes of masks where inputs are merged.
@Suite struct MaskTests {
    /// The mask of `layer` called on an embedding of `a` and one of `b` (nil: an input without a mask).
    private func mask(_ layer: any BuiltInLayer, _ a: [Int32], _ b: [Int32]?) throws -> [Bool]? {
        let embedding = Embedding(9, 2, maskZero: true, name: "e")
        var layers = [
            LayerSpec(className: "InputLayer", name: "a", config: input(a.count, "int32", "a"), calls: [LayerCall()]),
            LayerSpec(className: "Embedding", name: "e", config: embedding.config, calls: [call("a")]),
            LayerSpec(
                className: "InputLayer", name: "b", config: b == nil ? input(a.count, "float32", "b", 2) : input(b!.count, "int32", "b"),
                calls: [LayerCall()]),
        ]
        var merged = layer
        merged.common.name = "m"
        var second = TensorReference(layer: "b")
        if b != nil {
            layers[1].calls.append(call("b"))
            second = TensorReference(layer: "e", node: 1)
        }
        layers.append(
            LayerSpec(
                className: type(of: layer).className, name: "m", config: merged.config,
                calls: [LayerCall(arguments: [.list([.tensor(TensorReference(layer: "e")), .tensor(second)])])]))
        let spec = ModelSpec(
            kind: .functional, name: "model", layers: layers,
            inputs: .list([.tensor(TensorReference(layer: "a")), .tensor(TensorReference(layer: "b"))]),
            outputs: .list([.tensor(TensorReference(layer: "m"))]))
        let program = try ModelProgram(spec)
        let first = Tensor(a, shape: [1, a.count])
        let other = b.map { Tensor($0, shape: [1, $0.count]) } ?? Tensor(zeros: [1, a.count, 2])
        let inputs = [first, other].map { ValueInfo($0.shape, $0.dtype) }
        let lowered = try program.lower(inputs: inputs, training: false)
        guard let mask = try #require(lowered.outputMasks.first) else { return nil }
        var graph = lowered.graph
        graph.outputs = [mask]
        let plan = try InferencePlan(graph: graph.optimized(for: .inference))
        let weights = lowered.parameters.slots.map { Tensor(zeros: $0.slot.shape) }
        let session = try Session(weights: try PreparedWeights(plan: plan, parameters: weights))
        return try session.run([first, other])[0].array(as: Bool.self)
    }

    private func input(_ steps: Int, _ dtype: String, _ name: String, _ width: Int? = nil) -> ConfigObject {
        let extents: [ConfigValue] = [.null, .integer(steps)] + (width.map { [.integer($0)] } ?? [])
        return ["batch_shape": .array(extents), "dtype": .string(dtype), "name": .string(name)]
    }

    private func call(_ layer: String) -> LayerCall {
        LayerCall(arguments: [.tensor(TensorReference(layer: layer))])
    }

    private let a: [Int32] = [1, 0, 2, 0]
    private let b: [Int32] = [1, 2, 0, 0]

    @Test func addOfKeras2() throws {
        #expect(try mask(Add(), a, b) == [true, false, false, false])
        #expect(try mask(Add(), a, nil) == [true, false, true, false])
    }

    @Test func addOfKeras3() throws {
        var add = Add()
        add.maskRule = .any
        #expect(try mask(add, a, b) == [true, true, true, false])
        #expect(try mask(add, a, nil) == nil)
    }

    @Test func concatenateOfKeras2() throws {
        #expect(try mask(Concatenate(), a, b) == [true, false, false, false])
        #expect(try mask(Concatenate(), a, nil) == [true, false, true, false])
        #expect(try mask(Concatenate(axis: 1), a, [3, 0]) == [true, false, true, false, true, false])
        #expect(try mask(Concatenate(axis: -2), a, nil) == [true, false, true, false, true, true, true, true])
    }

    @Test func concatenateOfKeras3() throws {
        var concatenate = Concatenate()
        concatenate.maskRule = .any
        #expect(try mask(concatenate, a, b) == [true, true, true, false])
        #expect(try mask(concatenate, a, nil) == nil)
    }
}
