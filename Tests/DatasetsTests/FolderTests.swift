import Batches
@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// Data sets of folders: the files, their order, batches and labels are genuine Keras's.
@Suite struct FolderTests {
    private let texts = Fixtures.path("datasets/folders/texts")

    private func labels(_ a: GenuineCases) -> DirectoryLabels {
        if let given = a["labels"].ints { return .given(given) }
        return a.keys.contains("labels") ? .none : .inferred
    }

    private func mode(_ a: GenuineCases) -> LabelMode? {
        guard a.keys.contains("label_mode") else { return .int }
        switch a["label_mode"].string {
        case "int": return .int
        case "categorical": return .categorical
        case "binary": return .binary
        default: return nil
        }
    }

    @Test func readsTextsAsKeras() throws {
        let cases = try GenuineCases.load("texts.json").list
        #expect(cases.count == 12)
        var both = 0
        for one in cases {
            let a = one["arguments"], comment = Comment(rawValue: "\(a.root)")
            let seed = a["seed"].int.map(UInt32.init), split = a["validation_split"].double, batch = a["batch_size"].int ?? 32
            let dataset: BatchedDataset
            if a["subset"].string == "both" {
                let sets = try textDatasetsFromDirectory(texts, batchSize: batch, seed: seed, validationSplit: split ?? 0)
                dataset = both == 0 ? sets.training : sets.validation
                both += 1
            } else {
                dataset = try textDatasetFromDirectory(
                    texts, labels: labels(a), labelMode: mode(a), classNames: a["class_names"].strings, batchSize: batch, maxLength: a["max_length"].int,
                    shuffle: a["shuffle"].bool ?? true, seed: seed, validationSplit: split,
                    subset: a["subset"].string.map { $0 == "training" ? .training : .validation })
            }
            #expect(dataset.classNames == one["class_names"].strings, comment)
            for pass in one["passes"].list {
                for batch in pass.list {
                    let got = try #require(try dataset.next())
                    let expected = batch.list[0].strings?.map { $0.unicodeScalars.map { UInt8($0.value) } }
                    #expect(got.x[0].byteStrings == expected, comment)
                    if batch.list.count > 1 { expect(got.y[0], equals: batch.list[1].tensor, comment) } else { #expect(got.y.isEmpty) }
                }
                #expect(try dataset.next() == nil && dataset.batchesPerPass == pass.list.count)
            }
        }
        #expect(both == 2)
    }

    @Test func refusesOtherFolders() throws {
        func refusal(
            _ folder: String? = nil, _ labels: DirectoryLabels = .inferred, _ mode: LabelMode? = .int, names: [String]? = nil, batch: Int? = 2, length: Int? = nil,
            seed: UInt32? = 1, split: Double? = nil, subset: DirectorySubset? = nil
        ) -> String? {
            code { () throws(LocatedError) in
                try textDatasetFromDirectory(
                    folder ?? texts, labels: labels, labelMode: mode, classNames: names, batchSize: batch, maxLength: length, seed: seed,
                    validationSplit: split, subset: subset)
            }
        }
        #expect(refusal() == nil)
        #expect(refusal("/nowhere") == "66 file.not_found")
        #expect(refusal(texts + "/c", .none) == "65 folder.empty" && refusal(texts + "/B") == "65 folder.empty")
        #expect(refusal(names: ["B", "D"]) == "64 folder.classes" && refusal(names: ["B", "B"]) == "64 folder.classes")
        #expect(refusal(nil, .none, names: ["B"]) == "64 folder.classes")
        #expect(refusal(nil, .given([1])) == "64 folder.labels")
        #expect(refusal(nil, .inferred, .binary) == "64 folder.binary")
        #expect(refusal(batch: 0) == "64 data.batch_size" && refusal(length: -1) == "64 folder.length")
        #expect(refusal(split: 1, subset: .training) == "64 folder.split" && refusal(split: .nan, subset: .training) == "64 folder.split")
        #expect(refusal(split: 0.5) == "64 folder.split" && refusal(subset: .training) == "64 folder.split")
        #expect(refusal(seed: nil, split: 0.5, subset: .training) == "64 folder.seed")
        #expect(refusal(split: 0.01, subset: .training) == "65 folder.empty")
    }

    @Test func followsLinksAsAsked() throws {
        let folder = try Fixtures.temporaryFolder().path
        let manager = FileManager.default
        try manager.createDirectory(atPath: folder + "/a/sub", withIntermediateDirectories: true)
        try manager.createDirectory(atPath: folder + "/other", withIntermediateDirectories: true)
        for name in ["a/1.txt", "a/sub/2.txt", "other/3.txt"] { try Data("x".utf8).write(to: URL(fileURLWithPath: folder + "/" + name)) }
        try manager.createSymbolicLink(atPath: folder + "/a/link", withDestinationPath: folder + "/other")
        try manager.createSymbolicLink(atPath: folder + "/a/file.txt", withDestinationPath: folder + "/other/3.txt")
        func names(_ follow: Bool) throws -> [String] { try FolderListing.files(below: folder + "/a", followLinks: follow) { $0.hasSuffix(".txt") } }
        #expect(try names(false) == ["1.txt", "file.txt", "sub/2.txt"])
        #expect(try names(true) == ["1.txt", "file.txt", "link/3.txt", "sub/2.txt"])
        try manager.createSymbolicLink(atPath: folder + "/other/loop", withDestinationPath: folder + "/a")
        #expect(try names(false).count == 3)
        #expect(code { () throws(LocatedError) in try FolderListing.files(below: folder + "/a", followLinks: true) { $0.hasSuffix(".txt") } } == "65 folder.loop")
    }

    @Test func readsPicturesAsKeras() throws {
        let expected = try NPZ(reading: Fixtures.path("datasets/pictures.npz"))
        let cases = try GenuineCases.load("pictures.json").list
        #expect(cases.count == 28)
        for (number, one) in cases.enumerated() {
            let a = one["arguments"]
            let size = try #require(a["image_size"].ints), root = Fixtures.path("datasets/folders/" + (one["folder"].string ?? ""))
            let dataset = try imageDatasetFromDirectory(
                root, labels: labels(a), labelMode: mode(a), colorMode: a["color_mode"].string.flatMap(Image.ColorMode.init) ?? .rgb,
                batchSize: a["batch_size"].int, imageSize: (size[0], size[1]), shuffle: a["shuffle"].bool ?? true, seed: a["seed"].int.map(UInt32.init),
                validationSplit: a["validation_split"].double, subset: a["subset"].string == nil ? nil : .validation,
                interpolation: a["interpolation"].string.flatMap(TensorFlowResizing.init) ?? .bilinear, cropToAspectRatio: a["crop_to_aspect_ratio"].bool ?? false,
                padToAspectRatio: a["pad_to_aspect_ratio"].bool ?? false, dataFormat: a["data_format"].string == nil ? .channelsLast : .channelsFirst)
            #expect(dataset.classNames == one["class_names"].strings)
            #expect(dataset.filePaths == one["file_paths"].strings?.map { root + "/" + $0 })
            for (batch, count) in try #require(one["batches"].ints).enumerated() {
                let got = try #require(try dataset.next())
                let x = try expected.tensor("x_\(number)_\(batch)")
                #expect(got.x[0].shape == x.shape && got.x[0].dtype == x.dtype && count == x.shape[0])
                let worst = zip(got.x[0].floats, x.floats).map { abs($0 - $1) }.max() ?? 0
                #expect(worst <= (x.dtype == .uint8 ? 0 : 2e-4), "\(number) \(a.root): \(worst)")
                if expected.names.contains("y_\(number)_\(batch)") {
                    #expect(try got.y == [expected.tensor("y_\(number)_\(batch)")])
                } else {
                    #expect(got.y.isEmpty)
                }
            }
            #expect(try dataset.next() == nil)
        }
    }
}
