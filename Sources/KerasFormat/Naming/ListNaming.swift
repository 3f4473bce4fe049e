import KerasSpec
import OrderedCollections
import Tensors

/// The scheme `list`: weights without layers, told by their names, as TensorFlow.js keeps them.
///
/// The order of the list is no model's: the converter takes layers as HDF5 sorts them, JavaScript all trained weights before
/// the others. So names decide which layer has a weight, as in TensorFlow.js; where they don't say it, the order of the model
/// does, held against the last part of each name.
enum ListNaming {
    /// The model's weights, or every disagreement.
    ///
    /// - Parameter byName: leave alone what only one of both has.
    static func resolve(
        _ stored: StoredWeights, in spec: ModelSpec, byName: Bool = false
    ) throws(LocatedError) -> WeightResolution {
        let list = stored.layers.flatMap(\.weights)
        let version = stored.kerasVersion ?? "2.3.1"
        let dialect = DialectDetector.dialect(ofVersion: version) ?? .keras2
        let layers = spec.layers.map { Expected($0, for: dialect) }
        var held = [[StoredWeights.Weight]](repeating: [], count: layers.count)
        var strangers: [String] = []
        let index = NameIndex(spec.layers)
        for weight in list {
            guard let layer = index.layer(of: weight.name) else {
                strangers.append(weight.name)
                continue
            }
            held[layer].append(weight)
        }
        var resolution = WeightResolution(fileLayers: list.map(\.name))
        if !strangers.isEmpty, !byName {
            resolution.modelLayers = layers.flatMap { layer in layer.places.map { layer.name(of: $0) } }
            guard let ordered = byOrder(list, layers, &resolution) else {
                resolution.disagreements += strangers.map {
                    Disagreement($0, .missingInModel, "the file's \(quoted($0)) belongs to no layer of the model", isSkippable: false)
                }
                return resolution
            }
            held = ordered
        }
        var arranged = zip(layers, held).map { layer, weights in
            StoredWeights.Layer(name: layer.layer.name, weights: layer.arranged(weights))
        }
        guard byName else {
            return try LegacyNaming.resolve(
                StoredWeights(layers: arranged, scheme: .layers, kerasVersion: version, backend: stored.backend), in: spec)
        }
        arranged.removeAll(where: \.weights.isEmpty)
        resolution = try LegacyNaming.resolveByName(
            StoredWeights(layers: arranged, scheme: .layers, kerasVersion: version, backend: stored.backend), in: spec)
        resolution.unread += strangers.map {
            LoadingReport.Item($0, .missingInModel, "the file's \(quoted($0)) belongs to no layer of the model")
        }
        return resolution
    }

    /// The list cut by how many weights each layer has; nil, with what disagrees, when it can't be the model's order.
    private static func byOrder(
        _ list: [StoredWeights.Weight], _ layers: [Expected], _ resolution: inout WeightResolution
    ) -> [[StoredWeights.Weight]]? {
        guard layers.allSatisfy(\.isKnown) else { return nil }
        let count = layers.reduce(0) { $0 + $1.places.count }
        guard count == list.count else {
            resolution.disagreements.append(
                Disagreement("", .counts, "the model has \(count) weights, the file \(list.count)", isSkippable: false))
            return nil
        }
        var rest = list[...]
        var held: [[StoredWeights.Weight]] = []
        for layer in layers {
            let own = Array(rest.prefix(layer.places.count))
            rest = rest.dropFirst(own.count)
            for (place, weight) in zip(layer.places, own) where !layer.says(place, lastPartOf: weight.name) { return nil }
            held.append(own)
        }
        return held
    }
}

/// Which top-level layer a name belongs to: one of its parts is the name of the layer, or of a layer within.
struct NameIndex {
    private var top: [String: Int] = [:]
    /// Names of inner layers; -1 for one that stands in several.
    private var inner: [String: Int] = [:]

    init(_ layers: [LayerSpec]) {
        for (index, layer) in layers.enumerated() {
            top[layer.name] = index
            if let model = layer.model?.value { add(model, index) }
        }
    }

    private mutating func add(_ model: ModelSpec, _ index: Int) {
        for layer in model.layers {
            if let known = inner[layer.name], known != index { inner[layer.name] = -1 } else { inner[layer.name] = index }
            if let model = layer.model?.value { add(model, index) }
        }
    }

    func layer(of name: String) -> Int? {
        let parts = name.split(separator: "/").dropLast().map(String.init)
        if let found = layer(of: parts) { return found }
        // TensorFlow numbers a scope that it has met before.
        return layer(of: parts.map(Self.withoutNumber))
    }

    private func layer(of parts: [String]) -> Int? {
        if let index = parts.lazy.compactMap({ top[$0] }).first { return index }
        return parts.lazy.compactMap { inner[$0] }.first { $0 >= 0 }
    }

    /// `dense_1` of `dense_1_1`.
    static func withoutNumber(_ part: String) -> String {
        guard let line = part.lastIndex(of: "_"), !part[line...].dropFirst().isEmpty,
            part[line...].dropFirst().allSatisfy(\.isNumber)
        else { return part }
        return String(part[..<line])
    }
}

/// What a layer should find, in the order of files with name lists.
private struct Expected {
    var layer: LayerSpec
    var owners: [WeightOwner]
    var places: [LegacyOrder.Place]
    /// False for a class that nobody here knows: its weights are what the file has.
    var isKnown: Bool

    init(_ layer: LayerSpec, for dialect: Dialect) {
        self.layer = layer
        let owners = WeightOwner.owners(in: layer, for: dialect)
        isKnown = owners != nil
        self.owners = (owners ?? []).map { owner in
            var owner = owner
            owner.variables.removeAll { $0.role == .seed }
            return owner
        }
        places = LegacyOrder.places(self.owners, in: layer, for: dialect)
    }

    func name(of place: LegacyOrder.Place) -> String { owners[place.owner].outlines[place.variable].name }

    /// In the order of `places` when the names say which is which, else as they are.
    func arranged(_ weights: [StoredWeights.Weight]) -> [StoredWeights.Weight] {
        guard weights.count == places.count else { return weights }
        var result: [StoredWeights.Weight] = []
        for place in places {
            let fitting = weights.filter { says(place, $0.name) }
            guard fitting.count == 1 else { return weights }
            result.append(fitting[0])
        }
        return Set(result.map(\.name)).count == result.count ? result : weights
    }

    func says(_ place: LegacyOrder.Place, lastPartOf name: String) -> Bool {
        let owner = owners[place.owner]
        let last = name.split(separator: "/").last.map(String.init) ?? name
        let variable = owner.variables[place.variable].name
        if last == variable || NameIndex.withoutNumber(last) == variable { return true }
        return owner.className == "DepthwiseConv2D" && variable == "kernel" && last == "depthwise_kernel"
    }

    private func says(_ place: LegacyOrder.Place, _ name: String) -> Bool {
        let owner = owners[place.owner]
        let parts = name.split(separator: "/").map(String.init)
        guard says(place, lastPartOf: name) else { return false }
        let scope = parts.dropLast()
        if owner.layerPath.count > 1, let inner = owner.layerPath.last, !scope.contains(inner) { return false }
        return owner.path.allSatisfy { part in
            switch part {
            case "forward_layer", "backward_layer": scope.contains { $0.hasPrefix(part.prefix { $0 != "_" } + "_") }
            case "query_dense", "key_dense", "value_dense":
                scope.contains(part) || scope.contains(String(part.prefix { $0 != "_" }))
            case "output_dense": scope.contains(part) || scope.contains("attention_output")
            // Cells and wrapped layers have no name of their own in some files.
            default: true
            }
        }
    }
}
