import Engine
import Graphs
package import Tensors

extension Trainer {
    /// What a step computes before the optimizer's turn.
    package struct Gradients: Sendable {
        /// As `trainOnBatch` reports it.
        package var loss: Double
        /// Of the total loss with its penalties, before any clipping, by place in `trained`; nil for weights that nothing depends on.
        package var weights: [Tensor?]
    }

    /// The loss of a batch in training, and its gradients. Weights, moving statistics and optimizer stay as they are.
    ///
    /// - Parameter seed: of the batch's random numbers; default: the trainer's.
    package func gradients(_ data: TrainingData, seed: UInt64? = nil) throws(LocatedError) -> Gradients {
        let data = try prepared(data)
        let graph = try graph(PlanKey(data, batch: data.count), training: true)
        // Tables of embeddings have their whole gradient here, which a step has no need of.
        let plan = try TrainingPlan(graph: graph.graph.optimized(for: .training), parameters: trained, outputs: [graph.total])
        // The session writes new moving statistics.
        let parameters = try ParameterBuffers(weights)
        let session = try TrainingSession(plan: plan, parameters: parameters, pool: pool)
        let batch = BatchBuffer(graph, plan.inputs, count: data.count)
        batch.fill(Portion(data: data, order: nil, start: 0, count: data.count))
        session.forward(inputs: batch.pointers, seed: seed ?? self.seed, step: UInt64(iterations))
        let loss = Double(session.output(graph.reported).load(as: Float.self))
        let gradients = try withExtendedLifetime((data, batch)) { () throws(LocatedError) in try session.backward([Tensor([Float(1)], shape: [])]) }
        return Gradients(loss: loss, weights: trained.map { gradients.parameters[$0] })
    }
}
