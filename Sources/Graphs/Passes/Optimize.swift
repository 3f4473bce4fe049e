extension Graph {
    /// The graph as a plan should get it: nothing dead, neighbours joined, and in inference no cells that nobody reads.
    package func optimized(for phase: Phase) -> Graph {
        let alive = DeadNodeRemoval.run(self)
        guard phase == .inference else { return Fusion.run(alive, for: phase) }
        return Thinning.run(Fusion.run(Flattening.run(alive), for: phase))
    }
}
