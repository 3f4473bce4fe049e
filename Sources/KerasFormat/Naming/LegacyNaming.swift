package import KerasSpec
import Tensors

/// What became of a file's weights: the model's, and where both disagree.
package struct WeightResolution: Sendable {
    package var weights = ModelWeights()
    /// What doesn't fit, for one error that tells all.
    package var disagreements: [Disagreement] = []
    /// What the file holds and the model has no place for.
    package var unread: [LoadingReport.Item] = []
    /// What the model has and the file needn't.
    package var absences: [LoadingReport.Item] = []
    /// Layers whose class nobody knows, by path: their arrays are told apart by their place among them alone.
    package var opaqueLayers: Set<[String]> = []
    /// Whether arrays are quantized where the model has plain weights.
    package var isQuantizedInSecret = false
    /// The file's layers that have weights, and those of the model that should have some.
    package var fileLayers: [String] = []
    package var modelLayers: [String] = []
}

/// One thing in which file and model disagree.
package struct Disagreement: Hashable, Sendable {
    package var item: LoadingReport.Item
    /// Whether the rest may be loaded without it, if the caller asks for that.
    package var isSkippable: Bool

    package init(_ place: String, _ reason: LoadingReport.Reason, _ text: String, isSkippable: Bool = true) {
        item = LoadingReport.Item(place, reason, text)
        self.isSkippable = isSkippable
    }
}

/// The scheme `layers`: a list for each of a model's layers.
enum LegacyNaming {
    // MARK: - Reading

    /// The model's weights by order, as `load_weights` takes them: the file's layers that have weights against the model's that
    /// have some, whatever either are called.
    static func resolve(_ stored: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> WeightResolution {
        let origin = WeightOrigin(of: stored)
        let spec = Self.asListed(spec, in: stored)
        let file = stored.layers.filter { !$0.weights.isEmpty }
        let held = Set(file.map(\.name))
        // Nobody knows whether a class of one's own has weights, but the file.
        let model = try Expectation.all(of: spec, for: origin.dialect).filter { $0.owners?.isEmpty != true && ($0.owners != nil || held.contains($0.layer.name)) }
        var resolution = WeightResolution(fileLayers: file.map(\.name), modelLayers: model.map(\.layer.name))
        guard model.count == file.count else {
            // Comparing pairs in order would only repeat that in other words.
            resolution.reportCounts()
            return resolution
        }
        for (expected, layer) in zip(model, file) { try resolution.take(layer, for: expected, from: origin, byName: false) }
        return resolution
    }

    /// By layer name, as `load_weights(by_name=True)` does: layers that only one of both has are left alone.
    ///
    /// Source: `load_weights_from_hdf5_group_by_name` of `keras/engine/saving.py` 2.3.1,
    /// `keras/src/legacy/saving/legacy_h5_format.py` 3.15.
    static func resolveByName(_ stored: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> WeightResolution {
        let origin = WeightOrigin(of: stored)
        let spec = Self.asListed(spec, in: stored)
        let file = stored.layers.filter { !$0.weights.isEmpty }
        // A layer without weights takes part: it may have some in the model.
        let byName = Dictionary(stored.layers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        var resolution = WeightResolution(fileLayers: file.map(\.name))
        var taken: Set<String> = []
        for expected in try Expectation.all(of: spec, for: origin.dialect) {
            let name = expected.layer.name
            let isEmpty = expected.owners?.isEmpty == true
            if !isEmpty { resolution.modelLayers.append(name) }
            guard let layer = byName[name] else {
                if expected.owners?.isEmpty == false { resolution.absences.append(Self.absent(name)) }
                continue
            }
            taken.insert(name)
            if !isEmpty || !layer.weights.isEmpty { try resolution.take(layer, for: expected, from: origin, byName: true) }
        }
        resolution.unread = file.filter { !taken.contains($0.name) }.map { layer in
            LoadingReport.Item(layer.name, .missingInModel, "the file's \(quoted(layer.name)) is not in the model")
        }
        return resolution
    }

    /// The model as the file's Keras lists its weights.
    private static func asListed(_ spec: ModelSpec, in stored: StoredWeights) -> ModelSpec {
        guard WeightOrigin(of: stored).dialect == .keras3, let version = stored.kerasVersion,
            KerasTarget(.keras3, version: version).ignoresFrozen
        else { return spec }
        return spec.thawed
    }

    static func absent(_ name: String) -> LoadingReport.Item {
        LoadingReport.Item(name, .missingInFile, "\(quoted(name)) is not in the file")
    }

    // MARK: - Writing

    /// The weights as a file of the target holds them: a group for every one of `model.layers`.
    static func place(
        _ weights: ModelWeights, of spec: ModelSpec, for target: KerasTarget
    ) throws(LocatedError) -> StoredWeights {
        let spec =
            target.dialect != .keras3 ? Downgrade.prepared(spec, for: target.dialect) : target.ignoresFrozen ? spec.thawed : spec
        var stored = StoredWeights(layers: [], kerasVersion: target.version, backend: "tensorflow")
        let byLayer = Dictionary(grouping: weights.weights) { $0.outline.layerPath.first ?? "" }
        for layer in target.dialect == .keras1 ? Keras1Dialect.fileOrder(of: spec) : spec.layers {
            // A Sequential doesn't count its input among its layers.
            if spec.kind == .sequential, layer.className == "InputLayer" { continue }
            // Nor Keras 3 its operations.
            if target.dialect == .keras3, layer.className.hasPrefix(OperationName.prefix) { continue }
            let own = byLayer[layer.name] ?? []
            stored.layers.append(
                StoredWeights.Layer(name: layer.name, weights: try place(own, of: layer, in: spec, for: target.dialect)))
        }
        return stored
    }

    /// Arrays that a file of the other layout tells apart in a way that only the layer's class could translate.
    static func unordered(_ layer: LayerSpec, _ reason: String) -> LocatedError {
        LocatedError(
            .unsupported, "weights.customLayer",
            "expected layers whose weights can be listed in another layout, got \(layer.name) (\(layer.className)), whose weights \(reason)",
            hint: "Keep the layout: from .h5 to .h5, from .keras or .weights.h5 to either.")
    }

    private static func place(
        _ weights: [ModelWeights.Weight], of layer: LayerSpec, in model: ModelSpec, for dialect: Dialect
    ) throws(LocatedError) -> [StoredWeights.Weight] {
        guard let modern = WeightOwner.owners(in: layer, for: .keras3),
            let owners = WeightOwner.owners(in: layer, for: dialect)
        else {
            // One object's arrays have an order, that of several is known to the class alone.
            let objects = Set(weights.filter { $0.fileName != nil }.map { $0.outline.path.dropLast() })
            if objects.count > 1, let inner = weights.first(where: { $0.fileName != nil && $0.outline.path.count > 1 }) {
                throw Self.unordered(layer, "tell the layers within it by attributes (\(inner.outline.path.joined(separator: "/")))")
            }
            // Weights that Swift gave names come as Keras lists them; those of a file are in its order.
            let ordered = weights.filter { $0.outline.role == .trained } + weights.filter { $0.outline.role == .other }
            return ordered.map { weight in
                let own = weight.outline.layerPath.last ?? layer.name
                let name = "\(own)/\(weight.outline.path.joined(separator: "/"))"
                // Places of the other layout are no names.
                let isPlace = weight.fileName?.contains("vars/") == true
                return StoredWeights.Weight(name: isPlace ? name : weight.fileName ?? name, tensor: weight.tensor)
            }
        }
        let values = Dictionary(weights.map { ($0.outline.name, $0.tensor) }, uniquingKeysWith: { first, _ in first })
        var arrays: [[LazyTensor]] = []
        for owner in modern {
            var own: [LazyTensor] = []
            for (variable, outline) in zip(owner.variables, owner.outlines) where variable.role != .seed {
                guard let tensor = values[outline.name] else {
                    throw LocatedError(.mismatch, "weights.value", "expected a value for every weight, got none", at: [outline.name])
                }
                own.append(tensor)
            }
            arrays.append(try LegacyConversion.downgraded(own, of: owner.withoutSeeds, for: dialect))
        }
        let places = LegacyOrder.places(owners, in: layer, for: dialect)
        let names = LegacyNames.names(of: places, owners, in: layer, of: model, for: dialect)
        return zip(places, names).map { StoredWeights.Weight(name: $1, tensor: arrays[$0.owner][$0.variable]) }
    }
}

/// What a layer should find in a file.
private struct Expectation {
    var layer: LayerSpec
    /// Names of the models around it, from the outermost on.
    var outer: [String]
    /// As the file's Keras has them; nil where nobody knows.
    var owners: [WeightOwner]?
    /// As Keras 3 has them.
    var modern: [WeightOwner]
    var places: [LegacyOrder.Place]

    static func all(of spec: ModelSpec, for dialect: Dialect) throws(LocatedError) -> [Expectation] {
        (dialect == .keras1 ? Keras1Dialect.fileOrder(of: spec) : spec.layers).map { Expectation($0, for: dialect) }
    }

    /// - Parameter outer: names of the models around it.
    init(_ layer: LayerSpec, within outer: [String] = [], for dialect: Dialect) {
        owners = WeightOwner.owners(in: layer, for: dialect, under: outer)?.map(\.withoutSeeds).filter { !$0.variables.isEmpty }
        modern = (WeightOwner.owners(in: layer, for: .keras3, under: outer) ?? []).map(\.withoutSeeds).filter { !$0.variables.isEmpty }
        places = owners.map { LegacyOrder.places($0, in: layer, for: dialect) } ?? []
        self.layer = layer
        self.outer = outer
    }

    /// The same with each gate apart, or all together, if so many weights are that: Keras 1 has both, and the settings that tell
    /// which are another file's.
    func fitting(_ count: Int, _ origin: WeightOrigin) -> Expectation {
        guard origin.dialect == .keras1, owners != nil, places.count != count else { return self }
        for splits in [true, false] {
            var other = self
            let owners = modern.map { Keras1Layout.owner($0, splits: splits) }
            other.owners = owners
            other.places = LegacyOrder.places(owners, in: layer, for: origin.dialect)
            if other.places.count == count { return other }
        }
        return self
    }
}

extension Expectation {
    /// The layers of a model that holds classes which nobody knows, each with the weights whose names begin with its own; nil
    /// where names don't tell.
    fileprivate func parts(
        of held: [StoredWeights.Weight], from origin: WeightOrigin
    ) -> [(part: Expectation, weights: [StoredWeights.Weight])]? {
        guard let model = layer.model?.value else { return nil }
        let numbers = Dictionary(model.layers.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        // A model within has the names of its own layers in front.
        var inner: [String: Int] = [:]
        func add(_ model: ModelSpec, _ number: Int) {
            for layer in model.layers {
                inner[layer.name] = inner[layer.name, default: number] == number ? number : -1
                if let model = layer.model?.value { add(model, number) }
            }
        }
        for (number, layer) in model.layers.enumerated() {
            if let model = layer.model?.value { add(model, number) }
        }
        var weights = [[StoredWeights.Weight]](repeating: [], count: model.layers.count)
        for weight in held {
            let parts = weight.name.split(separator: "/").dropLast().map(String.init)
            guard
                let number = parts.lazy.compactMap({ numbers[$0] }).first
                    ?? parts.lazy.compactMap({ inner[$0] }).first(where: { $0 >= 0 })
            else { return nil }
            weights[number].append(weight)
        }
        return zip(model.layers, weights).map { (Expectation($0, within: outer + [layer.name], for: origin.dialect), $1) }
    }
}

extension WeightOwner {
    /// Without where random numbers stand.
    fileprivate var withoutSeeds: WeightOwner {
        var owner = self
        owner.variables.removeAll { $0.role == .seed }
        return owner
    }
}

extension WeightResolution {
    fileprivate mutating func take(
        _ held: StoredWeights.Layer, for expected: Expectation, from origin: WeightOrigin, byName: Bool
    ) throws(LocatedError) {
        let expected = expected.fitting(held.weights.count, origin)
        guard let owners = expected.owners else {
            if let parts = expected.parts(of: held.weights, from: origin) {
                for (part, weights) in parts where !weights.isEmpty || part.owners?.isEmpty == false {
                    try take(StoredWeights.Layer(name: part.layer.name, weights: weights), for: part, from: origin, byName: byName)
                }
                return
            }
            opaqueLayers.insert(expected.outer + [expected.layer.name])
            for (index, weight) in held.weights.enumerated() {
                let outline = WeightOutline(layerPath: expected.outer + [expected.layer.name], path: [String(index)], role: .trained)
                weights.weights.append(ModelWeights.Weight(outline: outline, tensor: weight.tensor, fileName: weight.name))
            }
            return
        }
        let name = expected.layer.name
        let pair = held.name == name ? quoted(name) : "\(quoted(name)) (the file's \(quoted(held.name)))"
        guard expected.places.count == held.weights.count else {
            // Keras skips such a layer only when it goes by names.
            disagreements.append(
                Disagreement(
                    name, .counts, "\(pair) has \(expected.places.count) weights, the file \(held.weights.count)", isSkippable: byName))
            return
        }
        var arrays = owners.map { [LazyTensor?](repeating: nil, count: $0.variables.count) }
        var names = owners.map { [String](repeating: "", count: $0.variables.count) }
        for (place, weight) in zip(expected.places, held.weights) {
            arrays[place.owner][place.variable] = weight.tensor
            names[place.owner][place.variable] = weight.name
        }
        for (index, owner) in expected.modern.enumerated() {
            let own = arrays[index].compactMap(\.self)
            let upgraded: [LazyTensor]
            do throws(LocatedError) { upgraded = try LegacyConversion.upgraded(own, of: owner, from: origin) } catch {
                guard error.category == .mismatch else { throw error.within(held.name) }
                let place = (owner.layerPath + owner.path).joined(separator: "/")
                disagreements.append(Disagreement(place, .shapes, error.within(held.name).description))
                continue
            }
            let fileNames: [String?] = upgraded.count == names[index].count ? names[index] : upgraded.map { _ in names[index].first }
            for ((outline, tensor), fileName) in zip(zip(owner.outlines, upgraded), fileNames) {
                weights.weights.append(ModelWeights.Weight(outline: outline, tensor: tensor, fileName: fileName))
            }
        }
    }

    fileprivate mutating func reportCounts() {
        func add(_ place: String, _ reason: LoadingReport.Reason, _ text: String) {
            disagreements.append(Disagreement(place, reason, text, isSkippable: false))
        }
        add("", .counts, "the model has \(modelLayers.count) layers with weights, the file \(fileLayers.count)")
        let (inModel, inFile) = (Set(modelLayers), Set(fileLayers))
        for layer in modelLayers where !inFile.contains(layer) { add(layer, .missingInFile, "\(quoted(layer)) is not in the file") }
        for layer in fileLayers where !inModel.contains(layer) {
            add(layer, .missingInModel, "the file's \(quoted(layer)) is not in the model")
        }
    }
}
