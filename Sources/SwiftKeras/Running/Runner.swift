internal import Engine
internal import Graphs
internal import Layers
internal import Synchronization
internal import Tensors

/// A plan with prepared weights and the sessions that were made for it: what a prediction borrows for a moment.
final class Runner: Sendable {
    let weights: PreparedWeights
    let checks: [LoweringContext.IndexCheck]
    let taps: [(layer: String, outputs: Range<Int>)]
    private let pool: ThreadPool
    private let idle = Mutex<[Loan]>([])

    /// A session is used by one thread at a time, which the loan sees to.
    private struct Loan: @unchecked Sendable {
        let session: Session
    }

    init(
        _ lowered: LoweredModel, weights: WeightValues, pool: ThreadPool
    ) throws(LocatedError) {
        let plan = try InferencePlan(graph: Banding.run(Slicing.run(lowered.graph.optimized(for: .inference))))
        self.weights = try PreparedWeights(plan: plan, parameters: weights.tensors, pool: pool)
        self.checks = lowered.indexChecks
        self.taps = lowered.taps
        self.pool = pool
    }

    /// Runs `body` with a session that nobody else uses meanwhile.
    func withSession<Result>(_ body: (Session) throws(LocatedError) -> Result) throws(LocatedError) -> Result {
        let waiting = idle.withLock { $0.popLast() }
        let loan = if let waiting { waiting } else { Loan(session: try Session(weights: weights, pool: pool)) }
        defer { idle.withLock { $0.append(loan) } }
        return try body(loan.session)
    }

    /// Refuses indices that no table row stands for.
    func check(_ inputs: [Tensor]) throws(LocatedError) { try checks.check(inputs) }
}
