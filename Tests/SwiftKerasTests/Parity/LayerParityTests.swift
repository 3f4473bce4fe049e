import Engine
import Graphs
import KerasFormat
import KerasSpec
import Layers
import Tensors
import Testing

/// Every case of `fixtures/layers` and the functional probe against genuine Keras 2.3.1, and every case of `fixtures/catalogue`
/// against Keras 3.15.1, in every mode.
@Suite struct LayerParityTests {
    /// One thread and two: results must be the same bits.
    private static let pools = [ThreadPool(threads: 1), ThreadPool(threads: 2)]

    /// A model of the fixtures with its weights.
    private struct Loaded {
        var program: ModelProgram
        var inputs: [Tensor]
        var infos: [ValueInfo]
        var table: ParameterTable
        var weights: [Tensor]

        init(_ example: ParityCase, reencoded: Bool = false) throws {
            var spec = try #require(try KerasFile.read(example.file(example.model)).spec)
            if reencoded { spec = try Self.reencoded(spec) }
            program = try ModelProgram(spec)
            let declared = program.declaredInputs
            inputs = try example.arrays("x").enumerated().map { $1.asType(declared?[$0].dtype ?? .float32) }
            infos = inputs.map { ValueInfo($0.shape, $0.dtype) }
            table = try program.lower(inputs: infos, training: false).parameters
            let stored = try KerasFile.readWeights(example.file(example.weights))
            let values = try WeightBinding.bind(stored, to: program.layerSlots(in: table), in: spec)
            weights = try table.slots.map { slot in
                guard let value = values[slot.path] else {
                    return try Initializer(config: slot.slot.initializer).sample(slot.slot.shape, seed: 0)
                }
                return try value.load().asType(.float32)
            }
        }

        /// The model with every configuration decoded and encoded again.
        private static func reencoded(_ spec: ModelSpec) throws -> ModelSpec {
            var spec = spec
            for index in spec.layers.indices {
                if let model = spec.layers[index].model {
                    spec.layers[index].model = Box(try reencoded(model.value))
                } else {
                    var config = try LayerRegistry.builtIn.decode(spec.layers[index]).config
                    let original = spec.layers[index].config
                    if let kept = original[LegacyName.kept] { config[LegacyName.kept] = kept }
                    #expect(Dictionary(config.map { ($0, $1) }) { a, _ in a } == Dictionary(original.map { ($0, $1) }) { a, _ in a })
                    spec.layers[index].config = config
                }
            }
            return spec
        }

        /// The indices of a case's trainable weights, or of those that training updates.
        func indices(of names: [String], in example: ParityCase, arrays prefix: String) throws -> [Int] {
            var taken: Set<Int> = []
            guard example.isOfCatalogue else {
                return try names.map { name in
                    let index = try index(of: name, taken)
                    taken.insert(index)
                    return index
                }
            }
            // Keras 3's paths aren't ours: the weights' values tell which is which.
            return try example.arrays(prefix).enumerated().map { place, value in
                let index = try #require(
                    weights.indices.first { !taken.contains($0) && weights[$0] == value }, "no weight \(names[place])")
                taken.insert(index)
                return index
            }
        }

        /// The index of a weight by Keras 2's name for it, `dense_1/kernel:0`; of several in one layer the first that is left.
        private func index(of name: String, _ taken: Set<Int>) throws -> Int {
            let parts = name.prefix { $0 != ":" }.split(separator: "/").map(String.init)
            let left = table.slots.indices.filter { !taken.contains($0) && table.slots[$0].slot.path.last == parts.last }
            let named = left.first { index in
                let path = table.slots[index].layerPath
                return path.first == parts.first || path.last == parts.first
            }
            // Layers of a model within a wrapper go by their numbers.
            return try #require(named ?? left.first { table.slots[$0].layerPath.count > 1 }, "no weight \(name)")
        }
    }

    @Test(arguments: ParityCase.everything)
    func inferenceFused(_ example: ParityCase) throws {
        let model = try Loaded(example)
        try infer(example, model) { $0.optimized(for: .inference) }
    }

    @Test(arguments: ParityCase.everything)
    func inferenceUnfused(_ example: ParityCase) throws {
        let model = try Loaded(example)
        try infer(example, model) { $0 }
    }

    @Test(arguments: ParityCase.everything)
    func inferenceReencoded(_ example: ParityCase) throws {
        let model = try Loaded(example, reencoded: true)
        try infer(example, model) { $0.optimized(for: .inference) }
    }

    private func infer(_ example: ParityCase, _ model: Loaded, _ passes: (Graph) -> Graph) throws {
        var lengths: [String: Int] = [:]
        if model.program.measuresInput {
            for measure in try model.program.lower(inputs: model.infos, training: false, parameters: model.table).measures {
                lengths[measure.layer] = measure.length(model.inputs[measure.input])
            }
        }
        let lowered = try model.program.lower(inputs: model.infos, training: false, parameters: model.table, lengths: lengths)
        let plan = try InferencePlan(graph: passes(lowered.graph))
        var first: [Tensor]?
        for pool in Self.pools {
            let session = try Session(weights: try PreparedWeights(plan: plan, parameters: model.weights, pool: pool), pool: pool)
            let outputs = try session.run(model.inputs)
            let tolerance = example.tolerance ?? Tolerance.output
            expect(outputs, try example.arrays("y"), within: tolerance, "y")
            if example.stateful {
                for call in "bcdefgh".prefix(example.calls - 1) {
                    expect(
                        try session.run(model.inputs), try example.arrays("y", suffix: String(call)), within: tolerance,
                        "y\(call)")
                }
                session.resetStates()
                #expect(try session.run(model.inputs) == outputs, "after resetting states")
            }
            if let first { #expect(first == outputs, "2 threads") }
            first = outputs
        }
    }

    @Test(arguments: ParityCase.everything.filter(\.training))
    func training(_ example: ParityCase) throws {
        let model = try Loaded(example)
        let lowered = try model.program.lower(inputs: model.infos, training: true, parameters: model.table, countsActivity: true)
        let trainable = try model.indices(of: example.trainableWeights, in: example, arrays: "w")
        let updated = try model.indices(of: example.updatedWeights, in: example, arrays: "v")
        let wantedInputs = model.inputs.indices.filter { model.inputs[$0].dtype == .float32 }
        let expectedGradients = try example.arrays("dx") + example.arrays("dw")
        let floor = Tolerance.gradientFloor * (expectedGradients.map(magnitude).max() ?? 0)
        for graph in [lowered.graph, lowered.graph.optimized(for: .training)] {
            let plan = try TrainingPlan(graph: graph, parameters: trainable, inputs: wantedInputs)
            var first: ([Tensor], TrainingSession.Gradients, [Tensor])?
            for pool in Self.pools {
                let buffers = try ParameterBuffers(model.weights)
                let session = try TrainingSession(plan: plan, parameters: buffers, pool: pool)
                let outputs = try session.forward(model.inputs)
                // Whole numbers have no gradients.
                let given = example.gradients ? try example.arrays("dy") : outputs.map { Tensor(zeros: $0.shape) }
                let gradients = try session.backward(zip(given, outputs).filter { $1.dtype == .float32 }.map(\.0))
                let after = buffers.tensors
                if let first {
                    #expect(first.0 == outputs && first.1.parameters == gradients.parameters, "2 threads")
                    #expect(first.1.inputs == gradients.inputs && first.2 == after, "2 threads")
                    continue
                }
                first = (outputs, gradients, after)
                expect(outputs, try example.arrays("t"), within: example.tolerance ?? Tolerance.output, "t")
                for (place, input) in wantedInputs.enumerated() {
                    guard let expected = try example.array("dx\(input)") else { continue }
                    expect([gradients.inputs[place]], [expected], within: Tolerance.gradient, floor: floor, "dx\(input)")
                }
                for (place, parameter) in trainable.enumerated() where example.gradients {
                    let expected = try #require(try example.array("dw\(place)"))
                    let got = gradients.parameters[parameter] ?? Tensor(zeros: expected.shape)
                    expect([got], [expected], within: Tolerance.gradient, floor: floor, "d\(example.trainableWeights[place])")
                }
                for (place, index) in updated.enumerated() {
                    let expected = try #require(try example.array("u\(place)"))
                    expect(
                        [after[index]], [expected], within: Tolerance.update, "updated \(example.updatedWeights[place])")
                }
            }
        }
    }

    private func expect(_ got: [Tensor], _ expected: [Tensor], within tolerance: Double, floor: Double = 0, _ what: String) {
        #expect(got.count == expected.count && !expected.isEmpty, "\(what): number of arrays")
        for (index, (a, b)) in zip(got, expected).enumerated() {
            let (error, note) = departure(of: a, from: b, floor: floor)
            #expect(error <= tolerance, "\(what) \(index): \(error) \(note)")
        }
    }
}
