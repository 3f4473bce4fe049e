/// How long each node took.
package struct Profile: Sendable {
    /// One node, over all runs that were profiled.
    package struct Entry: Hashable, Sendable {
        /// The layers whose work it is.
        package var label: String
        package var op: String
        /// How forward is computed, where an op has a choice.
        package var algorithm: String?
        /// Floating-point operations of one forward.
        package var cost: Double
        /// Of all forwards together.
        package var forwardNanoseconds: UInt64 = 0
        /// Of all backwards together.
        package var backwardNanoseconds: UInt64 = 0
    }

    /// In the order in which they run.
    package internal(set) var entries: [Entry] = []
    /// The number of runs.
    package internal(set) var runs = 0

    package init() {}
}

extension Profile {
    /// Adds the nanoseconds of one run, by node. Nodes that do nothing in a run (aliases, folded ones) take none.
    mutating func add(_ nodes: [BoundNode], forward: [UInt64], backward: [UInt64]? = nil) {
        if entries.isEmpty {
            entries = nodes.map { Entry(label: $0.label, op: $0.name, algorithm: $0.algorithm, cost: $0.cost) }
        }
        precondition(entries.count == nodes.count, "a profile of another plan")
        for index in nodes.indices {
            entries[index].forwardNanoseconds += forward[index]
            if let backward { entries[index].backwardNanoseconds += backward[index] }
        }
        runs += 1
    }
}
