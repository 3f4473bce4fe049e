internal import Graphs
internal import KerasSpec
internal import Layers
internal import OrderedCollections
internal import Plots
internal import Tensors

/// Makes the graph that is drawn of a model: what Keras's `model_to_dot` draws.
///
/// Each layer is one box, however often it is called; the `InputLayer` of a Sequential isn't shown. Drawn from the spec, so that
/// models with layers that nobody here computes are drawn too, without their shapes.
struct ModelGraph {
    private let options: PlotOptions
    /// What is known of each layer's calls, by path; empty where the model can't be lowered.
    private var calls: [String: [LoweredModel.Call]] = [:]
    private var layersWithWeights: Set<String> = []

    init(_ model: Model, _ options: PlotOptions) {
        self.options = options
        guard options.showShapes || options.showDtype || options.showTrainable, let program = try? model.program(),
            let inputs = program.declaredInputs, let lowered = try? program.lower(inputs: inputs, training: false)
        else { return }
        calls = Dictionary(grouping: lowered.calls, by: \.layer)
        layersWithWeights = Set(lowered.parameters.slots.filter(\.slot.isSaved).map { $0.layerPath.joined(separator: "/") })
    }

    func graph(of spec: ModelSpec) -> PlotGraph { graph(of: spec, path: "") }

    private func graph(of spec: ModelSpec, path: String) -> PlotGraph {
        var graph = PlotGraph(name: spec.name)
        var numbers: [String: Int] = [:]
        var inner: [String: PlotGraph] = [:]
        for layer in spec.layers where !(spec.kind == .sequential && layer.className == "InputLayer") {
            if let model = layer.model, options.expandNested {
                let nested = self.graph(of: model.value, path: path + layer.name + "/")
                inner[layer.name] = nested
                numbers[layer.name] = graph.add(.nested(nested))
            } else {
                numbers[layer.name] = graph.add(.box(box(of: layer, path: path)))
            }
        }
        switch spec.kind {
        case .sequential:
            for node in graph.nodes.indices.dropFirst() { graph.connect(PlotGraph.End(node - 1), PlotGraph.End(node)) }
            if !graph.nodes.isEmpty {
                graph.entries = [PlotGraph.End(0)]
                graph.exits = [PlotGraph.End(graph.nodes.count - 1)]
            }
        case .functional:
            func end(_ tensor: TensorReference) -> PlotGraph.End? {
                numbers[tensor.layer].map { PlotGraph.End($0, port: inner[tensor.layer] == nil ? 0 : tensor.tensor) }
            }
            for layer in spec.layers {
                guard let node = numbers[layer.name] else { continue }
                for call in layer.calls {
                    let read = call.arguments.flatMap(\.tensors) + call.keywords.values.flatMap(\.tensors)
                    for (index, tensor) in read.enumerated() {
                        guard let from = end(tensor) else { continue }
                        // A nested Sequential has one entry, whatever is passed to it.
                        let port = inner[layer.name].map { min(index, max($0.entries.count - 1, 0)) } ?? 0
                        graph.connect(from, PlotGraph.End(node, port: port))
                    }
                }
            }
            graph.entries = spec.inputs.tensors.compactMap { numbers[$0.layer].map { PlotGraph.End($0) } }
            graph.exits = spec.outputs.tensors.compactMap(end)
        }
        return graph
    }

    // MARK: boxes

    private func box(of layer: LayerSpec, path: String) -> PlotBox {
        let name = path + layer.name
        let className = Self.shownClass(of: layer)
        let calls = calls[name] ?? []
        var rows: [PlotBox.Row] = []
        if options.showLayerActivations, let activation = Self.activation(of: layer) {
            rows.append(PlotBox.Row("Activation", activation))
        }
        if options.showShapes {
            if layer.className != "InputLayer" { rows.append(PlotBox.Row("Input shape", Self.shapes(calls.map(\.inputs)))) }
            rows.append(PlotBox.Row("Output shape", Self.shapes(calls.map(\.outputs))))
        }
        if options.showDtype { rows.append(PlotBox.Row("Output dtype", Self.dtypes(calls.last?.outputs, layer))) }
        if options.showTrainable, layersWithWeights.contains(where: { $0 == name || $0.hasPrefix(name + "/") }) {
            let isTrainable = layer.config["trainable"]?.bool ?? layer.model?.value.trainable ?? true
            rows.append(
                PlotBox.Row("", isTrainable ? "Trainable" : "Non-trainable", color: Color(hex: isTrainable ? 0x228b22 : 0xb22222)))
        }
        return PlotBox(
            title: options.showLayerNames ? layer.name : className, subtitle: options.showLayerNames ? className : nil, rows: rows,
            color: LayerFamily.color(of: className), hint: "\(name) (\(className))")
    }

    /// The class, with the class that it wraps: `TimeDistributed(Dense)`. An operation's is the last of its words.
    private static func shownClass(of layer: LayerSpec) -> String {
        if layer.className.hasPrefix("ops."), let last = layer.className.split(separator: ".").last { return String(last) }
        guard let wrapped = layer.config["layer"]?.object?["class_name"]?.string else { return layer.className }
        return "\(layer.className)(\(wrapped))"
    }

    /// The name of a layer's activation, of one given as an object too.
    private static func activation(of layer: LayerSpec) -> String? {
        guard let value = layer.config["activation"] else { return nil }
        if let name = value.string { return name }
        guard let object = value.object else { return nil }
        return object["config"]?.string ?? object["registered_name"]?.string ?? object["class_name"]?.string
    }

    /// The shapes of all calls, each that differs once.
    private static func shapes(_ calls: [[ValueInfo]]) -> String {
        var shown: [String] = []
        for infos in calls {
            let text = infos.count == 1 ? infos[0].shape.description : "[\(infos.map(\.shape.description).joined(separator: ", "))]"
            if !shown.contains(text) { shown.append(text) }
        }
        return shown.isEmpty ? "?" : shown.joined(separator: " · ")
    }

    /// Types as the layer's policy has them: what is float32 here may be half as wide in Keras.
    private static func dtypes(_ outputs: [ValueInfo]?, _ layer: LayerSpec) -> String {
        guard let outputs, !outputs.isEmpty else { return "?" }
        let policy = layer.config["dtype"]?.string ?? layer.config["dtype"]?.object?["config"]?.object?["name"]?.string
        let names = outputs.map { info -> String in
            guard info.dtype == .float32, let policy else { return info.dtype.rawValue }
            return policy.hasPrefix("mixed_") ? String(policy.dropFirst(6)) : policy.contains("float") ? policy : info.dtype.rawValue
        }
        return names.count == 1 ? names[0] : "[\(names.map { "'\($0)'" }.joined(separator: ", "))]"
    }
}
