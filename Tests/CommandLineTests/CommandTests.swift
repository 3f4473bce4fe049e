import Foundation
import TestSupport
import Testing

private let sample = "samples/keras-2.3.1_tf1.15/mini1"

@Suite("Commands on sound input")
struct CommandTests {
    @Test("summary prints what Keras 2.3 printed", arguments: ["notebook/net1", "notebook/net2"])
    func summary(folder: String) throws {
        let result = try Tool.run("summary", "\(folder)/cifar10_architecture.json")
        #expect(result.status == 0)
        #expect(result.output == (try String(contentsOfFile: Fixtures.path("\(folder)/summary.txt"), encoding: .utf8)))
    }

    @Test("plot writes what the ending says, and nothing where it can't")
    func plot() throws {
        let folder = try Fixtures.temporaryFolder()
        for (ending, start) in [("svg", Array("<svg ".utf8)), ("png", [0x89, 0x50, 0x4e, 0x47]), ("dot", Array("digraph ".utf8))] {
            let path = folder.appendingPathComponent("model.\(ending)").path
            let result = try Tool.run(
                "plot", "plots/siamese.json", path, "--show-shapes", "--show-dtype", "--show-layer-activations", "--show-trainable",
                "--expand-nested", "--rankdir", "LR", "--dpi", "50", "--json")
            #expect(result.status == 0, "\(result.errors)")
            #expect(result.output.contains("model.\(ending)"))
            #expect(try Data(contentsOf: URL(fileURLWithPath: path)).starts(with: start))
        }
        for (output, options, status) in [("model.gif", [], 64), ("dots.png", ["--dpi", "5"], 64), ("absent/model.svg", [], 73)] {
            let path = folder.appendingPathComponent(output).path
            let result = try Tool.run(["plot", "plots/siamese.json", path] + options)
            #expect(result.status == Int32(status) && !result.errors.isEmpty && !FileManager.default.fileExists(atPath: path))
        }
        try FileManager.default.removeItem(at: folder)
    }

    @Test("verify finds parity and says so in JSON")
    func verify() throws {
        let result = try Tool.run(
            "verify", "probe/model.json", "--weights", "probe/weights.h5", "probe/probe.npz", "--layers", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(document["passed"] as? Bool == true)
        #expect((document["outputs"] as? [Any])?.count == 2)
        #expect(((document["layers"] as? [Any])?.count ?? 0) > 4)
    }

    @Test("verify exits with 1 when outputs are out of tolerance, and says which")
    func departure() throws {
        let result = try Tool.run(
            "verify", "probe/model.json", "--weights", "probe/weights.h5", "probe/probe.npz", "--layers", "--rtol", "0",
            "--atol", "0")
        #expect(result.status == 1)
        #expect(result.output.contains("FAIL") && result.output.contains("NOT in parity"), "\(result.output)")
        #expect(result.output.contains("first layer that departs: "), "\(result.output)")
        #expect(result.errors.isEmpty, "\(result.errors)")
    }

    @Test("verify --training holds steps against genuine ones, in text and in JSON")
    func verifyTraining() throws {
        let folder = "parity/keras-2.3.1-nested_functional"
        let arguments = ["verify", "\(folder)/before.h5", "\(folder)/training.npz", "--training", "--after", "5=\(folder)/after-5.h5"]
        let result = try Tool.run(arguments)
        #expect(result.status == 0, "\(result.errors)")
        for line in ["ok   5 losses", "ok   6 gradients of the first step", "ok   6 weights after 5 steps", "in parity"] {
            #expect(result.output.contains(line), "\(result.output)")
        }
        let json = try Tool.run(arguments + ["--json", "--rtol", "0", "--atol", "0", "--repeated", "\(folder)/training.npz"])
        #expect(json.status == 1, "\(json.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
        let training = try #require(document["training"] as? [String: Any])
        #expect(document["passed"] as? Bool == false && training["passed"] as? Bool == false)
        #expect((training["losses"] as? [[String: Any]])?.map { $0["step"] as? Int } == [1, 2, 3, 4, 5])
        let gradients = try #require(training["gradients"] as? [[String: Any]])
        #expect(gradients.count == 6 && gradients.allSatisfy { $0["repeated_error"] as? Double == 0 })
        let weights = try #require((training["weights"] as? [[String: Any]])?.first)
        #expect(weights["after"] as? Int == 5 && (weights["arrays"] as? [Any])?.count == 6)
        #expect(try Tool.run("verify", "\(folder)/before.h5", "\(folder)/training.npz", "--after", "5=x.h5").status == 64)
        #expect(try Tool.run(["verify", "\(folder)/before.h5", "\(folder)/training.npz", "--training", "--after", "x.h5"]).status == 64)
        #expect(try Tool.run(["verify", "\(folder)/before.h5", "\(folder)/training.npz", "--training", "--after", "5=x.h5"]).status == 66)
    }

    @Test("the pair becomes one file and the pair again, the architecture byte for byte")
    func convertBothWays() throws {
        let folder = try Fixtures.temporaryFolder()
        let whole = folder.appendingPathComponent("model.h5").path
        let json = folder.appendingPathComponent("model.json").path
        let weights = folder.appendingPathComponent("weights.h5").path
        let there = try Tool.run("convert", "\(sample)/model.json", "--weights", "\(sample)/weights.h5", whole)
        #expect(there.status == 0, "\(there.errors)")
        let back = try Tool.run("convert", whole, json, "--weights-out", weights)
        #expect(back.status == 0, "\(back.errors)")
        #expect(
            FileManager.default.contents(atPath: json)
                == FileManager.default.contents(atPath: Fixtures.path("\(sample)/model.json")))
        let a = try Tool.run("predict", "\(sample)/model.json", "--weights", "\(sample)/weights.h5", "\(sample)/x.npy")
        let b = try Tool.run("predict", json, "--weights", weights, Fixtures.path("\(sample)/x.npy"))
        #expect(a.status == 0 && a.output == b.output && !a.output.isEmpty)
        try FileManager.default.removeItem(at: folder)
    }

    @Test("inspect --tree tells what any container holds, for people and for programs")
    func tree() throws {
        let container = "formats/containers/keras-3.15/sequential"
        for (file, format, line) in [
            ("\(container).keras", "zip", "  model.weights.h5  member  38668 bytes, stored\n    layers/\n"),
            ("\(container).weights.json", "shards", "  sequential_00000.weights.h5  file  25512 bytes\n    layers/\n"),
            ("\(container).weights.h5", "HDF5", "0  dataset  float32 (3, 3, 2, 3), contiguous, 216 bytes\n"),
            ("formats/containers/keras-3.15", "folder", "  sequential.keras  file  "),
        ] {
            let text = try Tool.run("inspect", file, "--tree")
            #expect(text.status == 0 && text.errors.isEmpty, "\(text.errors)")
            #expect(text.output.hasPrefix("format: \(format)\n") && text.output.contains(line), "\(text.output)")
            let json = try Tool.run("inspect", file, "--tree", "--json")
            let document = try #require(try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any])
            #expect(document["format"] as? String == format)
            #expect(((document["entries"] as? [Any])?.count ?? 0) > 5)
        }
        #expect(try Tool.run("inspect", "\(sample)/model.json", "--tree").status == 69)
    }

    @Test("a photograph gets a class name")
    func photograph() throws {
        let result = try Tool.run(
            "predict", "notebook/net2/cifar10_architecture.json", "--weights", "notebook/net2/cifar10_weights.h5",
            "images/chelsea.png", "--interpolation", "bilinear", "--labels", "cifar10", "--top", "3")
        #expect(result.status == 0, "\(result.errors)")
        #expect(result.output.contains("chelsea.png: cat "), "\(result.output)")
    }

    @Test("benchmark gives the promised keys")
    func benchmark() throws {
        let result = try Tool.run("benchmark", "\(sample)/whole.h5", "--runs", "3", "--json")
        #expect(result.status == 0, "\(result.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        #expect(
            Set(document.keys).isSuperset(of: [
                "milliseconds", "samples_per_second", "gflops", "load_milliseconds", "peak_memory_bytes", "batch_size",
                "threads",
            ]))
    }
}

@Suite("Commands on wrong input")
struct WrongInputTests {
    @Test(
        "each mistake has its exit status, one paragraph and no output",
        arguments: [
            (["summary", "absent.json"], 66),
            (["summary"], 64),
            (["summary", "\(sample)/model.json", "--style", "keras9"], 64),
            (["predict", "\(sample)/model.json", "\(sample)/x.npy"], 67),
            (["predict", "\(sample)/whole.h5", "\(sample)/labels.npy"], 67),
            (["predict", "\(sample)/whole.h5", "absent.npy"], 66),
            (["predict", "\(sample)/whole.h5", "\(sample)/model.json"], 65),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--layer", "nowhere"], 64),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--batch-size", "0"], 64),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--output", "absent/y.npz"], 73),
            (["convert", "\(sample)/whole.h5", "absent/model.h5"], 73),
            (["convert", "\(sample)/whole.h5", "absent/model.json", "--for", "keras-9"], 69),
            (["predict", "\(sample)/whole.h5", "\(sample)/x.npy", "--threads", "9223372036854775807"], 64),
            (["predict", "\(sample)/whole.h5", "hdf5"], 66),
            (["predict", "\(sample)/whole.h5", "images/chelsea.png", "--target-size", "65535,65535"], 69),
            (["benchmark", "\(sample)/whole.h5", "--batch-size", "9223372036854775807"], 69),
            (["benchmark", "\(sample)/whole.h5", "--batch-size", "100000000000"], 69),
            (["verify", "\(sample)/whole.h5", "\(sample)/x.npy"], 65),
            (["train", "digits/cnn.json", "digits/digits.npz", "--output", "absent/model.h5"], 73),
            (["train", "digits/cnn.json", "digits/digits.npz", "--output", "absent.h5", "--history", "absent/h.json"], 73),
            (["train", "digits/cnn.json", "digits/digits.npz", "--output", "absent.txt"], 64),
        ] as [([String], Int32)])
    func mistakes(arguments: [String], status: Int32) throws {
        let result = try Tool.run(arguments)
        #expect(result.status == status, "\(result.errors)")
        #expect(result.output.isEmpty)
        #expect(!result.errors.isEmpty)
        #expect(!FileManager.default.fileExists(atPath: Fixtures.path("absent")))
        #expect(!FileManager.default.fileExists(atPath: Fixtures.path("absent.h5")))
    }

    @Test("an output folder that can't be written gives 73 and leaves nothing")
    func readOnlyFolder() throws {
        let result = try Tool.run("convert", "\(sample)/whole.h5", "/proc/model.h5")
        #expect(result.status == 73, "\(result.errors)")
    }

    @Test("kill -9 in mid-save leaves the old file whole")
    func killedWhileSaving() throws {
        let folder = try Fixtures.temporaryFolder()
        let target = folder.appendingPathComponent("model.h5")
        let pair = ["notebook/net2/cifar10_architecture.json", "--weights", "notebook/net2/cifar10_weights.h5"]
        #expect(try Tool.run(["convert"] + pair + [target.path]).status == 0)
        let before = try Data(contentsOf: target)
        for delay in [0.005, 0.02, 0.04, 0.06, 0.08, 0.1, 0.15, 0.2] {
            let process = Process()
            process.executableURL = Tool.executable
            process.arguments = ["convert"] + pair + [target.path, "--quiet"]
            process.currentDirectoryURL = Fixtures.root.appendingPathComponent("fixtures")
            try process.run()
            Thread.sleep(forTimeInterval: delay)
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            #expect(try Data(contentsOf: target) == before)
        }
        try FileManager.default.removeItem(at: folder)
    }
}

@Suite("Loading in part, and meanings for code")
struct LoadingCommandTests {
    @Test("what was not loaded is told on standard error")
    func byName() throws {
        let folder = try Fixtures.temporaryFolder()
        let output = folder.appendingPathComponent("out.keras").path
        let result = try Tool.run(
            "convert", "loading/keras-3.15.1/wider.json", "--weights", "loading/keras-2.3.1/source.h5", output, "--by-name",
            "--skip-mismatch")
        #expect(result.status == 0 && result.errors.contains("loaded 3 of 10 weights"), "\(result.errors)")
        #expect(result.errors.contains("not loaded: b/kernel has the shape (5, 6), the file's \"b/kernel:0\" (5, 4)"))
        let refused = try Tool.run(
            "convert", "loading/keras-3.15.1/wider.json", "--weights", "loading/keras-2.3.1/source.h5", output + ".h5", "--by-name")
        #expect(refused.status == 67 && !FileManager.default.fileExists(atPath: output + ".h5"))
        let summary = try Tool.run(
            "summary", "loading/keras-3.15.1/renamed.json", "--weights", "loading/keras-2.3.1/source.h5", "--by-name")
        #expect(summary.status == 0 && summary.errors.contains("not loaded: \"b2\" is not in the file"), "\(summary.errors)")
        #expect(summary.errors.contains("not read: the file's \"b\" is not in the model"))
    }

    @Test("a Lambda computes what --replace says; names without a meaning are refused with their place")
    func replace() throws {
        let (model, data) = ("custom/keras-2.3.1/lambdas.h5", "custom/keras-2.3.1/lambdas.npz")
        let refused = try Tool.run("verify", model, data)
        #expect(refused.status == 69)
        for layer in ["scale (Lambda)", "gate (Lambda)", "pool (Lambda)"] { #expect(refused.errors.contains(layer)) }
        let replaced = try Tool.run(
            "verify", model, data, "--replace", "scale=x / 127.5 - 1", "--replace", "gate=x0 * sigmoid(x1)", "--replace",
            "pool=mean(x, axis=1)", "--replace", "dense=relu(x)**2")
        #expect(replaced.status == 0 && replaced.output.contains("in parity"), "\(replaced.errors)")
        let unknown = try Tool.run("verify", model, data, "--replace", "scale=x / frob(2)")
        #expect(unknown.status == 64 && unknown.errors.contains("character 5") && unknown.errors.contains("\"frob\""), "\(unknown.errors)")
        let absent = try Tool.run("verify", model, data, "--replace", "lambda_9=x")
        #expect(absent.status == 64 && absent.errors.contains("lambda_9"))
        #expect(try Tool.run("verify", model, data, "--replace", "scale").status == 64)
    }
}
