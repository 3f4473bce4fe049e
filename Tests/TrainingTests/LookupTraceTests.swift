import Datasets
import Engine
import Graphs
import Ops
import TestSupport
import Tensors
import Testing
import Training

/// Optimizers on a table whose rows are looked up, against 12 steps of genuine Keras (fixtures/generate/lookup_traces.py).
@Suite struct LookupTraceTests {
    static let optimizers: [String: any BuiltInOptimizer] = {
        let rate = 0.05
        var sgd = SGD(learningRate: 0.5)
        sgd.settings.globalClipnorm = 0.2
        var adam = Adam(learningRate: rate)
        adam.settings.globalClipnorm = 0.2
        var accumulating = Adam(learningRate: rate)
        accumulating.settings.gradientAccumulationSteps = 2
        var clipped = Adamax(learningRate: rate)
        clipped.settings.clipnorm = 0.2
        return [
            "SGD": SGD(learningRate: rate), "SGD_momentum": SGD(learningRate: rate, momentum: 0.9),
            "SGD_nesterov": SGD(learningRate: rate, momentum: 0.9, nesterov: true), "RMSprop": RMSprop(learningRate: rate),
            "SGD_clipnorm": SGD(learningRate: 0.5, clipnorm: 0.2), "SGD_clipvalue": SGD(learningRate: 0.5, clipvalue: 0.05),
            "SGD_global_clipnorm": sgd, "Adagrad": Adagrad(learningRate: rate), "Adadelta": Adadelta(learningRate: 1),
            "Adam": Adam(learningRate: rate), "Adam_amsgrad": Adam(learningRate: rate, amsgrad: true),
            "Adam_clipnorm": Adam(learningRate: rate, clipnorm: 0.2), "Adam_clipvalue": Adam(learningRate: rate, clipvalue: 0.05),
            "Adam_global_clipnorm": adam, "Adam_accumulation": accumulating, "Adamax": Adamax(learningRate: rate),
            "Adamax_clipnorm": clipped,
            "Nadam": Nadam(learningRate: rate), "RMSprop_momentum": RMSprop(learningRate: rate, momentum: 0.5),
            "RMSprop_centered": RMSprop(learningRate: rate, centered: true),
            "RMSprop_centered_momentum": RMSprop(learningRate: rate, momentum: 0.5, centered: true),
            "Ftrl": Ftrl(learningRate: rate), "AdamW": AdamW(learningRate: rate), "Lion": Lion(learningRate: rate),
            "Adafactor": Adafactor(learningRate: rate), "Lamb": Lamb(learningRate: rate),
            "ScheduleFreeAdamW": ScheduleFreeAdamW(learningRate: rate), "Muon": Muon(learningRate: rate),
        ]
    }()
    static let files: [(String, TrainingGeneration)] = [
        ("keras2", .keras2), ("tfkeras-legacy", .tfKerasLegacy), ("tfkeras", .tfKeras), ("keras3", .keras3),
    ]

    struct Case: Sendable, CustomTestStringConvertible {
        var file: String
        var generation: TrainingGeneration
        /// `twice.Adam`.
        var name: String
        var testDescription: String { "\(name) as \(generation)" }
    }
    static let cases: [Case] = files.flatMap { file, generation in
        let names = (try? NPZ(reading: Fixtures.path("optimizers/lookups-\(file).npz")).names) ?? []
        return names.filter { $0.contains(".") && !$0.hasPrefix("initial.") }
            .map { Case(file: file, generation: generation, name: $0) }
    }

    @Test func thereAreTraces() {
        for (file, _) in Self.files { #expect(Self.cases.filter { $0.file == file }.count >= 12, "\(file)") }
    }

    @Test(arguments: cases) func follows(_ trace: Case) throws {
        let file = try NPZ(reading: Fixtures.path("optimizers/lookups-\(trace.file).npz"))
        let parts = trace.name.split(separator: ".").map(String.init)
        let optimizer = try #require(Self.optimizers[parts[1]])
        let model = try Self.network(twice: parts[0] == "twice")
        let graph = try TrainingGraph(
            model, outputs: [OutputTraining(name: "out", loss: .meanSquaredError)],
            regularizers: parts[0] == "decayed" ? [(0, WeightRegularizer(l1: 0, l2: 0.01))] : [], weighted: [false],
            generation: trace.generation)
        let optimized = graph.graph.optimized(for: .training)
        let lookups = LookupRule(optimizer, trace.generation)
            .flatMap { LookupGradients(optimized, trained: [0, 1, 2], rule: $0) }
        if parts[0] == "decayed" { #expect(lookups == nil, "the penalty's gradient is an array") }
        let parameters = try ParameterBuffers((0..<3).map { try file.tensor("initial.\($0)") })
        let plan = try TrainingPlan(
            graph: lookups?.graph ?? optimized, parameters: [0, 1, 2], inputs: lookups?.ledgerInputs ?? [],
            outputs: [graph.total])
        let session = try TrainingSession(plan: plan, parameters: parameters)
        let run = try OptimizerRun(
            optimizer, generation: trace.generation, parameters: parameters, trained: [0, 1, 2],
            paths: ["embedding/embeddings", "dense/kernel", "dense/bias"])
        let (x, z, y) = (try file.tensor("x"), try file.tensor("z"), try file.tensor("y"))
        let ledgers = (lookups?.ledgerInputs ?? []).map { Tensor(zeros: plan.inputs[$0].shape) }
        for step in 0..<12 {
            let rows = step % 2 * 6..<step % 2 * 6 + 6
            _ = try session.forward([x.rows(rows)] + (parts[0] == "twice" ? [z.rows(rows)] : []) + [y.rows(rows)] + ledgers)
            _ = try session.backward([Tensor([1] as [Float], shape: [])])
            run.step(session, lookups: lookups)
        }
        let expected = try file.tensor(trace.name).floats
        let worst = zip(parameters.tensors.flatMap(\.floats), expected).reduce(0) { max($0, abs($1.0 - $1.1)) }
        #expect(worst < 1e-5)
    }

    /// Indices, table, flattened rows, a dense layer.
    private static func network(twice: Bool) throws -> Graph {
        var builder = GraphBuilder()
        let x = builder.input(ValueInfo([6, 4] as Shape, .int32))
        let z = twice ? builder.input(ValueInfo([6, 4] as Shape, .int32)) : nil
        let table = builder.parameter(0, ValueInfo([7, 3] as Shape))
        var rows = try builder.apply(Embed(), table, x, label: "embedding")
        if let z {
            rows = try builder.apply(AddN(), rows, try builder.apply(Embed(), table, z, label: "embedding"), label: "add")
        }
        let flat = try builder.apply(Reshape(to: [6, 12]), rows, label: "flatten")
        let y = try builder.apply(MatMul(hasBias: true), flat, builder.parameter(1, ValueInfo([12, 2] as Shape)),
            builder.parameter(2, ValueInfo([2] as Shape)), label: "dense")
        return builder.finish(outputs: [y])
    }
}
