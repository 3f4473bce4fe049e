import Graphs
import KerasSpec
internal import Kernels
internal import Ops
import Tensors

/// What every layer that does something to images has: where the channels stand, and how bounding boxes are written.
public struct ImageOptions: Sendable {
    public var dataFormat: DataFormat
    /// Of boxes in a dictionary: a name, or null.
    var boundingBoxFormat: ConfigValue

    public init(dataFormat: DataFormat = .channelsLast) {
        self.dataFormat = dataFormat
        boundingBoxFormat = .null
    }

    init(_ config: inout ConfigReader) throws(LocatedError) {
        dataFormat = try config.word("data_format", default: .channelsLast)
        boundingBoxFormat = config.value("bounding_box_format") ?? .null
    }

    func encode(into config: inout ConfigObject) {
        config["data_format"] = .string(dataFormat.rawValue)
        if !boundingBoxFormat.isNull { config["bounding_box_format"] = boundingBoxFormat }
    }
}

/// A layer that does something to images, in training or always.
///
/// It is called on images (batch, rows, columns, channels), or on a dictionary with `images` and, beside them, `labels`,
/// `segmentation_masks` and `bounding_boxes` (a dictionary of `boxes` and `labels`); the dictionary's order is Keras's, by name. Masks
/// and boxes go where Keras 3.15 moves them, format and all; what it doesn't compute is refused.
protocol ImageLayer: BuiltInLayer {
    var options: ImageOptions { get set }

    /// Whether images are changed at inference, too.
    var isAlways: Bool { get }

    /// Whether everything stays in its place, so that masks and boxes stay true.
    var keepsPlaces: Bool { get }

    /// Whether whole numbers are changed as such, not as floats.
    var keepsWholeNumbers: Bool { get }

    /// The images, float32 with the channels last, changed.
    func changed(_ images: Value, _ context: LoweringContext) throws(LocatedError) -> Value

    /// The same with what stands beside them.
    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene

    /// What becomes of that where images aren't changed: mostly nothing.
    func resting(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene
}

extension ImageLayer {
    var isAlways: Bool { false }
    var keepsPlaces: Bool { false }
    var keepsWholeNumbers: Bool { false }
    // Some numbers are drawn for a whole batch.
    package var mixesSamples: Bool { true }

    func changed(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        if !keepsPlaces {
            if scene.boxes != nil { throw refusal(of: "bounding_boxes", "Keras 3.15 has none for it", context) }
            if scene.masks != nil { throw refusal(of: "segmentation_masks", "Keras 3.15 has none for it", context) }
        }
        var scene = scene
        scene.images = try changed(scene.images, context)
        return scene
    }

    func resting(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene { scene }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        guard case .dictionary(let items)? = context.call.positional.first else {
            return [Signal(try settled(ImageScene(images: try inputs.single().value), context).images)]
        }
        guard case .signal(let images)? = items["images"],
            items.keys.allSatisfy(["images", "labels", "bounding_boxes", "segmentation_masks"].contains)
        else {
            throw LocatedError(
                .unsupported, "images.dictionary",
                "expected images, and labels, bounding_boxes and segmentation_masks beside them, got \(items.keys.joined(separator: ", "))",
                at: [context.label])
        }
        var scene = ImageScene(images: images.value)
        if case .signal(let labels)? = items["labels"] { scene.labels = labels.value }
        if case .signal(let masks)? = items["segmentation_masks"] { scene.masks = masks.value }
        if let given = items["bounding_boxes"] { scene.boxes = try boxes(given, context) }
        let result = try settled(scene, context)
        // In the order of the dictionary's keys.
        let outputs = [result.boxes?.boxes, result.boxes?.labels, result.images, result.labels, result.masks]
        return outputs.compactMap { $0.map { Signal($0) } }
    }

    private func boxes(_ argument: CallArguments.Argument, _ context: LoweringContext) throws(LocatedError) -> BoundingBoxes {
        guard case .dictionary(let parts) = argument else {
            throw LocatedError(
                .unsupported, "images.dictionary", "expected bounding_boxes to be a dictionary, got \(argument.kindName)", at: [context.label])
        }
        guard case .signal(let boxes)? = parts["boxes"], case .signal(let labels)? = parts["labels"], parts.count == 2 else {
            throw LocatedError(
                .unsupported, "images.dictionary",
                "expected bounding_boxes of boxes and labels, got \(parts.keys.joined(separator: ", "))", at: [context.label])
        }
        let (shape, labelShape) = (context.shape(boxes.value), context.shape(labels.value))
        guard shape.rank == 3, shape[2] == 4, labelShape.rank == 2 else {
            throw LocatedError(
                .mismatch, "layer.inputShape",
                "expected boxes (batch, boxes, 4) and labels (batch, boxes), got \(shape) and \(labelShape)", at: [context.label])
        }
        return BoundingBoxes(boxes: try context.float(boxes.value), labels: labels.value)
    }

    /// What becomes of everything in training or at inference, whichever it is.
    private func settled(_ scene: ImageScene, _ context: LoweringContext) throws(LocatedError) -> ImageScene {
        guard context.rank(scene.images) == 4 else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected a batch of images, got the shape \(context.shape(scene.images))",
                at: [context.label])
        }
        if let masks = scene.masks, context.rank(masks) != 4 {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected a batch of segmentation_masks, got the shape \(context.shape(masks))",
                at: [context.label])
        }
        func turned(_ value: Value, _ permutation: [Int]) throws(LocatedError) -> Value {
            options.dataFormat == .channelsFirst ? try context.transposed(value, permutation) : value
        }
        var scene = scene
        if !keepsWholeNumbers { scene.images = try context.floats(scene.images) }
        scene.images = try turned(scene.images, [0, 2, 3, 1])
        if let masks = scene.masks { scene.masks = try turned(masks, [0, 2, 3, 1]) }
        scene = isAlways || context.training ? try changed(scene, context) : try resting(scene, context)
        scene.images = try turned(scene.images, [0, 3, 1, 2])
        if let masks = scene.masks { scene.masks = try turned(masks, [0, 3, 1, 2]) }
        return scene
    }
}

/// Two bounds of a random number, as a configuration has them: a number or a pair.
public struct FactorRange: Sendable {
    let config: ConfigValue
    public let lower: Double
    public let upper: Double

    public init(_ lower: Double, _ upper: Double) {
        config = .array([.float(lower), .float(upper)])
        (self.lower, self.upper) = (min(lower, upper), max(lower, upper))
    }

    /// Takes the key's pair, or the number that stands for the pair from -number, or from `least` if that is more, to it.
    init(_ key: String, _ config: inout ConfigReader, least: Double = -.infinity, default fallback: Double? = nil) throws(LocatedError) {
        let value = config.value(key) ?? fallback.map(ConfigValue.float) ?? .null
        if let number = value.number {
            self.init(value, max(-abs(number), least), abs(number))
            return
        }
        guard let items = OperationCall.plain(value).array, items.count == 2, let a = items[0].number, let b = items[1].number,
            a.isFinite, b.isFinite
        else { throw config.wrong(key, "a number or two", value) }
        self.init(value, min(a, b), max(a, b))
    }

    private init(_ config: ConfigValue, _ lower: Double, _ upper: Double) {
        (self.config, self.lower, self.upper) = (config, lower, upper)
    }
}

/// The least and the greatest value of a pixel.
public struct ValueRange: Sendable {
    let config: ConfigValue
    public let low: Double
    public let high: Double

    public init(_ low: Double = 0, _ high: Double = 255) {
        config = .array([low, high].map { Int(exactly: $0).map(ConfigValue.integer) ?? .float($0) })
        (self.low, self.high) = (min(low, high), max(low, high))
    }

    init(_ config: inout ConfigReader) throws(LocatedError) {
        guard let value = config.value("value_range"), !value.isNull else {
            self.init()
            return
        }
        guard let items = OperationCall.plain(value).array, items.count == 2, let a = items[0].number, let b = items[1].number,
            a.isFinite, b.isFinite
        else { throw config.wrong("value_range", "two numbers", value) }
        self.init(value, min(a, b), max(a, b))
    }
}

extension ValueRange {
    fileprivate init(_ config: ConfigValue, _ low: Double, _ high: Double) {
        (self.config, self.low, self.high) = (config, low, high)
    }
}

extension LoweringContext {
    /// A random number for each image: (batch, 1, 1, 1), or so many in the last axis.
    func random(for images: Value, from low: Double, to high: Double, count: Int = 1) throws(LocatedError) -> Value {
        try apply(
            RandomFill(.uniform(low: Float(low), high: Float(high)), stream: randomStream(), shape: [nil, 1, 1, count]), images)
    }

    /// One random number for all images: (1, 1, 1, 1), or so many.
    func sharedRandom(for images: Value, from low: Double, to high: Double, count: Int = 1) throws(LocatedError) -> Value {
        try apply(RandomFill(.uniform(low: Float(low), high: Float(high)), stream: randomStream(), shape: [1, 1, 1, count]), images)
    }

    /// True for an image as often as a probability says that is drawn from a range itself: (batch, 1, 1, 1).
    func happens(for images: Value, _ factor: FactorRange) throws(LocatedError) -> Value {
        let probability = try random(for: images, from: factor.lower, to: factor.upper)
        return try compare(.less, try random(for: images, from: 0, to: 1), probability)
    }

    /// Numbers between two others.
    func clipped(_ x: Value, _ low: Double, _ high: Double) throws(LocatedError) -> Value {
        try binary(.minimum, try binary(.maximum, x, scalar(low)), scalar(high))
    }

    /// Numbers of one range as those of another, as Keras's `_transform_value_range` does it.
    func rescaled(_ x: Value, from old: ValueRange, to new: ValueRange) throws(LocatedError) -> Value {
        if old.low == new.low, old.high == new.high { return x }
        let unit = try divide(try scaled(x, by: 1, offset: -old.low), scalar(old.high - old.low))
        return try scaled(unit, by: new.high - new.low, offset: new.low)
    }

    /// Images through projections of their own, (batch, 8).
    func projected(
        _ images: Value, _ transforms: Value, _ interpolation: ImageInterpolation, _ border: FillMode, fill: Double
    ) throws(LocatedError) -> Value {
        try apply(
            ProjectiveTransform(isBilinear: interpolation == .bilinear, border: border.border, fill: Float(fill)), images, transforms)
    }

    /// Projections of eight numbers each, given as (batch, 1, 1, 1) or as one number for all.
    func transforms(_ images: Value, _ parts: [Value?]) throws(LocatedError) -> Value {
        var columns: [Value] = []
        let like = try apply(RandomFill(.uniform(low: 0, high: 0), stream: 0, shape: [nil, 1, 1, 1]), images)
        for part in parts { columns.append(try part.map { (part) throws(LocatedError) in try add(part, like) } ?? like) }
        return try reshaped(try concatenated(columns, axis: 3), to: [shape(images)[0], 8])
    }

    /// Rows and columns of images with the channels last, which must be known.
    func extents(_ images: Value) throws(LocatedError) -> (rows: Int, columns: Int, channels: Int) {
        let shape = shape(images)
        guard let rows = shape[1], let columns = shape[2], let channels = shape[3] else {
            throw LocatedError(.mismatch, "layer.unknownExtent", "expected images of a known size, got \(shape)", at: [label])
        }
        return (rows, columns, channels)
    }

    /// A function of `keras.ops.image` on images with the channels last.
    func imageOperation(_ name: String, _ images: Value, _ settings: [String: ConfigValue] = [:]) throws(LocatedError) -> Value {
        guard let operation = Operation.all["ops.image.\(name)"] else { preconditionFailure("no operation \(name)") }
        var arguments = CallArguments(positional: [.signal(Signal(images))])
        for (key, value) in settings.sorted(by: { $0.key < $1.key }) { arguments.keywords[key] = .constant(value) }
        arguments.keywords["data_format"] = .constant("channels_last")
        return try outputs(of: operation, called: name, with: arguments)[0]
    }

    /// Each channel of its own through a small kernel (rows, columns, 1, 1), zeros around.
    func blurred(_ images: Value, kernel: Value, rows: Int, columns: Int) throws(LocatedError) -> Value {
        let channels = try extents(images).channels
        let all = try broadcasted(kernel, to: [rows, columns, 1, channels])
        return try apply(Convolution(strides: [1, 1], padding: .same, groups: channels, hasBias: false), images, all)
    }
}

/// What is beyond an image's border: Keras's `fill_mode`.
public enum FillMode: String, Sendable, CaseIterable {
    /// One value everywhere.
    case constant
    /// The border itself.
    case nearest
    /// The image mirrored, its border twice.
    case reflect
    /// The image again.
    case wrap
    /// The image mirrored, its border once; for RandomElasticTransform alone.
    case mirror

    var border: ImageBorder { ImageBorder(rawValue: rawValue) ?? .constant }
}

/// How points between pixels are read.
public enum ImageInterpolation: String, Sendable, CaseIterable {
    case nearest, bilinear
}

extension ConfigReader {
    /// One of the borders that a layer takes.
    mutating func imageBorder(_ key: String, default fallback: FillMode, mirrors: Bool = false) throws(LocatedError) -> FillMode {
        guard let value = value(key), !value.isNull else { return fallback }
        guard let border = value.string.flatMap(FillMode.init(rawValue:)), mirrors || border != .mirror else {
            throw wrong(key, "reflect, wrap, constant or nearest", value)
        }
        return border
    }
}
