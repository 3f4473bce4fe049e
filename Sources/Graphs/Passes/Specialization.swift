package import Tensors

extension Graph {
    /// The graph for inputs of these shapes: shape rules are asked again from the inputs on.
    ///
    /// Throws `graph.input_count`, `graph.input_shape`, or what a shape rule throws, located at the node.
    package func specialized(to inputShapes: [Shape]) throws(LocatedError) -> Graph {
        guard inputShapes.count == inputs.count else {
            throw LocatedError(
                .mismatch, "graph.input_count", "expected \(inputs.count) inputs, got \(inputShapes.count)")
        }
        var result = self
        for (index, (input, shape)) in zip(inputs, inputShapes).enumerated() {
            guard info(input).shape.admits(shape) else {
                throw LocatedError(
                    .mismatch, "graph.input_shape", "expected shape \(info(input).shape), got \(shape)",
                    at: ["input \(index)"])
            }
            result.infos[input.id].shape = PartialShape(shape)
        }
        for node in nodes {
            let infos: [ValueInfo]
            do { infos = try node.op.outputs(for: node.inputs.map(result.info)) } catch {
                throw node.label.isEmpty ? error : error.within(node.label)
            }
            for (output, info) in zip(node.outputs, infos) { result.infos[output.id] = info }
        }
        return result
    }

    /// Shape and type of every value, by `Value.id`, as a plan wants them.
    ///
    /// Throws `plan.unknown_shape` when an extent is unknown, `plan.too_large` when the bytes of a value leave `Int`.
    package func concreteInfos() throws(LocatedError) -> [ConcreteInfo] {
        var result: [ConcreteInfo] = []
        result.reserveCapacity(infos.count)
        for (id, info) in infos.enumerated() {
            guard let shape = info.shape.concrete else {
                throw LocatedError(
                    .bug, "plan.unknown_shape", "expected a shape with known extents, got \(info.shape)",
                    at: place(of: id), hint: "Specialize the graph to the shapes of its inputs first.")
            }
            guard let count = shape.checkedCount,
                !count.multipliedReportingOverflow(by: info.dtype.byteCount).overflow
            else {
                throw LocatedError(
                    .unsupported, "plan.too_large", "expected an array that fits in memory, got shape \(shape)",
                    at: place(of: id))
            }
            result.append(ConcreteInfo(shape, info.dtype))
        }
        return result
    }

    private func place(of id: Int) -> [String] {
        switch origins[id] {
        case .input(let index): ["input \(index)"]
        case .parameter(let index): ["parameter \(index)"]
        case .constant: ["constant"]
        case .node(let node, _): [nodes[node].label.isEmpty ? nodes[node].op.name : nodes[node].label]
        }
    }
}
