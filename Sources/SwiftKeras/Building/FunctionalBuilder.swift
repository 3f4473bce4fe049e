internal import KerasSpec
internal import Layers
internal import OrderedCollections
internal import Tensors

/// Makes the spec of a functional model from its symbolic inputs and outputs: finds the calls between them, names the layers,
/// and puts the layers in Keras's order.
///
/// The order is that of `_map_graph_network` (keras/engine/network.py, 2.3.1): by depth, which counts back from the outputs,
/// and within one depth by the order in which a walk from the outputs meets the layers. Files depend on it.
struct FunctionalBuilder {
    private var met: OrderedDictionary<ObjectIdentifier, Int> = [:]
    private var uses: [ObjectIdentifier: [LayerUse]] = [:]
    private var postorder: [LayerUse] = []
    private var finished: Set<ObjectIdentifier> = []

    /// - Parameter objects: takes up the custom layers that are met.
    static func spec(
        inputs: [KerasTensor], outputs: [KerasTensor], name: String, _ objects: inout CustomObjects
    ) throws(LocatedError) -> ModelSpec {
        var builder = FunctionalBuilder()
        for output in outputs { builder.visit(output.source) }
        for use in builder.postorder {
            switch use.callee {
            case .layer(let layer): objects.collect(layer)
            case .model(let model): objects = objects.merging(model.customObjects)
            }
        }
        return try builder.make(inputs: inputs, outputs: outputs, name: name)
    }

    /// Depth first without recursion; calls are acyclic by construction.
    private mutating func visit(_ root: LayerUse) {
        var stack: [(use: LayerUse, next: Int)] = []
        func key(_ use: LayerUse) -> ObjectIdentifier { ObjectIdentifier(use) }
        func enter(_ use: LayerUse, _ stack: inout [(use: LayerUse, next: Int)]) {
            if met[use.owner] == nil { met[use.owner] = met.count }
            stack.append((use, 0))
        }
        guard !finished.contains(key(root)) else { return }
        enter(root, &stack)
        while let top = stack.last {
            if top.next < top.use.inputs.count {
                stack[stack.count - 1].next += 1
                let source = top.use.inputs[top.next].source
                if !finished.contains(key(source)) { enter(source, &stack) }
            } else {
                stack.removeLast()
                guard finished.insert(key(top.use)).inserted else { continue }
                postorder.append(top.use)
                uses[top.use.owner, default: []].append(top.use)
            }
        }
    }

    private func make(
        inputs: [KerasTensor], outputs: [KerasTensor], name: String
    ) throws(LocatedError) -> ModelSpec {
        let given = Set(inputs.map { ObjectIdentifier($0.source) })
        for use in postorder where use.inputs.isEmpty && !given.contains(ObjectIdentifier(use)) {
            var lost = "an input"
            if case .layer(let layer as InputLayer) = use.callee {
                lost = "the input \(layer.common.name.map { "\"\($0)\" " } ?? "")of shape \(layer.common.batchShape ?? [])"
            }
            throw LocatedError(
                .usage, "model.disconnected", "expected every input that the outputs depend on, got none for \(lost)",
                at: [name], hint: "Pass it in inputs:.")
        }
        let ordered = layersByDepth(inputs: inputs)
        var names = LayerNames()
        var nameOf: [ObjectIdentifier: String] = [:]
        let byCreation = ordered.sorted { creation($0) < creation($1) }
        for use in byCreation {
            switch use.callee {
            case .layer(let layer): nameOf[use.owner] = try names.name(for: layer)
            case .model(let model): nameOf[use.owner] = names.makeUnique(model.name)
            }
        }
        var nodeOf: [ObjectIdentifier: Int] = [:]
        for (_, list) in uses {
            for (node, use) in list.sorted(by: { $0.serial.serial < $1.serial.serial }).enumerated() {
                nodeOf[ObjectIdentifier(use)] = node
            }
        }
        func reference(_ tensor: KerasTensor) -> Nest {
            .tensor(
                TensorReference(
                    layer: nameOf[tensor.source.owner] ?? "", node: nodeOf[ObjectIdentifier(tensor.source)] ?? 0,
                    tensor: tensor.index))
        }
        let layers = ordered.map { first -> LayerSpec in
            let calls = (uses[first.owner] ?? [first]).sorted { $0.serial.serial < $1.serial.serial }.map { use in
                LayerCall(
                    arguments: use.inputs.isEmpty
                        ? [] : use.inputs.count == 1 ? [reference(use.inputs[0])] : [.list(use.inputs.map(reference))])
            }
            let name = nameOf[first.owner] ?? ""
            switch first.callee {
            case .layer(var layer):
                layer.common.name = name
                return LayerSpec(className: layer.specClassName, name: name, config: layer.config, calls: calls)
            case .model(let model):
                let spec = model.spec
                return LayerSpec(className: spec.kind.rawValue, name: name, model: spec, calls: calls)
            }
        }
        return ModelSpec(
            kind: .functional, name: name, layers: layers, inputs: .list(inputs.map(reference)),
            outputs: .list(outputs.map(reference)))
    }

    private func creation(_ use: LayerUse) -> Int {
        switch use.callee {
        case .layer(let layer): layer.common.identity.serial
        case .model: use.serial.serial
        }
    }

    /// One use of each layer, in Keras's layer order.
    private func layersByDepth(inputs: [KerasTensor]) -> [LayerUse] {
        var depthOfUse: [ObjectIdentifier: Int] = [:]
        var depthOfLayer: [ObjectIdentifier: Int] = [:]
        var first: [ObjectIdentifier: LayerUse] = [:]
        for use in postorder.reversed() {
            let depth = max(depthOfUse[ObjectIdentifier(use)] ?? 0, depthOfLayer[use.owner] ?? 0)
            depthOfLayer[use.owner] = depth
            depthOfUse[ObjectIdentifier(use)] = depth
            first[use.owner] = use
            for input in use.inputs {
                let source = ObjectIdentifier(input.source)
                depthOfUse[source] = max(depth + 1, depthOfUse[source] ?? 0)
            }
        }
        var unused = met.count
        var position = met
        for input in inputs where first[input.source.owner] == nil {
            first[input.source.owner] = input.source
            position[input.source.owner] = unused
            unused += 1
        }
        return first.values.sorted {
            let (a, b) = (depthOfLayer[$0.owner] ?? 0, depthOfLayer[$1.owner] ?? 0)
            return a != b ? a > b : (position[$0.owner] ?? 0) < (position[$1.owner] ?? 0)
        }
    }
}
