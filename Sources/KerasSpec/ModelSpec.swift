internal import Tensors

/// What a model is, apart from files, weights and arithmetic: the first narrow waist of the house.
///
/// Speaks Keras 3's dialect (class names, config keys) plus explicit legacy semantics (`LegacyName`) where today's words
/// can't say it. Made by reading a file or by building in Swift, kept until it is written; graphs are made from it, never
/// the other way round.
public struct ModelSpec: Sendable {
    /// How the layers are connected.
    public enum Kind: String, Sendable {
        /// Each layer is called once on its predecessor's outputs; `calls` are empty. Begins with an `InputLayer` when
        /// the input's shape is known.
        case sequential = "Sequential"
        /// Layers are called as their `calls` say.
        case functional = "Functional"
    }

    public var kind: Kind
    public var name: String
    public var trainable: Bool
    public var layers: [LayerSpec]
    /// Functional only: which layer outputs are the model's inputs, in order.
    public var inputs: Nest
    /// Functional only: which layer outputs are the model's outputs, in order.
    public var outputs: Nest
    /// Where it came from; nil for a model built in Swift.
    public var provenance: Provenance?

    public init(
        kind: Kind, name: String, trainable: Bool = true, layers: [LayerSpec] = [], inputs: Nest = .list([]),
        outputs: Nest = .list([]), provenance: Provenance? = nil
    ) {
        self.kind = kind
        self.name = name
        self.trainable = trainable
        self.layers = layers
        self.inputs = inputs
        self.outputs = outputs
        self.provenance = provenance
    }
}

/// One layer of a model: its class and configuration, and how it is called. A nested model is a layer with a `model`.
public struct LayerSpec: Sendable {
    /// Keras's class name, such as `Conv2D`; `Sequential` or `Functional` for a nested model.
    public var className: String
    /// Unique within the model.
    public var name: String
    /// Keras 3's configuration, `name` included, in Keras's key order. Empty for a nested model.
    public var config: ConfigObject
    /// The nested model, when this layer is one.
    public var model: Box<ModelSpec>?
    /// What the models within the configuration mean, such as TimeDistributed's `layer`: by key.
    public var innerModels: [String: Box<ModelSpec>] = [:]
    /// Files that the layer keeps beside its arrays, such as a vocabulary. They are written from the model's own list.
    public var assets: [StoredAsset] = []
    /// Functional models: one entry a call, in order; shared layers have several, an `InputLayer` one without arguments.
    public var calls: [LayerCall]
    /// The file's own JSON of this layer, to be written again when nothing was changed.
    public var source: SourceNode?

    public init(
        className: String, name: String, config: ConfigObject = [:], model: ModelSpec? = nil,
        innerModels: [String: Box<ModelSpec>] = [:], calls: [LayerCall] = [], source: SourceNode? = nil
    ) {
        self.className = className
        self.name = name
        self.config = config
        self.model = model.map(Box.init)
        self.innerModels = innerModels
        self.calls = calls
        self.source = source
    }
}

/// One call of a layer: Python's positional and keyword arguments.
public struct LayerCall: Hashable, Sendable {
    public var arguments: [Nest]
    public var keywords: OrderedDictionary<String, Nest>

    public init(arguments: [Nest] = [], keywords: OrderedDictionary<String, Nest> = [:]) {
        self.arguments = arguments
        self.keywords = keywords
    }
}

/// Which output of which call of which layer. `node` counts the calls within this model from 0, whatever the file's
/// dialect counts from.
public struct TensorReference: Hashable, Sendable, CustomStringConvertible {
    public var layer: String
    public var node: Int
    public var tensor: Int

    public init(layer: String, node: Int = 0, tensor: Int = 0) {
        self.layer = layer
        self.node = node
        self.tensor = tensor
    }

    public var description: String { "\(layer)[\(node)][\(tensor)]" }
}

/// Tensors in Python's containers, with constants between them.
public indirect enum Nest: Hashable, Sendable {
    case tensor(TensorReference)
    case constant(ConfigValue)
    case list([Nest])
    case dictionary(OrderedDictionary<String, Nest>)

    /// All tensors, from left to right; those of a dictionary in the order of its keys, as Keras flattens it.
    public var tensors: [TensorReference] {
        switch self {
        case .tensor(let reference): [reference]
        case .constant: []
        case .list(let items): items.flatMap(\.tensors)
        case .dictionary(let items): items.sorted { $0.key < $1.key }.flatMap(\.value.tensors)
        }
    }
}

/// Where a model came from, and what its file said beside the layers.
public struct Provenance: Sendable {
    public var dialect: Dialect
    /// As the file tells it, such as `2.3.1`; attacker's text, for showing only.
    public var kerasVersion: String?
    /// `tensorflow`, `theano`…
    public var backend: String?
    /// The model's own JSON as it was in the file (`{"class_name":…}`), layers included.
    public var document: ConfigValue?
    /// What the upgrade changed.
    public var notes: [UpgradeNote]

    public init(
        dialect: Dialect, kerasVersion: String? = nil, backend: String? = nil, document: ConfigValue? = nil,
        notes: [UpgradeNote] = []
    ) {
        self.dialect = dialect
        self.kerasVersion = kerasVersion
        self.backend = backend
        self.document = document
        self.notes = notes
    }
}

/// A way of writing Keras files.
public enum Dialect: String, Sendable, CaseIterable {
    case keras1 = "keras-1"
    /// Standalone Keras 2.0 to 2.3.
    case keras2 = "keras-2.3"
    /// tf.keras and tf-keras.
    case tfKeras = "tf-keras"
    case keras3 = "keras-3"
}

/// A layer's JSON as it stood in its file, and what the upgrade made of it: while the spec still equals `upgraded`, writing
/// the same dialect gives `json` again.
public struct SourceNode: Hashable, Sendable {
    public var dialect: Dialect
    public var json: ConfigValue
    public var upgraded: ConfigObject

    public init(dialect: Dialect, json: ConfigValue, upgraded: ConfigObject) {
        self.dialect = dialect
        self.json = json
        self.upgraded = upgraded
    }
}

/// One thing that an upgrade changed, for people.
public struct UpgradeNote: Hashable, Sendable, CustomStringConvertible {
    /// The layer, or empty for the model.
    public var layer: String
    public var text: String

    public init(layer: String, text: String) {
        self.layer = layer
        self.text = text
    }

    public var description: String { layer.isEmpty ? text : "\(layer): \(text)" }
}

/// Words that Keras 3 doesn't have, for what older generations meant.
public enum LegacyName {
    /// The activation `hard_sigmoid` of Keras 1 and 2: clip(0.2·x + 0.5, 0, 1).
    public static let hardSigmoid = "legacy>hard_sigmoid"
    /// Config key of BatchNormalization: which rule updates the moving variance, `VarianceRule`'s raw value.
    public static let varianceRule = "legacy>variance_rule"
    /// Config key of BatchNormalization: Keras 1's `mode` where it isn't 0. Mode 1 normalizes each sample over its last axis,
    /// mode 2 takes the batch's statistics for inference too.
    public static let mode = "legacy>mode"
    /// Config key of SReLU: `theano` where what its left piece gives ends at the height of its middle one, too, as in Keras 1 on
    /// Theano; absent: as on TensorFlow, where it goes on.
    public static let leakRule = "legacy>leak_rule"
    /// Config key of Add and its like, and of Concatenate: `all` where a step counts if it counts in every input that has a
    /// mask, as in Keras 2 and tf.keras; absent: if it counts in any.
    public static let maskRule = "legacy>mask_rule"
    /// Config key of any layer: an object of the older dialect's own keys that have no word today and no influence on what
    /// is computed (`implementation`, `input_length`), so that writing that dialect gives them again. `ConfigReader` passes
    /// it over.
    public static let kept = "legacy>kept"
}

/// A value behind a reference, so that a struct can hold one of its own kind.
public final class Box<Value: Sendable>: Sendable {
    public let value: Value
    public init(_ value: Value) { self.value = value }
}
