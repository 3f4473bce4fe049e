import Datasets
import KerasSpec
import TestSupport
import Testing

@testable import KerasFormat
@testable import SwiftKeras

/// Weights in `.npz` as Keras 3 writes them on JAX and PyTorch (`fixtures/generate/make_formats_npz.py`).
@Suite struct BackendWeightsTests {
    @Test(arguments: ["jax", "torch"])
    func weightsAreRead(_ backend: String) throws {
        let path = Fixtures.path("formats/wild/npz_\(backend)")
        let stored = try KerasFile.read(path + ".keras")
        let weights = try WeightBinding.resolve(try #require(stored.weights), in: try #require(stored.spec)).weights
        #expect(weights.map(\.outline.name).contains("first/kernel"))
        // Two arrays for each of Adam's six weights, the step count and the rate.
        #expect(stored.training?.optimizerWeights.count == 14)
        let arrays = try NPZ(reading: path + ".npz")
        let got = try Model(path + ".keras").predict(try arrays.tensor("x0"))
        let comparison = try Comparison(
            name: backend, got: got, expected: try arrays.tensor("y0"), relativeTolerance: 1e-5, absoluteTolerance: 1e-5)
        #expect(comparison.passed, "\(comparison.maxAbsoluteError)")
    }

    @Test(arguments: ["jax", "torch"])
    func halfFloatsKeepTheirType(_ backend: String) throws {
        let stored = try KerasFile.read(Fixtures.path("formats/wild/npz_\(backend)_bfloat16.keras"))
        let weights = try WeightBinding.resolve(try #require(stored.weights), in: try #require(stored.spec)).weights
        let half = try #require(weights.first { $0.outline.name == "half/kernel" })
        #expect(half.tensor.dtype == .bfloat16 && half.tensor.shape == [4, 3])
        let values = try half.tensor.load().asType(.float32).array(as: Float.self)
        #expect(values.allSatisfy { abs($0) < 1 } && Set(values).count > 6)
    }
}
