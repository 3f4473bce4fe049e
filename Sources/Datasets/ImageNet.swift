import Foundation
public import Tensors

/// What goes into and comes out of the models of `keras.applications`.
public enum ImageNet {
    /// What `preprocess_input` does to pictures of red, green and blue from 0 to 255, by Keras's name of the mode.
    public enum Preprocessing: String, Sendable, CaseIterable {
        /// Blue, green, red, each minus its mean over ImageNet: ResNet, VGG.
        case caffe
        /// From -1 to 1: Inception, MobileNet, MobileNetV2, NASNet, ResNetV2, Xception.
        case tf
        /// From 0 to 1, then minus the mean and over the deviation over ImageNet: DenseNet.
        case torch
        /// Nothing: the model begins with layers that do it. ConvNeXt, EfficientNet, EfficientNetV2, MobileNetV3.
        case none

        /// - Parameter name: a model of `keras.applications` or its module (`ResNet50V2`, `resnet_v2`), or a mode. Case and
        ///   underscores don't matter. Throws usage `preprocess.name` for others.
        public init(for name: String) throws(LocatedError) {
            let plain = name.lowercased().filter { $0 != "_" }
            if let mode = Preprocessing(rawValue: plain) {
                self = mode
                return
            }
            for (family, mode, variants) in Self.families {
                guard plain.hasPrefix(family), variants.contains(String(plain.dropFirst(family.count))) else { continue }
                self = mode
                return
            }
            throw LocatedError(
                .usage, "preprocess.name",
                "expected a model of keras.applications or its module, or caffe, tf, torch, none, got \"\(name)\"")
        }

        /// Longer names before those that they begin with.
        private static let families: [(name: String, mode: Preprocessing, variants: [String])] = [
            ("convnext", .none, ["", "tiny", "small", "base", "large", "xlarge"]),
            ("densenet", .torch, ["", "121", "169", "201"]),
            ("efficientnetv2", .none, ["", "b0", "b1", "b2", "b3", "s", "m", "l"]),
            ("efficientnet", .none, ["", "b0", "b1", "b2", "b3", "b4", "b5", "b6", "b7"]),
            ("imagenetutils", .caffe, [""]),
            ("inceptionresnetv2", .tf, [""]),
            ("inceptionv3", .tf, [""]),
            ("mobilenetv3", .none, ["", "small", "large"]),
            ("mobilenetv2", .tf, [""]),
            ("mobilenet", .tf, [""]),
            ("nasnet", .tf, ["", "mobile", "large"]),
            ("resnet", .tf, ["v2", "50v2", "101v2", "152v2"]),
            ("resnet", .caffe, ["", "50", "101", "152"]),
            ("vgg", .caffe, ["16", "19"]),
            ("xception", .tf, [""]),
        ]
    }

    /// Keras's `preprocess_input`: pictures as a model of `keras.applications` takes them, float32.
    ///
    /// - Parameters:
    ///   - x: (rows, columns, 3) or with samples in front, red first, from 0 to 255; channels before the rows with `channelsFirst`.
    ///   - mode: `try .init(for: "ResNet50")`.
    public static func preprocessInput(
        _ x: Tensor, _ mode: Preprocessing, channelsFirst: Bool = false
    ) throws(LocatedError) -> Tensor {
        guard mode != .none else { return x.asType(.float32) }
        let rank = x.shape.rank
        guard rank == 3 || rank == 4, x.shape[channelsFirst ? rank - 3 : rank - 1] == 3 else {
            throw LocatedError(
                .mismatch, "preprocess.shape",
                "expected pictures of 3 channels, (rows, columns, 3) or with samples in front, got \(x.shape)")
        }
        let source = x.asType(.float32).floats
        let cells = channelsFirst ? x.shape[rank - 2] * x.shape[rank - 1] : 1
        var result = Tensor(uninitialized: x.shape)
        result.withUnsafeMutableElements(as: Float.self) { target in
            for index in target.indices {
                let channel = index / cells % 3
                switch mode {
                case .none: target[index] = source[index]
                case .tf: target[index] = source[index] / 127.5 - 1
                case .torch: target[index] = (source[index] / 255 - mean[channel]) / deviation[channel]
                case .caffe: target[index] = source[index + (2 - 2 * channel) * cells] - blueFirstMean[channel]
                }
            }
        }
        return result
    }

    private static let mean: [Float] = [0.485, 0.456, 0.406]
    private static let deviation: [Float] = [0.229, 0.224, 0.225]
    private static let blueFirstMean: [Float] = [103.939, 116.779, 123.68]

    /// A class as `decode_predictions` tells it.
    public struct Guess: Hashable, Sendable {
        /// WordNet's, such as `n02123045`.
        public var id: String
        /// Such as `tabby`.
        public var name: String
        public var score: Float
    }

    /// Keras's `decode_predictions`: the best classes of each sample, best first.
    ///
    /// - Parameters:
    ///   - predictions: (samples, 1000).
    ///   - top: how many.
    ///   - classes: Keras's index of classes unless given.
    public static func decodePredictions(
        _ predictions: Tensor, top: Int = 5, classes: [(id: String, name: String)]? = nil
    ) throws(LocatedError) -> [[Guess]] {
        let classes: [(id: String, name: String)] = if let classes { classes } else { try self.classes() }
        guard predictions.shape.rank == 2, predictions.shape[1] == classes.count else {
            throw LocatedError(
                .mismatch, "predict.labels",
                "expected predictions of shape (samples, \(classes.count)), got \(predictions.shape)")
        }
        let scores = predictions.asType(.float32).floats
        return (0..<predictions.shape[0]).map { row in
            let own = scores[row * classes.count..<(row + 1) * classes.count]
            let order = own.indices.sorted { own[$0] != own[$1] ? own[$0] > own[$1] : $0 < $1 }
            return order.prefix(max(0, top)).map { place in
                let (id, name) = classes[place - own.startIndex]
                return Guess(id: id, name: name, score: own[place])
            }
        }
    }

    /// The classes in the order of the models' outputs, from `models/imagenet_class_index.json` in Keras's folder
    /// (`$KERAS_HOME` or `~/.keras`), where Keras has put it.
    public static func classes() throws(LocatedError) -> [(id: String, name: String)] {
        try classes(at: KerasCache.models() + "/imagenet_class_index.json")
    }

    /// Keras's index of classes from a file: `{"0": ["n01440764", "tench"], …}`.
    public static func classes(at path: String) throws(LocatedError) -> [(id: String, name: String)] {
        guard let data = FileManager.default.contents(atPath: path) else {
            throw LocatedError(
                .notFound, "labels.imagenet", "expected Keras's class index, got no such file", at: [path],
                hint: "Keras puts imagenet_class_index.json there when decode_predictions is called once; copy it.")
        }
        let entries = (try? JSONSerialization.jsonObject(with: data)) as? [String: [String]] ?? [:]
        var classes: [(id: String, name: String)] = []
        while let entry = entries[String(classes.count)], entry.count == 2 { classes.append((entry[0], entry[1])) }
        guard !classes.isEmpty, classes.count == entries.count else {
            throw LocatedError(
                .invalid, "labels.imagenet", "expected {\"0\": [id, name], …} without gaps, got \(entries.count) pairs of texts, \(classes.count) of them without a gap",
                at: [path])
        }
        return classes
    }
}
