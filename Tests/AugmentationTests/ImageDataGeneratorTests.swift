import Augmentation
import Batches
import Datasets
import Foundation
import Tensors
import TestSupport
import Testing

@Suite struct ImageDataGeneratorTests {
    @Test(arguments: GenuineCase.all.filter { $0.kind == "transform" })
    func transformsAsKeras(_ genuine: GenuineCase) throws {
        let random = RandomState(seed: UInt32(genuine.seed!))
        let generator = try genuine.generator(random: random)
        let x = try GenuineCase.input(genuine.data).asType(genuine.options["dtype"] == "float64" ? .float64 : .float32)
        let parameters = try genuine.array("parameters").array(as: Double.self)
        let expected = try genuine.array("y")
        for index in 0..<x.shape[0] {
            let picture = x.rows(index..<index + 1).reshaped(to: Shape(Array(x.shape.dims.dropFirst())))
            let drawn = try generator.getRandomTransform(picture.shape)
            let numbers: [Double] = [
                drawn.theta, drawn.tx, drawn.ty, drawn.shear, drawn.zx, drawn.zy, drawn.flipHorizontal ? 1 : 0,
                drawn.flipVertical ? 1 : 0, drawn.channelShiftIntensity ?? .nan, drawn.brightness ?? .nan,
            ]
            for (got, wanted) in zip(numbers, parameters[index * 10..<index * 10 + 10]) {
                #expect(got == wanted || (got.isNaN && wanted.isNaN))
            }
            let got = try generator.applyTransform(picture, drawn)
            let wanted = expected.rows(index..<index + 1).reshaped(to: picture.shape)
            #expect(distance(got, wanted.asType(got.dtype)) == 0, "picture \(index)")
        }
        #expect(random.randomSample() == genuine.next)
    }

    /// Whitening comes from another decomposition, in double precision where Keras's is in single.
    private func tolerance(_ genuine: GenuineCase) -> Double { genuine.options["zca_whitening"] == "true" ? 600 : 0 }

    @Test(arguments: GenuineCase.all.filter { $0.kind == "flow" }, [1, 2])
    func flowsAsKeras(_ genuine: GenuineCase, threads: Int) throws {
        let random = RandomState(seed: 5)
        let generator = try genuine.generator(random: random, threads: threads)
        let x = try GenuineCase.input(genuine.data)
        if let fit = genuine.fit {
            try generator.fit(x, augment: fit.augment ?? false, rounds: fit.rounds ?? 1, seed: fit.seed)
            for (name, found) in [
                ("mean", generator.mean), ("std", generator.std), ("principal_components", generator.principalComponents),
            ] where genuine.has(name) {
                let expected = try genuine.array(name)
                #expect(try distance(#require(found), expected) <= tolerance(genuine), "\(name)")
                #expect(found?.dtype == expected.dtype)
            }
        }
        // As the fixtures' generator does.
        try random.seed(5)
        let labels = Tensor((0..<x.shape[0]).map { Int64($0 % 3) })
        let weights = (0..<x.shape[0]).map { Float(Double($0) * (1 / Double(x.shape[0] - 1))) }
        let iterator = try generator.flow(
            x, genuine.labels == true ? labels : nil, batchSize: genuine.batch_size ?? 4, shuffle: genuine.shuffle ?? true,
            sampleWeight: genuine.weights == true ? Tensor(weights) : nil, seed: genuine.seed,
            subset: genuine.subset.map { try #require(ImageDataGenerator.Subset(rawValue: $0)) })
        #expect(iterator.batchesPerPass == genuine.length)
        for step in 0..<genuine.steps! {
            let batch: Batch
            if let indices = genuine.by_index {
                batch = try iterator.batch(at: indices[step])
                if genuine.epoch_end == step { iterator.onEpochEnd() }
            } else {
                batch = try iterator.nextBatch()
            }
            #expect(try distance(batch.x[0], genuine.array("x\(step)")) <= tolerance(genuine), "batch \(step)")
            if genuine.has("y\(step)") { #expect(try batch.y == [genuine.array("y\(step)")]) } else { #expect(batch.y.isEmpty) }
            if genuine.has("w\(step)") {
                #expect(try distance(#require(batch.sampleWeight?.first), genuine.array("w\(step)")) == 0)
            }
        }
        #expect(random.randomSample() == genuine.next)
    }
}
