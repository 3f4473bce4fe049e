public import Tensors

/// The weights of a model as a file holds them, after upgrades: groups in the file's layer order, each with its weights in
/// the order of its name list. Nothing is read until a tensor's `load`.
public struct StoredWeights: Sendable {
    /// How a file arranges weights.
    public enum Scheme: Hashable, Sendable {
        /// Name lists, a group for each of `model.layers`: HDF5 of Keras 1 and 2, whole-model `.h5` of every Keras.
        case layers
        /// A group for every object that has variables, by the attributes that lead to it, arrays numbered from 0:
        /// `.weights.h5` and `.keras`. `Layer.name` is the path of the object, `layers/dense_1`; `Weight.name` the number.
        case objects
        /// One list without layers, in the order of name lists: TensorFlow.js. It stands in a single `Layer`.
        case list
    }

    /// The weights of one top-level layer (those of a nested model flattened, as the file has them).
    public struct Layer: Sendable {
        public var name: String
        public var weights: [Weight]
        /// The layer's own name where a file in the scheme `objects` tells it (Keras 3.6 and later).
        public var label: String?

        public init(name: String, weights: [Weight], label: String? = nil) {
            self.name = name
            self.weights = weights
            self.label = label
        }
    }

    public struct Weight: Sendable {
        /// As the file names it, such as `conv2d_1/kernel:0`.
        public var name: String
        public var tensor: LazyTensor

        public init(name: String, tensor: LazyTensor) {
            self.name = name
            self.tensor = tensor
        }
    }

    public var scheme: Scheme
    public var layers: [Layer]
    /// The weights' own words about their origin; nil where the file has none.
    public var kerasVersion: String?
    public var backend: String?
    /// The optimizer's arrays in the file's order, which files in the scheme `objects` may hold beside the weights. They say
    /// neither its class nor its settings.
    public var optimizer: [Weight] = []
    /// What the optimizer is called, where a file tells (Keras 3.6 and later): `adam`.
    public var optimizerName: String?

    public init(
        layers: [Layer], scheme: Scheme = .layers, kerasVersion: String? = nil, backend: String? = nil
    ) {
        self.layers = layers
        self.scheme = scheme
        self.kerasVersion = kerasVersion
        self.backend = backend
    }
}

/// How a model is trained, as a file holds it: compile settings and the optimizer's state.
public struct TrainingSpec: Sendable {
    /// `training_config` (or `compile_config`), in the file's own dialect.
    public var compileSettings: ConfigObject
    public var dialect: Dialect
    /// The optimizer's arrays in the file's order; empty when it saved none.
    public var optimizerWeights: [StoredWeights.Weight]

    public init(compileSettings: ConfigObject, dialect: Dialect, optimizerWeights: [StoredWeights.Weight] = []) {
        self.compileSettings = compileSettings
        self.dialect = dialect
        self.optimizerWeights = optimizerWeights
    }
}

/// All that a model file may hold.
public struct StoredModel: Sendable {
    public var spec: ModelSpec?
    public var weights: StoredWeights?
    public var training: TrainingSpec?
    /// Vocabularies and the like, which archives alone hold.
    public var assets: [StoredAsset] = []

    public init(spec: ModelSpec? = nil, weights: StoredWeights? = nil, training: TrainingSpec? = nil) {
        self.spec = spec
        self.weights = weights
        self.training = training
    }
}
