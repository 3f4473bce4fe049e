internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Images changed by some of eleven other layers, drawn anew for each batch, while training.
///
/// Formula: `num_ops` times one of shear, translation, rotation, brightness, colour degeneration, contrast, sharpness,
/// posterization, solarization, contrast to the full, equalization; each as much as `factor` says.
/// Shapes: (batch, rows, columns, channels) → the same. At inference nothing is done.
/// Config: `value_range`, `num_ops`, `factor`, `interpolation`, `seed`, `data_format`, `bounding_box_format`.
/// Differs from Keras: other random numbers; they depend on the run's seed, the step and the layer's place only.
/// Source: keras/src/layers/preprocessing/image_preprocessing/rand_augment.py (3.15).
public struct RandAugment: ImageLayer {
    public static let className = "RandAugment"
    public var common: LayerCommon
    public var options: ImageOptions
    public var valueRange: ValueRange
    public var numOps: Int
    public var factor: FactorRange
    public var interpolation: ImageInterpolation
    public var seed: Int?

    public init(
        valueRange: ValueRange = ValueRange(), numOps: Int = 2, factor: FactorRange = FactorRange(0, 0.5),
        interpolation: ImageInterpolation = .bilinear, seed: Int? = nil, dataFormat: DataFormat = .channelsLast,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = ImageOptions(dataFormat: dataFormat)
        self.valueRange = valueRange
        self.numOps = numOps
        self.factor = factor
        self.interpolation = interpolation
        self.seed = seed
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        options = try ImageOptions(&config)
        valueRange = try ValueRange(&config)
        numOps = try config.integer("num_ops", default: 2, atLeast: 0)
        guard numOps <= 64 else { throw config.wrong("num_ops", "at most 64", .integer(numOps)) }
        factor = try FactorRange("factor", &config, least: 0, default: 0.5)
        interpolation = try config.word("interpolation", default: .bilinear)
        seed = try config.optionalInteger("seed")
    }

    package func encode(into config: inout ConfigObject) {
        options.encode(into: &config)
        config["value_range"] = valueRange.config
        config["num_ops"] = .integer(numOps)
        config["factor"] = factor.config
        config["interpolation"] = .string(interpolation.rawValue)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try changed(ImageScene(images: images), context).images
    }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        let augmentations = Augmentations(
            factor: factor, valueRange: valueRange, interpolation: interpolation, boundingBoxFormat: options.boundingBoxFormat)
        let layers = Augmentations.Name.randAugmentOrder
        let drawn = try context.sharedRandom(for: scene.images, from: 0, to: Double(layers.count), count: max(numOps, 1))
        let choices = try context.reshaped(try context.unary(.floor, drawn), to: [max(numOps, 1)])
        let mark = context.randomMark
        func isChosen(_ number: Int, _ place: Int) throws(LocatedError) -> Value {
            let choice = try context.sliced(choices, axis: 0, from: number, to: number + 1)
            return try context.compare(.equal, choice, context.scalar(Double(place)))
        }
        var result = scene
        result.boxes = nil
        for number in 0..<numOps {
            // A layer that is drawn twice does the same twice.
            context.rewindRandom(to: mark)
            for (place, name) in layers.enumerated() {
                let isChosen = try isChosen(number, place)
                let changed = try augmentations.apply(name, to: result, context)
                result.images = try context.select(isChosen, changed.images, result.images)
                if let masks = result.masks, let moved = changed.masks { result.masks = try context.select(isChosen, moved, masks) }
            }
        }
        guard var boxes = scene.boxes, numOps > 0 else {
            result.boxes = scene.boxes
            return result
        }
        // Boxes go through the layers in the order of their numbers, through none twice.
        context.rewindRandom(to: mark)
        for (place, name) in layers.enumerated() {
            let moved = try augmentations.apply(name, to: ImageScene(images: scene.images, boxes: boxes), context).boxes ?? boxes
            for number in 0..<numOps {
                let isChosen = try isChosen(number, place)
                boxes.boxes = try context.select(isChosen, moved.boxes, boxes.boxes)
                boxes.labels = try context.select(isChosen, moved.labels, boxes.labels)
            }
        }
        result.boxes = boxes
        return result
    }
}

/// The layers that RandAugment and AugMix draw from.
struct Augmentations {
    enum Name: CaseIterable {
        case shear, translation, rotation, posterization, solarization, autoContrast, equalization
        case brightness, colorDegeneration, contrast, sharpness

        /// As RandAugment numbers them.
        static let randAugmentOrder: [Name] = [
            .shear, .translation, .rotation, .brightness, .colorDegeneration, .contrast, .sharpness, .posterization, .solarization,
            .autoContrast, .equalization,
        ]

        /// Those that AugMix has without `all_ops`.
        static let few = Array(allCases.prefix(7))
    }

    let factor: FactorRange
    let valueRange: ValueRange
    let interpolation: ImageInterpolation
    var boundingBoxFormat = ConfigValue.null

    func apply(_ name: Name, to images: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        try apply(name, to: ImageScene(images: images), context).images
    }

    func apply(_ name: Name, to scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        var layer: any ImageLayer =
            switch name {
            case .shear: RandomShear(xFactor: factor, yFactor: factor, interpolation: interpolation)
            case .translation: RandomTranslation(factor, factor, interpolation: interpolation)
            case .rotation: RandomRotation(factor, interpolation: interpolation)
            case .posterization: RandomPosterization(FactorRange(1, max(1, (8 * factor.upper).rounded(.down))), valueRange: valueRange)
            case .solarization: Solarization(additionFactor: factor, thresholdFactor: factor, valueRange: valueRange)
            case .autoContrast: AutoContrast(valueRange: valueRange)
            case .equalization: Equalization(valueRange: valueRange)
            case .brightness: RandomBrightness(factor, valueRange: valueRange)
            case .colorDegeneration: RandomColorDegeneration(factor, valueRange: valueRange)
            case .contrast: RandomContrast(factor, valueRange: valueRange)
            case .sharpness: RandomSharpness(factor, valueRange: valueRange)
            }
        layer.options.boundingBoxFormat = boundingBoxFormat
        return try layer.changed(scene, context)
    }
}
