package import Graphs
package import KerasSpec
package import Tensors
internal import OrderedCollections

/// A spec with its layers decoded: what can be lowered to graphs, for any shapes, any number of times.
package struct ModelProgram: Sendable {
    /// One layer of the model, in the spec's order.
    package struct Entry: Sendable {
        package enum Body: Sendable {
            case layer(any BuiltInLayer)
            case model(Box<ModelProgram>)
        }

        package var name: String
        package var className: String
        package var body: Body
        package var calls: [LayerCall]
    }

    package let spec: ModelSpec
    package let entries: [Entry]

    /// Decodes every layer. Throws `.unsupported` with all unknown classes at once, or the first wrong configuration.
    package init(_ spec: ModelSpec, registry: LayerRegistry = .builtIn) throws(LocatedError) {
        let unknown = registry.unknownLayers(in: spec)
        guard unknown.isEmpty else {
            throw LocatedError(
                .unsupported, "layer.unknown",
                "expected layer classes that swift-keras computes, got \(unknown.joined(separator: ", "))",
                hint: unknown.contains { $0.hasSuffix(" (Lambda)") }
                    ? "Code in files is never run; --replace NAME='EXPRESSION' gives a Lambda layer a meaning. inspect and convert work all the same."
                    : "inspect and convert work all the same.")
        }
        var entries: [Entry] = []
        var names: Set<String> = []
        for layer in spec.layers {
            guard names.insert(layer.name).inserted else {
                throw LocatedError(
                    .invalid, "model.duplicateLayer",
                    "expected layer names to be unique, got \"\(layer.name)\" more than once", at: [layer.name])
            }
            let body: Entry.Body
            if let model = layer.model {
                body = .model(Box(try locating(layer.name) { () throws(LocatedError) in
                    try ModelProgram(model.value, registry: registry)
                }))
            } else {
                body = .layer(try locating(layer.name) { () throws(LocatedError) in try registry.decode(layer) })
            }
            entries.append(Entry(name: layer.name, className: layer.className, body: body, calls: layer.calls))
        }
        self.spec = spec
        self.entries = entries
    }

    package func entry(named name: String) -> Entry? { entries.first { $0.name == name } }

    /// The model's inputs as its `InputLayer`s declare them; nil when the spec tells no shape.
    package var declaredInputs: [ValueInfo]? {
        switch spec.kind {
        case .sequential:
            guard let first = entries.first else { return nil }
            switch first.body {
            case .layer(let input as InputLayer): return [input.info]
            case .layer: return nil
            case .model(let model): return model.value.declaredInputs
            }
        case .functional:
            var infos: [ValueInfo] = []
            for reference in spec.inputs.tensors {
                guard case .layer(let input as InputLayer)? = entry(named: reference.layer)?.body else { return nil }
                infos.append(input.info)
            }
            return infos
        }
    }

    /// Names of the inputs, as Keras tells them: the input layers'.
    package var inputNames: [String] {
        switch spec.kind {
        case .sequential:
            if case .layer(is InputLayer)? = entries.first?.body { return [entries[0].name] }
            return [(entries.first?.name ?? spec.name) + "_input"]
        case .functional: return spec.inputs.tensors.map(\.layer)
        }
    }

    /// Names of the outputs, as Keras tells them: the layers that make them.
    package var outputNames: [String] {
        switch spec.kind {
        case .sequential: [entries.last?.name ?? spec.name]
        case .functional: spec.outputs.tensors.map(\.layer)
        }
    }

    /// The layers as `model.layers` lists them: without the input of a Sequential.
    package var visibleEntries: [Entry] {
        spec.kind == .sequential ? entries.filter { if case .layer(is InputLayer) = $0.body { false } else { true } } : entries
    }

    /// The weights that files hold for each of `model.layers`, once `table` was filled by a lowering.
    package func layerSlots(in table: ParameterTable) -> [LayerSlots] {
        visibleEntries.map { entry in
            LayerSlots(
                name: entry.name, className: entry.className,
                slots: table.slots.filter { $0.slot.isSaved && $0.layerPath.first == entry.name }.sortedByLayer(of: entry))
        }
    }
}

extension [PlacedSlot] {
    /// A nested model's slots in the order of its layers, whatever order they were called in.
    fileprivate func sortedByLayer(of entry: ModelProgram.Entry) -> [PlacedSlot] {
        guard case .model(let model) = entry.body else { return self }
        return model.value.entries.flatMap { inner -> [PlacedSlot] in
            let own = filter { $0.layerPath.dropFirst().first == inner.name }
            let stripped = own.map { PlacedSlot(layerPath: [String]($0.layerPath.dropFirst()), slot: $0.slot) }
            return stripped.sortedByLayer(of: inner).map {
                PlacedSlot(layerPath: [entry.name] + $0.layerPath, slot: $0.slot)
            }
        }
    }
}

extension ModelProgram {
    /// The place of each layer's call (by `LoweredModel.Call.tap`) when the model runs; layers that aren't reached are absent.
    package var runningOrder: [String: Int] {
        guard let inputs = declaredInputs, let lowered = try? lower(inputs: inputs, training: false) else {
            return [String: Int](entries.enumerated().map { ($1.name, $0) }, uniquingKeysWith: { first, _ in first })
        }
        return [String: Int](lowered.calls.enumerated().map { ($1.tap, $0) }, uniquingKeysWith: { first, _ in first })
    }
}

extension ModelProgram {
    /// Whether the first layer that tells says that channels come first.
    package var readsChannelsFirst: Bool {
        for entry in entries {
            switch entry.body {
            case .layer(let layer):
                if let format = layer.config["data_format"]?.string { return format == DataFormat.channelsFirst.rawValue }
            case .model(let model): if model.value.readsChannelsFirst { return true }
            }
        }
        return false
    }
}

extension ModelProgram {
    /// What leads to a layer in the files of Keras 3: `layers` and its class's name with its number, an input that isn't
    /// written not counted.
    func numbered(_ entry: Entry) -> [String] {
        func base(_ entry: Entry) -> String {
            if case .model(let model) = entry.body { return SnakeCase.name(model.value.spec.kind.rawValue) }
            return SnakeCase.name(entry.className)
        }
        let own = base(entry)
        let before = visibleEntries.prefix { $0.name != entry.name }.count { !$0.className.hasPrefix("ops.") && base($0) == own }
        return ["layers", before == 0 ? own : "\(own)_\(before)"]
    }

    /// Whether a layer's samples depend on each other in training.
    var mixesSamples: Bool {
        entries.contains { entry in
            switch entry.body {
            case .layer(let layer): layer.mixesSamples
            case .model(let model): model.value.mixesSamples
            }
        }
    }

    /// Whether a layer carries states from one batch to the next.
    var isStateful: Bool {
        entries.contains { entry in
            switch entry.body {
            case .layer(let layer): layer.isStateful
            case .model(let model): model.value.isStateful
            }
        }
    }
}

extension ModelProgram {
    /// Whether lengths within the model depend on what its inputs hold.
    package var measuresInput: Bool {
        entries.contains { entry in
            switch entry.body {
            case .layer(let layer): (layer as? TextVectorization)?.measuresInput ?? (layer as? OperationLayer)?.measuresInput ?? false
            case .model(let model): model.value.measuresInput
            }
        }
    }
}
