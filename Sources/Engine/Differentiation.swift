import Graphs
import Tensors

/// Who needs which gradient, who writes it first, and which nodes run backward: all of reverse mode that can be decided
/// before anything runs.
///
/// Gradients of values that are aliases of each other are one array (the chain rule adds them up anyway); it belongs to
/// their *root*. Nodes go backward in reverse order, so the array of a root is complete when its maker's turn comes.
struct Differentiation {
    /// Bound for training, in the graph's order.
    private(set) var nodes: [BoundNode] = []
    /// By node: whether backward runs.
    private(set) var runs: [Bool] = []
    /// By node and input: whether a gradient is wanted.
    private(set) var wants: [[Bool]] = []
    /// By node and input: whether something is in the array already.
    private(set) var accumulates: [[Bool]] = []
    /// By node and input: whether an earlier input of the node has the same array, so that this one needs one aside.
    private(set) var isRepeated: [[Bool]] = []
    /// By value: whose array its gradient is in; itself when it is nobody's alias.
    private(set) var root: [Int]
    /// By root: the time when something is put in its array; nil when nothing ever is.
    private(set) var firstWrite: [Int?] = []
    /// By root: the outputs (places in `differentiated`) whose gradients from outside belong to it.
    private(set) var cotangents: [[Int]] = []
    /// By root: whether nodes write to its array.
    private var isWrittenByNodes: [Bool] = []
    /// By value: whether it is one of the leaves, whose gradients are to last.
    private var isLeaf: [Bool]
    /// By value: whether a gradient is of use.
    private var isWanted: [Bool]

    /// The time of a node's backward, when forward's time is the node's position.
    static func time(ofBackward node: Int, of count: Int) -> Int { 2 * count - 1 - node }

    /// - Parameters:
    ///   - leaves: the inputs and parameters whose gradients are wanted.
    ///   - differentiated: the outputs that a gradient comes in at.
    init(_ graph: Graph, _ infos: [ConcreteInfo], leaves: [Value], differentiated: [Value]) {
        let count = graph.nodes.count
        var reaches = [Bool](repeating: false, count: infos.count)
        for output in differentiated { reaches[output.id] = true }
        for node in graph.nodes.reversed() where node.outputs.contains(where: { reaches[$0.id] }) {
            for input in node.inputs { reaches[input.id] = true }
        }

        root = Array(infos.indices)
        isWanted = [Bool](repeating: false, count: infos.count)
        for leaf in leaves { isWanted[leaf.id] = true }
        isLeaf = isWanted
        for node in graph.nodes {
            let reached = node.outputs.contains { reaches[$0.id] }
            let wanted = node.inputs.map { reached && isWanted[$0.id] && infos[$0.id].dtype == .float32 }
            let bound = BoundNode(
                node,
                Site(
                    phase: .training, inputs: node.inputs.map { infos[$0.id] },
                    outputs: node.outputs.map { infos[$0.id] }, constantInputs: node.inputs.map { _ in false },
                    wantsGradient: wanted))
            nodes.append(bound)
            wants.append(wanted)
            if let alias = bound.alias, bound.backwardStages.isEmpty {
                isWanted[node.outputs[0].id] = wanted[alias]
                if wanted[alias] { root[node.outputs[0].id] = root[node.inputs[alias].id] }
            } else if wanted.contains(true), !bound.backwardStages.isEmpty {
                for output in node.outputs { isWanted[output.id] = infos[output.id].dtype == .float32 }
            }
        }

        runs = [Bool](repeating: false, count: count)
        accumulates = wants.map { $0.map { _ in false } }
        isRepeated = accumulates
        firstWrite = [Int?](repeating: nil, count: infos.count)
        cotangents = [[Int]](repeating: [], count: infos.count)
        isWrittenByNodes = [Bool](repeating: false, count: infos.count)
        for (place, output) in differentiated.enumerated() where isWanted[output.id] {
            cotangents[root[output.id]].append(place)
            firstWrite[root[output.id]] = count
        }
        for index in nodes.indices.reversed() {
            let node = nodes[index]
            guard !node.backwardStages.isEmpty, node.outputs.contains(where: hasGradient) else { continue }
            runs[index] = true
            var seen: Set<Int> = []
            for (place, input) in node.inputs.enumerated() where wants[index][place] {
                let target = root[input]
                if !seen.insert(target).inserted {
                    isRepeated[index][place] = true
                } else if firstWrite[target] == nil {
                    firstWrite[target] = Differentiation.time(ofBackward: index, of: count)
                } else {
                    accumulates[index][place] = true
                }
                isWrittenByNodes[target] = true
            }
        }
    }

    /// Whether anything is known of the gradient of a value; if not it is zero.
    func hasGradient(_ value: Int) -> Bool { isWanted[value] && firstWrite[root[value]] != nil }

    /// The place in `differentiated` of the only gradient that ever comes to a root: it is read where the caller has it.
    func onlyCotangent(of root: Int) -> Int? {
        !isWrittenByNodes[root] && !isLeaf[root] && cotangents[root].count == 1 ? cotangents[root][0] : nil
    }

    /// Reads by backward, which keep values of forward alive.
    var retainedReads: [(value: Int, time: Int)] {
        nodes.indices.filter { runs[$0] }.flatMap { index in
            let node = nodes[index]
            let values = node.retained.inputs.map { node.inputs[$0] } + node.retained.outputs.map { node.outputs[$0] }
            return values.map { ($0, Differentiation.time(ofBackward: index, of: nodes.count)) }
        }
    }
}
