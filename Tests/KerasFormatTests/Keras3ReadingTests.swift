import Files
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Genuine architectures of Keras 3 as specs.
@Suite struct Keras3ReadingTests {
    static let graphs = ["functional_3.0.5", "functional_3.15.1", "functional_h5_3.15.1"]

    private func read(_ name: String) throws -> ModelSpec {
        let bytes = try InputFile.readBytes(Fixtures.path("formats/keras3/graphs/\(name).json"))
        return try ArchitectureReader.spec(from: try JSON.parse(bytes), version: "3.15.1")
    }

    private func layer(_ name: String, of spec: ModelSpec) throws -> LayerSpec {
        try #require(spec.layers.first { $0.name == name })
    }

    @Test(arguments: graphs)
    func callsAreRead(_ graph: String) throws {
        let spec = try read(graph)
        #expect(spec.provenance?.dialect == .keras3)
        #expect(
            spec.inputs
                == .dictionary(["image": .tensor(TensorReference(layer: "image")), "vector": .tensor(TensorReference(layer: "vector"))]))
        let shared = try layer("shared", of: spec)
        #expect(shared.calls.map { $0.arguments.flatMap(\.tensors) } == [[TensorReference(layer: "image")], [TensorReference(layer: "shared")]])
        let nested = try layer("subfun", of: spec)
        #expect(nested.className == "Functional")
        #expect(nested.calls[1] == LayerCall(arguments: [.tensor(TensorReference(layer: "subfun", node: 0))]))
        let states: Nest = .list([
            .tensor(TensorReference(layer: "enc", tensor: 1)), .tensor(TensorReference(layer: "enc", tensor: 2)),
        ])
        #expect(try layer("dec", of: spec).calls[0].keywords == ["initial_state": states])
    }

    @Test(arguments: graphs)
    func settingsSpeakOneLanguage(_ graph: String) throws {
        let spec = try read(graph)
        #expect(try layer("shared", of: spec).config["dtype"] == "float32")
        #expect(try layer("dense_2", of: spec).config["dtype"] == "mixed_float16")
        let lstm = try layer("enc", of: spec).config["recurrent_initializer"]?.object
        #expect(lstm?["class_name"] == "Orthogonal")
    }

    @Test(arguments: ["functional_3.0.5", "functional_3.15.1"])
    func operationsKeepTheirModule(_ graph: String) throws {
        let multiply = try layer("multiply", of: try read(graph))
        #expect(multiply.className == "ops.numpy.Multiply")
        #expect(multiply.calls[0].arguments == [.tensor(TensorReference(layer: "add")), .constant(2.0)])
    }
}
