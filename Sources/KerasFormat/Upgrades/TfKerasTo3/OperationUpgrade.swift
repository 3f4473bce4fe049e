import KerasSpec
import OrderedCollections

/// Nodes that stand for a function of TensorFlow, `TFOpLambda` and `SlicingOpLambda`, from and to the operations of Keras 3.
///
/// TensorFlow is told everything with the call; Keras 3 keeps what isn't a tensor with the operation. What has no operation
/// that computes the same stays as it is.
enum OperationUpgrade {
    /// The operation of Keras 3 that a node is; nil where there is none.
    ///
    /// - Parameter layer: `TFOpLambda` or `SlicingOpLambda` in tf.keras's words, with its calls.
    private static func upgrade(_ layer: LayerSpec) -> LayerSpec? {
        guard layer.className == "TFOpLambda" || layer.className == "SlicingOpLambda",
            let function = layer.config["function"]?.string, let rule = OperationRule.byFunction[function],
            layer.calls.count == 1, let call = layer.calls.first, call.arguments.count == 1
        else { return nil }
        var keywords = call.keywords
        keywords.removeValue(forKey: "name")
        // Whichever integers count, they are the same.
        if function.hasPrefix("math.arg"), keywords["output_type"] == .constant("int32") { keywords.removeValue(forKey: "output_type") }
        if rule.className == "ops.numpy.Reshape", case .list(let extents)? = keywords["shape"] {
            // An extent that is computed is the one that the others leave.
            let isKnown = extents.map { if case .constant(let value) = $0 { (value.integer ?? -1) >= 0 } else { false } }
            guard isKnown.count(where: { !$0 }) == 1 else { return nil }
            keywords["shape"] = .constant(.array(extents.map { if case .constant(let value) = $0 { value } else { -1 } }))
        }
        var upgraded = LayerCall(arguments: call.arguments)
        for input in rule.inputs {
            guard let value = keywords.removeValue(forKey: input) else { return nil }
            upgraded.arguments.append(operand(value))
        }
        var config: ConfigObject = ["name": .string(layer.name)]
        for setting in rule.settings {
            guard let value = Self.value(of: setting, in: &keywords) else { return nil }
            config[setting.keras3] = value
        }
        for (key, value) in rule.added { config[key] = value }
        switch rule.className {
        case "ops.numpy.Pad":
            let fill = keywords.removeValue(forKey: "constant_values")
            guard config["mode"] == "constant" else {
                guard fill == nil || fill == .constant(0) || fill == .constant(0.0) else { return nil }
                upgraded.keywords["constant_values"] = .constant(.null)
                break
            }
            upgraded.keywords["constant_values"] = fill ?? .constant(0)
        case "ops.numpy.GetItem":
            guard let spec = Self.slices(upgraded.arguments.removeLast()) else { return nil }
            upgraded.arguments.append(.constant(spec))
        case "ops.numpy.Split":
            // TensorFlow lists sizes, Keras the places between.
            if let sizes = config["indices_or_sections"]?.array {
                guard let places = Self.places(sizes) else { return nil }
                config["indices_or_sections"] = places
            }
        default: break
        }
        for (key, value) in keywords {
            guard case .constant(let constant) = value, let expected = rule.neutral[key], constant == expected else { return nil }
        }
        var result = layer
        result.className = rule.className
        result.config = config
        result.calls = [upgraded]
        var kept: ConfigObject = [:]
        for (key, value) in [("trainable", true), ("dtype", "float32")] as [(String, ConfigValue)] {
            if let own = layer.config[key], own != value { kept[key] = own }
        }
        if !kept.isEmpty { result.config[LegacyName.kept] = .object(kept) }
        return result
    }

    /// The layers of Keras 3 that a node is, the last of which bears its name; nil where there are none.
    ///
    /// - Parameters:
    ///   - layer: `TFOpLambda`, `SlicingOpLambda` or `TensorFlowOpLayer` in tf.keras's words, with its calls.
    ///   - names: of the model's layers, to which those of new ones are added.
    ///   - moved: to which the results are added that other layers give from now on.
    private static func layers(
        for layer: LayerSpec, _ names: inout Set<String>, _ moved: inout [TensorReference: TensorReference]
    ) -> [LayerSpec]? {
        let isNode = layer.className == "TensorFlowOpLayer"
        guard let node = isNode ? GraphNode.function(layer) : layer else { return nil }
        if var one = upgrade(node) {
            // A node of a graph isn't written as one again.
            one.source = isNode ? nil : one.source
            one.source?.upgraded = one.config
            return [one]
        }
        guard node.className == "TFOpLambda", let function = node.config["function"]?.string, node.calls.count == 1, let call = node.calls.first,
            call.arguments.count == 1
        else { return nil }
        if function == "keras.backend.batch_flatten" {
            let config: ConfigObject = ["name": .string(layer.name), "trainable": true, "dtype": "float32", "data_format": "channels_last"]
            return [LayerSpec(className: "Flatten", name: layer.name, config: config, calls: [LayerCall(arguments: call.arguments)])]
        }
        guard let composition = OperationComposition(function, call.arguments[0], call.keywords) else { return nil }
        let own = composition.steps.indices.map { step in
            step == composition.steps.count - 1 ? layer.name : unused("\(layer.name)_\(step + 1)", &names)
        }
        for (number, output) in composition.outputs.enumerated() where own.indices.contains(output.node) {
            moved[TensorReference(layer: layer.name, tensor: number)] = TensorReference(layer: own[output.node], tensor: output.tensor)
        }
        return zip(composition.steps, own).map { step, name in
            var config: ConfigObject = ["name": .string(name)]
            for (key, value) in step.config { config[key] = value }
            return LayerSpec(
                className: step.className, name: name, config: config,
                calls: [LayerCall(arguments: step.arguments.map { operand($0.naming(steps: own)) })])
        }
    }

    private static func unused(_ wanted: String, _ names: inout Set<String>) -> String {
        var (name, number) = (wanted, 1)
        while !names.insert(name).inserted {
            name = "\(wanted)_\(number)"
            number += 1
        }
        return name
    }

    /// A list of numbers in a tensor's place as Keras 3 writes an array: it takes no lists for tensors.
    private static func operand(_ nest: Nest) -> Nest {
        guard case .constant(let value) = nest, value.array != nil, holdsFloats(value) else { return nest }
        return .constant(["class_name": "__numpy__", "config": ["value": value, "dtype": "float32"]])
    }

    private static func holdsFloats(_ value: ConfigValue) -> Bool {
        switch value {
        case .array(let items): items.contains(where: holdsFloats)
        case .float: true
        default: false
        }
    }

    /// The list again.
    private static func listed(_ nest: Nest) -> Nest {
        guard case .constant(.object(let object)) = nest, object["class_name"] == "__numpy__", let value = object["config"]?.object?["value"] else {
            return nest
        }
        return .constant(value)
    }

    /// Brings all nodes of a functional model up, and leaves out those that nobody reads any more.
    static func upgrade(_ spec: inout ModelSpec) {
        guard spec.layers.contains(where: { TfKerasGraph.operationClasses.contains($0.className) }) else { return }
        fuseSpectra(&spec)
        var names = Set(spec.layers.map(\.name))
        var layers: [LayerSpec] = []
        var renamed: [String: String] = [:]
        var moved: [TensorReference: TensorReference] = [:]
        for var layer in spec.layers {
            let isNode = layer.className == "TensorFlowOpLayer"
            guard TfKerasGraph.operationClasses.contains(layer.className) else {
                layers.append(layer)
                continue
            }
            var own: [TensorReference: TensorReference] = [:]
            guard let upgraded = self.layers(for: layer, &names, &own) else {
                layers.append(layer)
                continue
            }
            // Keras 3 takes no name with a slash, which separates scopes of a graph.
            if isNode, layer.name.contains("/") {
                let old = layer.name
                layer.name = unused(String(old.map { $0 == "/" ? "_" : $0 }), &names)
                renamed[old] = layer.name
                layer.config["name"] = .string(layer.name)
                own = [:]
                layers += self.layers(for: layer, &names, &own) ?? upgraded
            } else {
                layers += upgraded
            }
            moved.merge(own) { _, new in new }
        }
        func rewrite(_ change: (Nest) -> Nest) {
            for index in layers.indices {
                for number in layers[index].calls.indices {
                    layers[index].calls[number].arguments = layers[index].calls[number].arguments.map(change)
                    layers[index].calls[number].keywords = layers[index].calls[number].keywords.mapValues(change)
                }
            }
            spec.outputs = change(spec.outputs)
        }
        if !renamed.isEmpty { rewrite { $0.renaming(renamed) } }
        if !moved.isEmpty { rewrite { $0.moving(moved) } }
        // Shapes that were asked for, and computed with, for a reshape that now knows without.
        func isRead(_ layer: LayerSpec) -> Bool {
            let isOperation = layer.className.hasPrefix(OperationName.prefix) || TfKerasGraph.operationClasses.contains(layer.className)
            guard isOperation, !spec.outputs.tensors.contains(where: { $0.layer == layer.name }) else { return true }
            return layers.contains { other in
                other.calls.contains { call in
                    (call.arguments.flatMap(\.tensors) + call.keywords.values.flatMap(\.tensors)).contains { $0.layer == layer.name }
                }
            }
        }
        if layers.contains(where: asksForShape) {
            while let index = layers.firstIndex(where: { !isRead($0) }) { layers.remove(at: index) }
        }
        spec.layers = layers
    }

    /// Complex numbers don't go from node to node: what reads a part of a spectrum computes the spectrum.
    private static func fuseSpectra(_ spec: inout ModelSpec) {
        func function(_ layer: LayerSpec) -> String? { layer.className == "TFOpLambda" && layer.calls.count == 1 ? layer.config["function"]?.string : nil }
        var spectra: [String: LayerCall] = [:]
        for layer in spec.layers where function(layer) == "signal.stft" { spectra[layer.name] = layer.calls[0] }
        guard !spectra.isEmpty else { return }
        for index in spec.layers.indices {
            let layer = spec.layers[index]
            guard let own = function(layer), ["math.abs", "math.real", "math.imag", "math.angle"].contains(own), layer.calls[0].arguments.count == 1,
                case .tensor(let source) = layer.calls[0].arguments[0], let spectrum = spectra[source.layer],
                OperationComposition("signal.stft>" + own, spectrum.arguments.first ?? .constant(.null), spectrum.keywords) != nil
            else { continue }
            spec.layers[index].config["function"] = .string("signal.stft>" + own)
            spec.layers[index].calls[0] = spectrum
        }
        let read = Set(
            spec.layers.flatMap { $0.calls.flatMap { $0.arguments.flatMap(\.tensors) + $0.keywords.values.flatMap(\.tensors) } }.map(\.layer)
                + spec.outputs.tensors.map(\.layer))
        spec.layers.removeAll { spectra[$0.name] != nil && !read.contains($0.name) }
    }

    private static func asksForShape(_ layer: LayerSpec) -> Bool {
        if layer.className == "TensorFlowOpLayer" { return layer.config["node_def"]?.object?["op"] == "Shape" }
        return layer.className == "TFOpLambda" && ["shape", "compat.v1.shape"].contains(layer.config["function"]?.string)
    }

    /// The setting in Keras 3's words; nil where it can't be said.
    private static func value(
        of setting: OperationRule.Setting, in keywords: inout OrderedDictionary<String, Nest>
    ) -> ConfigValue? {
        let given: ConfigValue
        switch keywords.removeValue(forKey: setting.tf) {
        case .constant(let value): given = value
        case nil:
            guard let fallback = setting.fallback else { return nil }
            given = fallback
        default: return nil
        }
        switch setting.form {
        case .same: return given
        case .nullIsDefault: return given.isNull ? setting.fallback : given
        case .upperCase: return given.string.map { .string($0.lowercased()) }
        case .square:
            guard let number = given.number, number >= 0 else { return nil }
            return .float(number.squareRoot())
        case .listOfOne: return given.array?.count == 1 ? given.array?[0] : given
        }
    }

    /// `{"start": …}` of TensorFlow as Keras 3's `__slice__`.
    private static func slices(_ nest: Nest) -> ConfigValue? {
        guard case .constant(let value) = nest else { return nil }
        func slice(_ value: ConfigValue) -> ConfigValue? {
            switch value {
            case .integer, .null: return value
            case .object(let object):
                if object["class_name"] == "__ellipsis__" { return ["class_name": "__ellipsis__", "config": [:]] }
                guard let start = object["start"], let stop = object["stop"], let step = object["step"] else { return nil }
                return ["class_name": "__slice__", "config": ["start": start, "stop": stop, "step": step]]
            default: return nil
            }
        }
        guard let items = value.array else { return slice(value) }
        let slices = items.compactMap(slice)
        return slices.count == items.count ? .array(slices) : nil
    }

    private static func places(_ sizes: [ConfigValue]) -> ConfigValue? {
        var places: [ConfigValue] = []
        var sum = 0
        for size in sizes.dropLast() {
            guard let number = size.integer, number >= 0, number < 1 << 40 else { return nil }
            sum += number
            guard sum < 1 << 40 else { return nil }
            places.append(.integer(sum))
        }
        return .array(places)
    }

    // MARK: - Downgrade

    /// A call in tf.keras's words.
    struct Downgraded {
        var className: String
        var config: ConfigObject
        /// The first argument.
        var input: Nest
        var keywords: OrderedDictionary<String, Nest>
    }

    /// The function of TensorFlow that an operation of Keras 3 is; nil where there is none, and `refuse` has heard why.
    static func downgrade(_ layer: LayerSpec, _ call: LayerCall, _ refuse: (String) -> Void) -> Downgraded? {
        guard let rule = OperationRule.byClass[layer.className] else {
            refuse("operation \(layer.className.dropFirst(OperationName.prefix.count))")
            return nil
        }
        var config = layer.config
        let kept = config.removeValue(forKey: LegacyName.kept)?.object ?? [:]
        config.removeValue(forKey: "name")
        // A layer's own settings, which operations of newer Keras 3 write too.
        for key in ["trainable", "dtype"] where !rule.settings.contains(where: { $0.keras3 == key }) {
            if !rule.added.contains(where: { $0.key == key }) { config.removeValue(forKey: key) }
        }
        var keywords: OrderedDictionary<String, Nest> = [:]
        var callKeywords = call.keywords
        guard let input = call.arguments.first, call.arguments.count <= 1 + rule.inputs.count else {
            refuse("a call of \(rule.function) with \(call.arguments.count) arguments")
            return nil
        }
        for (name, argument) in zip(rule.inputs, call.arguments.dropFirst()) { keywords[name] = listed(argument) }
        for setting in rule.settings {
            guard let value = config.removeValue(forKey: setting.keras3) ?? setting.keras3Default,
                let said = Self.said(value, setting)
            else {
                refuse("\(setting.keras3) of \(rule.function)")
                return nil
            }
            keywords[setting.tf] = .constant(said)
        }
        for (key, value) in rule.added {
            guard let own = config.removeValue(forKey: key) else { continue }
            if own != value, own.number == nil || own.number != value.number {
                refuse("\(key) \(JSON.text(own)) of \(rule.function)")
                return nil
            }
        }
        var isSlicing = false
        switch rule.className {
        case "ops.numpy.Pad":
            let fill = callKeywords.removeValue(forKey: "constant_values")
            if let fill, fill != .constant(.null) { keywords["constant_values"] = fill }
        case "ops.numpy.GetItem":
            isSlicing = true
            guard case .constant(let value)? = keywords["slice_spec"] else {
                refuse("an index that is a tensor")
                return nil
            }
            keywords["slice_spec"] = .constant(Self.spoken(value))
        case "ops.numpy.Split":
            guard config["indices_or_sections"]?.array == nil, keywords["num_or_size_splits"].map(Self.isNumber) ?? true else {
                refuse("split at places")
                return nil
            }
        default: break
        }
        for (key, value) in config {
            refuse("\(key) \(JSON.text(value)) of \(rule.function)")
            return nil
        }
        for (key, value) in callKeywords where value != .constant(.null) {
            refuse("\(key) in a call of \(rule.function)")
            return nil
        }
        return Downgraded(
            className: isSlicing ? "SlicingOpLambda" : "TFOpLambda",
            config: [
                "name": .string(layer.name), "trainable": kept["trainable"] ?? true, "dtype": kept["dtype"] ?? "float32",
                "function": .string(rule.function),
            ],
            input: input, keywords: keywords)
    }

    private static func isNumber(_ nest: Nest) -> Bool {
        if case .constant(.integer) = nest { true } else { false }
    }

    /// The setting in TensorFlow's words; nil where it has none.
    private static func said(_ value: ConfigValue, _ setting: OperationRule.Setting) -> ConfigValue? {
        switch setting.form {
        case .same: return value
        // Keras's null means all axes together, TensorFlow's the default.
        case .nullIsDefault: return value.isNull ? nil : value
        case .upperCase: return value.string.map { .string($0.uppercased()) }
        case .square:
            // Keras's own epsilon.
            guard let number = value.isNull ? 1e-7 : value.number else { return nil }
            return .float(number * number)
        case .listOfOne: return value.array == nil ? [value] : value
        }
    }

    /// Keras 3's `__slice__` as TensorFlow's `{"start": …}`.
    private static func spoken(_ value: ConfigValue) -> ConfigValue {
        switch value {
        case .array(let items): return .array(items.map(spoken))
        case .object(let object):
            switch object["class_name"] {
            case "__slice__": return object["config"] ?? .object(object)
            case "__ellipsis__": return ["class_name": "__ellipsis__"]
            case "__tuple__":
                if let items = object["config"]?.object?["value"]?.array ?? object["items"]?.array { return .array(items.map(spoken)) }
                return value
            default: return value
            }
        default: return value
        }
    }
}

extension Nest {
    /// Results that other layers give now as theirs.
    fileprivate func moving(_ moved: [TensorReference: TensorReference]) -> Nest {
        switch self {
        case .tensor(let reference): .tensor(moved[reference] ?? reference)
        case .constant: self
        case .list(let items): .list(items.map { $0.moving(moved) })
        case .dictionary(let items): .dictionary(items.mapValues { $0.moving(moved) })
        }
    }

    /// Results of steps under the names that the steps were given.
    fileprivate func naming(steps: [String]) -> Nest {
        switch self {
        case .tensor(let reference):
            reference.layer.isEmpty && steps.indices.contains(reference.node)
                ? .tensor(TensorReference(layer: steps[reference.node], tensor: reference.tensor)) : self
        case .constant: self
        case .list(let items): .list(items.map { $0.naming(steps: steps) })
        case .dictionary(let items): .dictionary(items.mapValues { $0.naming(steps: steps) })
        }
    }
}
