import KerasSpec
import OrderedCollections

/// A model in words that an older Keras has, where it has other layers that compute the same: the older dialects' writers begin
/// with this. What stays is for them to refuse.
///
/// Layers with weights keep their names, so weights are placed as if nothing had happened. Source: `keras/layers` of 2.3.1 and
/// 1.2.2, `keras/src/ops` of 3.15.1.
struct Downgrade {
    let dialect: Dialect
    private(set) var notes: [UpgradeNote] = []
    /// Operations pass no masks on, the layers that stand for them do.
    private var makesMasks = false

    /// The layers that stand for one: those before it take its inputs, the last one's output is everybody's.
    struct Expansion {
        var before: [LayerSpec] = []
        var layer: LayerSpec
        var after: [LayerSpec] = []
        var note: String
    }

    static func prepared(_ spec: ModelSpec, for dialect: Dialect, _ notes: inout [UpgradeNote]) -> ModelSpec {
        var downgrade = Downgrade(dialect: dialect)
        downgrade.makesMasks = makesMasks(spec)
        let result = downgrade.model(spec, path: "")
        notes += downgrade.notes
        return result
    }

    /// The same for who needs no notes: weights are placed by the model that is written.
    static func prepared(_ spec: ModelSpec, for dialect: Dialect) -> ModelSpec {
        var notes: [UpgradeNote] = []
        return prepared(spec, for: dialect, &notes)
    }

    private init(dialect: Dialect) { self.dialect = dialect }

    private static func makesMasks(_ spec: ModelSpec) -> Bool {
        spec.layers.contains { layer in
            layer.className == "Masking" || layer.config["mask_zero"] == true || (layer.model.map { makesMasks($0.value) } ?? false)
                || (layer.config["layer"].flatMap(InnerModel.spec).map(makesMasks) ?? false)
        }
    }

    // MARK: - Models

    private mutating func model(_ spec: ModelSpec, path: String) -> ModelSpec {
        var names = Set(spec.layers.map(\.name))
        var expansions: [String: Expansion] = [:]
        // Of whom others take the output that a layer gave.
        var lasts: [String: String] = [:]
        for layer in spec.layers where layer.model == nil {
            guard var expansion = expansion(of: layer) else { continue }
            notes.append(UpgradeNote(layer: path + layer.name, text: expansion.note))
            for index in expansion.before.indices { expansion.before[index].rename(layer.name + "_" + expansion.before[index].name, &names) }
            for index in expansion.after.indices { expansion.after[index].rename(layer.name + "_" + expansion.after[index].name, &names) }
            if let last = expansion.after.last { lasts[layer.name] = last.name }
            expansions[layer.name] = expansion
        }
        var result = spec
        result.layers = []
        result.outputs = spec.outputs.renaming(lasts)
        for var layer in spec.layers {
            let calls = (expansions[layer.name]?.layer.calls ?? layer.calls).map { call in
                LayerCall(
                    arguments: call.arguments.map { $0.renaming(lasts) }, keywords: call.keywords.mapValues { $0.renaming(lasts) })
            }
            if let inner = layer.model?.value { layer.model = Box(model(inner, path: path + layer.name + "/")) }
            let expansion = expansions[layer.name]
            var previous: String?
            for var one in (expansion?.before ?? []) + [expansion?.layer ?? layer] + (expansion?.after ?? []) {
                one.calls = previous.map { name in
                    calls.indices.map { LayerCall(arguments: [.tensor(TensorReference(layer: name, node: $0))]) }
                } ?? calls
                if spec.kind == .sequential { one.calls = layer.calls }
                previous = one.name
                result.layers.append(one)
            }
        }
        if !spec.trainable, dialect == .keras1 || dialect == .keras2 {
            notes.append(UpgradeNote(layer: path.isEmpty ? spec.name : String(path.dropLast()), text: "a frozen model is written with each of its layers frozen"))
            freeze(&result)
        }
        return result
    }

    /// Keras 1 and 2.3 say of layers alone whether they are trained.
    private func freeze(_ spec: inout ModelSpec) {
        spec.trainable = true
        for index in spec.layers.indices {
            if var inner = spec.layers[index].model?.value {
                freeze(&inner)
                spec.layers[index].model = Box(inner)
            } else if spec.layers[index].className != "InputLayer" {
                spec.layers[index].config["trainable"] = false
            }
        }
    }

    // MARK: - Layers

    private func expansion(of layer: LayerSpec) -> Expansion? {
        if layer.className.hasPrefix(OperationName.prefix) { return makesMasks ? nil : operation(layer) }
        let config = layer.config
        let dtype = config["dtype"] ?? "float32"
        switch layer.className {
        case "Identity" where dialect != .tfKeras:
            return Expansion(
                layer: layer.instead("Activation", ["activation": "linear"]), note: "an Identity is written as a linear Activation")
        case "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "GlobalAveragePooling1D", "GlobalAveragePooling2D",
            "GlobalAveragePooling3D":
            guard dialect != .tfKeras, config["keepdims"] == true else { return nil }
            var plain = layer
            plain.config["keepdims"] = false
            let rank = layer.className.hasSuffix("1D") ? 1 : layer.className.hasSuffix("2D") ? 2 : 3
            let ones = [ConfigValue](repeating: 1, count: rank)
            let shape: [ConfigValue] = config["data_format"] == "channels_first" ? [-1] + ones : ones + [-1]
            return Expansion(
                layer: plain, after: [.made("Reshape", "keepdims", ["target_shape": .array(shape)], dtype)],
                note: "keepdims is written as a Reshape after the pooling")
        case "Bidirectional":
            guard dialect != .tfKeras, !makesMasks else { return nil }
            var plain = layer
            for key in ["layer", "backward_layer"] {
                guard var inner = config[key]?.object, var settings = inner["config"]?.object else { continue }
                guard settings["zero_output_for_mask"] == true else { continue }
                settings["zero_output_for_mask"] = false
                inner["config"] = .object(settings)
                plain.config[key] = .object(inner)
            }
            guard plain.config != config else { return nil }
            return Expansion(layer: plain, note: "zero_output_for_mask says nothing here: the model makes no masks")
        case "Conv1D" where dialect == .keras1 && config["padding"] == "causal":
            guard let size = Self.extent(config["kernel_size"]), let dilation = Self.extent(config["dilation_rate"] ?? 1),
                size > 0, size < 1 << 20, dilation > 0, dilation < 1 << 20
            else { return nil }
            var plain = layer
            plain.config["padding"] = "valid"
            return Expansion(
                before: [.made("ZeroPadding1D", "padding", ["padding": [.integer((size - 1) * dilation), 0], "data_format": "channels_last"], dtype)],
                layer: plain, note: "causal padding is written as a ZeroPadding1D before the convolution")
        default: return activation(of: layer)
        }
    }

    private static func extent(_ value: ConfigValue?) -> Int? {
        value?.integer ?? value?.array.flatMap { $0.count == 1 ? $0[0].integer : nil }
    }

    // MARK: - Activations

    /// Activations that the dialect has as layers only.
    private func activationLayer(_ name: String, _ dtype: ConfigValue) -> [LayerSpec]? {
        switch (name, dialect) {
        case ("leaky_relu", .keras1), ("leaky_relu", .keras2): [.made("LeakyReLU", name, ["negative_slope": 0.2], dtype)]
        case ("relu6", .keras2):
            [.made("ReLU", name, ["max_value": 6.0, "negative_slope": 0.0, "threshold": 0.0], dtype)]
        case ("hard_sigmoid", .tfKeras):
            // Keras 3's: clip(x / 6 + 0.5, 0, 1).
            [
                .made("Rescaling", "scale", ["scale": .float(1.0 / 6.0), "offset": 0.5], dtype),
                .made("ReLU", name, ["max_value": 1.0, "negative_slope": 0.0, "threshold": 0.0], dtype),
            ]
        default: nil
        }
    }

    /// A layer whose activation is the last thing that it does, with the activation as layers of their own.
    private func activation(of layer: LayerSpec) -> Expansion? {
        let classes: Set<String> = [
            "Activation", "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv2DTranspose", "Conv3DTranspose", "DepthwiseConv2D",
            "SeparableConv1D", "SeparableConv2D",
        ]
        guard classes.contains(layer.className), let name = layer.config["activation"].flatMap(ActivationUpgrade.name),
            (layer.config["activity_regularizer"] ?? .null).isNull,
            var after = activationLayer(name, layer.config["dtype"] ?? "float32")
        else { return nil }
        let note = "the activation \(name) is written as \(after.map(\.className).joined(separator: " and "))"
        if layer.className == "Activation", after.count == 1 {
            let own = after.removeFirst()
            return Expansion(layer: layer.instead(own.className, own.config), note: note)
        }
        var plain = layer
        plain.config["activation"] = "linear"
        return Expansion(layer: plain, after: after, note: note)
    }

    // MARK: - Operations

    private static let merges: Set<String> = [
        "ops.numpy.Add", "ops.numpy.Subtract", "ops.numpy.Multiply", "ops.numpy.Maximum", "ops.numpy.Minimum",
    ]

    /// Operations on one tensor that are activations, with the settings that they must have.
    private static let activations: [String: (name: String, settings: ConfigObject)] = [
        "ops.nn.Relu": ("relu", [:]), "ops.nn.Sigmoid": ("sigmoid", [:]), "ops.nn.Softplus": ("softplus", [:]),
        "ops.nn.Softsign": ("softsign", [:]), "ops.nn.Selu": ("selu", [:]), "ops.nn.Elu": ("elu", ["alpha": 1.0]),
        "ops.nn.Softmax": ("softmax", ["axis": -1]), "ops.numpy.Tanh": ("tanh", [:]), "ops.numpy.Exp": ("exponential", [:]),
        "ops.nn.Relu6": ("relu6", [:]),
    ]

    private func operation(_ layer: LayerSpec) -> Expansion? {
        // tf.keras has operations of its own.
        guard dialect != .tfKeras, layer.calls.count == 1, let call = layer.calls.first,
            call.keywords.values.allSatisfy({ $0 == .constant(.null) })
        else { return nil }
        let name = String(layer.className.split(separator: ".").last ?? "")
        let settings = layer.config.filter { !["name", "trainable", "dtype"].contains($0.key) && !$0.key.hasPrefix("legacy>") }
        let tensors = call.arguments.filter { if case .tensor = $0 { true } else { false } }
        if Self.merges.contains(layer.className), tensors.count == 2, call.arguments.count == 2, settings.isEmpty {
            return Expansion(
                layer: layer.instead(name, [LegacyName.maskRule: "all"], [LayerCall(arguments: [.list(tensors)])]),
                note: "the operation \(name) is written as a layer")
        }
        if layer.className == "ops.numpy.Concatenate", case .list(let items)? = call.arguments.first, call.arguments.count == 1,
            items.count == items.filter({ if case .tensor = $0 { true } else { false } }).count, let axis = settings["axis"]?.integer,
            axis != 0, settings.count == 1
        {
            return Expansion(
                layer: layer.instead("Concatenate", ["axis": .integer(axis), LegacyName.maskRule: "all"], [LayerCall(arguments: [.list(items)])]),
                note: "the operation Concatenate is written as a layer")
        }
        guard tensors.count == 1, call.arguments.count == 1 else { return nil }
        let plain = [LayerCall(arguments: tensors)]
        if layer.className == "ops.numpy.Transpose", settings.count == 1, let axes = settings["axes"]?.array?.map(\.integer),
            axes.first == 0
        {
            let dims = axes.dropFirst().compactMap(\.self)
            guard dims.sorted() == Array(1..<max(axes.count, 1)) else { return nil }
            return Expansion(
                layer: layer.instead("Permute", ["dims": .array(dims.map { .integer($0) })], plain),
                note: "the operation Transpose is written as a Permute")
        }
        if layer.className == "ops.nn.LeakyRelu", settings.count == 1, let slope = settings["negative_slope"]?.number {
            return Expansion(
                layer: layer.instead("LeakyReLU", ["negative_slope": .float(slope)], plain), note: "the operation LeakyRelu is written as a layer")
        }
        guard let known = Self.activations[layer.className],
            settings.allSatisfy({ key, value in known.settings[key].map { $0 == value || ($0.number != nil && $0.number == value.number) } ?? false })
        else { return nil }
        let own = activationLayer(known.name, "float32")?.first
        return Expansion(
            layer: layer.instead(own?.className ?? "Activation", own?.config ?? ["activation": .string(known.name)], plain),
            note: "the operation \(name) is written as a layer")
    }
}

extension LayerSpec {
    /// Another layer in this one's place.
    fileprivate func instead(_ className: String, _ own: ConfigObject, _ calls: [LayerCall]? = nil) -> LayerSpec {
        var config: ConfigObject = ["name": .string(name), "trainable": true, "dtype": self.config["dtype"] ?? "float32"]
        for (key, value) in own where config[key] == nil { config[key] = value }
        return LayerSpec(className: className, name: name, config: config, calls: calls ?? self.calls)
    }

    fileprivate static func made(_ className: String, _ name: String, _ own: ConfigObject, _ dtype: ConfigValue) -> LayerSpec {
        var config: ConfigObject = ["name": .string(name), "trainable": true, "dtype": dtype]
        for (key, value) in own { config[key] = value }
        return LayerSpec(className: className, name: name, config: config)
    }

    /// Gives a name that no layer bears yet.
    fileprivate mutating func rename(_ wanted: String, _ names: inout Set<String>) {
        var free = wanted
        var number = 1
        while !names.insert(free).inserted {
            free = "\(wanted)_\(number)"
            number += 1
        }
        name = free
        config["name"] = .string(free)
    }
}
