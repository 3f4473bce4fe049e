import Foundation
import SwiftKeras
import Tensors
import Testing

/// Every case of `fixtures/layers` through the library as its users meet it.
@Suite struct ModelParityTests {
    /// Keras 2.3.1's JSON does not say that a nested model is frozen, nor the shape that an explicit input layer gave a
    /// Sequential.
    private static let untold = ["Model/nested_frozen", "Sequential/with_input_layer"]

    @Test(arguments: ParityCase.all.filter { !untold.contains($0.path) && !$0.path.hasPrefix("../layers1") })
    func summary(_ example: ParityCase) throws {
        let model = try Model(json: example.file("model.json"))
        let expected = try String(contentsOfFile: example.file("summary.txt"), encoding: .utf8)
        #expect(try model.summary() == expected)
    }

    @Test(arguments: ParityCase.all)
    func predict(_ example: ParityCase) throws {
        let model = try Model(json: example.file("model.json"), weights: example.file("weights.h5"))
        let inputs = try example.arrays("x")
        let outputs = try model.predict(inputs, batchSize: inputs[0].shape[0])
        expect(outputs, try example.arrays("y"))
        guard example.stateful else { return }
        expect(try model.predict(inputs, batchSize: inputs[0].shape[0]), try example.arrays("y", suffix: "b"))
    }

    private func expect(_ got: [Tensor], _ expected: [Tensor]) {
        #expect(got.count == expected.count && !expected.isEmpty)
        for (a, b) in zip(got, expected) {
            let (error, note) = departure(of: a, from: b)
            #expect(error <= Tolerance.output, "\(error) \(note)")
        }
    }
}

@Suite struct IndexTests {
    @Test(arguments: [-1, 10, 1e10, Float.nan]) func indicesOutsideTheTable(_ index: Float) throws {
        let example = try #require(ParityCase.all.first { $0.path == "Embedding/float_indices" })
        let model = try Model(json: example.file("model.json"), weights: example.file("weights.h5"))
        let error = #expect(throws: LocatedError.self) { try model.predict(Tensor([0, index, 9] as [Float], shape: [1, 3])) }
        #expect(error?.code == "input.index")
        #expect(try model.predict(Tensor([0, 9.75, 9] as [Float], shape: [1, 3])).shape == [1, 3, 4])
    }
}
