package import Augmentation
internal import Batches
package import Tensors
internal import Training

extension TrainingRequest {
    /// Makes the samples vary: `fit` of an `ImageDataGenerator`'s flow instead of arrays.
    ///
    /// What is to be validated on is the validation's arrays, else the last samples, as `fit` takes them; they aren't varied, but rescaled, normalized and
    /// whitened as the others are, by what was found in those. The flow's seed is the request's.
    ///
    /// - Returns: what Keras warns of.
    ///
    /// Throws 69 `augment.inputs` for models with several inputs or outputs, 64 `random.seed`, `augment.validation_split`, and what
    /// the generator throws.
    package mutating func augment(with options: AugmentationOptions, for model: Model) throws(LocatedError) -> [String] {
        guard case .arrays(let arrays) = data else { return [] }
        guard arrays.inputs.count == 1, arrays.targets.count == 1, let y = arrays.targets[0] else {
            throw LocatedError(
                .unsupported, "augment.inputs",
                "expected one array of pictures and one of targets, got \(arrays.inputs.count) and \(arrays.targets.count)")
        }
        guard !options.has("validation_split") else {
            throw LocatedError(
                .usage, "augment.validation_split", "expected the part to validate on beside the options, got it among them",
                hint: "Give --validation-split.")
        }
        var options = options
        if !options.has("data_format"), (try? model.pictureInput().channelsFirst) == true {
            try options.set("data_format", "channels_first")
        }
        let x = arrays.inputs[0]
        guard x.shape.rank == 4 else {
            throw LocatedError(.mismatch, "augment.rank", "expected pictures of rank 4, got an array with shape \(x.shape)")
        }
        guard let flowSeed = Int(exactly: seed) else {
            throw LocatedError(.usage, "random.seed", "expected a seed from 0 to 4294967295, got \(seed)")
        }
        // As Keras cuts: Python's int() of a product.
        let count = validationSplit > 0 && validationSplit < 1 ? Int(Double(x.shape[0]) * (1 - validationSplit)) : x.shape[0]
        guard count > 0, y.shape.rank > 0, y.shape[0] == x.shape[0] else {
            throw LocatedError(
                .mismatch, "data.samples", "expected samples to train on, with a target for each, got shapes \(x.shape) and \(y.shape)")
        }
        let (xTrain, yTrain) = (x.rows(0..<count), y.rows(0..<count))
        let generator = try options.generator(random: RandomState(seed: 0), threads: threads)
        if generator.featurewiseCenter || generator.zcaWhitening { try generator.fit(xTrain) }
        var held: (x: Tensor, y: Tensor)?
        if case .arrays(let given)? = validation {
            guard given.inputs.count == 1, given.targets.count == 1, let targets = given.targets[0] else {
                throw LocatedError(
                    .unsupported, "augment.inputs",
                    "expected one array of pictures and one of targets to validate on, got \(given.inputs.count) and \(given.targets.count)")
            }
            held = (given.inputs[0], targets)
        } else if count < x.shape[0] {
            held = (x.rows(count..<x.shape[0]), y.rows(count..<x.shape[0]))
        }
        if let held {
            let plain = try options.withoutVariation.generator(random: RandomState(seed: 0), threads: threads)
            plain.adoptStatistics(of: generator)
            validation = .source(try plain.flow(held.x, held.y, batchSize: self.options.batchSize, shuffle: false))
        }
        validationSplit = 0
        self.options.classWeight = classWeight
        data = .source(
            try generator.flow(
                xTrain, yTrain, batchSize: self.options.batchSize, shuffle: self.options.shuffle, seed: flowSeed))
        return generator.warnings
    }
}
