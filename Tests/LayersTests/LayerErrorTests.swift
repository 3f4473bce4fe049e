import Graphs
import KerasSpec
import Layers
import Tensors
import Testing

@Suite struct LayerErrorTests {
    struct Broken: Sendable, CustomTestStringConvertible {
        var example: String
        var key: String
        var value: ConfigValue
        var category: LocatedError.Category = .invalid
        var code = "config.value"
        var testDescription: String { "\(example) \(key): \(value.summary)" }
    }

    static let broken: [Broken] = [
        Broken(example: "Dense/default", key: "units", value: 0),
        Broken(example: "Dense/default", key: "units", value: "4"),
        Broken(example: "Dense/default", key: "units", value: 1.5),
        Broken(example: "Dense/default", key: "use_bias", value: "yes"),
        Broken(example: "Dense/default", key: "kernel_initializer", value: 3),
        Broken(example: "Dense/default", key: "kernel_regularizer", value: [1]),
        Broken(example: "Dense/default", key: "bias_constraint", value: true),
        Broken(example: "Dense/default", key: "dtype", value: 32),
        Broken(example: "Dense/default", key: "activation", value: 7),
        Broken(
            example: "Dense/default", key: "activation", value: ["class_name": "function", "config": "mine"],
            category: .unsupported, code: "activation.unknown"),
        Broken(
            example: "Dense/default", key: "activation", value: "my_activation", category: .unsupported,
            code: "activation.unknown"),
        Broken(example: "Dense/default", key: "rank", value: 3, category: .unsupported, code: "config.unknownKey"),
        Broken(example: "Conv2D/default", key: "kernel_size", value: [3, 3, 3]),
        Broken(example: "Conv2D/default", key: "kernel_size", value: [3, 0]),
        Broken(example: "Conv2D/default", key: "strides", value: [1, 9_223_372_036_854_775_807]),
        Broken(example: "Conv2D/default", key: "padding", value: "full"),
        Broken(example: "Conv2D/default", key: "data_format", value: "channels_middle"),
        Broken(example: "Conv2D/default", key: "groups", value: 3),
        Broken(example: "MaxPooling2D/default", key: "pool_size", value: [0, 1]),
        Broken(example: "BatchNormalization/default", key: "axis", value: "last"),
        Broken(
            example: "BatchNormalization/default", key: "axis", value: [1, 2], category: .unsupported,
            code: "batchNormalization.axis"),
        Broken(example: "BatchNormalization/default", key: "legacy>variance_rule", value: "keras-4"),
        Broken(example: "Dropout/default", key: "rate", value: 1.5),
        Broken(example: "Dropout/default", key: "noise_shape", value: [nil, -1]),
        Broken(example: "Embedding/default", key: "input_dim", value: -1),
        Broken(example: "LSTM/default", key: "units", value: nil),
        Broken(example: "LSTM/default", key: "num_constants", value: 1, category: .unsupported, code: "recurrent.constants"),
        Broken(example: "Concatenate/default", key: "axis", value: "last"),
    ]

    @Test(arguments: broken)
    func configuration(_ broken: Broken) throws {
        let example = try #require(Keras3Case.all.first { $0.testDescription == broken.example })
        let error = #expect(throws: LocatedError.self) {
            try LayerRegistry.builtIn.decode(example.changing(broken.key, to: broken.value))
        }
        #expect(error?.category == broken.category)
        #expect(error?.code == broken.code)
        #expect(error?.location.last == "config/\(broken.key)")
    }

    @Test func missingKey() throws {
        let spec = LayerSpec(className: "Dense", name: "layer", config: ["name": "layer"])
        let error = #expect(throws: LocatedError.self) { try LayerRegistry.builtIn.decode(spec) }
        #expect(error?.code == "config.missing")
        #expect(error?.location == ["config/units"])
    }

    @Test func unknownClassesAllAtOnce() {
        let spec = ModelSpec(
            kind: .sequential, name: "model",
            layers: [LayerSpec(className: "Lambda", name: "a"), LayerSpec(className: "Mine", name: "b")])
        let error = #expect(throws: LocatedError.self) { try ModelProgram(spec) }
        #expect(error?.category == .unsupported)
        #expect(error?.message.contains("a (Lambda), b (Mine)") == true)
    }

    struct Misfit: Sendable, CustomTestStringConvertible {
        var layer: any BuiltInLayer
        var inputs: [PartialShape]
        var dtype = DType.float32
        var category = LocatedError.Category.mismatch
        var testDescription: String { "\(type(of: layer).className) of \(inputs)" }
    }

    static let misfits: [Misfit] = [
        Misfit(layer: Dense(3), inputs: [[nil, nil]]),
        Misfit(layer: Dense(3), inputs: [[nil, 2], [nil, 2]]),
        Misfit(layer: Dense(3), inputs: []),
        Misfit(layer: Dense(3), inputs: [[]]),
        Misfit(layer: Conv2D(3, (3, 3)), inputs: [[nil, 5, 3]]),
        Misfit(layer: Conv2D(3, (3, 3)), inputs: [[nil, 5, 5, nil]]),
        Misfit(layer: Conv2D(3, (3, 3)), inputs: [[nil, 2, 5, 3]]),
        Misfit(layer: Conv2D(4, (3, 3), groups: 2), inputs: [[nil, 5, 5, 3]]),
        Misfit(layer: MaxPooling2D(poolSize: (3, 3)), inputs: [[nil, 2, 2, 1]]),
        Misfit(layer: MaxPooling2D(), inputs: [[nil, 4, 4]]),
        Misfit(layer: Add(), inputs: [[nil, 3]]),
        Misfit(layer: Add(), inputs: [[nil, 3], [nil, 4]]),
        Misfit(layer: Concatenate(), inputs: [[nil, 3]]),
        Misfit(layer: Concatenate(axis: 5), inputs: [[nil, 3], [nil, 3]]),
        Misfit(layer: Concatenate(axis: 1), inputs: [[nil, 3, 2], [nil, 3, 3]]),
        Misfit(layer: BatchNormalization(axis: 3), inputs: [[nil, 3]]),
        Misfit(layer: BatchNormalization(), inputs: [[nil, nil]]),
        Misfit(layer: Flatten(), inputs: [[]]),
        Misfit(layer: LSTM(3), inputs: [[nil, 3]]),
        Misfit(layer: LSTM(3), inputs: [[nil, 3, 2], [nil, 3]]),
        Misfit(layer: LSTM(3), inputs: [[nil, 3, 2], [nil, 3], [nil, 2]]),
    ]

    @Test(arguments: misfits)
    func inputs(_ misfit: Misfit) {
        let error = #expect(throws: LocatedError.self) {
            try misfit.layer.outputInfos(for: misfit.inputs.map { ValueInfo($0, misfit.dtype) })
        }
        #expect(error?.category == misfit.category)
    }

    @Test func weightThatNoMemoryHolds() {
        let error = #expect(throws: LocatedError.self) {
            try Dense(1 << 40).outputInfos(for: [ValueInfo([nil, 1 << 40])])
        }
        #expect(error?.code == "weights.size")
    }
}
