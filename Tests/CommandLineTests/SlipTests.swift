import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

private let sample = "samples/keras-2.3.1_tf1.15/mini1"

@Suite("Slips of the pen")
struct SlipTests {
    @Test(
        "an unknown name brings the nearest one, and the place where it was given",
        arguments: [
            (["sumary", "x.h5"], 64, "\"summary\""),
            (["digits/cnn.json"], 64, "swift-keras inspect digits/cnn.json"),
            (["convert", "digits/cnn.json", "absent.json", "--for", "keras3"], 69, "--for: expected"),
            (["convert", "digits/cnn.json", "absent.json", "--for", "keras3"], 69, "\"keras-3\""),
            (["convert", "digits/cnn.json", "absent.json", "--for", "keras-2.15"], 69, "tf-keras-2.15"),
            (["evaluate", "digits/cnn.json", "minst"], 67, "--weights"),
            (["train", "digits/cnn.json", "minst", "--loss", "mse", "--output", "absent.h5"], 66, "\"mnist\""),
            (["train", "digits/cnn.json", "digits/digits.npz", "--loss", "categorical_crosentropy", "--output", "absent.h5"], 64, "--loss: expected"),
            (["train", "digits/cnn.json", "digits/digits.npz", "--loss", "categorical_crosentropy", "--output", "absent.h5"], 64, "mean \"categorical_crossentropy\"?"),
            (["train", "digits/cnn.json", "digits/digits.npz", "--loss", "mse", "--metrics", "acuracy", "--output", "absent.h5"], 64, "\"accuracy\""),
            (["train", "digits/cnn.json", "digits/digits.npz", "--loss", "mse", "--metrics", "f1", "--output", "absent.h5"], 64, "\"f1_score\""),
            (["train", "digits/cnn.json", "digits/digits.npz", "--loss", "mse", "--optimizer", "adm", "--output", "absent.h5"], 64, "\"adam\""),
            (["train", "digits/cnn.json", "digits/digits.npz", "--augment", "rotaton=3", "--output", "absent.h5"], 64, "\"rotation\""),
            (["train", "digits/cnn.json", "digits/digits.npz", "--backup-every", "3", "--output", "absent.h5"], 64, "--backup DIR"),
            (["train", "digits/cnn.json", "digits/digits.npz", "--class-weight", "0:1", "--output", "absent.h5"], 64, "--class-weight"),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--layer", "dense1"], 64, "\"dense_1\""),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--output", "absent.txt"], 64, ".npz, .npy or .csv"),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--rescale", "nan"], 64, "--rescale: expected a finite number"),
            (["inspect", "images/chelsea.png"], 65, "a PNG picture"),
            (["inspect", "\(sample)/x.npy"], 65, "NumPy"),
            (["inspect", "digits/digits.npz"], 65, "digits/digits.npz: expected an archive of Keras, with config.json, got an archive of NumPy's arrays"),
            (["verify", "\(sample)/whole.h5", "digits/digits.npz", "--rtol=-1"], 64, "--rtol"),
        ] as [([String], Int32, String)])
    func names(arguments: [String], status: Int32, words: String) throws {
        let result = try Tool.run(arguments)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.errors.contains(words), "\(result.errors)")
        #expect(!FileManager.default.fileExists(atPath: Fixtures.path("absent.h5")))
    }

    @Test("a sample without its axis, and channels at the other end, are told")
    func shapes() throws {
        let folder = try Fixtures.temporaryFolder()
        let untrained = try Tool.run(
            "train", "digits/cnn.json", "digits/digits.npz", "--loss", "sparse_categorical_crossentropy", "--epochs", "0", "--output",
            folder.appendingPathComponent("net.h5").path)
        #expect(untrained.status == 0, "\(untrained.errors)")
        for (name, shape, words) in [
            ("one", [8, 8, 1], "(1, 8, 8, 1)"), ("first", [2, 1, 8, 8], "channels stand first"), ("other", [2, 7, 7, 1], "got (2, 7, 7, 1)"),
        ] as [(String, [Int], String)] {
            let path = folder.appendingPathComponent(name + ".npy").path
            try NPY.write(Tensor(zeros: Shape(shape)), to: path)
            let prediction = try Tool.run("predict", folder.appendingPathComponent("net.h5").path, path)
            #expect(prediction.status == 67 && prediction.errors.contains(words), "\(prediction.errors)")
        }
    }

    @Test("outputs go where the ending says: an archive, an array, a table; x of an .npz is taken")
    func outputs() throws {
        let folder = try Fixtures.temporaryFolder()
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
        let x = try NPY.read(Fixtures.path("\(sample)/x.npy"))
        try NPZ.write([("x", x), ("y", Tensor(zeros: [x.shape[0]]))], to: path("data.npz"))
        for name in ["y.npz", "y.npy", "y.csv"] {
            let result = try Tool.run("predict", "\(sample)/whole.h5", path("data.npz"), "--output", path(name))
            #expect(result.status == 0, "\(result.errors)")
        }
        let array = try NPY.read(path("y.npy"))
        #expect(try NPZ(reading: path("y.npz")).tensor("y0").floats == array.floats)
        let lines = try String(contentsOfFile: path("y.csv"), encoding: .utf8).split(separator: "\n")
        #expect(lines.count == array.shape[0])
        #expect(lines.flatMap { $0.split(separator: ",").compactMap { Float($0) } } == array.floats)
        let two = try Tool.run("predict", "\(sample)/whole.h5", path("data.npz"), "--layer", "dense_1", "--output", path("two.npy"))
        #expect(two.status == 64 && !FileManager.default.fileExists(atPath: path("two.npy")))
    }

    @Test("JSON has no NaN")
    func finite() throws {
        let folder = try Fixtures.temporaryFolder()
        let x = try NPY.read(Fixtures.path("\(sample)/x.npy"))
        try NPY.write(x * .nan, to: folder.appendingPathComponent("nan.npy").path)
        let result = try Tool.run("predict", "\(sample)/whole.h5", folder.appendingPathComponent("nan.npy").path, "--json")
        #expect(result.status == 0 && result.output.contains("null"), "\(result.errors)")
        _ = try JSONSerialization.jsonObject(with: Data(result.output.utf8))
    }

    @Test("--validation-data and --class-weight: the history has the loss of other data, and classes count as told")
    func validationData() throws {
        let folder = try Fixtures.temporaryFolder()
        let archive = try NPZ(reading: Fixtures.path("digits/digits.npz"))
        let data = folder.appendingPathComponent("data.npz").path
        let (x, y) = (try archive.tensor("x"), try archive.tensor("y"))
        let pixels = x.floats.count / x.shape[0]
        try NPZ.write(
            [
                ("x", Tensor(Array(x.floats[..<(64 * pixels)]), shape: Shape([64] + x.shape.dims.dropFirst()))),
                ("y", Tensor(y.floats[..<64].map { Int64($0) })),
            ], to: data)
        func train(_ more: [String]) throws -> Tool.Result {
            try Tool.run(
                ["train", "digits/cnn.json", data, "--rescale", "1/16", "--loss", "sparse_categorical_crossentropy", "--optimizer",
                    "sgd", "--batch-size", "32", "--json", "--quiet", "--output", folder.appendingPathComponent("net.h5").path] + more)
        }
        let plain = try train([])
        #expect(plain.status == 0 && !plain.output.contains("val_loss"), "\(plain.errors)")
        let validated = try train(["--validation-data", data])
        #expect(validated.status == 0 && validated.output.contains("val_loss"), "\(validated.errors)")
        let varied = try train(["--validation-data", data, "--augment", "rotation=5", "--early-stopping", "1"])
        #expect(varied.status == 0 && varied.output.contains("val_loss"), "\(varied.errors)")
        let both = try train(["--validation-data", data, "--validation-split", "0.2"])
        #expect(both.status == 64)
        func weights(_ value: Int) -> String { (0...9).map { "\($0)=\(value)" }.joined(separator: ",") }
        #expect(try train(["--class-weight", weights(1)]).output == plain.output)
        #expect(try train(["--class-weight", weights(3)]).output != plain.output)
        let nothing = try train(["--class-weight", weights(0), "--augment", "rotation=5"])
        #expect(nothing.output.contains("\"loss\": [0.0]"), "\(nothing.output)")
        let missing = try train(["--class-weight", "0=1,1=2"])
        #expect(missing.status == 64 && missing.errors.contains("every class"), "\(missing.errors)")
    }
}
