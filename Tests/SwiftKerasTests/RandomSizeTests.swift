import Foundation
import TestSupport
import Tensors
import Testing

@testable import SwiftKeras

/// tf.keras's layers that give pictures of another size in every step of training; Keras 3 has none such.
@Suite struct RandomSizeTests {
    /// `to_json()` of tf-keras 2.21: RandomHeight(0.3), RandomWidth((−0.2, 0.4)). Genuine predictions are the inputs.
    private let path = Fixtures.path("formats/tfkeras/random_size.json")

    @Test func inferenceLeavesPictures() throws {
        let x = Tensor((0..<80).map { Float($0 * 37 % 64) / 64 }, shape: [2, 4, 5, 2])
        #expect(try Model(json: path).predict(x) == x)
    }

    @Test func trainingIsRefused() throws {
        let model = try Model(json: path)
        try model.compile(loss: .meanSquaredError, optimizer: SGD())
        let x = Tensor(zeros: [2, 4, 5, 2])
        let error = #expect(throws: LocatedError.self) { try model.fit(x, x, verbose: 0) }
        #expect(error?.category == .unsupported)
    }

    @Test func keras3HasThemNot() throws {
        let error = #expect(throws: LocatedError.self) { try Model(json: path).toJSON(for: .keras3) }
        #expect(error?.message.contains("RandomHeight") == true && error?.message.contains("RandomWidth") == true)
    }
}
