import Foundation
public import Tensors

/// CIFAR-100: small colour pictures of a hundred kinds of things in twenty groups.
///
/// Source: A. Krizhevsky, Learning Multiple Layers of Features from Tiny Images, 2009; `keras.datasets.cifar100`.
public enum CIFAR100 {
    /// What the labels name: Keras's `label_mode`.
    public enum LabelMode: String, Sendable, CaseIterable {
        /// 100 classes.
        case fine
        /// 20 groups of them.
        case coarse
    }

    /// Training and test samples, as Keras's `cifar100.load_data()` gives them: `x` uint8, shape (samples, 32, 32, 3), `y` int64, shape
    /// (samples, 1).
    ///
    /// For where the files may be and the errors see `CIFAR10.load`; codes begin with `cifar100`.
    public static func load(
        from path: String? = nil, labelMode: LabelMode = .fine, downloads: Downloads = .automatic
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        try load(from: path, labelMode, environment: ProcessInfo.processInfo.environment, downloads: downloads)
    }

    static func load(
        from path: String?, _ labelMode: LabelMode, environment: [String: String], downloads: Downloads = .never
    ) throws(LocatedError) -> (train: LabeledSamples, test: LabeledSamples) {
        let kind = CIFARKind(
            family: "cifar100", key: "\(labelMode.rawValue)_labels", classes: labelMode == .fine ? 100 : 20, binaryLabels: 2,
            binaryLabel: labelMode == .fine ? 1 : 0)
        let batches = try files.read(path, KerasCache(environment: environment, downloads: downloads)) { (bytes, isBinary) throws(LocatedError) in
            try CIFARBatch(bytes, isBinary: isBinary, kind)
        }
        func samples(_ batch: ArraySlice<CIFARBatch>) -> LabeledSamples {
            let samples = CIFARBatch.samples(batch)
            return LabeledSamples(x: samples.x, y: samples.y.asType(.int64))
        }
        return (samples(batches.prefix(1)), samples(batches.suffix(1)))
    }

    static let files = CIFARFiles(
        family: "cifar100", dataset: "CIFAR-100", names: ["train", "test"], folder: "cifar-100-python",
        binaryFolder: "cifar-100-binary", binaryArchive: "cifar-100-binary",
        origin: "https://www.cs.toronto.edu/~kriz/cifar-100-python.tar.gz",
        sum: "85cd44d02ba6437773c5bbd22e183051d648de2e7d6b014e1ef29b855ba677a7")

    /// The names of the classes, in the order of the fine labels.
    public static let fineNames = [
        "apple", "aquarium_fish", "baby", "bear", "beaver", "bed", "bee", "beetle", "bicycle", "bottle", "bowl", "boy", "bridge", "bus",
        "butterfly", "camel", "can", "castle", "caterpillar", "cattle", "chair", "chimpanzee", "clock", "cloud", "cockroach", "couch", "crab",
        "crocodile", "cup", "dinosaur", "dolphin", "elephant", "flatfish", "forest", "fox", "girl", "hamster", "house", "kangaroo", "keyboard",
        "lamp", "lawn_mower", "leopard", "lion", "lizard", "lobster", "man", "maple_tree", "motorcycle", "mountain", "mouse", "mushroom",
        "oak_tree", "orange", "orchid", "otter", "palm_tree", "pear", "pickup_truck", "pine_tree", "plain", "plate", "poppy", "porcupine",
        "possum", "rabbit", "raccoon", "ray", "road", "rocket", "rose", "sea", "seal", "shark", "shrew", "skunk", "skyscraper", "snail", "snake",
        "spider", "squirrel", "streetcar", "sunflower", "sweet_pepper", "table", "tank", "telephone", "television", "tiger", "tractor", "train",
        "trout", "tulip", "turtle", "wardrobe", "whale", "willow_tree", "wolf", "woman", "worm",
    ]

    /// The names of the groups, in the order of the coarse labels.
    public static let coarseNames = [
        "aquatic_mammals", "fish", "flowers", "food_containers", "fruit_and_vegetables", "household_electrical_devices", "household_furniture",
        "insects", "large_carnivores", "large_man-made_outdoor_things", "large_natural_outdoor_scenes", "large_omnivores_and_herbivores",
        "medium_mammals", "non-insect_invertebrates", "people", "reptiles", "small_mammals", "trees", "vehicles_1", "vehicles_2",
    ]
}
