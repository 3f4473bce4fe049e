internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images mixed with what chains of other layers make of them, while training.
///
/// Formula: y = clip(w·x + (1 − w)·Σ mᵢ·chainᵢ(x), low, high), w of Beta(alpha, alpha), m of Dirichlet(alpha); a chain is up to
/// `chain_depth` of RandAugment's layers (without `all_ops` the first seven of AugMix's list).
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `value_range`, `num_chains`, `chain_depth`, `factor`, `alpha`, `all_ops`, `interpolation`, `seed`, `data_format`,
/// `bounding_box_format`.
/// Differs from Keras: other random numbers. Which layers a chain has is settled when training begins, as in Keras's compiled
/// training, by `seed`.
/// Source: keras/src/layers/preprocessing/image_preprocessing/aug_mix.py (3.15).
public struct AugMix: ImageLayer {
    public static let className = "AugMix"
    public var common: LayerCommon
    public var options: ImageOptions
    public var valueRange: ValueRange
    public var numChains: Int
    public var chainDepth: Int
    public var factor: FactorRange
    public var alpha: Double
    public var allOps: Bool
    public var interpolation: ImageInterpolation
    public var seed: Int?

    public init(
        valueRange: ValueRange = ValueRange(), numChains: Int = 3, chainDepth: Int = 3, factor: FactorRange = FactorRange(0, 0.3),
        alpha: Double = 1, allOps: Bool = true, interpolation: ImageInterpolation = .bilinear, seed: Int? = nil,
        dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.valueRange = valueRange
        self.numChains = numChains
        self.chainDepth = chainDepth
        self.factor = factor
        self.alpha = alpha
        self.allOps = allOps
        self.interpolation = interpolation
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        valueRange = try ValueRange(&config)
        numChains = try config.integer("num_chains", default: 3, atLeast: 1)
        chainDepth = try config.integer("chain_depth", default: 3, atLeast: 0)
        guard numChains <= 64, chainDepth <= 64 else { throw config.wrong("num_chains", "at most 64 chains of 64 layers", .integer(numChains)) }
        factor = try FactorRange("factor", &config, least: 0, default: 0.3)
        alpha = try config.number("alpha", default: 1, in: 1e-6 ... 1e6)
        allOps = try config.bool("all_ops", default: true)
        interpolation = try config.word("interpolation", default: .bilinear)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["value_range"] = valueRange.config
        config["num_chains"] = .integer(numChains)
        config["chain_depth"] = .integer(chainDepth)
        config["factor"] = factor.config
        config["alpha"] = .float(alpha)
        config["all_ops"] = .bool(allOps)
        config["interpolation"] = .string(interpolation.rawValue)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    /// Boxes stay where they are, though parts of the image don't: so does Keras 3.15.
    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        if scene.masks != nil {
            throw refusal(of: "segmentation_masks", "Keras 3.15 mixes their numbers with those of other places", context)
        }
        var scene = scene
        scene.images = try changed(scene.images, context)
        return scene
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let augmentations = Augmentations(factor: factor, valueRange: valueRange, interpolation: interpolation)
        let names = allOps ? Augmentations.Name.allCases : Augmentations.Name.few
        var choices = RandomStream(seed: UInt64(bitPattern: Int64(seed ?? 0)), stream: context.randomStream())
        let one = try context.sharedRandom(for: images, from: 0, to: 0)
        let gammas = try context.apply(
            RandomDraw(.gamma(shape: Float(alpha), count: numChains), stream: context.randomStream()), one)
        let shares = try context.divide(gammas, try context.reduce(.sum, gammas))
        let weight = try context.apply(RandomDraw(.beta, stream: context.randomStream()), one, context.scalar(alpha))
        var mixed = try context.filled(like: images, 0)
        for chain in 0..<numChains {
            var x = images
            for _ in 0..<chainDepth {
                // One more than there are layers: nothing is a choice, too.
                let choice = min(Int(choices.uniform() * Float(names.count + 1)), names.count)
                if choice < names.count { x = try augmentations.apply(names[choice], to: x, context) }
            }
            let share = try context.sliced(shares, axis: 0, from: chain, to: chain + 1)
            mixed = try context.add(mixed, try context.multiply(x, share))
        }
        let rest = try context.multiply(try context.scaled(weight, by: -1, offset: 1), mixed)
        return try context.clipped(try context.add(try context.multiply(weight, images), rest), valueRange.low, valueRange.high)
    }
}
