import Foundation
import SwiftKeras
import TestSupport
import Testing

/// `train` that is cut off, and gone on with.
@Suite struct InterruptionTests {
    private let model = Fixtures.path("traps/keras-3.15/lookups.keras")

    private func folder() throws -> String {
        let path = NSTemporaryDirectory() + "swift-keras-interruption-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        return path
    }

    private func arguments(_ folder: String, _ name: String, epochs: Int, backup: Bool = true) -> [String] {
        ["train", model, "\(folder)/data.npz", "--epochs", "\(epochs)", "--batch-size", "4", "--seed", "3", "--optimizer", "adam",
            "--loss", "mse", "--quiet", "--validation-split", "0.2", "--csv-log", "\(folder)/\(name).csv", "--history",
            "\(folder)/\(name).json", "--output", "\(folder)/\(name).keras"]
            + (backup ? ["--backup", "\(folder)/\(name)", "--backup-every", "1"] : [])
    }

    private func makeData(_ folder: String, samples: Int) throws {
        let x = Tensor((0..<samples * 4).map { Int32($0 * 7 % 11 % 5) }, shape: [samples, 4])
        let y = Tensor((0..<samples * 8).map { Float($0 * 13 % 17) / 17 }, shape: [samples, 8])
        try NPZ.write([("x0", x), ("y0", y)], to: "\(folder)/data.npz")
    }

    /// Killed at four moments one after the other, then let run: the same bytes as without.
    @Test(.timeLimit(.minutes(3))) func killedAndResumed() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try makeData(folder, samples: 120)
        let whole = try Tool.run(arguments(folder, "whole", epochs: 12, backup: false))
        #expect(whole.status == 0, "\(whole.errors)")
        let backup = "\(folder)/cut/backup.npz"
        var seen: Set<Data> = []
        for _ in 0..<4 {
            let process = Process()
            process.executableURL = Tool.executable
            process.arguments = arguments(folder, "cut", epochs: 12)
            process.standardError = FileHandle.nullDevice
            process.standardOutput = FileHandle.nullDevice
            let before = FileManager.default.contents(atPath: backup)
            try process.run()
            // Until it got on.
            while process.isRunning, FileManager.default.contents(atPath: backup) == before { usleep(200) }
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            if let content = FileManager.default.contents(atPath: backup) { seen.insert(content) }
        }
        #expect(seen.count > 1, "it was cut off at different moments")
        let rest = try Tool.run(arguments(folder, "cut", epochs: 12))
        #expect(rest.status == 0, "\(rest.errors)")
        #expect(
            FileManager.default.contents(atPath: "\(folder)/whole.keras")
                == FileManager.default.contents(atPath: "\(folder)/cut.keras"))
        // And the numbers of all epochs.
        for ending in ["csv", "json"] {
            let content = FileManager.default.contents(atPath: "\(folder)/whole.\(ending)")
            #expect(content != nil && content == FileManager.default.contents(atPath: "\(folder)/cut.\(ending)"))
        }
        #expect(!FileManager.default.fileExists(atPath: backup), "the state is taken away at the end")
    }

    /// Another seed would not end where the training began to go.
    @Test(.timeLimit(.minutes(3))) func anotherSeed() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try makeData(folder, samples: 40)
        let process = Process()
        process.executableURL = Tool.executable
        process.arguments = arguments(folder, "cut", epochs: 2000)
        process.standardError = FileHandle.nullDevice
        process.standardOutput = FileHandle.nullDevice
        try process.run()
        let backup = "\(folder)/cut/backup.npz"
        while process.isRunning, !FileManager.default.fileExists(atPath: backup) { usleep(500) }
        // Ctrl-C: ends after the batch, keeps the state, and says so by its status.
        kill(process.processIdentifier, SIGINT)
        process.waitUntilExit()
        #expect(process.terminationStatus == 130)
        #expect(FileManager.default.fileExists(atPath: backup))
        #expect(!FileManager.default.fileExists(atPath: "\(folder)/cut.keras"))
        var other = arguments(folder, "cut", epochs: 2)
        other[other.firstIndex(of: "3")!] = "4"
        let result = try Tool.run(other)
        #expect(result.status == 64 && result.errors.contains("seed"), "\(result.errors)")
        #expect(FileManager.default.fileExists(atPath: backup))
    }

    /// Files with the epoch's numbers in their names, a table, and the best only.
    @Test func checkpointsAndTable() throws {
        let folder = try folder()
        defer { try? FileManager.default.removeItem(atPath: folder) }
        try makeData(folder, samples: 40)
        let result = try Tool.run(
            arguments(folder, "out", epochs: 3, backup: false) + [
                "--checkpoint", "\(folder)/at-{epoch:02d}-{val_loss:.3f}.keras", "--csv-log", "\(folder)/log.csv",
                "--validation-split", "0.25", "--history", "\(folder)/history.json",
            ])
        #expect(result.status == 0, "\(result.errors)")
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasPrefix("at-") }.sorted()
        #expect(names.map { $0.prefix(6) } == ["at-01-", "at-02-", "at-03-"])
        #expect(
            FileManager.default.contents(atPath: "\(folder)/\(names.last ?? "")")
                == FileManager.default.contents(atPath: "\(folder)/out.keras"))
        let lines = try String(contentsOfFile: "\(folder)/log.csv", encoding: .utf8).split(separator: "\n")
        #expect(lines.first == "epoch,loss,val_loss" && lines.count == 4)
        let history = try String(contentsOfFile: "\(folder)/history.json", encoding: .utf8)
        for line in lines.dropFirst() {
            for number in line.split(separator: ",").dropFirst() { #expect(history.contains(number), "\(history) \(number)") }
        }
        let wrong = try Tool.run(
            arguments(folder, "out", epochs: 1, backup: false) + ["--checkpoint", "\(folder)/{accuracy}.keras"])
        #expect(wrong.status == 64 && wrong.errors.contains("accuracy"), "\(wrong.errors)")
    }
}
