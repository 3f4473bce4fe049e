extension Graph {
    /// The graph as a plan should get it: nothing dead, neighbours joined, and in inference no cells that nobody reads.
    package func optimized(for phase: Phase) -> Graph {
        let fused = Fusion.run(DeadNodeRemoval.run(self), for: phase)
        return phase == .inference ? Thinning.run(fused) : fused
    }
}
