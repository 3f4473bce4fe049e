import Augmentation
import Batches
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

/// What Keras refuses, or warns of, and what could end a process.
@Suite struct RefusalTests {
    private func pictures(_ shape: Shape = [4, 5, 6, 3]) -> Tensor {
        Tensor((0..<shape.count).map { Float($0 % 256) }, shape: shape)
    }

    private func code(_ body: () throws -> Void) -> String? {
        do { try body() } catch let error as LocatedError { return error.code } catch { return "\(error)" }
        return nil
    }

    @Test(arguments: [
        ("validation_split", "1"), ("validation_split", "-0.1"), ("zoom_range", "[1]"), ("zoom_range", "[1,2,3]"),
        ("interpolation_order", "6"), ("rotation_range", "1e308"), ("rotation_range", "nan"), ("cval", "inf"),
        ("width_shift_range", "[1,inf]"),
    ])
    func optionsAsKeras(_ option: (word: String, value: String)) {
        #expect(code { _ = try AugmentationOptions(parsing: "\(option.word)=\(option.value)") } == "augment.\(option.word)")
    }

    @Test(arguments: [
        ("brightness_range", "0.5"), ("brightness_range", "[1,2,3]"), ("fill_mode", "mirror"), ("rotation_range", "far"),
        ("horizontal_flip", "maybe"), ("zoom_range", "[1,"), ("data_format", "last"), ("interpolation_order", "1.5"), ("dtype", "int32"),
        ("rescale", "1/0"),
    ])
    func valuesThatAWordDoesNotTake(_ option: (word: String, value: String)) {
        let got = code { _ = try AugmentationOptions(parsing: "\(option.word)=\(option.value)") }
        #expect(got == (option.word == "dtype" ? "augment.dtype" : "augment.value"))
    }

    @Test func wordsAreKerasOrShorter() throws {
        let options = try AugmentationOptions(
            parsing: "rotation=40, width-shift=[1,2],height_shift_range=3,zoom=[0.5, 2],horizontal_flip,vertical_flip=false,rescale=1/255")
        let generator = try options.generator()
        #expect(generator.rotationRange == 40 && generator.widthShiftRange == [1, 2] && generator.heightShiftRange == 3)
        #expect(generator.zoomRange == (0.5, 2) && generator.horizontalFlip && !generator.verticalFlip)
        #expect(generator.rescale == 1 / 255.0)
        #expect(code { _ = try AugmentationOptions(parsing: "spin=3") } == "augment.option")
    }

    @Test func overridesAreToldOf() throws {
        let generator = try ImageDataGenerator(
            featurewiseStdNormalization: true, samplewiseStdNormalization: true, zcaWhitening: true)
        #expect(generator.featurewiseCenter && generator.samplewiseCenter && !generator.featurewiseStdNormalization)
        #expect(generator.warnings.count == 4)
        #expect(try ImageDataGenerator(samplewiseCenter: true).warnings.isEmpty)
        _ = try generator.standardize(pictures())
        #expect(generator.warnings.contains { $0.contains("`zca_whitening`, but it hasn't been fit") })
        _ = try generator.flow(pictures([2, 4, 4, 2]))
        #expect(generator.warnings.contains { $0.contains("(2 channels)") })
    }

    @Test func flowsAndFitsThatDoNotFit() throws {
        let generator = try ImageDataGenerator(featurewiseCenter: true, validationSplit: 0.5)
        #expect(code { _ = try generator.flow(pictures([4, 5, 6])) } == "augment.rank")
        #expect(code { _ = try generator.flow(pictures(), Tensor([Float](repeating: 0, count: 3))) } == "augment.count")
        #expect(code { _ = try generator.flow(pictures(), sampleWeight: Tensor(scalar: Float(1))) } == "augment.count")
        #expect(code { _ = try generator.flow(pictures(), batchSize: 0) } == "augment.batch_size")
        #expect(code { _ = try generator.flow(pictures(), seed: -1) } == "random.seed")
        #expect(code { _ = try generator.flow(pictures(), saveToDir: "x", saveFormat: "bmp") } == "augment.save_format")
        #expect(code { _ = try generator.flow(pictures(), Tensor([Float(0), 0, 1, 1]), subset: .training) } == "augment.classes")
        #expect(code { try generator.fit(pictures([5, 6, 3])) } == "augment.rank")
        #expect(code { try generator.fit(pictures(), augment: true, rounds: 0) } == "augment.rounds")
        #expect(code { try generator.fit(pictures([0, 5, 6, 3])) } == "augment.empty")
        #expect(code { _ = try generator.getRandomTransform([3]) } == "augment.rank")
        try generator.fit(pictures())
        #expect(code { _ = try generator.standardize(pictures([4, 5, 6, 4])) } == "augment.statistics")
        #expect(code { _ = try generator.flow(pictures(), seed: 4_294_967_295).nextBatch() } == nil)
        let last = try generator.flow(pictures(), batchSize: 1, seed: 4_294_967_295)
        _ = try last.nextBatch()
        #expect(code { _ = try last.nextBatch() } == "random.seed")
        #expect(code { _ = try last.batch(at: 4) } == "augment.batch")
        #expect(code { _ = try generator.flowFromDirectory("/nowhere/at/all") } == "file.not_found")
        #expect(code { _ = try generator.flowFromDirectory(".", targetSize: (0, 5)) } == "augment.target_size")
    }

    @Test func nothingButNumbersNeverEndsTheProcess() throws {
        // Places that are far outside, or none at all, read nothing.
        for fill in ImageDataGenerator.FillMode.allCases {
            for order in 0...5 {
                let generator = try ImageDataGenerator(fillMode: fill, cval: 7, interpolationOrder: order)
                for far in [1e6, -1e17, 1e300, .infinity, -.infinity, .nan] {
                    for parameters in [
                        TransformParameters(tx: far), TransformParameters(ty: far), TransformParameters(zx: far),
                        TransformParameters(theta: far, shear: far),
                    ] {
                        #expect(try generator.applyTransform(pictures([3, 4, 1]), parameters).shape == [3, 4, 1])
                    }
                }
                #expect(try generator.applyTransform(pictures([1, 1, 3]), TransformParameters(theta: 30)).shape == [1, 1, 3])
            }
        }
        let generator = try ImageDataGenerator(brightnessRange: (0.5, 2), channelShiftRange: 5, horizontalFlip: true)
        let strange = Tensor([Float.nan, .infinity, -.infinity, 1e38, -1e38, 0], shape: [2, 3, 1])
        #expect(try generator.randomTransform(strange, seed: 3).shape == [2, 3, 1])
        #expect(try generator.applyTransform(Tensor(zeros: [0, 4, 3]), TransformParameters(theta: 3)).count == 0)
        #expect(try generator.flow(Tensor(zeros: [0, 4, 4, 3])).next() == nil)
    }

    @Test func passesEndAndGoOn() throws {
        let flow = try ImageDataGenerator(random: RandomState(seed: 1)).flow(pictures([5, 2, 2, 1]), batchSize: 2)
        for _ in 0..<2 {
            var sizes: [Int] = []
            while let batch = try flow.next() { sizes.append(batch.x[0].shape[0]) }
            #expect(sizes == [2, 2, 1])
        }
        #expect(flow.totalBatchesSeen == 6)
    }

    @Test func functionsMayFail() throws {
        struct Odd: Error {}
        let failing = try ImageDataGenerator(preprocessingFunction: { _ in throw Odd() })
        #expect(code { _ = try failing.flow(pictures()).nextBatch() } == "augment.preprocessing")
        let shrinking = try ImageDataGenerator(preprocessingFunction: { _ in Tensor(scalar: Float(1)) })
        #expect(code { _ = try shrinking.standardize(pictures([5, 6, 3])) } == "augment.preprocessing")
    }

    @Test func brightnessWithChannelsFirstIsAsWithChannelsLast() throws {
        let last = pictures([4, 5, 3])
        let values = last.floats
        let moved: [Float] = (0..<60).map { index in values[index % 20 * 3 + index / 20] }
        let first = Tensor(moved, shape: [3, 4, 5])
        let parameters = TransformParameters(brightness: 1.3)
        let expected = try ImageDataGenerator().applyTransform(last, parameters).floats
        let got = try ImageDataGenerator(dataFormat: .channelsFirst).applyTransform(first, parameters).floats
        for (index, value) in got.enumerated() {
            let (pixel, channel) = (index % 20, index / 20)
            #expect(value == expected[pixel * 3 + channel])
        }
    }
}
