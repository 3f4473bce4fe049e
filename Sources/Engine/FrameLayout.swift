import Graphs

/// Where an array lies while a plan runs.
enum Location: Hashable, Sendable {
    /// In the session's arena, at an offset.
    case arena(Int)
    /// What the caller handed over as input.
    case input(Int)
    /// Where the caller wants an output.
    case output(Int)
    /// A weight, by the model's index.
    case parameter(Int)
    /// A parameter that runs update, kept by the session, at an offset.
    case state(Int)
    /// Fixed in the plan.
    case constant(Int)
    /// Made once for each version of the weights, at an offset.
    case prepared(Int)
    /// The gradient of a wanted parameter or input, at an offset.
    case gradient(Int)
    /// The gradient of an output that the caller hands over.
    case cotangent(Int)
}

/// The pointers of one node, as places in the table of slots; lists are consecutive slots.
struct NodeSlots: Sendable {
    var inputs = 0
    var outputs = 0
    var inputGradients = 0
    var outputGradients = 0
    /// In the table of flags.
    var accumulates = 0
    var saved = 0
    var prepared = 0
    var forwardScratch = 0
    var backwardScratch = 0
    /// What forward must write before anybody reads it.
    var forwardAreas: [Area] = []
    var backwardAreas: [Area] = []
}

/// Bytes that a slot points to.
struct Area: Hashable, Sendable {
    var slot: Int
    var byteCount: Int
}

/// All pointers of a plan, as locations: a session turns them into addresses once.
struct FrameLayout: Sendable {
    /// By slot; nil is a null pointer.
    private(set) var slots: [Location?] = []
    private(set) var flags: [Bool] = []
    var nodes: [NodeSlots] = []

    /// The slot of a location that needs none of its own.
    mutating func slot(_ location: Location?) -> Int { list([location]) }

    /// The first slot of a list.
    mutating func list(_ locations: [Location?]) -> Int {
        slots.append(contentsOf: locations)
        return slots.count - locations.count
    }

    mutating func flagList(_ flags: [Bool]) -> Int {
        self.flags.append(contentsOf: flags)
        return self.flags.count - flags.count
    }

    /// The slots of the `count` places that `index` numbers: what to patch when the caller hands over other memory.
    func slots(count: Int, where index: (Location) -> Int?) -> [[Int]] {
        var result = [[Int]](repeating: [], count: count)
        for (slot, location) in slots.enumerated() {
            if let location, let place = index(location) { result[place].append(slot) }
        }
        return result
    }
}

/// One thing a session does.
enum Step: Sendable {
    /// All tiles of one stage of a node; other threads are woken when it is worth it.
    case stage(node: Int, stage: Int, tiles: Int, isLarge: Bool)
    /// Bytes from slot to slot.
    case copy(from: Int, to: Int, byteCount: Int)
    /// Adds numbers of type `Float`, slot to slot.
    case add(from: Int, to: Int, count: Int)
}

extension BoundNode {
    /// Below this many operations, handing out tiles costs more than it gains.
    private static let worthSharing = 30_000.0

    func forwardSteps(as index: Int) -> [Step] { steps(forwardStages, index, cost) }

    /// Backward counts for twice forward, as it does for products of matrices.
    func backwardSteps(as index: Int) -> [Step] { steps(backwardStages, index, 2 * cost) }

    private func steps(_ stages: [Int], _ index: Int, _ cost: Double) -> [Step] {
        stages.enumerated().compactMap { stage, tiles in
            guard tiles > 0 else { return nil }
            return .stage(node: index, stage: stage, tiles: tiles, isLarge: tiles > 1 && cost >= BoundNode.worthSharing)
        }
    }
}
