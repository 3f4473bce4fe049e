import Datasets
import Engine
import Graphs
import KerasSpec
import Layers
import TestSupport
import Tensors
import Testing
import Training

/// Optimizers against up to 50 steps of genuine Keras, from the same weights on the same batches.
@Suite struct OptimizerTraceTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var file: String
        var generation: TrainingGeneration
        var optimizer: any Optimizer
        /// All 50 steps of the fixture for one setting of each rule, 20 of the others: a debug build takes its time.
        var steps: Int { ["SGD", "SGD_nesterov", "RMSprop", "Adam"].contains(name) ? 50 : 20 }

        var testDescription: String { "\(name) as \(generation)" }
    }

    /// By the name in the fixtures.
    static let optimizers: [(String, any Optimizer)] = [
        ("SGD", SGD()), ("SGD_momentum", SGD(momentum: 0.9)), ("SGD_nesterov", SGD(momentum: 0.9, nesterov: true)),
        ("SGD_clipvalue", SGD(learningRate: 0.1, clipvalue: 0.01)), ("SGD_clipnorm", SGD(learningRate: 0.1, clipnorm: 0.05)),
        ("SGD_decay", SGD(learningRate: 0.1, decay: 0.1)), ("RMSprop", RMSprop()),
        ("RMSprop_rho", RMSprop(learningRate: 0.002, rho: 0.95)), ("RMSprop_clipnorm", RMSprop(clipnorm: 0.05)),
        ("RMSprop_decay", RMSprop(learningRate: 0.01, decay: 0.1)), ("Adam", Adam()), ("Adam_amsgrad", Adam(amsgrad: true)),
        ("Adam_decay", Adam(learningRate: 0.01, beta1: 0.8, beta2: 0.99, epsilon: 1e-5, decay: 0.01)),
    ]

    /// Which file tells the truth about which generation. OptimizerV2's rules are those of Keras 2.3, whose own step counter
    /// races.
    static let files: [(String, [TrainingGeneration])] = [
        ("keras2", [.keras2]), ("tfkeras-legacy", [.tfKerasLegacy, .keras2]), ("tfkeras", [.tfKeras]), ("keras3", [.keras3]),
    ]

    static let cases: [Case] = files.flatMap { file, generations in
        let names = (try? NPZ(reading: Fixtures.path("optimizers/\(file).npz")).names) ?? []
        return generations.flatMap { generation in
            optimizers.filter { names.contains("\($0.0).50") }.map {
                Case(name: $0.0, file: file, generation: generation, optimizer: $0.1)
            }
        }
    }

    @Test func everyFileIsThere() { #expect(Self.cases.count == 29) }

    @Test(arguments: cases) func follows(_ trace: Case) throws {
        let file = try NPZ(reading: Fixtures.path("optimizers/\(trace.file).npz"))
        let (x, y) = (try file.tensor("x"), try file.tensor("y"))
        let program = try Networks.traced()
        let model = try program.lower(inputs: [ValueInfo([16, 8, 8, 3])], training: true)
        let graph = try TrainingGraph(
            model.graph, outputs: [OutputTraining(name: "out", loss: .categoricalCrossentropy)], regularizers: [],
            weighted: [false], generation: trace.generation)
        let count = model.parameters.slots.count
        let parameters = try ParameterBuffers((0..<count).map { try file.tensor("initial.\($0)") })
        let plan = try TrainingPlan(graph: graph.graph.optimized(for: .training), parameters: Array(0..<count))
        let session = try TrainingSession(plan: plan, parameters: parameters)
        let run = try OptimizerRun(
            #require(trace.optimizer as? any BuiltInOptimizer), generation: trace.generation, parameters: parameters,
            trained: Array(0..<count), paths: model.parameters.slots.map(\.path))
        let losses = try file.tensor("\(trace.name).losses").floats
        for step in 0..<trace.steps {
            let rows = step % 2 * 16..<step % 2 * 16 + 16
            let outputs = try session.forward([x.rows(rows), y.rows(rows)])
            #expect(abs(outputs[0].floats[0] - losses[step]) < 1e-5, "loss of step \(step)")
            _ = try session.backward([Tensor([1] as [Float], shape: [])])
            run.step(session)
            guard [5, 20, 50].contains(step + 1) else { continue }
            let expected = try file.tensor("\(trace.name).\(step + 1)").floats
            let got = parameters.tensors.flatMap(\.floats)
            let worst = zip(got, expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
            #expect(worst < 1e-5, "weights after step \(step + 1)")
        }
        #expect(run.iterations == trace.steps)
    }
}
