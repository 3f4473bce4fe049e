@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct CIFAR10Tests {
    private let batches = Fixtures.path("cifar10/batches")

    /// The small batches, copied where a test wants them.
    private func copied(to folder: URL) throws -> String {
        try FileManager.default.createDirectory(at: folder.deletingLastPathComponent(), withIntermediateDirectories: true)
        try FileManager.default.copyItem(atPath: batches, toPath: folder.path)
        return folder.path
    }

    private func expectAll(_ sets: (train: LabeledSamples, test: LabeledSamples)) throws {
        let expected = try NPZ(reading: Fixtures.path("cifar10/expected.npz"))
        #expect(sets.train.x.shape == [8, 32, 32, 3] && sets.train.y.shape == [8, 1])
        #expect(try sets.train.x == expected.tensor("x_train") && sets.train.y == expected.tensor("y_train"))
        #expect(try sets.test.x == expected.tensor("x_test") && sets.test.y == expected.tensor("y_test"))
    }

    @Test func readsTheNamedFolder() throws {
        try expectAll(CIFAR10.load(from: batches))
        try expectAll(CIFAR10.load(from: batches + "/"))
    }

    @Test(arguments: ["cifar-10-batches-py", "cifar-10-batches-py-target/cifar-10-batches-py"])
    func readsKerassCache(_ layout: String) throws {
        let home = try Fixtures.temporaryFolder()
        _ = try copied(to: home.appendingPathComponent("datasets/\(layout)"))
        try expectAll(CIFAR10.load(from: nil, environment: ["KERAS_HOME": home.path, "HOME": "/nowhere"]))
        try expectAll(CIFAR10.load(from: home.appendingPathComponent("datasets").path, environment: [:]))
        let user = try Fixtures.temporaryFolder()
        _ = try copied(to: user.appendingPathComponent(".keras/datasets/\(layout)"))
        try expectAll(CIFAR10.load(from: nil, environment: ["KERAS_HOME": "", "HOME": user.path]))
    }

    @Test func saysWhereToGetAbsentData() throws {
        let home = try Fixtures.temporaryFolder()
        for folder in [home.path, home.path + "/absent"] {
            do throws(LocatedError) {
                _ = try CIFAR10.load(from: folder)
                Issue.record("expected an error")
            } catch {
                #expect(error.category == .notFound && error.code == "cifar10.absent")
                for word in ["cifar-10-python.tar.gz", "The CIFAR-10 dataset", "\(folder)/cifar-10-batches-py"] {
                    #expect("\(error)".contains(word), "\(error)")
                }
            }
        }
        #expect(code { () throws(LocatedError) in try CIFAR10.load(from: nil, environment: ["KERAS_HOME": home.path]) } == "66 cifar10.absent")
    }

    @Test(arguments: CIFAR10.files.names)
    func refusesAFolderCutShort(_ name: String) throws {
        let folder = try copied(to: Fixtures.temporaryFolder().appendingPathComponent("b"))
        let file = URL(fileURLWithPath: folder + "/" + name)
        let bytes = try Data(contentsOf: file)
        try bytes.prefix(bytes.count / 2).write(to: file)
        do throws(LocatedError) {
            _ = try CIFAR10.load(from: folder)
            Issue.record("expected an error")
        } catch {
            #expect(error.category == .invalid && error.code == "pickle.truncated" && error.location.first == file.path)
        }
        try Data().write(to: file)
        #expect(code { () throws(LocatedError) in try CIFAR10.load(from: folder) } == "65 pickle.truncated")
        try FileManager.default.removeItem(at: file)
        #expect(code { () throws(LocatedError) in try CIFAR10.load(from: folder) } == "65 cifar10.batch")
        try FileManager.default.createDirectory(at: file, withIntermediateDirectories: false)
        #expect(code { () throws(LocatedError) in try CIFAR10.load(from: folder) } == "66 file.is_folder")
    }

    /// The real data set, or a part of it, when it lies beside the project.
    @Test func readsTheRealBatches() throws {
        let folder = Fixtures.root.deletingLastPathComponent().appendingPathComponent("shared/cifar10/cifar-10-batches-py").path
        guard FileManager.default.fileExists(atPath: folder) else {
            print("CIFAR-10 is absent (\(folder)): its test is left out")
            return
        }
        let (train, test) = try CIFAR10.load(from: folder)
        let count = train.y.count
        #expect(train.x.shape == [count, 32, 32, 3] && test.x.shape == [test.y.count, 32, 32, 3])
        // The first training picture is a frog, the first test picture a cat; their first pixels as everybody sees them.
        #expect(train.y.rows(0..<1).array(as: UInt8.self) == [6] && test.y.rows(0..<1).array(as: UInt8.self) == [3])
        #expect(train.x.rows(0..<1).array(as: UInt8.self).prefix(6) == [59, 62, 63, 43, 46, 45])
        #expect(test.x.rows(0..<1).array(as: UInt8.self).prefix(3) == [158, 112, 49])
        #expect(Set(train.y.array(as: UInt8.self)) == Set(0...9))
    }
}

@Suite struct ToCategoricalTests {
    @Test func spreadsLabels() throws {
        let column = try toCategorical(Tensor([2, 0] as [UInt8], shape: [2, 1]), numClasses: 4)
        #expect(column == Tensor([0, 0, 1, 0, 1, 0, 0, 0] as [Float], shape: [2, 4]))
        #expect(try toCategorical(Tensor([2, 0] as [Int64]), numClasses: 4) == column)
        #expect(try toCategorical(Tensor([2.9, 0.5] as [Float]), numClasses: 4) == column)
        #expect(try toCategorical(Tensor([2, 0] as [UInt8])).shape == [2, 3])
        #expect(try toCategorical(Tensor([1, 0, 2, 1] as [Int32], shape: [2, 2])).shape == [2, 2, 3])
        #expect(try toCategorical(Tensor([1, 0, 2, 1] as [Int32], shape: [2, 2, 1])).shape == [2, 2, 3])
        #expect(try toCategorical(Tensor([1] as [Int32])) == Tensor([0, 1] as [Float], shape: [1, 2]))
        #expect(try toCategorical(Tensor(scalar: 1 as Int32)) == Tensor([0, 1] as [Float], shape: [2]))
        #expect(try toCategorical(Tensor([] as [Int32]), numClasses: 3).shape == [0, 3])
        #expect(try toCategorical(Tensor([true, false])) == Tensor([0, 1, 1, 0] as [Float], shape: [2, 2]))
    }

    @Test func refusesWhatIsNoLabel() {
        func refusal(_ y: Tensor, _ classes: Int? = nil) -> String? {
            code { () throws(LocatedError) in try toCategorical(y, numClasses: classes) }
        }
        #expect(refusal(Tensor([1, 10] as [UInt8]), 10) == "67 labels.range")
        #expect(refusal(Tensor([1, -1] as [Int32]), 10) == "65 labels.negative")
        #expect(refusal(Tensor([1, -1] as [Float])) == "65 labels.negative")
        #expect(refusal(Tensor([Float.nan])) == "65 labels.value")
        #expect(refusal(Tensor([Double.infinity])) == "65 labels.value")
        #expect(refusal(Tensor([1e300])) == "65 labels.value")
        #expect(refusal(Tensor([UInt64.max])) == "65 labels.value")
        #expect(refusal(Tensor([Int64.max])) == "65 labels.value")
        #expect(refusal(Tensor([Int64.max - 1])) == "65 labels.limit")
        #expect(refusal(Tensor([Int64.max - 1, 0])) == "65 labels.limit")
        #expect(refusal(Tensor([] as [Int32])) == "65 labels.empty")
        #expect(refusal(Tensor([0] as [Int32]), 0) == "64 labels.classes")
    }
}
