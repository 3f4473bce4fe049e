import Augmentation
import Batches
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// A case of `fixtures/augmentation/folders.json`: `flow_from_directory` over `fixtures/augmentation/tree`.
private struct FolderCase: Decodable, Sendable, CustomTestStringConvertible {
    struct Call: Decodable, Sendable {
        var target_size: [Int]
        var color_mode: String?
        var classes: [String]?
        var class_mode: String??
        var batch_size: Int
        var shuffle: Bool?
        var seed: Int?
        var interpolation: String?
        var subset: String?

        private enum CodingKeys: String, CodingKey {
            case target_size, color_mode, classes, class_mode, batch_size, shuffle, seed, interpolation, subset
        }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            target_size = try values.decode([Int].self, forKey: .target_size)
            color_mode = try values.decodeIfPresent(String.self, forKey: .color_mode)
            classes = try values.decodeIfPresent([String].self, forKey: .classes)
            // Without the word it is categorical; null is none.
            class_mode = values.contains(.class_mode) ? .some(try values.decodeIfPresent(String.self, forKey: .class_mode)) : nil
            batch_size = try values.decode(Int.self, forKey: .batch_size)
            shuffle = try values.decodeIfPresent(Bool.self, forKey: .shuffle)
            seed = try values.decodeIfPresent(Int.self, forKey: .seed)
            interpolation = try values.decodeIfPresent(String.self, forKey: .interpolation)
            subset = try values.decodeIfPresent(String.self, forKey: .subset)
        }
    }

    var name: String
    var options: [String: String]
    var call: Call
    var steps: Int
    var filenames: [String]
    var classes: [Int]
    var class_indices: [String: Int]
    var length: Int
    var next: Double

    var number = 0
    var testDescription: String { name }

    private enum CodingKeys: String, CodingKey { case name, options, call, steps, filenames, classes, class_indices, length, next }

    static let all: [FolderCase] = {
        var cases = try! JSONDecoder().decode(
            [FolderCase].self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("augmentation/folders.json"))))
        for index in cases.indices { cases[index].number = index }
        return cases
    }()
    static let archive = try! NPZ(reading: Fixtures.path("augmentation/folders.npz"))
}

@Suite struct IteratorTests {
    @Test(arguments: FolderCase.all)
    fileprivate func readsFoldersAsKeras(_ genuine: FolderCase) throws {
        let random = RandomState(seed: 5)
        let call = genuine.call
        let classMode: ImageDataGenerator.ClassMode? =
            switch call.class_mode {
            case nil: .categorical
            case .some(let name): name.flatMap { ImageDataGenerator.ClassMode(rawValue: $0) }
            }
        let iterator = try makeGenerator(genuine.options, random: random).flowFromDirectory(
            Fixtures.path("augmentation/tree"), targetSize: (call.target_size[0], call.target_size[1]),
            colorMode: call.color_mode.map { try #require(Image.ColorMode(rawValue: $0)) } ?? .rgb, classes: call.classes,
            classMode: classMode, batchSize: call.batch_size, shuffle: call.shuffle ?? true, seed: call.seed,
            subset: call.subset.map { try #require(ImageDataGenerator.Subset(rawValue: $0)) },
            interpolation: call.interpolation.map { try #require(Interpolation(rawValue: $0)) } ?? .nearest)
        #expect(iterator.filenames == genuine.filenames)
        #expect(iterator.classes == genuine.classes)
        #expect(iterator.classIndices == genuine.class_indices)
        #expect(iterator.batchesPerPass == genuine.length)
        for step in 0..<genuine.steps {
            let batch = try iterator.nextBatch()
            #expect(try distance(batch.x[0], FolderCase.archive.tensor("\(genuine.number)/x\(step)")) == 0, "batch \(step)")
            let targets = "\(genuine.number)/y\(step)"
            if FolderCase.archive.names.contains(targets) {
                #expect(try batch.y == [FolderCase.archive.tensor(targets)])
            } else {
                #expect(batch.y.isEmpty)
            }
        }
        #expect(random.randomSample() == genuine.next)
    }

    // MARK: - Saved pictures

    fileprivate struct SavedCase: Decodable, Sendable, CustomTestStringConvertible {
        struct Call: Decodable, Sendable {
            var target_size: [Int]?
            var batch_size: Int
            var seed: Int?
            var save_prefix: String?
            var save_format: String?
        }
        var name: String
        var options: [String: String]
        var steps: Int
        var files: [String]
        var data: String?
        var call: Call
        var testDescription: String { name }

        static let all = try! JSONDecoder().decode(
            [SavedCase].self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("augmentation/saved.json"))))
    }

    @Test(arguments: SavedCase.all)
    fileprivate func savesAsKeras(_ genuine: SavedCase) throws {
        let folder = try Fixtures.temporaryFolder().path
        let generator = try makeGenerator(genuine.options, random: RandomState(seed: 99))
        let call = genuine.call
        let (prefix, format) = (call.save_prefix ?? "", call.save_format ?? "png")
        if let data = genuine.data {
            let iterator = try generator.flow(
                GenuineCase.input(data), batchSize: call.batch_size, seed: call.seed, saveToDir: folder, savePrefix: prefix,
                saveFormat: format)
            for _ in 0..<genuine.steps { _ = try iterator.nextBatch() }
        } else {
            let size = try #require(call.target_size)
            let iterator = try generator.flowFromDirectory(
                Fixtures.path("augmentation/tree"), targetSize: (size[0], size[1]), batchSize: call.batch_size, seed: call.seed,
                saveToDir: folder, savePrefix: prefix, saveFormat: format)
            for _ in 0..<genuine.steps { _ = try iterator.nextBatch() }
        }
        let written = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
        #expect(written == genuine.files)
        for name in written {
            let expected = Fixtures.path("augmentation/saved/\(genuine.name)/\(name)")
            #expect(try Image(contentsOf: folder + "/" + name) == Image(contentsOf: expected), "\(name)")
            // PNG files may be packed otherwise; JPEG files hold the same bytes where libjpeg-turbo is the same.
        }
    }
}

/// The notebook's cell: six of each picture are saved before its loop is left.
@Test func previewsAsTheNotebook() throws {
    let folder = try Fixtures.temporaryFolder().path
    let x = try NPZ(reading: Fixtures.path("cifar10/expected.npz")).tensor("x_train")
    let random = RandomState(seed: 0)
    let datagen = try ImageDataGenerator(
        rotationRange: 40, widthShiftRange: 0.2, heightShiftRange: 0.2, zoomRange: 0.2, fillMode: .nearest, horizontalFlip: true,
        random: random)
    try random.seed(1671)
    for index in 0..<3 {
        let flow = try datagen.flow(
            x.rows(index..<index + 1), batchSize: 1, saveToDir: folder, savePrefix: "cifar", saveFormat: "jpeg")
        for _ in 0..<6 { _ = try flow.nextBatch() }
    }
    let names = try FileManager.default.contentsOfDirectory(atPath: folder).sorted()
    let expected = Fixtures.path("augmentation/saved/preview")
    #expect(try names == FileManager.default.contentsOfDirectory(atPath: expected).sorted())
    for name in names {
        #expect(try Image(contentsOf: folder + "/" + name) == Image(contentsOf: expected + "/" + name), "\(name)")
    }
}
