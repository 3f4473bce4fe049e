import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// What real files from strangers' hands hold, one test each.
@Suite struct WildTests {
    private static func dense(_ more: String) -> String {
        #"{"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "linear", "use_bias": true\#(more)}}"#
    }

    private func read(_ layers: String..., name: String = "m") throws -> ModelSpec {
        let text = #"{"class_name": "Sequential", "config": {"name": "m", "layers": [\#(layers.joined(separator: ", "))]}, "keras_version": "2.3.1", "backend": "tensorflow"}"#
        return try ArchitectureReader.spec(from: try JSON.parse(text))
    }

    private static let shape = #", "batch_input_shape": [null, 3], "dtype": "float32""#

    @Test(arguments: [
        #"{"class_name": "GlorotUniform", "config": {"seed": null, "dtype": "float32"}}"#,
        #"{"class_name": "MyInitializer", "config": {"path": "x"}}"#, #""truncated_by_me""#,
    ])
    func noInitializerStopsALoad(_ initializer: String) throws {
        let spec = try read(Self.dense(Self.shape + #", "kernel_initializer": \#(initializer)"#))
        #expect(spec.layers.map(\.className) == ["InputLayer", "Dense"])
    }

    @Test func modelsWithoutAnyShapeLoad() throws {
        let spec = try read(Self.dense(""))
        #expect(spec.layers.map(\.className) == ["Dense"])
    }

    @Test func layersMayBeTheWholeConfiguration() throws {
        let text = #"{"class_name": "Sequential", "config": [\#(Self.dense(Self.shape))], "keras_version": "2.0.9"}"#
        let spec = try ArchitectureReader.spec(from: try JSON.parse(text))
        #expect(spec.layers.map(\.className) == ["InputLayer", "Dense"])
    }

    @Test func textWithinTextIsDecodedTwice() throws {
        let text = #"{"class_name": "Sequential", "config": {"name": "m", "layers": [\#(Self.dense(Self.shape))]}, "keras_version": "2.3.1"}"#
        let spec = try ArchitectureReader.spec(from: .string(text))
        #expect(spec.layers.last?.className == "Dense")
    }

    /// Bytecode is kept as text and nothing else is done with it.
    @Test func bytecodeIsKeptAndNeverRun() throws {
        let code = #"["4wEAAAAAAAAA", null, null]"#
        let layer = #"{"class_name": "Lambda", "config": {"name": "l", "trainable": true, "function": \#(code), "function_type": "lambda", "output_shape": null, "output_shape_type": "raw", "arguments": {}}}"#
        let spec = try read(Self.dense(Self.shape), layer)
        let lambda = try #require(spec.layers.last)
        #expect(lambda.className == "Lambda")
        let kept = JSON.text(try #require(lambda.source).json)
        #expect(kept.contains("4wEAAAAAAAAA"))
        var notes: [UpgradeNote] = []
        let written = try KerasWriter.architecture(spec, for: KerasTarget(.keras2), &notes)
        #expect(written.contains("4wEAAAAAAAAA"))
    }

    @Test func namelessActivationsStayWhatTheyAre() throws {
        let layer = #"{"class_name": "Activation", "config": {"name": "a", "trainable": true, "activation": "<lambda>"}}"#
        let spec = try read(Self.dense(Self.shape), layer)
        #expect(spec.layers.last?.config["activation"] == "<lambda>")
    }

    // MARK: - Files

    private func copied(_ fixture: String, as name: String) throws -> String {
        let folder = try Fixtures.temporaryFolder()
        let path = folder.appendingPathComponent(name).path
        try FileManager.default.copyItem(atPath: Fixtures.path(fixture), toPath: path)
        return path
    }

    @Test func bytesTellTheFormatNotTheName() throws {
        let path = try copied("samples/keras-2.3.1_tf1.15/mini1/whole.h5", as: "model.keras")
        #expect(try KerasFile.readModel(path).weights?.layers.isEmpty == false)
        let json = try copied("samples/keras-2.3.1_tf1.15/mini1/model.json", as: "model.h5")
        #expect(try KerasFile.readModel(json).spec?.kind == .sequential)
    }

    @Test(arguments: ["\r\n", "\n", "utf8"])
    func filesDamagedAsTextSaySo(_ damage: String) throws {
        let bytes = try InputFile.readBytes(Fixtures.path("samples/keras-2.3.1_tf1.15/mini1/weights.h5"))
        var damaged: [UInt8] = []
        for (index, byte) in bytes.enumerated() {
            switch damage {
            case "\r\n":
                if byte == 0x0A { damaged.append(0x0D) }
                damaged.append(byte)
            case "\n":
                if byte == 0x0D, index + 1 < bytes.count, bytes[index + 1] == 0x0A { continue }
                damaged.append(byte)
            default: damaged += byte < 0x80 ? [byte] : [0xEF, 0xBF, 0xBD]
            }
        }
        let path = try Fixtures.temporaryFolder().appendingPathComponent("w.h5")
        try Data(damaged).write(to: path)
        let error = try #require(throws: LocatedError.self) { try KerasFile.readWeights(path.path) }
        #expect(error.code == "file.text_conversion" && error.category == .invalid && error.hint != nil)
    }

    @Test func filesCutShortSaySo() throws {
        let bytes = try InputFile.readBytes(Fixtures.path("samples/keras-2.3.1_tf1.15/mini1/whole.h5"))
        let path = try Fixtures.temporaryFolder().appendingPathComponent("w.h5")
        try Data(bytes.prefix(bytes.count / 2)).write(to: path)
        let error = try #require(throws: LocatedError.self) { try KerasFile.readModel(path.path) }
        #expect(error.code == "hdf5.truncated" && error.hint != nil)
    }
}
