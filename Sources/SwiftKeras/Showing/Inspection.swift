internal import KerasFormat
internal import KerasSpec
internal import Layers
public import Tensors

/// What a file is, as far as it can be read.
public struct Inspection: Sendable {
    /// One stored array.
    public struct Weight: Sendable {
        /// The group it stands in: a layer's name.
        public var layer: String
        /// As the file names it.
        public var name: String
        public var shape: Shape
        public var dtype: DType
        /// Over its finite elements; nil when the array is empty or can't be read.
        public var statistics: (min: Double, max: Double, mean: Double)?
        /// Elements that are NaN or infinite.
        public var notFinite = 0
        /// Why it can't be read.
        public var problem: LocatedError?
    }

    /// One layer of the architecture.
    public struct Layer: Sendable {
        /// With the names of the models around it: `encoder/dense_1`.
        public var name: String
        public var className: String
        /// Whether swift-keras computes it.
        public var isComputed: Bool
    }

    public var file: String
    /// `architecture`, `whole model`, `weights`.
    public var container: String
    public var dialect: String?
    public var kerasVersion: String?
    public var backend: String?
    public var modelClass: String?
    public var modelName: String?
    public var layers: [Layer] = []
    public var weights: [Weight] = []
    /// The optimizer's class, when the file was compiled.
    public var optimizer: String?
    /// The optimizer's settings, as JSON.
    public var optimizerSettings: [(name: String, value: String)] = []
    /// Loss, metrics and what else the file was compiled with, as JSON.
    public var compileSettings: [(name: String, value: String)] = []
    public var optimizerWeights: [Weight] = []
    /// What was brought up to date while reading.
    public var notes: [String] = []
    /// What can't be read.
    public var problems: [LocatedError] = []

    /// - Throws: when nothing of the file can be told: it isn't there, or isn't a Keras file.
    public init(of path: String) throws(LocatedError) {
        let partial = try KerasFile.inspect(path)
        file = path
        let kind =
            switch partial.kind {
            case .architecture: "architecture"
            case .wholeModel: "whole model"
            case .weights: "weights"
            case .archive: "whole model, .keras"
            case .objectWeights: "weights, .weights.h5"
            }
        container = partial.container.map { "\(kind), \($0)" } ?? kind
        dialect = partial.dialect?.rawValue
        kerasVersion = partial.kerasVersion
        backend = partial.backend
        if let spec = partial.model.spec { describe(spec) }
        for layer in partial.model.weights?.layers ?? [] {
            weights += layer.weights.map { Weight($0, layer: layer.name) }
        }
        if let training = partial.model.training {
            let settings = training.compileSettings
            let stored = settings["optimizer_config"]?.object ?? settings["optimizer"]?.object
            optimizer = stored?["class_name"]?.string ?? settings["optimizer"]?.string
            optimizerSettings = (stored?["config"]?.object ?? [:]).map { ($0, JSON.text($1)) }
            compileSettings = settings.filter { $0.key != "optimizer_config" && $0.key != "optimizer" }
                .map { ($0.key, JSON.text($0.value)) }
            optimizerWeights = training.optimizerWeights.map { Weight($0, layer: "optimizer") }
        } else if let weights = partial.model.weights {
            optimizerWeights = weights.optimizer.map { Weight($0, layer: "optimizer") }
        }
        problems = partial.problems + (weights + optimizerWeights).compactMap(\.problem)
    }

    /// What computing in float32 means for layers of other types.
    private static func dtypeNotes(_ spec: ModelSpec) -> [String] {
        var policies: [String: Int] = [:], quantized: [String: Int] = [:]
        func count(_ spec: ModelSpec) {
            for layer in spec.layers {
                if let model = layer.model {
                    count(model.value)
                    continue
                }
                let dtype = layer.config["dtype"]
                if let map = DTypePolicyMap(dtype) {
                    for name in Set(map.names.values).union([map.fallback]) where name != "float32" { policies[name, default: 0] += 1 }
                } else if QuantizationPolicy.isQuantized(dtype) {
                    quantized[dtype?.object?["config"]?.object?["mode"]?.string ?? dtype?.string ?? "?", default: 0] += 1
                } else if layer.className != "InputLayer",
                    let name = dtype?.string ?? dtype?.object?["config"]?.object?["name"]?.string,
                    name.hasPrefix("mixed_") || ["float16", "bfloat16", "float64"].contains(name)
                {
                    policies[name, default: 0] += 1
                }
            }
        }
        count(spec)
        return policies.sorted { $0.key < $1.key }.map { "\($0.value) layers of the dtype policy \($0.key): computed in float32" }
            + quantized.sorted { $0.key < $1.key }.map {
                "\($0.value) layers quantized to \($0.key): computed in float32, rounded where Keras rounds"
            }
    }

    private mutating func describe(_ spec: ModelSpec) {
        modelClass = spec.kind.rawValue
        modelName = spec.name
        notes = spec.provenance?.notes.map(\.description) ?? []
        func add(_ spec: ModelSpec, _ prefix: String) {
            for layer in spec.layers {
                layers.append(
                    Layer(
                        name: prefix + layer.name, className: layer.className,
                        isComputed: layer.model != nil || LayerRegistry.builtIn.isKnown(layer.className)))
                if let model = layer.model { add(model.value, prefix + layer.name + "/") }
            }
        }
        add(spec, "")
        notes += Self.dtypeNotes(spec)
    }
}

extension Inspection.Weight {
    fileprivate init(_ weight: StoredWeights.Weight, layer: String) {
        self.layer = layer
        name = weight.name
        shape = weight.tensor.shape
        dtype = weight.tensor.dtype
        do throws(LocatedError) { count(try weight.tensor.load()) } catch { problem = error }
    }

    private mutating func count(_ tensor: Tensor) {
        var (low, high, sum, finite) = (Double.infinity, -Double.infinity, 0.0, 0)
        tensor.asType(.float64).withUnsafeElements(as: Double.self) { values in
            for value in values where value.isFinite {
                low = min(low, value)
                high = max(high, value)
                sum += value
                finite += 1
            }
        }
        notFinite = tensor.count - finite
        if finite > 0 { statistics = (low, high, sum / Double(finite)) }
    }
}
