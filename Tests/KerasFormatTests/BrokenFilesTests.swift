import Files
import Foundation
import KerasSpec
import OrderedCollections
import Tensors
import TestSupport
import Testing

@testable import KerasFormat

/// Broken and odd files give the error they must, or load.
@Suite struct BrokenFilesTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var kind: String
        var files: [String]
        var category: Int
        var words: [String]
        var mayLoad: Bool
        var testDescription: String { name }
    }

    static let cases: [Case] = load("broken/index.json").map { object in
        Case(
            name: object["name"]?.string ?? "", kind: object["kind"]?.string ?? "",
            files: (object["files"]?.array ?? []).compactMap(\.string).map { Fixtures.path("broken/" + $0) },
            category: object["category"]?.integer ?? 0, words: (object["words"]?.array ?? []).compactMap(\.string),
            mayLoad: object["may_load"]?.bool ?? false)
    }

    static func load(_ fixture: String) -> [ConfigObject] {
        let json = try? JSON.parse(InputFile.readBytes(Fixtures.path(fixture)))
        return (json?.array ?? []).compactMap(\.object)
    }

    @Test func thereAreCases() { #expect(Self.cases.count > 100) }

    /// What only the meaning of a layer can refuse is none of this room's business.
    static let refusedByMeaning: Set<String> = Set(
        """
        unknown_layer unknown_layers lambda lambda_disguised tfsm_layer unknown_activation unknown_config_key padding_misspelt \
        padding_number filters_zero filters_fraction filters_null filters_missing kernel_size_one_number \
        kernel_size_three_numbers kernel_size_negative strides_zero dilation_zero data_format_unknown pool_size_zero \
        units_negative units_zero units_1e30 units_30_digits rate_2 rate_negative rate_string rate_nan rate_infinity \
        batch_input_shape_no_channels batch_input_shape_rank_3 kernel_larger_than_input pool_larger_than_input \
        graph_missing_tensor graph_dense_takes_two graph_add_shapes_differ graph_input_not_connected pair_units_1e12 pair_units_17
        """
        .split(separator: " ").map { "json/" + $0 }
            + ["pair_weights_of_mini2", "h5/whole_unknown_layer", "h5/whole_padding_misspelt", "h5/whole_units_17"])

    @Test(arguments: cases)
    func brokenFilesAreRefused(_ broken: Case) throws {
        do {
            switch broken.kind {
            case "architecture": _ = try KerasFile.readModel(broken.files[0])
            case "weights":
                let weights = try KerasFile.readWeights(try #require(broken.files.last))
                for tensor in try WeightBinding.bind(weights, to: Mini1.slots, in: Mini1.spec).values { _ = try tensor.load() }
            case "whole":
                let weights = try #require(try KerasFile.readModel(broken.files[0]).weights)
                for tensor in try WeightBinding.bind(weights, to: Mini1.slots, in: Mini1.spec).values { _ = try tensor.load() }
            default: return
            }
        } catch let error as LocatedError {
            #expect(error.category.rawValue == broken.category, "\(error)")
            for word in broken.words {
                #expect(error.description.lowercased().contains(word.lowercased()), "no \(word) in: \(error)")
            }
            return
        }
        #expect(broken.mayLoad || Self.refusedByMeaning.contains(broken.name), "\(broken.name) was accepted")
    }

    struct Odd: Sendable, CustomTestStringConvertible {
        var name: String
        var files: [String]
        var testDescription: String { name }
    }

    static let odd: [Odd] = load("odd/index.json").map { object in
        Odd(
            name: object["name"]?.string ?? "",
            files: (object["files"]?.array ?? []).compactMap(\.string).map { Fixtures.path("odd/" + $0) })
    }

    @Test(arguments: odd)
    func oddFilesLoad(_ odd: Odd) throws {
        let spec = try #require(try KerasFile.read(odd.files[0]).spec)
        #expect(spec.layers.count == 11, "with its input")
        let weights = try KerasFile.readWeights(odd.files[1])
        let bound = try WeightBinding.resolve(weights, in: spec).weights
        let genuine = try KerasFile.readWeights(Fixtures.path("samples/keras-2.3.1_tf1.15/mini1/weights.h5"))
        let expectedWeights = try WeightBinding.resolve(genuine, in: Mini1.spec).weights
        #expect(bound.count == expectedWeights.count)
        for (got, expected) in zip(bound, expectedWeights) {
            let path = got.outline.name
            let got = try got.tensor.load().asType(.float32)
            let expected = try expected.tensor.load()
            let close = zip(got.floats, expected.floats).allSatisfy { abs($0 - $1) < 1e-3 }
            #expect(close, "\(path) differs")
        }
    }

    @Test(arguments: [
        ("PK\u{3}\u{4}xxxx", 65, "zip"), ("class_name: Sequential\nconfig:\n", 65, "layers"), ("", 65, "empty"),
        ("just words", 65, "JSON or HDF5"), ("{\"class_name\": \"Sequential\", \"module\": \"keras\", \"config\": {}}", 65, "a name"),
        ("{\"class_name\": \"Graph\", \"config\": [], \"keras_version\": \"1.2.2\"}", 69, "Graph"),
        ("{\"class_name\": \"Sequential\", \"config\": {}, \"keras_version\": \"2.4.0\"}", 65, "a list of layers"),
        ("{\"class_name\": \"Sequential\", \"config\": {}, \"keras_version\": \"2.2.4-tf\"}", 65, "a list of layers"),
        ("{\"class_name\": \"Model\", \"config\": {\"layers\": [{\"class_name\": \"InputLayer\", \"config\": {\"ragged\": false}}]}}", 65, "a layer's name"),
        ("{\"class_name\": \"Sequential\", \"config\": [{\"class_name\": \"Dense\", \"config\": {\"init\": \"zero\"}}]}", 65, "a value"),
    ])
    func otherFormatsAreRecognised(_ content: String, _ category: Int, _ word: String) throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("some.file").path
        try AtomicFile.write(content, to: path)
        let error = try #require(throws: LocatedError.self) { try KerasFile.read(path) }
        #expect(error.category.rawValue == category)
        #expect(error.message.contains(word), "\(error)")
        #expect(error.location.first == path)
    }

    @Test func foldersAreRecognised() throws {
        let folder = try Fixtures.temporaryFolder()
        #expect(throws: LocatedError.self) { try KerasFile.read(folder.path) }
        try AtomicFile.write("x", to: folder.appendingPathComponent("saved_model.pb").path)
        let error = try #require(throws: LocatedError.self) { try KerasFile.read(folder.path) }
        #expect(error.category == .unsupported)
        #expect(error.message.contains("SavedModel"))
    }

    // MARK: - Inspection

    @Test func inspectionGoesOnBehindABrokenWeight() throws {
        let partial = try KerasFile.inspect(Fixtures.path("broken/h5/weight_dataset_missing.h5"))
        #expect(partial.kind == .weights)
        #expect(partial.dialect == .keras2)
        #expect(partial.model.weights?.layers.flatMap(\.weights).count == 5)
        #expect(partial.problems.count == 1)
        #expect(partial.problems.first?.location.first == "weight_dataset_missing.h5")
    }

    @Test func inspectionReadsWeightsOfAModelWithBrokenArchitecture() throws {
        let partial = try KerasFile.inspect(Fixtures.path("broken/h5/whole_model_config_cut_short.h5"))
        #expect(partial.kind == .wholeModel)
        #expect(partial.model.spec == nil)
        #expect(partial.model.weights?.layers.count == 10)
        #expect(partial.model.training != nil)
        #expect(partial.problems.first?.code == "json.syntax")
    }

    @Test func inspectionTellsOtherDialects() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("tf.json").path
        try AtomicFile.write(
            "{\"class_name\": \"Sequential\", \"config\": {}, \"keras_version\": \"2.13.1\", \"backend\": \"tensorflow\"}",
            to: path)
        let partial = try KerasFile.inspect(path)
        #expect(partial.dialect == .tfKeras)
        #expect(partial.kerasVersion == "2.13.1")
        #expect(partial.problems.first?.code == "config.missing")
    }

    @Test(arguments: cases)
    func inspectionNeverTraps(_ broken: Case) {
        for file in broken.files { _ = try? KerasFile.inspect(file) }
    }

    /// Damaged architectures are read or refused, and what is read can be written; nothing traps.
    @Test func mutatedArchitecturesNeverTrap() throws {
        let fixtures = [
            "samples/keras-2.3.1_tf1.15/mini1/model.json", "formats/keras2/graphs/shared_layers_and_model.json",
            "formats/keras2/graphs/wrappers.json", "formats/keras2/graphs/initial_state.json",
        ]
        var random = SplitMix(state: 5)
        let tokens = ["null", "[]", "{}", "-1", "1e30", "\"x\"", "true", "0", "[null]", "99999999999999999999", "NaN"]
        var accepted = 0
        for fixture in fixtures {
            let bytes = try InputFile.readBytes(Fixtures.path(fixture))
            let values = try JSON.parse(bytes)
            for _ in 0..<150 {
                // A value somewhere becomes another.
                var mutated = values
                Self.mutate(&mutated, &random, try JSON.parse(tokens[Int(random.next() % UInt64(tokens.count))]))
                if let spec = try? ArchitectureReader.spec(from: mutated) {
                    accepted += 1
                    for dialect in Dialect.allCases {
                        var notes: [UpgradeNote] = []
                        _ = try? KerasWriter.document(of: spec, for: KerasTarget(dialect), usesSources: false, &notes)
                        _ = try? KerasWriter.architecture(spec, for: KerasTarget(dialect), &notes)
                    }
                }
                // A byte somewhere becomes another.
                var damaged = bytes
                damaged[Int(random.next() % UInt64(damaged.count))] = UInt8(truncatingIfNeeded: random.next())
                if let json = try? JSON.parse(damaged) { _ = try? ArchitectureReader.spec(from: json) }
            }
        }
        #expect(accepted > 50, "most mutations are harmless to this room")
    }

    struct SplitMix {
        var state: UInt64
        mutating func next() -> UInt64 {
            state &+= 0x9E37_79B9_7F4A_7C15
            var z = state
            z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
            z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
            return z ^ (z >> 31)
        }
    }

    static func mutate(_ value: inout ConfigValue, _ random: inout SplitMix, _ replacement: ConfigValue) {
        switch value {
        case .array(var items) where !items.isEmpty && random.next() % 8 != 0:
            mutate(&items[Int(random.next() % UInt64(items.count))], &random, replacement)
            value = .array(items)
        case .object(var object) where !object.isEmpty && random.next() % 8 != 0:
            let key = object.keys[Int(random.next() % UInt64(object.count))]
            mutate(&object[key, default: .null], &random, replacement)
            value = .object(object)
        default: value = replacement
        }
    }
}
