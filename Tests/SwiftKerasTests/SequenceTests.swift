@testable import SwiftKeras
import TestSupport
import Testing

/// `fixtures/sequences`: networks of genuine Keras 3.15.1 whose states go from call to call.
@Suite struct SequenceTests {
    private func arrays(_ name: String) throws -> NPZ { try NPZ(reading: Fixtures.path("sequences/\(name).npz")) }
    private func model(_ name: String) throws -> Model { try Model(Fixtures.path("sequences/\(name).keras")) }

    private func expect(_ got: Tensor, _ expected: Tensor, within tolerance: Double = Tolerance.output, _ what: String) {
        let (error, note) = departure(of: got, from: expected)
        #expect(error <= tolerance, "\(what): \(error) \(note)")
    }

    /// States go on from prediction to prediction, into training and out of it, until they are reset.
    @Test func characters() throws {
        let (model, arrays) = (try model("characters"), try arrays("characters"))
        let x = try arrays.tensor("x"), first = x.rows(0..<2)
        for index in 0..<3 {
            expect(try model.predict(first, batchSize: 2), try arrays.tensor("p\(index)"), "prediction \(index)")
        }
        model.resetStates()
        expect(try model.predict(first, batchSize: 2), try arrays.tensor("p0"), "prediction after resetting")
        model.resetStates()
        let history = try model.fit(x, try arrays.tensor("y"), batchSize: 2, epochs: 1, verbose: 0, shuffle: false)
        let loss = try #require(history.history["loss"])
        expect(Tensor(loss.map { Float($0) }, shape: [loss.count]), try arrays.tensor("loss"), within: 1e-5, "loss")
        expect(try model.predict(first, batchSize: 2), try arrays.tensor("q0"), within: 1e-4, "prediction after training")
        model.resetStates()
        expect(try model.predict(first, batchSize: 2), try arrays.tensor("q1"), within: 1e-4, "prediction after training, reset")
    }

    /// An encoder's states are a decoder's first; ten steps of training.
    @Test func translator() throws {
        let (model, arrays) = (try model("translator"), try arrays("translator"))
        let x = [try arrays.tensor("x0"), try arrays.tensor("x1")]
        expect(try model.predict(x)[0], try arrays.tensor("p0"), "prediction")
        let history = try model.fit(x, [try arrays.tensor("y")], batchSize: 4, epochs: 10, verbose: 0, shuffle: false)
        let loss = try #require(history.history["loss"])
        expect(Tensor(loss.map { Float($0) }, shape: [loss.count]), try arrays.tensor("loss"), within: 1e-5, "loss")
        expect(try model.predict(x)[0], try arrays.tensor("q0"), within: 1e-4, "prediction after training")
    }

    /// The states come in and go out with every word.
    @Test func decoder() throws {
        let (model, arrays) = (try model("decoder"), try arrays("translator"))
        var inputs = try ["d0", "h0", "c0"].map { try arrays.tensor($0) }
        for index in 0..<5 {
            let outputs = try model.predict(inputs)
            expect(outputs[0], try arrays.tensor("s\(index)"), "step \(index)")
            let likeliest = (0..<4).map { row in
                let values = (0..<3).map { outputs[0].floats[row * 3 + $0] }
                return values.firstIndex(of: values.max() ?? 0) ?? 0
            }
            let word = Tensor(likeliest.flatMap { best in (0..<3).map { Float($0 == best ? 1 : 0) } }, shape: [4, 1, 3])
            inputs = [word] + outputs.dropFirst()
        }
    }
}
