import Datasets
import SwiftKeras
import TestSupport
import Tensors
import Testing

/// The implementations that tf.keras alone has, against genuine tf.keras 2.15: `fixtures/locally_connected`.
@Suite struct LocallyConnectedTests {
    @Test(arguments: ["dense_1d", "dense_2d_channels_first", "sparse_1d_channels_first", "sparse_2d"])
    func predict(_ name: String) throws {
        let model = try Model(Fixtures.path("locally_connected/\(name).h5"))
        let arrays = try NPZ(reading: Fixtures.path("locally_connected/\(name).npz"))
        let (error, note) = departure(of: try model.predict(try arrays.tensor("x0")), from: try arrays.tensor("y0"))
        #expect(error <= Tolerance.output, "\(error) \(note)")
    }
}
