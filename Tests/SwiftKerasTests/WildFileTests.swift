import Datasets
import Foundation
import KerasSpec
import TestSupport
import Testing

@testable import KerasFormat
@testable import SwiftKeras

/// Files of the kinds that are met in the wild, as genuine Kerases wrote them (`fixtures/generate/make_formats_wild.py`): their
/// weights are genuine's, and so are predictions wherever the engine has the layers. docs/formats/wild.md lists them.
@Suite struct WildFileTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var file: String
        /// The architecture, for files of weights.
        var json: String?
        var tolerance: Float = 1e-5
        /// Layers that may be missing in the engine: the weights are compared all the same.
        var mayBeUncomputed = false
        /// What `get_weights()` gave, where the name isn't the file's.
        var arrays: String?
        var testDescription: String { file }

        init(_ file: String, json: String? = nil, tolerance: Float = 1e-5, mayBeUncomputed: Bool = false, arrays: String? = nil) {
            (self.file, self.json, self.tolerance, self.mayBeUncomputed) = (file, json, tolerance, mayBeUncomputed)
            self.arrays = arrays
        }

        var stem: String { arrays ?? String(file[..<(file.lastIndex(of: ".") ?? file.endIndex)]) }
    }

    static let folder = "formats/wild"
    static func path(_ name: String) -> String { Fixtures.path("\(folder)/\(name)") }

    static let cases = [
        Case("npz_keras-2.13.keras"), Case("npz_tf-keras-2.21.keras"), Case("npz_keras-3.0.keras"), Case("npz_keras-3.15.keras"),
        Case("skipping_keras-2.13.keras", mayBeUncomputed: true),
        Case("windows.keras", mayBeUncomputed: true, arrays: "skipping_keras-2.13"),
        Case("windows_skipping.keras", mayBeUncomputed: true, arrays: "skipping_keras-2.13"),
        Case("shapeless.h5", json: "shapeless.json"), Case("renamed.h5", json: "renamed.json"), Case("renamed.h5", json: "text_in_text.json"),
        Case("initial_states_lstm.h5"), Case("initial_states_gru.h5", mayBeUncomputed: true),
        Case("initializer_dtype.h5"), Case("keras1_regularizer.h5"), Case("plain.h5"),
        Case("teachable.h5", mayBeUncomputed: true), Case("time_major_false.h5"), Case("time_major.h5"),
        Case("float64.h5"), Case("float64.keras"), Case("float16.h5", tolerance: 1e-3), Case("float16.keras", tolerance: 1e-3),
    ]

    private func model(_ item: Case) throws -> Model {
        guard let json = item.json else { return try Model(contentsOf: Self.path(item.file)) }
        return try Model(contentsOf: Self.path(json), weights: Self.path(item.file))
    }

    @Test(arguments: cases)
    func weightsAndPredictionsAreGenuine(_ item: Case) throws {
        let arrays = try NPZ(reading: Self.path(item.stem + ".npz"))
        func all(_ letter: Character) throws -> [Tensor] {
            try arrays.names.filter { $0.first == letter }.sorted().map { try arrays.tensor($0) }
        }
        let stored = try KerasFile.read(Self.path(item.file))
        let spec = try #require(try item.json.map { try KerasFile.read(Self.path($0)) }?.spec ?? stored.spec)
        let weights = try WeightBinding.resolve(try #require(stored.weights), in: spec).weights.filter { $0.outline.role != .seed }
        // Keras lists all trained weights first.
        let genuine = try all("w").map { $0.asType(.float64) }
        let own = try weights.map { try $0.tensor.load().asType(.float64) }
        #expect(own.count == genuine.count)
        for tensor in own { #expect(genuine.contains(tensor)) }

        let model = try model(item)
        let outputs: [Tensor]
        do {
            let inputs = try all("x")
            outputs = try model.predict(inputs)
        } catch let error as LocatedError {
            guard item.mayBeUncomputed, error.category == .unsupported else { throw error }
            return
        }
        for (output, expected) in zip(outputs, try all("y")) {
            let comparison = try Comparison(
                name: item.file, got: output, expected: expected, relativeTolerance: Double(item.tolerance),
                absoluteTolerance: Double(item.tolerance))
            #expect(comparison.passed, "\(item.file): \(comparison.maxAbsoluteError)")
        }
    }

    /// Numbers of other types than float32 in a file of the older layout become floats, as genuine Keras makes them.
    @Test(arguments: ["float64", "float16", "int64", "int8"])
    func weightsOfOtherTypesBecomeFloats(_ dtype: String) throws {
        let model = try Model(contentsOf: Self.path("plain_\(dtype).h5"))
        let weights = try #require(try KerasFile.read(Self.path("plain_\(dtype).h5")).weights)
        #expect(weights.layers.flatMap(\.weights).contains { $0.tensor.dtype.rawValue == dtype })
        let plain = try KerasFile.readWeights(Self.path("plain.h5")).layers[0].weights[0].tensor.load().array(as: Float.self)
        let kernel = try model.weights().tensors[0].array(as: Float.self)
        for (a, b) in zip(kernel, plain) {
            #expect(abs(a - (dtype.hasPrefix("int") ? (b * 10).rounded(.toNearestOrEven) : b)) < 1e-3)
        }
        #expect(try model.predict([Tensor([1, 2, 3, 4] as [Float], shape: [1, 4])])[0].shape == [1, 3])
    }

    /// Its files hold a summary of the data, from which boundaries follow.
    @Test(arguments: ["discretization.h5", "discretization.keras"])
    func adaptedBinsHaveTheirBoundaries(_ file: String) throws {
        let arrays = try NPZ(reading: Self.path("discretization.npz"))
        let model = try Model(contentsOf: Self.path(file))
        #expect(try model.verify(arrays, relativeTolerance: 0, absoluteTolerance: 1e-6).passed)
        let spec = try #require(try KerasFile.read(Self.path(file)).spec)
        func count(_ spec: ModelSpec?, _ name: String) -> Int? {
            spec?.layers.first { $0.name == name }?.config["bin_boundaries"]?.array?.count
        }
        #expect(count(spec, "bins") == 3)
        #expect(count(spec.layers.first { $0.name == "inner" }?.model?.value, "inner_bins") == 6)
        #expect(spec.provenance?.notes.filter { $0.text.contains("bin_boundaries") }.map(\.layer) == ["bins", "inner/inner_bins"])
        // A summary that says nothing is refused.
        for (bins, shape) in [(0, [2, 3]), (3, [3, 2]), (1 << 40, [2, 3])] as [(Int, [Int])] {
            let error = try #require(throws: LocatedError.self) {
                try AdaptedBoundaries.boundaries(Tensor(zeros: Shape(shape)), bins: bins, at: ["bins"])
            }
            #expect(error.code == "discretization.summary" && error.location == ["bins"])
        }
        #expect(throws: LocatedError.self) { try AdaptedBoundaries.boundaries(Tensor(zeros: [2, 9]), bins: 3, at: []) }
    }

    /// An architecture doesn't say the bins, but the weights beside it hold the summary.
    @Test(arguments: ["discretization.weights.h5", "discretization_weights.h5"])
    func adaptedBinsAreFoundInWeightsBeside(_ weights: String) throws {
        let arrays = try NPZ(reading: Self.path("discretization.npz"))
        let model = try Model(contentsOf: Self.path("discretization.json"), weights: Self.path(weights))
        #expect(try model.verify(arrays, relativeTolerance: 0, absoluteTolerance: 1e-6).passed)
        // Those of another file count more than a whole model's own.
        let stored = try KerasFile.read(Self.path("discretization.h5"), weights: Self.path(weights))
        let bins = try #require(stored.spec?.layers.first { $0.name == "bins" }?.config["bin_boundaries"])
        #expect(bins == model.spec.layers.first { $0.name == "bins" }?.config["bin_boundaries"] && bins.array?.count == 3)
        #expect(try ModelComparison(Self.path("discretization.h5"), Self.path("discretization.json"), weightsB: Self.path(weights)).isEqual)
        let error = try #require(throws: LocatedError.self) {
            try Model(contentsOf: Self.path("discretization.json")).predict([Tensor(zeros: [1, 3]), Tensor(zeros: [1, 1])])
        }
        #expect(error.code == "layer.unadapted" && error.hint?.contains("weights") == true)
    }

    /// Steps before samples: no Keras but TensorFlow's has it.
    @Test func timeMajorIsToldAndRefusedElsewhere() throws {
        let spec = try #require(try KerasFile.read(Self.path("time_major.h5")).spec)
        #expect(spec.layers.filter { $0.config["time_major"] == true }.map(\.name) == ["l", "g"])
        for target in [KerasTarget(.keras3), KerasTarget(.keras2), KerasTarget(.keras1)] {
            var notes: [UpgradeNote] = []
            let error = #expect(throws: LocatedError.self) { try KerasWriter.architecture(spec, for: target, &notes) }
            #expect(error?.message.contains("l: time_major true") == true, "\(target)")
        }
    }

    /// `groups` of DepthwiseConv2D, as in every export of Teachable Machine, is no word of Keras 3.
    @Test func groupsOfDepthwiseConvolutionsAreDropped() throws {
        let text = try String(contentsOfFile: Self.path("teachable.json"), encoding: .utf8)
        #expect(text.contains(#""groups": 1"#))
        let spec = try #require(try KerasFile.read(Self.path("teachable.h5")).spec)
        var notes: [UpgradeNote] = []
        #expect(try !KerasWriter.architecture(spec, for: KerasTarget(.keras3), &notes).contains("groups"))
        #expect(try KerasWriter.architecture(spec, for: KerasTarget(.tfKeras), &notes).contains(#""groups": 1"#))
    }

    /// Whole numbers with scales: shown, kept and computed.
    @Test func quantizedLayersAreKept() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        _ = try ModelConversion(input: Self.path("int8.keras"), weights: nil, output: path, weightsOutput: nil).run()
        let (a, b) = (try KerasFile.read(Self.path("int8.keras")), try KerasFile.read(path))
        let (x, y) = (try #require(a.weights), try #require(b.weights))
        #expect(x.layers.map(\.name) == y.layers.map(\.name))
        for (p, q) in zip(x.layers, y.layers) { #expect(try p.weights.map { try $0.tensor.load() } == q.weights.map { try $0.tensor.load() }) }
        #expect(x.layers.flatMap(\.weights).contains { $0.tensor.dtype == .int8 })
        #expect(try Model(path).predict([Tensor(zeros: [1, 4])])[0].floats.allSatisfy(\.isFinite))
        let refused = #expect(throws: LocatedError.self) {
            try ModelConversion(
                input: Self.path("int8.keras"), weights: nil, output: path, weightsOutput: nil, target: KerasTarget(.tfKeras)).run()
        }
        #expect(refused?.category == .unsupported)
    }

    @Test(arguments: [("duplicate_members.keras", "zip.duplicate"), ("npz_hostile.keras", "pickle.global")])
    func whatContradictsItselfOrWouldRunIsRefused(_ file: String, _ code: String) throws {
        let error = #expect(throws: LocatedError.self) { try KerasFile.read(Self.path(file)) }
        #expect(error?.code == code && error?.category == .invalid)
        #expect(!FileManager.default.fileExists(atPath: "pickle_was_run"))
    }

    /// Where a model holds classes of somebody's own, names tell which weights are whose.
    @Test func nestedClassesOfOnesOwnKeepTheirWeights() throws {
        let stored = try KerasFile.read(Self.path("custom.h5"))
        let spec = try #require(stored.spec)
        let weights = try WeightBinding.resolve(try #require(stored.weights), in: spec)
        #expect(
            weights.weights.map(\.outline.name)
                == ["inner/within/kernel", "inner/within/bias", "inner/own_within/0", "own/0", "last/kernel", "last/bias"])
        let keras3 = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        _ = try ModelConversion(input: Self.path("custom.h5"), weights: nil, output: keras3, weightsOutput: nil, target: KerasTarget(.keras3)).run()
        let comparison = try ModelComparison(Self.path("custom.h5"), keras3)
        #expect(comparison.isEqual, "\(comparison.differences)")
        #expect(comparison.weightsCompared == 6)
    }

    @Test func weightsOfContainersAreKept() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("a.keras").path
        _ = try ModelConversion(input: Self.path("nested_containers.keras"), weights: nil, output: path, weightsOutput: nil).run()
        let (a, b) = (try #require(try KerasFile.read(Self.path("nested_containers.keras")).weights), try #require(try KerasFile.read(path).weights))
        func held(_ weights: StoredWeights) throws -> [String: [Tensor]] {
            Dictionary(uniqueKeysWithValues: try weights.layers.filter { !$0.weights.isEmpty }.map { ($0.name, try $0.weights.map { try $0.tensor.load() }) })
        }
        #expect(try held(a) == held(b))
        #expect(a.layers.contains { $0.name.contains("/container") })
        let genuine = try NPZ(reading: Self.path("nested_containers.npz"))
        #expect(try held(a).values.flatMap(\.self).count == genuine.names.count { $0.hasPrefix("w") })
    }
}

/// Keras 3's dialect as hands have shortened it.
@Suite struct Keras3WildTests {
    @Test(arguments: [true, false])
    func nestedLayersNeedNoModule(_ hasModule: Bool) throws {
        let module = hasModule ? #""module": "keras.layers", "registered_name": null, "# : ""
        let inner = #"{\#(module)"class_name": "LSTM", "config": {"name": "l", "units": 3, "return_sequences": false}}"#
        let text = #"""
            {"module": "keras", "class_name": "Sequential", "config": {"name": "m", "layers": [
              {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4, 2], "dtype": "float32", "name": "i"}, "registered_name": null},
              {"module": "keras.layers", "class_name": "Bidirectional", "config": {"name": "b", "merge_mode": "concat", "layer": \#(inner)}, "registered_name": null},
              {\#(module)"class_name": "Dense", "config": {"name": "d", "units": 2, "activation": "relu", "kernel_initializer": {"class_name": "Zeros", "config": {}}}}]},
             "registered_name": null}
            """#
        let spec = try ArchitectureReader.spec(from: try JSON.parse(text))
        #expect(spec.layers.map(\.className) == ["InputLayer", "Bidirectional", "Dense"])
        var notes: [UpgradeNote] = []
        let written = try KerasWriter.architecture(spec, for: KerasTarget(.tfKeras), &notes)
        #expect(written.contains(#""class_name": "LSTM""#))
        // Both halves have their three arrays.
        #expect(WeightOwner.owners(in: spec.layers[1], for: .keras3)?.flatMap(\.variables).count { $0.role != .seed } == 6)
    }
}
