import Engine
import Graphs
import Tensors
import TestSupport
import Testing

/// Running takes no memory from the heap: everything was taken when the session was made.
@Suite struct AllocationTests {
    @Test func allocationsAreCounted() {
        var kept: [Int] = []
        let count = allocations { kept = Array(repeating: 1, count: Int.random(in: 10...20)) }
        #expect(count == nil || count! > 0)
        #expect(allocations { kept[0] += 1 } ?? 0 == 0)
    }

    @Test(arguments: [1, 3]) func inferenceAllocatesNothing(_ threads: Int) throws {
        let random = try RandomGraph(seed: 11, nodes: 40, updates: 2)
        let weights = try PreparedWeights(plan: InferencePlan(graph: random.graph), parameters: random.parameters)
        let session = try Session(weights: weights, pool: ThreadPool(threads: threads), poisons: true)
        var outputs = session.plan.outputs.map { Tensor(zeros: $0.shape) }
        let inputs = random.inputs.map(\.unsafeAddress)
        let targets = outputs.indices.map { place in
            outputs[place].withUnsafeMutableBytes { $0.baseAddress! }
        }
        // Once before counting: the language's runtime makes some types known to itself when they are first used.
        session.run(inputs: inputs, outputs: targets)
        let count = allocations {
            for step in 0..<20 { session.run(inputs: inputs, outputs: targets, seed: 1, step: UInt64(step)) }
        }
        #expect(count ?? 0 == 0)
        withExtendedLifetime((random, outputs)) {}
    }

    @Test(arguments: [1, 3]) func trainingAllocatesNothing(_ threads: Int) throws {
        let random = try RandomGraph(seed: 11, nodes: 40, updates: 1)
        let plan = try TrainingPlan(graph: random.graph, parameters: [0, 1, 2], inputs: [0, 1])
        let session = try TrainingSession(
            plan: plan, parameters: ParameterBuffers(random.parameters), pool: ThreadPool(threads: threads), poisons: true)
        let inputs = random.inputs.map(\.unsafeAddress)
        let gradients = random.outputGradients.map(\.unsafeAddress)
        session.forward(inputs: inputs, seed: 0, step: 0)
        session.backward(outputGradients: gradients)
        let count = allocations {
            for step in 0..<20 {
                session.forward(inputs: inputs, seed: 1, step: UInt64(step))
                session.backward(outputGradients: gradients)
            }
        }
        #expect(count ?? 0 == 0)
        withExtendedLifetime(random) {}
    }
}
