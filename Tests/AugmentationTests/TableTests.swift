import Augmentation
import Batches
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// A case of `fixtures/augmentation/tables.json`: `flow_from_dataframe` over `tree.csv`.
private struct TableCase: Decodable, Sendable, CustomTestStringConvertible {
    /// One name or several.
    enum Names: Decodable, Sendable {
        case one(String)
        case many([String])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) { self = .one(one) } else { self = .many(try container.decode([String].self)) }
        }

        var list: [String] {
            switch self {
            case .one(let name): [name]
            case .many(let names): names
            }
        }
    }

    struct Call: Decodable, Sendable {
        var y_col: Names?
        var weight_col: String?
        var classes: [String]?
        var class_mode: String??
        var shuffle: Bool?
        var seed: Int?
        var subset: String?

        private enum CodingKeys: String, CodingKey { case y_col, weight_col, classes, class_mode, shuffle, seed, subset }

        init(from decoder: any Decoder) throws {
            let values = try decoder.container(keyedBy: CodingKeys.self)
            y_col = try values.decodeIfPresent(Names.self, forKey: .y_col)
            weight_col = try values.decodeIfPresent(String.self, forKey: .weight_col)
            classes = try values.decodeIfPresent([String].self, forKey: .classes)
            // Without the word it is categorical; null is none.
            class_mode = values.contains(.class_mode) ? .some(try values.decodeIfPresent(String.self, forKey: .class_mode)) : nil
            shuffle = try values.decodeIfPresent(Bool.self, forKey: .shuffle)
            seed = try values.decodeIfPresent(Int.self, forKey: .seed)
            subset = try values.decodeIfPresent(String.self, forKey: .subset)
        }
    }

    var name: String
    var options: [String: String]
    var call: Call
    var steps: Int
    var filenames: [String]
    var length: Int
    var classes: [Int]
    var class_indices: [String: Int]
    var next: Double

    var number = 0
    var testDescription: String { name }

    private enum CodingKeys: String, CodingKey { case name, options, call, steps, filenames, length, classes, class_indices, next }

    static let archive = try! NPZ(reading: Fixtures.path("augmentation/folders.npz"))
    static let all: [TableCase] = {
        func decode<Value: Decodable>(_ name: String) throws -> Value {
            try JSONDecoder().decode(Value.self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("augmentation/" + name))))
        }
        struct Anything: Decodable {}
        // Their arrays are numbered behind the folders'.
        let folders: [Anything] = try! decode("folders.json")
        var cases: [TableCase] = try! decode("tables.json")
        for index in cases.indices { cases[index].number = folders.count + index }
        return cases
    }()
}

@Suite struct TableTests {
    @Test(arguments: TableCase.all)
    fileprivate func readsTablesAsKeras(_ genuine: TableCase) throws {
        let random = RandomState(seed: 5)
        let call = genuine.call
        let mode: ImageDataGenerator.DataframeClassMode? =
            switch call.class_mode {
            case nil: .categorical
            case .some(let name): name.flatMap { ImageDataGenerator.DataframeClassMode(rawValue: $0) }
            }
        let generator = try makeGenerator(genuine.options, random: random)
        let iterator = try generator.flowFromDataframe(
            Fixtures.path("augmentation/tree.csv"), directory: Fixtures.path("augmentation/tree"),
            yCol: call.y_col?.list ?? ["class"], weightCol: call.weight_col, targetSize: (8, 6), classes: call.classes,
            classMode: mode, batchSize: 4, shuffle: call.shuffle ?? true, seed: call.seed,
            subset: call.subset.map { try #require(ImageDataGenerator.Subset(rawValue: $0)) })
        #expect(generator.warnings.contains { $0.hasPrefix("Found 2 invalid image filename(s)") })
        #expect(iterator.filenames == genuine.filenames)
        #expect(iterator.classes == genuine.classes)
        #expect(iterator.classIndices == genuine.class_indices)
        #expect(iterator.batchesPerPass == genuine.length)
        for step in 0..<genuine.steps {
            let batch = try iterator.nextBatch()
            func array(_ name: String) throws -> Tensor? {
                let name = "\(genuine.number)/\(name)"
                return TableCase.archive.names.contains(name) ? try TableCase.archive.tensor(name) : nil
            }
            #expect(try batch.x == [array("x\(step)")])
            var targets: [Tensor] = []
            while let y = try array("y\(step)_\(targets.count)") { targets.append(y) }
            // The shape tells one column from several: names' number is no matter to arrays.
            #expect(batch.y == targets)
            #expect(try batch.sampleWeight?.first == array("w\(step)"))
        }
        #expect(random.randomSample() == genuine.next)
    }

    @Test func refusals() throws {
        let folder = try Fixtures.temporaryFolder()
        func code(_ text: String, yCol: [String] = ["class"], _ mode: ImageDataGenerator.DataframeClassMode = .categorical) throws -> String? {
            let path = folder.appendingPathComponent("table.csv").path
            try Data(text.utf8).write(to: URL(fileURLWithPath: path))
            do { _ = try ImageDataGenerator().flowFromDataframe(path, yCol: yCol, classMode: mode) } catch { return error.code }
            return nil
        }
        #expect(try code("") == "csv.empty")
        #expect(try code("file,class\na.png,b\n") == "augment.column")
        #expect(try code("filename,class\na.png\n") == "csv.columns")
        #expect(try code("filename,class\na.png,\n") == "augment.classes")
        #expect(try code("filename,class\na.png,x\n", .binary) == "augment.classes")
        #expect(try code("filename,class\n\(Fixtures.path("augmentation/tree/cats/b.png")),x\n", .raw) == "augment.number")
        #expect(try code("filename,class\na.png,x\n", yCol: [], .sparse) == "augment.column")
        #expect(try code("filename,class\n\"a.png,x\n") == "csv.quote")
    }
}
