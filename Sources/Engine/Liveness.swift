import Graphs

/// A node with its op bound, values as indices.
struct BoundNode: Sendable {
    let op: any BoundOp
    let name: String
    let algorithm: String?
    let label: String
    let inputs: [Int]
    let outputs: [Int]
    let memory: WorkingMemory
    let cost: Double
    let forwardStages: [Int]
    let backwardStages: [Int]
    let alias: Int?
    let inPlaceInputs: [Int]
    let retained: Retained

    init(_ node: Node, _ site: Site) {
        op = node.op.bound(to: site)
        name = node.op.name
        algorithm = op.algorithm
        label = node.label
        inputs = node.inputs.map(\.id)
        outputs = node.outputs.map(\.id)
        memory = op.memory
        cost = op.cost
        alias = op.alias
        forwardStages = alias == nil ? op.forwardStages : []
        backwardStages = op.backwardStages
        inPlaceInputs = op.inPlaceInputs
        retained = op.retained
        if let alias {
            precondition(
                site.inputs[alias].byteCount == site.outputs[0].byteCount && outputs.count == 1,
                "\(name) is an alias of other bytes")
        }
    }
}

/// Which values share memory, and when that memory is in use.
///
/// Values that are aliases of each other have one *content*. A content may be written where an earlier one lay, if nobody
/// reads that any more (in place): together they are one *storage*.
struct Liveness {
    /// By value: the value whose bytes it is, itself when it is nobody's alias.
    private(set) var root: [Int]
    /// By value: its storage; nil for what does not lie in the arena (inputs, parameters, constants and their aliases).
    private(set) var storage: [Int?]
    private(set) var storages: [Piece] = []
    /// By root: the last time its content is read.
    private var lastRead: [Int]

    /// - Parameters:
    ///   - owned: by value: whether it wants memory in the arena, when it is made by a node that is no alias.
    ///   - extraReads: reads besides those of forward, whose time is the position of the node.
    init(_ nodes: [BoundNode], _ infos: [ConcreteInfo], owned: [Bool], extraReads: [(value: Int, time: Int)]) {
        root = Array(infos.indices)
        storage = [Int?](repeating: nil, count: infos.count)
        lastRead = [Int](repeating: -1, count: infos.count)
        for node in nodes {
            if let alias = node.alias { root[node.outputs[0]] = root[node.inputs[alias]] }
        }
        for (time, node) in nodes.enumerated() {
            for input in node.inputs { lastRead[root[input]] = max(lastRead[root[input]], time) }
        }
        for (value, time) in extraReads { lastRead[root[value]] = max(lastRead[root[value]], time) }

        for (time, node) in nodes.enumerated() {
            for (index, output) in node.outputs.enumerated() {
                if node.alias != nil {
                    storage[output] = storage[root[output]]
                } else if !owned[output] {
                    continue
                } else if index == 0, let taken = placeToTake(node, time, infos) {
                    storage[output] = taken
                    storages[taken].interval.end = max(time, lastRead[output])
                } else {
                    storage[output] = storages.count
                    storages.append(Piece(infos[output].byteCount, Interval(time, max(time, lastRead[output]))))
                }
            }
        }
    }

    /// Whether a value is written to memory that holds nothing else at that time: it is no alias and not written in place.
    func isFresh(_ value: Int, at time: Int) -> Bool {
        guard root[value] == value else { return false }
        return storage[value].map { storages[$0].interval.start == time } ?? true
    }

    /// The storage of an input that nobody reads after `node` and that output 0 may be written to.
    private func placeToTake(_ node: BoundNode, _ time: Int, _ infos: [ConcreteInfo]) -> Int? {
        for input in node.inPlaceInputs {
            let content = root[node.inputs[input]]
            guard let taken = storage[content], lastRead[content] == time,
                infos[node.outputs[0]].byteCount <= infos[content].byteCount,
                node.inputs.count(where: { root[$0] == content }) == 1
            else { continue }
            return taken
        }
        return nil
    }
}
