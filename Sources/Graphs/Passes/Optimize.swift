extension Graph {
    /// The graph as a plan should get it: nothing dead, neighbours joined.
    package func optimized(for phase: Phase) -> Graph {
        Fusion.run(DeadNodeRemoval.run(self), for: phase)
    }
}
