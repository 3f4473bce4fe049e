import Augmentation
import Batches
import Tensors

/// Pictures a second of `ImageDataGenerator`'s flow, as fixtures/generate/augmentation_benchmark.py measures genuine Keras's:
/// batches of 128, the best of five passes over 1024 pictures.
func benchmarkAugmentation() throws {
    for (side, name) in [(32, "32x32x3"), (224, "224x224x3")] {
        let count = side == 32 ? 1024 : 128
        var random: UInt32 = 1
        let pixels = (0..<count * side * side * 3).map { _ in
            random = random &* 1_664_525 &+ 1_013_904_223
            return Float(random >> 24)
        }
        let x = Tensor(pixels, shape: [count, side, side, 3])
        for threads in [1, 2] {
            let generators: [(String, ImageDataGenerator)] = [
                (
                    "notebook",
                    try ImageDataGenerator(
                        rotationRange: 40, widthShiftRange: 0.2, heightShiftRange: 0.2, zoomRange: 0.2, horizontalFlip: true,
                        threads: threads)
                ),
                (
                    "everything",
                    try ImageDataGenerator(
                        samplewiseStdNormalization: true, rotationRange: 40, widthShiftRange: 0.2, heightShiftRange: 0.2,
                        brightnessRange: (0.5, 1.5), shearRange: 12, zoomRange: 0.2, channelShiftRange: 25, fillMode: .reflect,
                        horizontalFlip: true, verticalFlip: true, threads: threads)
                ),
                ("flips only", try ImageDataGenerator(horizontalFlip: true, rescale: 1 / 255.0, threads: threads)),
            ]
            for (options, generator) in generators {
                let flow = try generator.flow(x, batchSize: 128, seed: 1)
                var best = Double.infinity
                for _ in 0..<5 {
                    let duration = try ContinuousClock().measure { while try flow.next() != nil {} }
                    let (seconds, attoseconds) = duration.components
                    best = min(best, Double(seconds) + Double(attoseconds) * 1e-18)
                }
                print("\(name), \(options), \(threads) thread\(threads == 1 ? "" : "s"): \(Int(Double(count) / best)) pictures/s")
            }
        }
    }
}
