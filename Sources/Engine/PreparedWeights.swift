package import Tensors

/// A version of the weights, made ready for a plan: everything that depends on nothing else is computed once. Immutable;
/// the sessions of the plan share it.
package final class PreparedWeights: Sendable {
    package let plan: InferencePlan
    /// The model's table.
    package let parameters: [Tensor]
    /// What the caller counts: equal versions have equal weights.
    package let version: UInt64
    let prepared: Block

    /// Throws `plan.parameter` when the table doesn't have what the plan reads.
    package init(
        plan: InferencePlan, parameters: [Tensor], version: UInt64 = 0, pool: ThreadPool = .shared
    ) throws(LocatedError) {
        for (index, expected) in plan.parameters.sorted(by: { $0.key < $1.key }) {
            guard parameters.indices.contains(index) else {
                throw LocatedError(
                    .mismatch, "plan.parameter", "expected parameter \(index), got \(parameters.count) parameters")
            }
            try expected.require(parameters[index], "plan.parameter", at: "parameter \(index)")
        }
        self.plan = plan
        self.parameters = parameters
        self.version = version
        prepared = try Block(byteCount: plan.preparedByteCount, for: "prepared weights")
        #if DEBUG
        prepared.fill(with: UnsafeMutableRawPointer.poison)
        #endif

        // Only scratch of folded nodes is really used here.
        let folds = plan.isFolded.contains(true)
        let arena = try Block(byteCount: folds ? plan.arenaByteCount : 0, for: "preparing weights")
        let runner = try Runner(plan.nodes, plan.layout, pool: pool, poisons: false)
        runner.resolve { location in
            switch location {
            case .arena(let offset): folds ? arena.start + offset : arena.start
            case .parameter(let index): UnsafeMutableRawPointer(mutating: parameters[index].address)
            case .constant(let index): UnsafeMutableRawPointer(mutating: plan.constants[index].address)
            case .prepared(let offset): prepared.start + offset
            default: arena.start
            }
        }
        for (index, node) in plan.nodes.enumerated() {
            runner.prepare(index)
            if plan.isFolded[index] { runner.forward(node.forwardSteps(as: index)) }
        }
    }
}
