import KerasSpec
import OrderedCollections
import Tensors

/// The scheme `objects`: a group for every object that has variables, `layers/dense_1/vars/0`.
///
/// Objects are found by the attributes that lead to them; a list of layers numbers them by class, whatever they are called.
/// Source: `_save_state`, `_save_container_state`, `_walk_saveable` of `keras/src/saving/saving_lib.py` 3.15.1, and of 2.13.1,
/// tf-keras 2.21.
enum ObjectNaming {
    /// The model's weights, by the attributes that lead to them.
    ///
    /// - Parameter byName: find the top-level layers by the names that the file gives its groups, and leave alone what only
    ///   one of both has. (Keras has this for the older layout alone.) Throws 69 `weights.byName` for a file without names.
    static func resolve(
        _ stored: StoredWeights, in spec: ModelSpec, byName: Bool = false
    ) throws(LocatedError) -> WeightResolution {
        var reader = ObjectReader(stored)
        if byName { try reader.takeByName(spec) } else { reader.take(spec, at: "", layerPath: []) }
        reader.resolution.fileLayers = reader.topLevelGroups()
        return reader.resolution
    }

    /// The same weights with the names that an architecture gives the groups of its layers, for files that tell none: before
    /// Keras 3.6, and tf-keras's.
    static func labelled(_ stored: StoredWeights, by spec: ModelSpec) -> StoredWeights {
        guard stored.scheme == .objects, !stored.layers.contains(where: { $0.label != nil }) else { return stored }
        var stored = stored
        let groups = ObjectReader(stored).groups(of: spec)
        for index in stored.layers.indices { stored.layers[index].label = groups[stored.layers[index].name] }
        return stored
    }

    /// Keras's `to_snake_case`: `conv2d_transpose`, `p_re_lu`, `lstm_cell`.
    static func snakeCase(_ className: String) -> String {
        // What is registered has its package's name in front of a ">".
        let name = className.split(separator: ">").last.map(String.init) ?? className
        // The one class whose public name isn't its own.
        let own = name == "GroupQueryAttention" ? "GroupedQueryAttention" : name
        let plain = own.filter { $0.isLetter || $0.isNumber || $0 == "_" }
        return plain.replacing(/(.)([A-Z][a-z]+)/) { "\($0.output.1)_\($0.output.2)" }
            .replacing(/([a-z])([A-Z])/) { "\($0.output.1)_\($0.output.2)" }.lowercased()
    }

    /// The model's layers that a list of layers holds, with the part of their groups' names that comes of the class. A
    /// Sequential doesn't count its input; operations aren't layers to Keras 3.
    static func counted(_ spec: ModelSpec) -> [LayerSpec] {
        spec.layers.filter { layer in
            !(spec.kind == .sequential && layer.className == "InputLayer") && !layer.className.hasPrefix(OperationName.prefix)
        }
    }

    /// What a numbered object is called: `dense`, `dense_1`.
    static func numbered(_ base: String, _ number: Int) -> String { number == 0 ? base : "\(base)_\(number)" }

    /// The classes that a layer's group may be named by: as the file's Keras knows it, as Keras 3 does.
    private static func bases(of layer: LayerSpec) -> [String] {
        let classes = [layer.source?.json.object?["class_name"]?.string, layer.className].compactMap(\.self)
        return OrderedSet(classes.map(snakeCase)).elements
    }

    /// The group of each layer, numbered within its class from 0; nil where there is none.
    static func byNumber(_ layers: [LayerSpec], _ found: OrderedSet<String>) -> [String?] {
        var counts: [String: Int] = [:]
        return layers.map { layer in
            var group: String?
            for base in bases(of: layer) {
                let name = numbered(base, counts[base, default: 0])
                counts[base, default: 0] += 1
                if group == nil, found.contains(name) { group = name }
            }
            return group
        }
    }

    /// The group of each layer by its rank within the class: tf.keras 2.12 to 2.14 count a layer that has weights twice.
    static func byRank(_ layers: [LayerSpec], _ found: OrderedSet<String>) -> [String?] {
        var groups: [String: [(number: Int, name: String)]] = [:]
        for name in found {
            let number = name.split(separator: "_").last.flatMap { part in part.allSatisfy(\.isNumber) ? Int(part) : nil }
            groups[name, default: []].append((0, name))
            if let number { groups[String(name.dropLast(String(number).count + 1)), default: []].append((number, name)) }
        }
        for base in groups.keys { groups[base]?.sort { $0.number < $1.number } }
        var counts: [String: Int] = [:]
        return layers.map { layer in
            var group: String?
            for base in bases(of: layer) {
                let rank = counts[base, default: 0]
                counts[base] = rank + 1
                if group == nil, let ranked = groups[base], rank < ranked.count { group = ranked[rank].name }
            }
            return group
        }
    }
}

/// Takes a file's arrays to the model's layers.
private struct ObjectReader {
    var resolution = WeightResolution()
    private let objects: OrderedDictionary<String, StoredWeights.Layer>
    /// The objects right below each object, groups that hold nothing but objects included.
    private var children: OrderedDictionary<String, OrderedSet<String>> = [:]
    /// Every group that has arrays in it or below it.
    private var occupied: Set<String> = []

    init(_ stored: StoredWeights) {
        objects = OrderedDictionary(stored.layers.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
        for (name, object) in objects {
            var parent = ""
            for part in name.split(separator: "/") {
                children[parent, default: []].append(String(part))
                parent = join(parent, String(part))
                if !object.weights.isEmpty { occupied.insert(parent) }
            }
        }
    }

    // MARK: - Models

    mutating func take(_ spec: ModelSpec, at path: String, layerPath: [String]) {
        let (container, layers, groups) = assigned(spec, at: path)
        let found = children[container] ?? []
        for (layer, group) in zip(layers, groups) {
            take(layer, at: group.map { join(container, $0) }, expected: layer.className, layerPath: layerPath + [layer.name])
        }
        let taken = Set(groups.compactMap(\.self))
        for group in found where !taken.contains(group) {
            let extra = join(container, group)
            // Keras passes over what no object of the model asks for.
            if occupied.contains(extra) { leave(extra) }
        }
    }

    private mutating func leave(_ group: String) {
        resolution.unread.append(LoadingReport.Item(group, .missingInModel, "the file's \(shown(group)) is not in the model"))
    }

    /// The container of a model's layers, and the group in it of each.
    private func assigned(_ spec: ModelSpec, at path: String) -> (container: String, layers: [LayerSpec], groups: [String?]) {
        let isOld = children[path]?.contains("layers") != true && children[path]?.contains(ObjectHDF5.oldContainer) == true
        let container = join(path, isOld ? ObjectHDF5.oldContainer : "layers")
        let found = children[container] ?? []
        let layers = ObjectNaming.counted(spec)
        return (container, layers, isOld ? ObjectNaming.byRank(layers, found) : ObjectNaming.byNumber(layers, found))
    }

    /// Names of the top-level layers by their groups.
    func groups(of spec: ModelSpec) -> [String: String] {
        let (container, layers, groups) = assigned(spec, at: "")
        var names: [String: String] = [:]
        for (layer, group) in zip(layers, groups) { if let group { names[join(container, group)] = layer.name } }
        return names
    }

    /// The top-level layers by the names of their groups.
    mutating func takeByName(_ spec: ModelSpec) throws(LocatedError) {
        let (container, layers, _) = assigned(spec, at: "")
        var named: [String: String] = [:]
        for group in children[container] ?? [] {
            if let label = objects[join(container, group)]?.label, named[label] == nil { named[label] = join(container, group) }
        }
        guard !named.isEmpty else {
            throw LocatedError(
                .unsupported, "weights.byName", "expected weights with layer names, got a file that names none",
                hint: "Keras writes names to .weights.h5 from 3.6 on; a .keras file tells them in its architecture.")
        }
        var taken: Set<String> = []
        for layer in layers {
            guard let group = named[layer.name] else {
                if Self.hasWeights(layer) {
                    resolution.modelLayers.append(layer.name)
                    resolution.absences.append(LegacyNaming.absent(layer.name))
                }
                continue
            }
            taken.insert(group)
            take(layer, at: group, expected: layer.className, layerPath: [layer.name])
        }
        for group in children[container] ?? [] {
            let extra = join(container, group)
            if !taken.contains(extra), occupied.contains(extra) { leave(extra) }
        }
    }

    /// Whether a layer is known to have weights.
    private static func hasWeights(_ layer: LayerSpec) -> Bool {
        if let model = layer.model?.value { return model.layers.contains(where: hasWeights) }
        return WeightLayout(of: layer.className, config: layer.config)?.outlines.contains { $0.role != .seed } ?? false
    }

    // MARK: - Layers

    /// - Parameter path: nil when the file has no such object.
    private mutating func take(_ layer: LayerSpec, at path: String?, expected className: String, layerPath: [String]) {
        if let model = layer.model?.value {
            guard let path else { return missing(model, layerPath) }
            return take(model, at: path, layerPath: layerPath)
        }
        guard let layout = WeightLayout(of: layer.className, config: layer.config) else {
            if let path { takeOpaque(at: path, layerPath: layerPath, path: []) }
            return
        }
        let expects = layout.outlines.contains { $0.role != .seed }
        if expects, layerPath.count == 1 { resolution.modelLayers.append(layer.name) }
        guard let path else {
            if expects { disagree(layerPath, .missingInFile) }
            return
        }
        take(layout, of: layer.className, at: path, layerPath: layerPath, path: [])
    }

    private mutating func disagree(_ place: [String], _ reason: LoadingReport.Reason, _ text: String = " is not in the file") {
        let name = place.joined(separator: "/")
        resolution.disagreements.append(Disagreement(name, reason, quoted(name) + text))
    }

    private mutating func missing(_ model: ModelSpec, _ layerPath: [String]) {
        for layer in ObjectNaming.counted(model) { take(layer, at: nil, expected: layer.className, layerPath: layerPath + [layer.name]) }
    }

    private mutating func take(
        _ layout: WeightLayout, of className: String, at group: String, layerPath: [String], path: [String]
    ) {
        if !layout.variables.isEmpty {
            take(
                layout.variables, behind: layout.repeated.count, at: group,
                owner: WeightOutline(layerPath: layerPath, path: path, role: .trained))
        }
        for part in layout.parts {
            guard let inner = self.group(of: part, in: group) else {
                if part.layout.outlines.contains(where: { $0.role != .seed }) {
                    disagree(layerPath + path + part.path, .missingInFile)
                }
                continue
            }
            if part.className != "SeedGenerator", WeightLayout(of: part.className, config: part.config) == nil {
                takeOpaque(at: inner, layerPath: layerPath, path: path + part.path)
            } else {
                take(part.layout, of: part.className, at: inner, layerPath: layerPath, path: path + part.path)
            }
        }
    }

    /// Where a part stands: attributes that are private in one Keras are properties in another.
    private func group(of part: WeightLayout.Part, in group: String) -> String? {
        var place = group
        var isOldList = false
        for attribute in part.path {
            var name = [attribute, "_" + attribute].first { children[place]?.contains($0) == true }
            if isOldList { name = ranked(attribute, in: children[place] ?? []) }
            isOldList = false
            if name == nil, attribute == "layers", children[place]?.contains(ObjectHDF5.oldContainer) == true {
                (name, isOldList) = (ObjectHDF5.oldContainer, true)
            }
            guard let name else { return nil }
            place = join(place, name)
        }
        return place
    }

    /// The group of number n among those of a class, for `dense_n`: tf.keras 2.12 to 2.14 leave numbers out.
    private func ranked(_ name: String, in found: OrderedSet<String>) -> String? {
        let base = NameIndex.withoutNumber(name)
        let rank = name == base ? 0 : Int(name.dropFirst(base.count + 1)) ?? 0
        let groups = found.filter { $0 == base || NameIndex.withoutNumber($0) == base }
            .sorted { ($0.count, $0) < ($1.count, $1) }
        return rank < groups.count ? groups[rank] : nil
    }

    /// - Parameter skipped: arrays in front that stand elsewhere, too.
    private mutating func take(
        _ variables: [WeightLayout.Variable], behind skipped: Int, at group: String, owner: WeightOutline
    ) {
        let isSeed = variables.allSatisfy { $0.role == .seed }
        let all = objects[group]?.weights ?? []
        let held = all.count == variables.count + skipped ? Array(all.dropFirst(skipped)) : all
        guard held.count == variables.count else {
            guard !isSeed else { return }
            if held.contains(where: { $0.tensor.dtype == .int8 || $0.tensor.dtype == .uint8 }) || held.count == variables.count + Self.float8Scales {
                resolution.isQuantizedInSecret = true
            }
            return disagree(
                owner.layerPath + owner.path, .counts,
                " (the file's \(shown(group))) has \(variables.count) weights, the file \(held.count)")
        }
        for (variable, weight) in zip(variables, held) {
            let outline = WeightOutline(
                layerPath: owner.layerPath, path: owner.path + [variable.name], role: variable.role)
            resolution.weights.weights.append(
                ModelWeights.Weight(outline: outline, tensor: weight.tensor, fileName: fileName(group, weight.name)))
        }
    }

    /// Scales and histories of input, kernel and gradient.
    private static let float8Scales = 6

    /// All arrays below an object whose class nobody knows.
    private mutating func takeOpaque(at group: String, layerPath: [String], path: [String]) {
        resolution.opaqueLayers.insert(layerPath)
        for object in objects.values where object.name == group || object.name.hasPrefix(group + "/") {
            let inner = object.name.dropFirst(group.count).split(separator: "/").map(String.init)
            for weight in object.weights {
                let outline = WeightOutline(
                    layerPath: layerPath, path: path + inner + weight.name.split(separator: "/").map(String.init), role: .trained)
                resolution.weights.weights.append(
                    ModelWeights.Weight(outline: outline, tensor: weight.tensor, fileName: fileName(object.name, weight.name)))
            }
        }
    }

    // MARK: - Names

    /// Layers of the file that have arrays, for hints.
    func topLevelGroups() -> [String] {
        ["layers", ObjectHDF5.oldContainer].flatMap { container in
            (children[container] ?? []).filter { occupied.contains(container + "/" + $0) }
                .map { objects[container + "/" + $0]?.label ?? $0 }
        }
    }

    /// A group as messages name it.
    private func shown(_ group: String) -> String {
        let label = objects[group]?.label
        return quoted(group) + (label.map { ", \(quoted($0))," } ?? "")
    }

    private func fileName(_ object: String, _ name: String) -> String { join(join(object, "vars"), name) }

    private func join(_ path: String, _ name: String) -> String { path.isEmpty ? name : path + "/" + name }
}
