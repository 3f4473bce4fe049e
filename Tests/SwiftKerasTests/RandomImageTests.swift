import Engine
import Graphs
import KerasSpec
import Layers
import Tensors
@testable import SwiftKeras
import Testing

/// What layers do to images at random, while training: each image is something that it may become, as often as it should.
@Suite struct RandomImageTests {
    private static let count = 64

    /// Images of which every pixel is another number, from 1 on.
    private static func numbered(_ rows: Int, _ columns: Int) -> Tensor {
        Tensor((0..<count * rows * columns).map { Float($0 % 200 + 1) }, shape: [count, rows, columns, 1])
    }

    private static func colours(_ rows: Int = 6, _ columns: Int = 5) -> Tensor {
        var random = RandomStream(seed: 5)
        return Tensor((0..<count * rows * columns * 3).map { _ in 255 * random.uniform() }, shape: [count, rows, columns, 3])
    }

    /// A layer's outputs in training, one array an output.
    private func train(_ layer: any Layer, _ x: Tensor, step: UInt64 = 0, threads: Int = 1) throws -> Tensor {
        var layer = layer
        layer.common.name = "layer"
        let model = try Sequential([InputLayer(inputShape: Array(x.shape.dims.dropFirst())), layer])
        let lowered = try model.program().lower(inputs: [ValueInfo(PartialShape(x.shape.dims), x.dtype)], training: true)
        let plan = try TrainingPlan(graph: lowered.graph.optimized(for: .training), parameters: [], inputs: [])
        let session = try TrainingSession(plan: plan, parameters: try ParameterBuffers([]), pool: ThreadPool(threads: threads))
        return try session.forward([x], seed: 3, step: step)[0]
    }

    private func images(_ x: Tensor) -> [[Float]] {
        let size = x.count / x.shape[0]
        return (0..<x.shape[0]).map { Array(x.floats[$0 * size..<($0 + 1) * size]) }
    }

    private static let all: [any Layer] = [
        RandomFlip(), RandomRotation(FactorRange(-0.2, 0.2)), RandomTranslation(FactorRange(-0.3, 0.3), FactorRange(-0.3, 0.3)),
        RandomZoom(FactorRange(-0.3, 0.3)), RandomShear(xFactor: FactorRange(0.1, 0.4)), RandomPerspective(), RandomElasticTransform(),
        RandomBrightness(FactorRange(-0.3, 0.3)), RandomContrast(FactorRange(0.2, 0.4)), RandomColorDegeneration(FactorRange(0, 1)),
        RandomSaturation(FactorRange(0.3, 0.8)), RandomHue(FactorRange(0.2, 0.5)), RandomGrayscale(), RandomInvert(),
        RandomPosterization(FactorRange(2, 7)), RandomSharpness(FactorRange(0, 1)), Solarization(thresholdFactor: FactorRange(0.2, 0.8)),
        RandomColorJitter(brightnessFactor: FactorRange(-0.2, 0.2), hueFactor: FactorRange(0, 0.3)), RandomGaussianBlur(), RandomErasing(),
        MixUp(), CutMix(), RandAugment(), AugMix(),
    ]

    /// The same seed and step give the same bits on one thread and two, another step others, and all is finite.
    @Test(arguments: all.indices)
    func numbersDependOnSeedAndStepAlone(_ index: Int) throws {
        let layer = Self.all[index], name = type(of: layer).className, x = Self.colours()
        let first = try train(layer, x)
        #expect(first == (try train(layer, x, threads: 2)), "\(name): two threads")
        #expect(first != (try train(layer, x, step: 1)), "\(name): another step")
        #expect(first.shape == x.shape && first.floats.allSatisfy(\.isFinite), "\(name)")
    }

    @Test func halfOfTheImagesAreFlipped() throws {
        let x = Self.numbered(3, 4)
        let got = images(try train(RandomFlip(mode: .horizontal), x))
        var flipped = 0
        for (image, given) in zip(got, images(x)) {
            let places: [Int] = (0..<12).map { place in place / 4 * 4 + 3 - place % 4 }
            let mirrored: [Float] = places.map { given[$0] }
            #expect(image == given || image == mirrored)
            if image == mirrored { flipped += 1 }
        }
        #expect((20...44).contains(flipped), "\(flipped) of 64")
    }

    /// One window for the whole batch, anywhere in the image.
    @Test func cropsAreWindows() throws {
        let x = Self.numbered(6, 7)
        var places: Set<Float> = []
        for step in 0..<40 {
            let got = images(try train(RandomCrop(2, 3), x, step: UInt64(step)))
            let offset = got[0][0] - 1, (row, column) = (Int(offset) / 7, Int(offset) % 7)
            #expect(row <= 4 && column <= 4)
            for (image, given) in zip(got, images(x)) {
                let places: [Int] = (0..<6).map { place in (row + place / 3) * 7 + column + place % 3 }
                let window: [Float] = places.map { given[$0] }
                #expect(image == window)
            }
            places.insert(offset)
        }
        #expect(places.count > 8, "\(places.count) places of 25 in 40 steps")
    }

    /// A translation by whole pixels moves every image by a number of its own.
    @Test func translationsDiffer() throws {
        let got = images(try train(RandomTranslation(FactorRange(-0.4, 0.4), FactorRange(0, 0), fillMode: .nearest), Self.numbered(5, 2)))
        #expect(Set(got.map { $0[4] - $0[2] }).count >= 1 && Set(got).count > 50)
    }

    @Test func shearsGoBothWays() throws {
        var points = [Float](repeating: 0, count: 64 * 25)
        for image in 0..<64 { points[image * 25 + 7] = 100 }
        let one = Tensor(points, shape: [64, 5, 5, 1])
        let kinds = Set(images(try train(RandomShear(xFactor: FactorRange(0.5, 0.5), fillMode: .constant), one)))
        #expect(kinds.count == 2, "\(kinds.count) kinds of images")
    }

    /// Mixtures lie between two images, with weights between 0 and 1 that differ.
    @Test func mixturesLieBetween() throws {
        let x = Tensor((0..<64).flatMap { image in [Float](repeating: Float(image), count: 4) }, shape: [64, 2, 2, 1])
        let mixed = images(try train(MixUp(alpha: 1), x))
        for image in mixed { #expect(image[0] >= 0 && image[0] <= 63 && Set(image.map { ($0 * 100).rounded() }).count == 1) }
        let moved = mixed.indices.count { abs(mixed[$0][0] - Float($0)) > 0.01 }
        #expect(moved > 40)
        let mean = mixed.reduce(0) { $0 + $1[0] } / 64
        #expect(abs(mean - 31.5) < 8, "mean \(mean)")
    }

    /// Every pixel is the image's own or another's, and the other's are a rectangle.
    @Test func patchesAreOthersPixels() throws {
        let x = Tensor((0..<64).flatMap { image in [Float](repeating: Float(image), count: 64) }, shape: [64, 8, 8, 1])
        var changed = 0
        for (index, image) in images(try train(CutMix(), x)).enumerated() {
            let others = Set(image).subtracting([Float(index)])
            #expect(others.count <= 1)
            let places = image.indices.filter { image[$0] != Float(index) }
            changed += places.count
            let rows = Set(places.map { $0 / 8 }), columns = Set(places.map { $0 % 8 })
            #expect(places.count == rows.count * columns.count, "a rectangle")
        }
        #expect(changed > 64 * 5 && changed < 64 * 50, "\(changed) pixels of 4096")
    }

    @Test func erasedPartsAreAsLargeAsTold() throws {
        let x = Self.numbered(20, 20)
        let got = images(try train(RandomErasing(factor: FactorRange(1, 1), scale: FactorRange(0.25, 0.25), fillValue: [0]), x))
        for image in got { #expect((81...121).contains(image.count { $0 == 0 }), "10 by 10 pixels") }
        let some = images(try train(RandomErasing(factor: FactorRange(0.5, 0.5), scale: FactorRange(0.25, 0.25), fillValue: [0]), x))
        #expect((18...46).contains(some.count { $0.contains(0) }))
    }

    @Test func somethingHappensAsOftenAsTold() throws {
        let x = Self.colours()
        for (layer, share) in [(RandomInvert(factor: FactorRange(0.25, 0.25)) as any Layer, 0.25), (RandomGrayscale(factor: 0.75), 0.75)] {
            let changed = zip(images(try train(layer, x)), images(x)).count { $0 != $1 }
            #expect(abs(Double(changed) / 64 - share) < 0.2, "\(type(of: layer)): \(changed) of 64")
        }
    }

    /// The brightness of an image changes by one number.
    @Test func brightnessIsOneNumberAnImage() throws {
        let x = Tensor([Float](repeating: 100, count: 64 * 12), shape: [64, 2, 2, 3])
        let got = images(try train(RandomBrightness(FactorRange(-0.2, 0.2)), x))
        for image in got { #expect(Set(image).count == 1 && abs(image[0] - 100) <= 51.1) }
        #expect(Set(got.map { $0[0] }).count > 50)
    }

    /// As many bits as were drawn: whole numbers between the bounds, the upper one out.
    @Test func posterizationKeepsBits() throws {
        let x = Tensor((0..<64).flatMap { _ in (0..<256).map { Float($0) } }, shape: [64, 16, 16, 1])
        let shades = Set(images(try train(RandomPosterization(FactorRange(2, 5)), x)).map { Set($0).count })
        #expect(shades == [4, 8, 16])
    }
}
