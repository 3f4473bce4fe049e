import Datasets
import Foundation
@testable import KerasFormat
import KerasSpec
@testable import SwiftKeras
import Tensors
import TestSupport
import Testing

/// y = factor · (x · kernel) + bias + offset; the offset isn't trained, and is made between the two others.
struct Affine: CustomLayer {
    static let className = "Affine"
    var common: LayerCommon
    var units: Int
    var factor: Double

    init(_ units: Int, factor: Double = 1, name: String? = nil, inputShape: [Int?]? = nil) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.units = units
        self.factor = factor
    }

    init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        units = try config.integer("units", atLeast: 1)
        factor = try config.number("factor")
    }

    func encode(into config: inout ConfigObject) {
        config["units"] = .integer(units)
        config["factor"] = .float(factor)
    }

    func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot] {
        [
            WeightSlot("kernel", shape: [try inputShapes.extent(-1), units]),
            WeightSlot("offset", shape: [units], initializer: .ones, trainable: false),
            WeightSlot("bias", shape: [units], initializer: .zeros),
        ]
    }

    func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol] {
        let product = try ops.matmul(inputs[0], context.weight("kernel"))
        return [try product * factor + context.weight("bias") + context.weight("offset")]
    }
}

/// A layer of layers: gain · inner(x) · gate(x).
struct Gated: CustomLayer {
    static let className = "Gated"
    var common: LayerCommon
    var units: Int

    init(_ units: Int, name: String? = nil) {
        common = LayerCommon(name: name)
        self.units = units
    }

    init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        units = try config.integer("units", atLeast: 1)
    }

    func encode(into config: inout ConfigObject) { config["units"] = .integer(units) }

    func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot] {
        [WeightSlot("gain", shape: [units], initializer: .ones)]
    }

    func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol] {
        let inner = try context.call(Dense(units), named: "inner", on: inputs[0])[0]
        let gate = try context.call(Dense(units, activation: .sigmoid), named: "gate", on: inputs[0])[0]
        return [try context.weight("gain") * inner * gate]
    }
}

/// Classes and functions of one's own, held against genuine Keras (fixtures/generate/make_custom.py).
@Suite struct CustomObjectTests {
    static let objects: CustomObjects = {
        var objects: CustomObjects = [
            "Affine": .layer(Affine.self), "my_package>Gated": .layer(Gated.self),
            "bent": .activation { (x) throws(LocatedError) in try ops.tanh(x) + 0.1 * x },
            "halved": .activation { (x) throws(LocatedError) in try x * 0.5 },
            "quartic": .loss { (yTrue, yPred) throws(LocatedError) in
                try ops.mean(ops.square(ops.square(yTrue - yPred)), axis: -1)
            },
            "gap": .metric { (yTrue, yPred) throws(LocatedError) in try ops.mean(ops.abs(yTrue - yPred), axis: -1) },
        ]
        // What the files bring is code.
        if let code = try? TensorExpression("x * 2.0 + 1.0") { objects.replace("code", with: .expression(code)) }
        return objects
    }()

    /// The same where a Lambda's function has no name either, as in Keras 2.
    static let lambdas: CustomObjects = {
        var objects = Self.objects
        objects.replace("halve", with: .activation { (x) throws(LocatedError) in try x * 0.5 })
        return objects
    }()

    static let files = [
        ("keras-2.3.1", "model.h5", nil), ("keras-2.3.1", "model.json", "weights.h5"), ("tf-keras-2.21.0", "model.h5", nil),
        ("tf-keras-2.21.0", "model.keras", nil), ("tf-keras-2.21.0", "model.json", "model.weights.h5"),
        ("keras-3.15.1", "model.h5", nil), ("keras-3.15.1", "model.keras", nil), ("keras-3.15.1", "model.json", "model.weights.h5"),
        ("keras-3.15.1", "model.json", "model.h5"),
    ]

    static func path(_ keras: String, _ name: String) -> String { Fixtures.path("custom/\(keras)/\(name)") }

    static func model(_ keras: String, _ name: String, _ weights: String?) throws -> Model {
        try Model(
            contentsOf: path(keras, name), weights: weights.map { path(keras, $0) },
            customObjects: keras == "keras-3.15.1" ? objects : lambdas)
    }

    static func data(_ keras: String, _ name: String) throws -> Tensor { try NPZ(reading: path(keras, "data.npz")).tensor(name) }

    static func distance(_ a: Tensor, _ b: Tensor) -> Float {
        a.shape == b.shape ? zip(a.floats, b.floats).map { abs($0 - $1) }.max() ?? 0 : .infinity
    }

    @Test(arguments: files)
    func predictsAsGenuineKeras(_ keras: String, _ name: String, _ weights: String?) throws {
        let model = try Self.model(keras, name, weights)
        #expect(try Self.distance(model.predict(Self.data(keras, "x")), Self.data(keras, "p")) < 1e-6)
    }

    @Test(arguments: [("keras-2.3.1", "model.h5"), ("tf-keras-2.21.0", "model.h5"), ("keras-3.15.1", "model.keras")])
    func trainsAsGenuineKeras(_ keras: String, _ name: String) throws {
        let model = try Self.model(keras, name, nil)
        let history = try model.fit(
            Self.data(keras, "x"), Self.data(keras, "y"), batchSize: 4, epochs: 3, verbose: 0, shuffle: false)
        for key in ["loss", "gap"] {
            let genuine = try Self.data(keras, key).floats
            let key = history.history[key] == nil ? "my_package>\(key)" : key
            let own = try #require(history.history[key], "\(history.history.keys)")
            #expect(zip(own, genuine).allSatisfy { abs(Float($0) - $1) < 1e-5 }, "\(key): \(own), genuine \(genuine)")
        }
        #expect(try Self.distance(model.predict(Self.data(keras, "x")), Self.data(keras, "q")) < 1e-5)
    }

    @Test(arguments: [("keras-2.3.1", "again.h5"), ("tf-keras-2.21.0", "again.h5"), ("tf-keras-2.21.0", "again.keras"),
        ("keras-3.15.1", "again.h5"), ("keras-3.15.1", "again.keras")])
    func savedAndLoadedAgain(_ keras: String, _ name: String) throws {
        let model = try Self.model(keras, "model.h5", nil)
        let path = try Fixtures.temporaryFolder().appendingPathComponent(name).path
        try model.save(path)
        let again = try Model(path, customObjects: Self.lambdas)
        let x = try Self.data(keras, "x")
        #expect(try again.predict(x) == model.predict(x))
    }

    @Test func everyUnknownLayerIsNamedAtOnce() throws {
        let model = try Model(Self.path("keras-3.15.1", "model.keras"))
        let error = try #require(throws: LocatedError.self) { try model.predict(Tensor(zeros: [1, 4])) }
        #expect(error.category == .unsupported && error.code == "layer.unknown")
        for layer in ["affine (my_package>Affine)", "halve (Lambda)", "code (Lambda)", "gated (my_package>Gated)"] {
            #expect(error.message.contains(layer))
        }
        var objects = Self.objects
        objects["Affine"] = nil
        let fewer = try Model(contentsOf: Self.path("keras-3.15.1", "model.keras"), customObjects: objects)
        let left = try #require(throws: LocatedError.self) { try fewer.predict(Tensor(zeros: [1, 4])) }
        #expect(left.message.hasSuffix("got affine (my_package>Affine)"))
    }

    @Test func replacementsAreOfWhatIsThere() throws {
        var objects = CustomObjects()
        objects.replace("lambda_7", with: .activation { (x) throws(LocatedError) in x })
        let error = try #require(throws: LocatedError.self) {
            try Model(contentsOf: Self.path("keras-3.15.1", "model.keras"), customObjects: objects)
        }
        #expect(error.category == .usage && error.code == "layer.absent" && error.message.contains("lambda_7"))
    }

    @Test func builtInSwiftSavedAndLoaded() throws {
        CustomObjects.register(Affine.self, package: "swift_tests", name: "Registered")
        let model = try Sequential([Affine(3, factor: 2, inputShape: [4]), Dense(2, activation: .custom("swift_bent") { (x) throws(LocatedError) in
            try ops.tanh(x) + 0.1 * x
        })])
        #expect(try model.predict(Tensor(zeros: [2, 4])).shape == [2, 2])
        #expect(try model.summary().contains("registered_1"))
        CustomObjects.register(.activation { (x) throws(LocatedError) in try ops.tanh(x) + 0.1 * x }, name: "swift_bent")
        let folder = try Fixtures.temporaryFolder()
        let x = Tensor([0.1, -0.2, 0.3, 0.4] as [Float], shape: [1, 4])
        for name in ["m.keras", "m.h5"] {
            let path = folder.appendingPathComponent(name).path
            try model.save(path)
            // Registered for the whole program: nothing is said where the file is read.
            #expect(try Model(path).predict(x) == model.predict(x))
        }
        let document = try #require(try KerasFile.read(folder.appendingPathComponent("m.keras").path).spec?.provenance?.document)
        let layer = try #require(document.object?["config"]?.object?["layers"]?.array?[1].object)
        #expect(layer["registered_name"] == "swift_tests>Registered" && layer["class_name"] == "Registered")
    }

    @Test func functionalModelsTakeThemToo() throws {
        let x = Input(shape: [4])
        let shared = Gated(3, name: "g")
        let model = try Model(inputs: [x], outputs: [try Add()([try shared(x), try shared(x)])])
        let one = try Model(inputs: [x], outputs: [try shared(x)])
        let paths = try model.weights().table.slots.map(\.path)
        #expect(paths == ["g/gain", "g/inner/kernel", "g/inner/bias", "g/gate/kernel", "g/gate/bias"])
        let values = Tensor([0.5, -1, 2, 0.25] as [Float], shape: [1, 4])
        one.setWeights(WeightValues(table: try one.weights().table, tensors: try model.weights().tensors))
        #expect(try Self.distance(model.predict(values), one.predict(values) * 2) < 1e-6)
    }

    @Test func wrongNamesAreRefused() throws {
        struct Careless: CustomLayer {
            static let className = "Careless"
            var common = LayerCommon()
            init() {}
            init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) { self.common = common }
            func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol] {
                [try inputs[0] + context.weight("kernel")]
            }
        }
        let x = Input(shape: [4])
        let error = try #require(throws: LocatedError.self) { try Careless()(x) }
        #expect(error.category == .usage && error.code == "layer.weight" && error.message.contains("kernel"))
    }

    // MARK: - Placeholders

    static let kept: [(String, String)] = [
        ("keras-2.3.1", "model.h5"), ("keras-2.3.1", "lambdas.h5"), ("tf-keras-2.21.0", "model.h5"), ("tf-keras-2.21.0", "model.keras"),
        ("tf-keras-2.21.0", "lambdas.keras"), ("keras-3.15.1", "model.h5"), ("keras-3.15.1", "model.keras"),
        ("keras-3.15.1", "lambdas.h5"), ("keras-3.15.1", "lambdas.keras"),
    ]

    /// The JSON that a file has of each layer whose class isn't computed.
    static func placeholders(_ spec: ModelSpec) -> [String: ConfigValue] {
        let own = spec.layers.filter { $0.className == "Lambda" || $0.className.contains("Affine") || $0.className.contains("Gated") }
        return Dictionary(uniqueKeysWithValues: own.map { ($0.name, $0.source?.json ?? .null) })
    }

    @Test(arguments: kept)
    func placeholdersComeOutOfTheirOwnKerasAsTheyWere(_ keras: String, _ name: String) throws {
        let folder = try Fixtures.temporaryFolder()
        let ending = name.hasSuffix(".h5") ? ".h5" : ".keras"
        let output = folder.appendingPathComponent("out\(ending)").path
        _ = try ModelConversion(input: Self.path(keras, name), weights: nil, output: output, weightsOutput: nil).run()
        let (before, after) = (try KerasFile.read(Self.path(keras, name)), try KerasFile.read(output))
        let (x, y) = (try #require(before.spec), try #require(after.spec))
        let (own, again) = (Self.placeholders(x), Self.placeholders(y))
        #expect(own.count >= 3 && Set(own.keys) == Set(again.keys))
        // Keras 3's whole .h5 is written with the modules and registered names of its other files.
        let isRewritten = keras == "keras-3.15.1" && name.hasSuffix(".h5")
        for (layer, json) in own where !isRewritten { #expect(again[layer] == json) }
        for (layer, json) in own {
            var (config, other) = (json.object?["config"]?.object ?? [:], again[layer]?.object?["config"]?.object ?? [:])
            if isRewritten { (config["dtype"], other["dtype"]) = (nil, nil) }
            #expect(config.count > 2 && JSON.text(.object(config)) == JSON.text(.object(other)))
        }
        let arrays = { (model: StoredModel) throws -> [(String, Tensor)] in
            let layers = (model.weights?.layers ?? []).filter { $0.name.contains("affine") || $0.name.contains("gated") }
            return try layers.flatMap { layer in try layer.weights.map { ("\(layer.name)/\($0.name)", try $0.tensor.load()) } }
        }
        let (p, q) = (try arrays(before), try arrays(after))
        #expect(p.isEmpty == name.hasPrefix("lambdas") && p.map(\.0) == q.map(\.0) && zip(p, q).allSatisfy { $0.1 == $1.1 })
    }

    @Test(arguments: kept)
    func codeIsKeptForEveryTargetThatTakesIt(_ keras: String, _ name: String) throws {
        let spec = try #require(try KerasFile.read(Self.path(keras, name)).spec)
        let code = spec.layers.filter { $0.className == "Lambda" }.map { $0.config["function"] }
        var written = 0
        for target in ["keras-1.2", "keras-2.3", "tf-keras", "keras-3", "keras-3.0"] {
            var notes: [UpgradeNote] = []
            do {
                let text = try KerasWriter.architecture(spec, for: try #require(KerasTarget(name: target)), &notes)
                let again = try ArchitectureReader.spec(from: try JSON.parse(text))
                #expect(again.layers.filter { $0.className == "Lambda" }.map { $0.config["function"] } == code, "\(target)")
                written += 1
            } catch let error as LocatedError {
                // Refused by name, before anything is written.
                #expect(error.category == .unsupported && (error.message.contains("Lambda") || error.message.contains("dense")), "\(error)")
            }
        }
        #expect(written >= 3)
    }

    @Test func weightsOfLayersWithinAreNotGuessed() throws {
        let folder = try Fixtures.temporaryFolder()
        for (input, output) in [("keras-3.15.1/model.keras", "m.h5"), ("keras-3.15.1/model.h5", "m.keras")] {
            let path = folder.appendingPathComponent(output).path
            let error = try #require(throws: LocatedError.self) {
                try ModelConversion(input: Fixtures.path("custom/\(input)"), weights: nil, output: path, weightsOutput: nil).run()
            }
            #expect(error.category == .unsupported && error.code == "weights.customLayer" && error.message.contains("gated"))
            #expect(!FileManager.default.fileExists(atPath: path))
        }
    }

    // MARK: - Expressions

    static let lambdaFiles = [
        "keras-2.3.1/lambdas.h5", "tf-keras-2.21.0/lambdas.h5", "tf-keras-2.21.0/lambdas.keras", "keras-3.15.1/lambdas.h5",
        "keras-3.15.1/lambdas.keras",
    ]

    @Test(arguments: lambdaFiles)
    func expressionsStandForCode(_ file: String) throws {
        var objects = CustomObjects()
        for (name, text) in [
            ("scale", "x / 127.5 - 1"), ("gate", "x0 * keras.ops.sigmoid(x1)"), ("pool", "mean(x, axis=1)"), ("dense", "relu(x)**2"),
        ] { objects.replace(name, with: .expression(try TensorExpression(text))) }
        let model = try Model(Fixtures.path("custom/\(file)"), customObjects: objects)
        let data = try NPZ(reading: Fixtures.path("custom/\(file.split(separator: "/")[0])/lambdas.npz"))
        let outputs = try model.predict([data.tensor("x0"), data.tensor("x1")])
        #expect(try Self.distance(outputs[0], data.tensor("y0")) < 1e-6)
    }

    @Test func aLambdaBecomesALayerOfKerasWhereOneComputesTheSame() throws {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("out.keras").path
        let notes = try ModelConversion(
            input: Fixtures.path("custom/keras-3.15.1/lambdas.keras"), weights: nil, output: path, weightsOutput: nil,
            replacements: [
                Replacement("scale", try TensorExpression("(x - 127.5) / 127.5")), Replacement("dense", try TensorExpression("tanh(x)")),
            ]
        ).run()
        #expect(notes.contains { $0.contains("scale: Lambda is written as Rescaling") })
        let spec = try #require(try KerasFile.read(path).spec)
        let layer = try #require(spec.layers.first { $0.name == "scale" })
        #expect(layer.className == "Rescaling" && layer.config["scale"] == .float(1 / 127.5) && layer.config["offset"] == -1.0)
        #expect(spec.layers.first { $0.name == "dense" }?.config["activation"] == "tanh")
        let error = try #require(throws: LocatedError.self) {
            try ModelConversion(
                input: Fixtures.path("custom/keras-3.15.1/lambdas.keras"), weights: nil, output: path, weightsOutput: nil,
                replacements: [Replacement("gate", try TensorExpression("x0 * x1"))]
            ).run()
        }
        #expect(error.category == .unsupported && error.code == "replace.inexpressible")
    }
}
