import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

private let network = "digits/cnn.json"
private let sparse = ["--loss", "sparse_categorical_crossentropy"]

/// A folder with what goes in and comes out of one training.
private struct Bench {
    let folder: URL

    init() throws { folder = try Fixtures.temporaryFolder() }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }
    func names() throws -> [String] { try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() }
    func remove() throws { try FileManager.default.removeItem(at: folder) }

    /// Writes the first digits with other labels or other pictures.
    func digits(
        _ name: String = "data.npz", count: Int = 40, y: (Tensor) throws -> Tensor = { $0 }, x: (Tensor) throws -> Tensor = { $0 }
    ) throws -> String {
        let archive = try NPZ(reading: Fixtures.path("digits/digits.npz"))
        let labels = try archive.tensor("y").asType(.int64)
        let pictures = try archive.tensor("x")
        try NPZ.write(
            [
                ("x", try x(pictures.firstRows(count))), ("y", try y(labels.firstRows(count))),
            ], to: path(name))
        return path(name)
    }
}

extension Tensor {
    fileprivate func firstRows(_ count: Int) -> Tensor {
        let values = floats
        let size = values.count / shape[0]
        return Tensor(Array(values[..<(count * size)]), shape: Shape([count] + shape.dims.dropFirst())).asType(dtype)
    }

    fileprivate func replacing(_ place: Int, with value: Float) -> Tensor {
        var values = floats
        values[place] = value
        return Tensor(values, shape: shape)
    }
}

@Suite("train on sound input")
struct TrainingCommandTests {
    @Test("trains, saves, evaluates; the same seed gives the same bytes on any number of threads")
    func trains() throws {
        let bench = try Bench()
        let data = try bench.digits(count: 300)
        func train(_ output: String, _ more: [String]) throws -> Tool.Result {
            try Tool.run(
                ["train", network, data, "--metrics", "accuracy", "--epochs", "4", "--rescale", "1/16", "--output", bench.path(output)]
                    + sparse + more)
        }
        let first = try train("one.h5", ["--threads", "1", "--seed", "3", "--history", bench.path("history.json")])
        #expect(first.status == 0, "\(first.errors)")
        #expect(first.errors.contains("Epoch 4/4") && first.output.isEmpty)
        #expect(try train("two.h5", ["--threads", "2", "--seed", "3"]).status == 0)
        #expect(try train("other.h5", ["--threads", "2", "--seed", "4"]).status == 0)
        func bytes(_ name: String) throws -> Data { try Data(contentsOf: URL(fileURLWithPath: bench.path(name))) }
        #expect(try bytes("one.h5") == bytes("two.h5"))
        #expect(try bytes("one.h5") != bytes("other.h5"))
        let history = try JSONSerialization.jsonObject(with: Data(contentsOf: URL(fileURLWithPath: bench.path("history.json"))))
        let losses = try #require(((history as? [String: Any])?["history"] as? [String: [Double]])?["loss"])
        #expect(losses.count == 4 && losses[3] < losses[0])
        let measured = try Tool.run("evaluate", bench.path("one.h5"), data, "--rescale", "1/16", "--json")
        #expect(measured.status == 0, "\(measured.errors)")
        let numbers = try #require(try JSONSerialization.jsonObject(with: Data(measured.output.utf8)) as? [String: Double])
        #expect(try #require(numbers["accuracy"]) > 0.5, "\(numbers)")
        try bench.remove()
    }

    @Test("two epochs are one epoch, saved, and one more")
    func resumes() throws {
        let bench = try Bench()
        let data = try bench.digits(count: 64)
        // Without dropout, whose random numbers begin anew with a resumption.
        let json = try String(contentsOfFile: Fixtures.path(network), encoding: .utf8)
            .replacing(/"rate": [0-9.]+/, with: "\"rate\": 0.0")
        try json.write(toFile: bench.path("plain.json"), atomically: true, encoding: .utf8)
        let start = ["train", bench.path("plain.json"), data, "--no-shuffle", "--quiet"] + sparse
        #expect(try Tool.run(start + ["--epochs", "2", "--output", bench.path("both.h5")]).status == 0)
        #expect(try Tool.run(start + ["--output", bench.path("half.h5")]).status == 0)
        let second = try Tool.run("train", bench.path("half.h5"), data, "--no-shuffle", "--quiet", "--output", bench.path("half.h5"))
        #expect(second.status == 0, "\(second.errors)")
        let a = try Tool.run("evaluate", bench.path("both.h5"), data)
        let b = try Tool.run("evaluate", bench.path("half.h5"), data)
        #expect(a.status == 0 && a.output == b.output && !a.output.isEmpty)
        try bench.remove()
    }
}

@Suite("train on wrong input")
struct WrongTrainingTests {
    /// Runs `train` into a file that is there, and expects it to be left alone.
    private func expect(
        _ bench: Bench, _ arguments: [String], status: Int32, _ words: [String], sourceLocation: SourceLocation = #_sourceLocation
    ) throws {
        let output = bench.path("out.h5")
        let old = Data("the old file".utf8)
        try old.write(to: URL(fileURLWithPath: output))
        let before = try bench.names()
        let result = try Tool.run(["train"] + arguments + ["--output", output])
        #expect(result.status == status, "\(result.errors)", sourceLocation: sourceLocation)
        for word in words { #expect(result.errors.contains(word), "\(result.errors)", sourceLocation: sourceLocation) }
        #expect(result.output.isEmpty && !result.errors.contains("Epoch"), sourceLocation: sourceLocation)
        #expect(try Data(contentsOf: URL(fileURLWithPath: output)) == old, sourceLocation: sourceLocation)
        #expect(try bench.names() == before, sourceLocation: sourceLocation)
        try bench.remove()
    }

    @Test("labels that are no class", arguments: [10, -1, 0.5, Float.nan, .infinity, 1e30])
    func labels(_ label: Float) throws {
        let bench = try Bench()
        let data = try bench.digits(y: { $0.replacing(7, with: label) })
        let wanted = label.rounded() == label && abs(label) < 100 ? "from 0 to 9, got \(Int(label))" : "expected class numbers"
        try expect(bench, [network, data] + sparse, status: 67, ["y › activation_4", wanted])
    }

    @Test("labels of the wrong kind for the loss")
    func kinds() throws {
        let oneHot = try Bench()
        let data = try oneHot.digits(y: { try toCategorical($0, numClasses: 10) })
        try expect(oneHot, [network, data] + sparse, status: 67, ["y › activation_4", "categorical_crossentropy", "(40, 10)"])
        let numbers = try Bench()
        let digits = try numbers.digits()
        try expect(
            numbers, [network, digits, "--loss", "categorical_crossentropy"], status: 67,
            ["y › activation_4", "(40, 10)", "(40,)", "sparse_categorical_crossentropy"])
    }

    @Test("arrays that differ in their samples, or have none")
    func counts() throws {
        let fewer = try Bench()
        try expect(
            fewer, [network, try fewer.digits(y: { $0.firstRows(39) })] + sparse, status: 65, ["y: expected 40 samples, as x has, got 39"])
        let none = try Bench()
        try expect(
            none, [network, try none.digits(y: { $0.firstRows(0) }, x: { $0.firstRows(0) })] + sparse, status: 65, ["expected samples, got none"])
    }

    @Test("pictures of another size")
    func shapes() throws {
        let bench = try Bench()
        let data = try bench.digits(x: { $0.reshaped(to: [40, 4, 16, 1]) })
        try expect(bench, [network, data] + sparse, status: 67, ["x › conv2d_1_input", "(8, 8, 1)", "(4, 16, 1)"])
    }

    @Test("a loss that doesn't fit the output, or is none")
    func losses() throws {
        for (loss, status, word) in [
            ("mse", 67, "(40, 10)"), ("binary_crossentropy", 67, "(40, 10)"), ("nonsense", 64, "nonsense"), ("ctc", 67, "(samples, steps, classes)"),
        ] as [(String, Int32, String)] {
            let bench = try Bench()
            try expect(bench, [network, try bench.digits(), "--loss", loss], status: status, [word])
        }
        // One output can't be one class of several.
        let bench = try Bench()
        let json = try String(contentsOfFile: Fixtures.path(network), encoding: .utf8).replacing("\"units\": 10", with: "\"units\": 1")
        try json.write(toFile: bench.path("one.json"), atomically: true, encoding: .utf8)
        try expect(
            bench, [bench.path("one.json"), try bench.digits(), "--loss", "categorical_crossentropy"], status: 67, ["binary_crossentropy"])
    }

    @Test("a metric that wants other targets than the loss")
    func metrics() throws {
        let bench = try Bench()
        try expect(
            bench, [network, try bench.digits(), "--metrics", "categorical_accuracy"] + sparse, status: 67, ["categorical_accuracy"])
    }

    @Test("a model without compile settings, and no --loss")
    func notCompiled() throws {
        for more in [[], ["--optimizer", "sgd"], ["--learning-rate", "0.1"], ["--metrics", "accuracy"]] {
            let bench = try Bench()
            try expect(bench, [network, try bench.digits()] + more, status: 64, ["compile settings", "--loss"])
        }
        let bench = try Bench()
        let whole = bench.path("whole.h5")
        let pair = ["notebook/net1/cifar10_architecture.json", "--weights", "notebook/net1/cifar10_weights.h5"]
        #expect(try Tool.run(["convert"] + pair + [whole]).status == 0)
        try expect(bench, [whole, "cifar10/batches"], status: 64, ["compile settings", "--loss"])
    }

    @Test("a data folder that was cut short, and a pickle that calls something")
    func folders() throws {
        let network = "notebook/net1/cifar10_architecture.json"
        let bytes = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("cifar10/batches/data_batch_3")))
        // builtins.exec of a text that would leave a file.
        let hostile = Data("\u{80}\u{2}cbuiltins\nexec\nX\u{14}\0\0\0open('was_run', 'w')\u{85}R.".unicodeScalars.map { UInt8($0.value) })
        for (content, word) in [
            (bytes.prefix(bytes.count / 2), "the end of the file"), (Data(), "the end of the file"), (hostile, "builtins.exec"), (nil, "data_batch_3"),
        ] as [(Data?, String)] {
            let bench = try Bench()
            try FileManager.default.copyItem(atPath: Fixtures.path("cifar10/batches"), toPath: bench.path("batches"))
            let batch = URL(fileURLWithPath: bench.path("batches/data_batch_3"))
            if let content { try content.write(to: batch) } else { try FileManager.default.removeItem(at: batch) }
            try expect(bench, [network, bench.path("batches")] + sparse, status: 65, [word])
            #expect(!FileManager.default.fileExists(atPath: Fixtures.path("was_run")))
        }
        let bench = try Bench()
        try expect(bench, [network, bench.path("absent")] + sparse, status: 66, ["absent"])
    }

    @Test("settings out of their range")
    func ranges() throws {
        for more in [
            ["--batch-size", "0"], ["--epochs=-1"], ["--threads", "0"], ["--validation-split", "1"], ["--validation-split=-0.1"],
            ["--validation-split", "0.99"], ["--learning-rate", "nan"], ["--initial-epoch=-1"], ["--optimizer", "newton"],
        ] {
            let bench = try Bench()
            try expect(bench, [network, try bench.digits()] + sparse + more, status: 64, ["expected"])
        }
    }

    @Test(
        "an output that can't be written is found before training",
        arguments: [
            (["--output", "absent/out.h5"], 73), (["--output", "absent/out.json", "--weights-out", "weights.h5"], 73),
            (["--output", "out.json", "--weights-out", "absent/weights.h5"], 73), (["--output", "out.h5", "--history", "absent/h.json"], 73),
            (["--output", "/proc/out.h5"], 73), (["--output", "folder.h5"], 73), (["--output", "out.json"], 64),
            (["--output", "out.h5", "--weights-out", "weights.h5"], 64),
        ] as [([String], Int32)])
    func outputs(_ arguments: [String], _ status: Int32) throws {
        let bench = try Bench()
        _ = try bench.digits()
        try FileManager.default.createDirectory(atPath: bench.path("folder.h5"), withIntermediateDirectories: false)
        let before = try bench.names()
        let result = try Tool.run(["train", Fixtures.path(network), "data.npz"] + sparse + arguments, in: bench.folder)
        #expect(result.status == status, "\(result.errors)")
        #expect(!result.errors.isEmpty && !result.errors.contains("Epoch") && result.output.isEmpty)
        #expect(try bench.names() == before)
        try bench.remove()
    }

    @Test("a disk that fills up while saving gives 74, and the old files stay")
    func fillingDisk() throws {
        let bench = try Bench()
        let data = try bench.digits()
        for name in ["out.h5", "out.json", "weights.h5"] { try Data(name.utf8).write(to: URL(fileURLWithPath: bench.path(name))) }
        let before = try bench.names()
        for (blocks, arguments) in [
            (8, ["--output", "out.h5"]), (100, ["--output", "out.h5"]), (400, ["--output", "out.h5"]),
            (100, ["--output", "out.json", "--weights-out", "weights.h5"]), (1, ["--output", "out.json", "--weights-out", "weights.h5"]),
        ] {
            let result = try Tool.run(
                ["train", Fixtures.path(network), data] + sparse + arguments, in: bench.folder, fileBlocks: blocks)
            #expect(result.status == 74, "\(blocks): \(result.status) \(result.errors)")
            #expect(result.errors.contains("File too large"), "\(result.errors)")
            for name in ["out.h5", "out.json", "weights.h5"] {
                #expect(try String(contentsOfFile: bench.path(name), encoding: .utf8) == name)
            }
            #expect(try bench.names() == before)
        }
        try bench.remove()
    }

    @Test("a full device gives 74", .enabled(if: FileManager.default.fileExists(atPath: "/dev/full")))
    func fullDisk() throws {
        let bench = try Bench()
        try FileManager.default.createSymbolicLink(atPath: bench.path("full.h5"), withDestinationPath: "/dev/full")
        let result = try Tool.run(["train", network, try bench.digits(), "--output", bench.path("full.h5")] + sparse)
        #expect(result.status == 74, "\(result.errors)")
        #expect(result.errors.contains("No space left"), "\(result.errors)")
        try bench.remove()
    }
}

@Suite("reports of commands")
struct ReportCommandTests {
    private func sparseTrain(_ bench: Bench, _ data: String, _ more: [String]) throws -> Tool.Result {
        try Tool.run(
            ["train", network, data, "--metrics", "accuracy", "--rescale", "1/16", "--output", bench.path("net.h5"), "--quiet"] + sparse + more)
    }

    @Test("evaluate --report and --groups; train --history-plot, --tensorboard, --augment")
    func reports() throws {
        let bench = try Bench()
        defer { try? bench.remove() }
        let data = try bench.digits(count: 120)
        let trained = try sparseTrain(
            bench, data,
            ["--epochs", "2", "--validation-split", "0.25", "--history-plot", bench.path("history.png"), "--tensorboard", bench.path("board"),
                "--augment", "rotation=10,width_shift=0.1"])
        #expect(trained.status == 0, "\(trained.errors)")
        #expect(try bench.names() == ["board", "data.npz", "history.png", "net.h5"])
        let groups = bench.path("groups.csv")
        let lines = (0..<120).map { "\($0 % 3 == 0 ? "old" : "young"),\($0 < 5 ? "few" : "many")" }
        try "age,size\n\(lines.joined(separator: "\n"))\n".write(toFile: groups, atomically: true, encoding: .utf8)
        let result = try Tool.run([
            "evaluate", bench.path("net.h5"), data, "--rescale", "1/16", "--report", bench.path("report"), "--groups", groups, "--json",
        ])
        #expect(result.status == 0, "\(result.errors)")
        let document = try #require(try JSONSerialization.jsonObject(with: Data(result.output.utf8)) as? [String: Any])
        let report = try #require(document["report"] as? [String: Any])
        let matrix = try #require(report["confusion_matrix"] as? [[Int]])
        #expect(matrix.count == 10 && matrix.joined().reduce(0, +) == 120)
        #expect(abs((report["accuracy"] as? Double ?? -1) - (document["accuracy"] as? Double ?? -2)) < 1e-6)
        let age = try #require((document["groups"] as? [[String: Any]])?.first)
        #expect(age["attribute"] as? String == "age")
        let parts = try #require(age["groups"] as? [[String: Any]])
        #expect(parts.map { $0["samples"] as? Int } == [40, 80] && parts.map { $0["group"] as? String } == ["old", "young"])
        let gaps = try #require(age["gaps"] as? [String: [String: Any]])
        #expect(gaps["error_rate"]?["gap"] is Double)
        #expect(((document["groups"] as? [[String: Any]])?[1]["groups"] as? [[String: Any]])?.map { $0["small"] as? Bool } == [true, false])
        let names = try FileManager.default.contentsOfDirectory(atPath: bench.path("report")).sorted()
        #expect(
            names == [
                "classes.csv", "confusion.csv", "confusion.png", "confusion.svg", "groups.json", "groups.txt", "report.json", "report.txt",
            ])
    }

    @Test("what reports refuse")
    func refused() throws {
        let bench = try Bench()
        defer { try? bench.remove() }
        let data = try bench.digits(count: 20)
        #expect(try sparseTrain(bench, data, []).status == 0)
        try "a\nx\n".write(toFile: bench.path("few.csv"), atomically: true, encoding: .utf8)
        try "a\n\"x\n".write(toFile: bench.path("broken.csv"), atomically: true, encoding: .utf8)
        for (arguments, status) in [
            (["--groups", bench.path("none.csv")], 66), (["--groups", bench.path("few.csv")], 67), (["--groups", bench.path("broken.csv")], 65),
            (["--report", "/dev/null/x"], 73), (["--report", bench.path("r"), "--labels", bench.path("few.csv")], 67),
        ] as [([String], Int32)] {
            let result = try Tool.run(["evaluate", bench.path("net.h5"), data] + arguments)
            #expect(result.status == status, "\(arguments): \(result.status) \(result.errors)")
        }
        #expect(try sparseTrain(bench, data, ["--history-plot", bench.path("h.jpg")]).status == 64)
        #expect(try sparseTrain(bench, data, ["--augment", "turning=3"]).status == 64)
        #expect(try sparseTrain(bench, data, ["--histogram-every", "2"]).status == 64)
    }
}
