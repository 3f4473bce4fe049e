package import Tensors

/// A value of a graph: an array that flows between nodes. An index, meaningful within its graph only.
package struct Value: Hashable, Sendable {
    package let id: Int

    package init(id: Int) { self.id = id }
}

/// What is known of a value before anything runs. Extents may be unknown while a model is only looked at (summary, building
/// its weights); a plan wants all of them known.
package struct ValueInfo: Hashable, Sendable, CustomStringConvertible {
    package var shape: PartialShape
    package var dtype: DType

    package init(_ shape: PartialShape, _ dtype: DType = .float32) {
        self.shape = shape
        self.dtype = dtype
    }

    package init(_ shape: Shape, _ dtype: DType = .float32) {
        self.init(PartialShape(shape), dtype)
    }

    package var description: String { "\(dtype.rawValue) \(shape)" }
}

/// Where a value comes from.
package enum Origin: Sendable {
    /// The caller hands it over: the index in `Graph.inputs`.
    case input(Int)
    /// A weight or a state of the model: the index in the model's parameter table.
    case parameter(Int)
    /// Fixed in the graph.
    case constant(Tensor)
    /// Output `index` of node `node`.
    case node(Int, output: Int)
}

/// One application of an op.
package struct Node: Sendable {
    package var op: any Op
    package var inputs: [Value]
    package var outputs: [Value]
    /// The layer that asked for it, as a path, for errors and profiles.
    package var label: String

    package init(op: any Op, inputs: [Value], outputs: [Value], label: String) {
        self.op = op
        self.inputs = inputs
        self.outputs = outputs
        self.label = label
    }
}

/// What to compute: nodes in an order that can be run, between inputs, parameters and outputs. The second narrow waist: it
/// knows ops by their protocol only, and nothing of Keras, files or BLAS.
package struct Graph: Sendable {
    package var infos: [ValueInfo] = []
    package var origins: [Origin] = []
    package var nodes: [Node] = []
    package var inputs: [Value] = []
    package var outputs: [Value] = []
    /// Parameters (by index in the model's table) that take a new value at the end of a run: moving statistics, RNN states.
    package var updates: [(parameter: Int, value: Value)] = []

    package init() {}

    package func info(_ value: Value) -> ValueInfo { infos[value.id] }
    package func origin(_ value: Value) -> Origin { origins[value.id] }

    /// Adds an input behind the others.
    package mutating func addInput(_ info: ValueInfo) -> Value {
        let value = add(info, .input(inputs.count))
        inputs.append(value)
        return value
    }

    fileprivate mutating func add(_ info: ValueInfo, _ origin: Origin) -> Value {
        infos.append(info)
        origins.append(origin)
        return Value(id: infos.count - 1)
    }

    /// Whether a value is the same in every run with the same weights.
    package func isConstant(_ value: Value) -> Bool {
        switch origins[value.id] {
        case .parameter, .constant: true
        case .input, .node: false
        }
    }
}

/// Makes a graph, node by node. Shapes and types are settled here: after `apply` nothing can fail.
package struct GraphBuilder: Sendable {
    package private(set) var graph = Graph()
    private var parameterValues: [Int: Value] = [:]

    package init() {}

    /// Goes on building a graph: its values keep their meaning.
    package init(continuing graph: Graph) {
        self.graph = graph
        for (id, origin) in graph.origins.enumerated() {
            if case .parameter(let index) = origin { parameterValues[index] = Value(id: id) }
        }
    }

    package mutating func input(_ info: ValueInfo) -> Value { graph.addInput(info) }

    /// The value of a parameter: one value however often it is asked for.
    package mutating func parameter(_ index: Int, _ info: ValueInfo) -> Value {
        if let value = parameterValues[index] { return value }
        let value = graph.add(info, .parameter(index))
        parameterValues[index] = value
        return value
    }

    package mutating func constant(_ tensor: Tensor) -> Value {
        graph.add(ValueInfo(tensor.shape, tensor.dtype), .constant(tensor))
    }

    /// Adds a node. Throws what the op's shape rule throws, located at `label`.
    package mutating func apply(_ op: any Op, to inputs: [Value], label: String) throws(LocatedError) -> [Value] {
        let infos: [ValueInfo]
        do { infos = try op.outputs(for: inputs.map(graph.info)) } catch {
            throw label.isEmpty ? error : error.within(label)
        }
        let node = graph.nodes.count
        var outputs: [Value] = []
        for (index, info) in infos.enumerated() { outputs.append(graph.add(info, .node(node, output: index))) }
        graph.nodes.append(Node(op: op, inputs: inputs, outputs: outputs, label: label))
        return outputs
    }

    /// Adds a node with one output.
    package mutating func apply(_ op: any Op, _ inputs: Value..., label: String) throws(LocatedError) -> Value {
        let outputs = try apply(op, to: inputs, label: label)
        precondition(outputs.count == 1, "\(op.name) has \(outputs.count) outputs")
        return outputs[0]
    }

    package mutating func update(parameter: Int, with value: Value) {
        graph.updates.append((parameter, value))
    }

    package mutating func finish(outputs: [Value]) -> Graph {
        graph.outputs = outputs
        return graph
    }
}
