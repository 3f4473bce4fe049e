@testable import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct LabeledDataTests {
    private func archive(_ arrays: [(name: String, tensor: Tensor)]) throws -> String {
        let path = try Fixtures.temporaryFolder().appendingPathComponent("data.npz").path
        try NPZ.write(arrays, to: path)
        return path
    }

    private func refusal(_ name: String, _ reading: LabeledData.PictureReading = .init()) -> String? {
        code { () throws(LocatedError) in try LabeledData.load(name, pictures: reading) }
    }

    /// Real handwritten digits, the archive that `make run` trains on.
    @Test func readsTheDigits() throws {
        let data = try LabeledData.load(Fixtures.path("digits/digits.npz"))
        #expect(data.test == nil && data.rescale == nil && data.classNames == nil)
        let part = data.evaluation
        #expect(part.count == 1797 && part.x.map(\.shape) == [[1797, 8, 8, 1]] && part.y.map(\.shape) == [[1797]])
        #expect(part.x[0].dtype == .uint8 && part.y[0].dtype == .uint8)
        // What scikit-learn's load_digits gives: its first picture's first rows, its sum, how often each digit is there.
        #expect(part.x[0].array(as: UInt8.self).prefix(16) == [0, 0, 5, 13, 9, 1, 0, 0, 0, 0, 13, 15, 10, 15, 5, 0])
        #expect(part.x[0].array(as: UInt8.self).reduce(0) { $0 + Int($1) } == 561_718)
        let labels = part.y[0].array(as: UInt8.self)
        #expect((0...9).map { digit in labels.count { $0 == digit } } == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180])
    }

    @Test func readsNumberedArrays() throws {
        let a = Tensor([1, 2] as [Float]), b = Tensor([3, 4] as [Float]), c = Tensor([5, 6] as [Int32])
        let data = try LabeledData.load(archive([("y0", c), ("x1", b), ("x0", a), ("x3", c), ("weights", c)]))
        #expect(data.training.x == [a, b] && data.training.y == [c])
        let mixed = try LabeledData.load(archive([("x", a), ("y0", b), ("y1", c)]))
        #expect(mixed.training.x == [a] && mixed.training.y == [b, c])
    }

    @Test func readsTrainingAndTest() throws {
        let a = Tensor([1, 2] as [Float]), b = Tensor([3] as [Float])
        let data = try LabeledData.load(archive([("x_train", a), ("y_train", a), ("x_test", b), ("y_test", b)]))
        #expect(data.training.x == [a] && data.evaluation.x == [b])
        #expect(try LabeledData.load(archive([("x_train", a), ("y_train", a)])).evaluation.x == [a])
    }

    @Test func readsCIFAR10() throws {
        for folder in ["cifar10/batches", "cifar10/batches/"] {
            let data = try LabeledData.load(Fixtures.path(folder))
            #expect(data.training.count == 8 && data.evaluation.count == 2)
            #expect(data.rescale == 1.0 / 255 && data.classNames == CIFAR10.classNames)
        }
    }

    @Test func readsFoldersOfPictures() throws {
        let folder = try Fixtures.temporaryFolder()
        // Sorted by code points, capitals come first; hidden folders and other files don't count.
        for (name, files) in [("b", ["1.png", "2.png"]), ("Z", ["1.png"]), ("a", []), (".hidden", ["1.png"])] {
            let place = folder.appendingPathComponent(name)
            try FileManager.default.createDirectory(at: place, withIntermediateDirectories: false)
            for file in files {
                try FileManager.default.copyItem(
                    atPath: Fixtures.path("images/\(file == "1.png" ? "rgb_8" : "rgba_8").png"), toPath: place.appendingPathComponent(file).path)
            }
            try Data("no picture".utf8).write(to: place.appendingPathComponent("notes.txt"))
        }
        try Data().write(to: folder.appendingPathComponent("readme.txt"))
        let reading = LabeledData.PictureReading(targetSize: (4, 6), colorMode: .rgb, interpolation: .bilinear)
        let data = try LabeledData.load(folder.path, pictures: reading)
        #expect(data.classNames == ["Z", "a", "b"] && data.rescale == 1.0 / 255 && data.test == nil)
        #expect(data.training.x[0].shape == [3, 4, 6, 3] && data.training.y == [Tensor([0, 2, 2] as [Int64])])
        for (row, name) in ["rgb_8", "rgb_8", "rgba_8"].enumerated() {
            let picture = try ImageFile.load(
                Fixtures.path("images/\(name).png"), targetSize: (4, 6), colorMode: .rgb, interpolation: .bilinear)
            #expect(data.training.x[0].rows(row..<row + 1) == picture.reshaped(to: [1, 4, 6, 3]))
        }
        try FileManager.default.copyItem(
            atPath: Fixtures.path("images/one_pixel.png"), toPath: folder.appendingPathComponent("a/1.png").path)
        #expect(refusal(folder.path) == "65 data.size")
        try FileManager.default.copyItem(
            atPath: Fixtures.path("images/broken_truncated.png"), toPath: folder.appendingPathComponent("a/2.png").path)
        #expect(refusal(folder.path, reading) == "65 image.truncated")
    }

    @Test func refusesOtherData() throws {
        let two = Tensor([1, 2] as [Float]), three = Tensor([1, 2, 3] as [Float]), none = Tensor([] as [Float])
        #expect(refusal("no such data") == "66 data.absent")
        #expect(refusal(Fixtures.path("arrays/float32.npy")) == "65 data.kind")
        #expect(refusal(Fixtures.path("arrays/broken_truncated.npz")) == "65 npz.archive")
        #expect(try refusal(archive([("x", two), ("y", three)])) == "65 data.count")
        #expect(try refusal(archive([("x0", two), ("x1", three), ("y", two)])) == "65 data.count")
        #expect(try refusal(archive([("x", two), ("y", Tensor(scalar: 1 as Float))])) == "65 data.count")
        #expect(try refusal(archive([("x", none), ("y", none)])) == "65 data.empty")
        #expect(try refusal(archive([("x", two)])) == "65 data.arrays")
        #expect(try refusal(archive([("images", two), ("labels", two)])) == "65 data.arrays")
        #expect(try refusal(archive([])) == "65 data.arrays")
        let folder = try Fixtures.temporaryFolder()
        #expect(refusal(folder.path) == "65 data.classes")
        try FileManager.default.createDirectory(at: folder.appendingPathComponent("a"), withIntermediateDirectories: false)
        #expect(refusal(folder.path) == "65 data.empty")
    }

    @Test func readsMNIST() throws {
        let home = try Fixtures.temporaryFolder()
        let environment = ["KERAS_HOME": home.path]
        #expect(code { () throws(LocatedError) in try MNIST.load(from: nil, environment: environment) } == "66 mnist.absent")
        try FileManager.default.createDirectory(at: home.appendingPathComponent("datasets"), withIntermediateDirectories: true)
        let path = home.appendingPathComponent("datasets/mnist.npz").path
        var x = Tensor(zeros: [2, 28, 28], dtype: .uint8)
        x.withUnsafeMutableElements(as: UInt8.self) { $0[784] = 7 }
        let y = Tensor([3, 9] as [UInt8])
        func write(_ y: Tensor, _ x: Tensor) throws {
            try NPZ.write([("x_test", x), ("y_test", y), ("x_train", x), ("y_train", y)], to: path)
        }
        try write(y, x)
        let (train, test) = try MNIST.load(from: nil, environment: environment)
        #expect(train == LabeledSamples(x: x, y: y) && test == train)
        for (broken, pictures, expected) in [
            (Tensor([3, 10] as [UInt8]), x, "65 mnist.label"), (Tensor([3] as [UInt8]), x, "65 mnist.shape"),
            (y, x.reshaped(to: [2, 784]), "65 mnist.shape"), (y, x.asType(.float32), "65 mnist.shape"),
        ] {
            try write(broken, pictures)
            #expect(code { () throws(LocatedError) in try MNIST.load(from: path) } == expected)
        }
        try NPZ.write([("x_train", x)], to: path)
        #expect(code { () throws(LocatedError) in try MNIST.load(from: path) } == "65 data.arrays")
    }
}
