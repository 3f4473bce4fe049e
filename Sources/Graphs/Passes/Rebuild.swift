extension Graph {
    /// The graph of `nodes`, whose values are this graph's, without the values that nothing mentions any more.
    ///
    /// Inputs, outputs and updates stay, in their order. Values are numbered anew.
    ///
    /// - Parameter nodes: in an order that can be run.
    package func rebuilt(with nodes: [Node]) -> Graph {
        var result = Graph()
        var renumbered = [Value?](repeating: nil, count: infos.count)

        func keep(_ value: Value, _ origin: Origin) -> Value {
            let kept = Value(id: result.infos.count)
            result.infos.append(infos[value.id])
            result.origins.append(origin)
            renumbered[value.id] = kept
            return kept
        }
        func read(_ value: Value) -> Value {
            if let kept = renumbered[value.id] { return kept }
            if case .node = origins[value.id] { preconditionFailure("a value is read before its node") }
            return keep(value, origins[value.id])
        }

        for (index, input) in inputs.enumerated() { result.inputs.append(keep(input, .input(index))) }
        for node in nodes {
            var kept = node
            kept.inputs = node.inputs.map(read)
            kept.outputs = node.outputs.enumerated().map { keep($1, .node(result.nodes.count, output: $0)) }
            result.nodes.append(kept)
        }
        result.outputs = outputs.map(read)
        result.updates = updates.map { ($0.parameter, read($0.value)) }
        return result
    }

    /// Whether a value is the same in every run with the same weights: a constant, or a parameter that no run updates.
    package func isFixed(_ value: Value) -> Bool {
        switch origins[value.id] {
        case .constant: true
        case .parameter(let index): !updates.contains { $0.parameter == index }
        case .input, .node: false
        }
    }

    /// By value: whether it is fixed, or made of fixed values alone.
    package func fixedValues() -> [Bool] {
        var isFixed = infos.indices.map { self.isFixed(Value(id: $0)) }
        // A node without inputs may draw random numbers.
        for node in nodes where !node.inputs.isEmpty && node.inputs.allSatisfy({ isFixed[$0.id] }) {
            for output in node.outputs { isFixed[output.id] = true }
        }
        return isFixed
    }

    /// For each value, the places that read it: the position of the node, once for each of its inputs that it is.
    package func readers() -> [[Int]] {
        var readers = [[Int]](repeating: [], count: infos.count)
        for (position, node) in nodes.enumerated() {
            for input in node.inputs { readers[input.id].append(position) }
        }
        return readers
    }
}
