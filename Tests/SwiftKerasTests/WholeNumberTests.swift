import KerasFormat
import KerasSpec
import TestSupport
import Testing

@testable import SwiftKeras

/// What 32 bits and one shape for all batches can't hold is refused, not computed otherwise than in Keras; and text where
/// numbers are wanted. (What can be held is compared in `LayerParityTests`.)
@Suite struct WholeNumberTests {
    private static func spec(_ example: String) throws -> ModelSpec {
        try #require(try KerasFile.read(Fixtures.path("catalogue/\(example).keras")).spec)
    }

    private static func category(_ body: () throws -> Void) -> LocatedError.Category? {
        do { try body() } catch { return (error as? LocatedError)?.category }
        return nil
    }

    /// x · 1000 + y of 64 bits.
    @Test(arguments: [(2_000_000, 1, true), (2_145_338, 2_145_338, true), (2_145_339, 0, false), (-3, 2_200_000, false), (1, 1 << 31, false)])
    func productsHaveRoom(_ x: Int, _ y: Int, _ fits: Bool) throws {
        let model = Model(spec: try Self.spec("ops.numpy.Multiply/wide"))
        func predicted() throws -> Tensor {
            try model.predict([x, y].map { Tensor([Int64](repeating: Int64($0), count: 4), shape: [1, 4]) })[0]
        }
        if fits {
            #expect(try predicted().asType(.int64).array(as: Int64.self) == [Int64](repeating: Int64(x * 1000 + y), count: 4))
        } else {
            #expect(throws: LocatedError.self) { try predicted() }
        }
    }

    /// What never has room is refused before there is data.
    @Test func constantsHaveRoom() throws {
        var spec = try Self.spec("strings/hashing")
        let place = try #require(spec.layers.firstIndex { $0.className == "Hashing" })
        spec.layers[place].config["num_bins"] = 1_000_003
        let hashed = spec.layers[place].name
        spec.layers.append(
            LayerSpec(
                className: "ops.numpy.Multiply", name: "product", config: ["name": "product"],
                calls: [LayerCall(arguments: [.tensor(TensorReference(layer: hashed)), .constant(100_000)])]))
        spec.outputs = .tensor(TensorReference(layer: "product"))
        let words = Tensor(strings: ["a", "b"], shape: [1, 2])
        #expect(Self.category { _ = try Model(spec: spec).predict([words]) } == .unsupported)
        spec.layers[place].config["num_bins"] = 1_000
        #expect(throws: Never.self) { try Model(spec: spec).predict([words]) }
    }

    @Test func countsAreOfWholeNumbersFromZero() throws {
        let model = Model(spec: try Self.spec("ops.numpy.Bincount/default_least"))
        func counts(_ numbers: [Int32]) throws -> Tensor { try model.predict([Tensor(numbers, shape: [1, 6])])[0] }
        #expect(try counts([0, 2, 2, 1, 0, 9]).shape == [1, 10])
        #expect(try counts([0, 2, 2, 1, 0, 3]).shape == [1, 8])
        #expect(Self.category { _ = try counts([0, 2, -1, 1, 0, 3]) } == .mismatch)
    }

    /// In the second batch, the largest number is another.
    @Test func batchesHaveOneShape() throws {
        let model = Model(spec: try Self.spec("ops.numpy.Bincount/default_least"))
        for last in [1, 90_000] as [Int32] {
            var numbers = [Int32](repeating: 20, count: 40 * 6)
            numbers.replaceSubrange(32 * 6..<40 * 6, with: [Int32](repeating: last, count: 8 * 6))
            #expect(Self.category { _ = try model.predict([Tensor(numbers, shape: [40, 6])]) } == .mismatch)
        }
    }

    @Test(arguments: ["Sort", "Absolute", "Sum", "Argmax"])
    func textIsNoNumber(_ function: String) throws {
        var spec = try Self.spec("strings/flip")
        let place = try #require(spec.layers.firstIndex { $0.className == "ops.numpy.Flip" })
        spec.layers[place].className = "ops.numpy.\(function)"
        #expect(Self.category { _ = try Model(spec: spec).predict([Tensor(strings: ["a", "b"], shape: [1, 2])]) } == .unsupported)
    }
}
