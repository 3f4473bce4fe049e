import KerasSpec
import OrderedCollections
import Tensors

extension ObjectNaming {
    /// The weights as a file of the target holds them: an object for the model, for every layer and for every part of one, in
    /// the order of layers. Where random numbers stand is in no file of genuine Keras.
    static func place(
        _ weights: ModelWeights, of spec: ModelSpec, for target: KerasTarget
    ) throws(LocatedError) -> StoredWeights {
        try placed(weights, of: spec, for: target).weights
    }

    /// Also where each layer stands, by its path.
    static func placed(
        _ weights: ModelWeights, of spec: ModelSpec, for target: KerasTarget
    ) throws(LocatedError) -> (weights: StoredWeights, places: [[String]: String]) {
        var placing = ObjectPlacing(weights, target)
        placing.put([], label: spec.name, at: "")
        try placing.put(spec, at: "", layerPath: [])
        return (placing.stored, placing.places)
    }
}

/// Gives a model's weights their places in a file.
private struct ObjectPlacing {
    private(set) var stored: StoredWeights
    /// The group of each layer.
    private(set) var places: [[String]: String] = [:]
    private let target: KerasTarget
    private let values: [String: LazyTensor]
    private let byLayer: [[String]: [ModelWeights.Weight]]

    /// Groups of these parts say the name of their object from Keras 3.6 on.
    private static let firstNamed = 6

    init(_ weights: ModelWeights, _ target: KerasTarget) {
        stored = StoredWeights(layers: [], scheme: .objects, kerasVersion: target.version)
        self.target = target
        values = Dictionary(weights.weights.map { ($0.outline.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        byLayer = Dictionary(grouping: weights.weights, by: \.outline.layerPath)
    }

    mutating func put(_ tensors: [(name: String, tensor: LazyTensor)], label: String?, at path: String) {
        let isNamed = target.dialect == .keras3 && target.minor >= Self.firstNamed
        stored.layers.append(
            StoredWeights.Layer(
                name: path, weights: tensors.map { StoredWeights.Weight(name: $0.name, tensor: $0.tensor) },
                label: isNamed ? label : nil))
    }

    mutating func put(_ spec: ModelSpec, at path: String, layerPath: [String]) throws(LocatedError) {
        var counts: [String: Int] = [:]
        let countsTwice = TfKerasVersions.countsTwice(target)
        let container = join(path, countsTwice ? ObjectHDF5.oldContainer : "layers")
        for layer in ObjectNaming.counted(spec) {
            let base = ObjectNaming.snakeCase(layer.model?.value.kind.rawValue ?? layer.className)
            let number = counts[base, default: 0]
            let layerPath = layerPath + [layer.name]
            counts[base] = number + (countsTwice && hasWeights(layer, layerPath) ? 2 : 1)
            try put(layer, at: join(container, ObjectNaming.numbered(base, number)), layerPath: layerPath)
        }
    }

    private func hasWeights(_ layer: LayerSpec, _ layerPath: [String]) -> Bool {
        guard let model = layer.model?.value else { return byLayer[layerPath]?.contains { $0.outline.role != .seed } ?? false }
        return model.layers.contains { hasWeights($0, layerPath + [$0.name]) }
    }

    private mutating func put(_ layer: LayerSpec, at path: String, layerPath: [String]) throws(LocatedError) {
        places[layerPath] = path
        if let model = layer.model?.value {
            put([], label: layer.name, at: path)
            return try put(model, at: path, layerPath: layerPath)
        }
        guard let layout = WeightLayout(of: layer.className, config: layer.config) else {
            if let inner = byLayer[layerPath]?.lazy.compactMap(\.fileName).first(where: { Self.isWithin($0, layer.name) }) {
                throw LegacyNaming.unordered(layer, "belong to layers within it (\(inner))")
            }
            return putOpaque(under: [], label: layer.name, at: path, layerPath: layerPath)
        }
        try put(layout, of: layer.className, label: layer.name, at: path, layerPath: layerPath, path: [])
    }

    private mutating func put(
        _ layout: WeightLayout, of className: String, label: String, at group: String, layerPath: [String], path: [String]
    ) throws(LocatedError) {
        var tensors: [(name: String, tensor: LazyTensor)] = []
        // What a part holds, too, comes first.
        let arrays = layout.repeated.map { ($0, WeightOutline.Role.trained) }
            + layout.variables.filter { $0.role != .seed }.map { ([$0.name], $0.role) }
        for (name, role) in arrays {
            let outline = WeightOutline(layerPath: layerPath, path: path + name, role: role)
            guard let tensor = values[outline.name] else {
                throw LocatedError(.mismatch, "weights.value", "expected a value for every weight, got none", at: [outline.name])
            }
            // Lookups name their array instead of numbering it.
            tensors.append((name.last == WeightLayout.tokenWeights ? WeightLayout.tokenWeights : String(tensors.count), tensor))
        }
        put(tensors, label: label, at: group)
        // Its lookup keeps the same.
        if className == "TextVectorization", !tensors.isEmpty { put(tensors, label: "_lookup_layer", at: group + "/_lookup_layer") }
        let places = TfKerasVersions.countsTwice(target) ? countedTwice(layout.parts) : layout.parts.map(\.path)
        for (part, place) in zip(layout.parts, places) where part.className != "SeedGenerator" {
            let isPrivate = target.dialect == .tfKeras && className == "MultiHeadAttention"
            let inner = ([group] + place.dropLast() + [(isPrivate ? "_" : "") + (place.last ?? "")]).joined(separator: "/")
            if WeightLayout(of: part.className, config: part.config) == nil {
                putOpaque(under: part.path, label: self.label(of: part), at: inner, layerPath: layerPath)
            } else {
                try put(
                    part.layout, of: part.className, label: self.label(of: part), at: inner, layerPath: layerPath,
                    path: path + part.path)
            }
        }
        if className == "MultiHeadAttention" {
            for name in ["dropout_layer", "softmax"] { put([], label: name, at: group + "/_" + name) }
        }
    }

    /// The places of parts that stand in a model within a wrapper, by the older count of its layers.
    private func countedTwice(_ parts: [WeightLayout.Part]) -> [[String]] {
        var counts: [String: Int] = [:]
        var names: [[String]: String] = [:]
        return parts.map { part in
            var place: [String] = []
            for (index, attribute) in part.path.enumerated() {
                guard index > 0, part.path[index - 1] == "layers" else {
                    place.append(attribute == "layers" ? ObjectHDF5.oldContainer : attribute)
                    continue
                }
                let layer = Array(part.path[...index])
                if names[layer] == nil {
                    let base = NameIndex.withoutNumber(attribute)
                    let list = place.joined(separator: "/") + "/" + base
                    names[layer] = ObjectNaming.numbered(base, counts[list, default: 0])
                    let hasWeights = parts.contains { part in
                        part.path.starts(with: layer) && part.layout.outlines.contains { $0.role != .seed }
                    }
                    counts[list, default: 0] += hasWeights ? 2 : 1
                }
                place.append(names[layer] ?? attribute)
            }
            return place
        }
    }

    /// Whether a name of the scheme `layers` is that of a layer within: `gated/first/kernel:0`, not `gated/gain:0`.
    private static func isWithin(_ fileName: String, _ layer: String) -> Bool {
        let parts = fileName.split(separator: "/")
        guard parts.count > 1, !parts.contains("vars") else { return false }
        // TensorFlow numbers a scope that it has met before.
        return !parts[parts.count - 2].hasPrefix(layer)
    }

    /// What Keras calls a part: for the cell of an LSTM, whose configuration is the layer's, by its class.
    private func label(of part: WeightLayout.Part) -> String {
        if part.path.last == "cell", part.className.hasSuffix("Cell"), part.config["units"] != nil || part.config["filters"] != nil {
            return ObjectNaming.snakeCase(part.className)
        }
        return part.config["name"]?.string ?? part.path.last ?? ""
    }

    /// The arrays of an object whose class nobody knows, under the names that they came with.
    private mutating func putOpaque(under prefix: [String], label: String, at group: String, layerPath: [String]) {
        var objects: OrderedDictionary<String, [(name: String, tensor: LazyTensor, isTrained: Bool)]> = [group: []]
        for weight in byLayer[layerPath] ?? [] where weight.outline.path.starts(with: prefix) {
            let rest = weight.outline.path.dropFirst(prefix.count)
            guard let name = rest.last else { continue }
            objects[([group] + rest.dropLast()).joined(separator: "/"), default: []].append(
                (name, weight.tensor, weight.outline.role == .trained))
        }
        let fromFile = (byLayer[layerPath] ?? []).allSatisfy { $0.fileName?.contains("vars/") ?? false }
        for (path, tensors) in objects {
            // Weights that Swift gave names are numbered as Keras numbers them, trained ones first; a file's have numbers.
            // Some files' are words, such as the `idf_weights` of a lookup.
            let isNumbered = fromFile || tensors.allSatisfy { !$0.name.isEmpty && $0.name.allSatisfy(\.isNumber) }
            let ordered = tensors.filter(\.isTrained) + tensors.filter { !$0.isTrained }
            let tensors = isNumbered
                ? tensors.map { (name: $0.name, tensor: $0.tensor) }
                : ordered.enumerated().map { (name: String($0.offset), tensor: $0.element.tensor) }
            put(tensors, label: path == group ? label : nil, at: path)
        }
    }

    private func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "/" + name }
}
