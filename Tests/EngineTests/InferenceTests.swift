import Engine
import Graphs
import Tensors
import TestSupport
import Testing

private let vector = ValueInfo(Shape([40]))

private func ramp(_ scale: Float = 1) -> Tensor { Tensor((0..<40).map { Float($0) * scale }) }

/// A session that poisons everything, on a pool of its own.
private func session(
    _ graph: Graph, parameters: [Tensor] = [], threads: Int = 1
) throws -> Session {
    let weights = try PreparedWeights(plan: InferencePlan(graph: graph), parameters: parameters)
    return try Session(weights: weights, pool: ThreadPool(threads: threads), poisons: true)
}

@Suite struct InferenceTests {
    @Test(arguments: 0..<25) func givesTheBitsOfTheSlowTruth(_ seed: UInt64) throws {
        let random = try RandomGraph(seed: seed, updates: 0)
        let expected = try GraphInterpreter.run(random.graph, inputs: random.inputs, parameters: random.parameters)
        for graph in [random.graph, random.graph.optimized(for: .inference)] {
            for threads in 1...3 {
                let session = try session(graph, parameters: random.parameters, threads: threads)
                for _ in 0..<3 { #expect(try session.run(random.inputs) == expected.outputs) }
            }
        }
    }

    @Test(arguments: 0..<12) func statesAdvanceAsTheSlowTruthDoes(_ seed: UInt64) throws {
        let random = try RandomGraph(seed: seed, nodes: 12, updates: 2)
        guard Set(random.graph.updates.map(\.parameter)).count == 2 else { return }
        let session = try session(random.graph, parameters: random.parameters, threads: 2)
        var parameters = random.parameters
        for _ in 0..<2 {
            let expected = try GraphInterpreter.run(random.graph, inputs: random.inputs, parameters: parameters)
            #expect(try session.run(random.inputs) == expected.outputs)
            for (update, tensor) in zip(random.graph.updates, expected.updates) {
                parameters[update.parameter] = tensor
                #expect(session.state(of: update.parameter) == tensor)
            }
        }
        session.resetStates()
        let again = try GraphInterpreter.run(random.graph, inputs: random.inputs, parameters: random.parameters)
        #expect(try session.run(random.inputs) == again.outputs)
    }

    @Test func swapsTwoStates() throws {
        var builder = GraphBuilder()
        let (a, b) = (builder.parameter(0, vector), builder.parameter(1, vector))
        let flat = try builder.apply(TinyReshape([40]), b, label: "flat")
        builder.update(parameter: 0, with: flat)
        builder.update(parameter: 1, with: a)
        let session = try session(builder.finish(outputs: [a]), parameters: [ramp(), ramp(2)])
        #expect(try session.run([]) == [ramp()])
        #expect(session.state(of: 0) == ramp(2))
        #expect(session.state(of: 1) == ramp())
        try session.setState(of: 0, to: ramp(3))
        #expect(try session.run([]) == [ramp(3)])
    }

    @Test func handsOutWhatNoNodeWrites() throws {
        var builder = GraphBuilder()
        let (x, w, c) = (builder.input(vector), builder.parameter(0, vector), builder.constant(ramp(3)))
        let bent = try builder.apply(TinyReshape([8, 5]), x, label: "bent")
        let twice = try builder.apply(TinyAffine(scale: 2), x, label: "twice")
        let scaled = try builder.apply(TinyScale(), w, c, label: "weights only")
        let session = try session(
            builder.finish(outputs: [x, bent, w, c, twice, twice, scaled]), parameters: [ramp(2)])
        let outputs = try session.run([ramp()])
        #expect(outputs[1].shape == [8, 5])
        #expect(
            outputs.map(\.floats) == [1, 1, 2, 3, 2, 2].map { ramp($0).floats } + [ramp().floats.map { 6 * $0 * $0 }])
    }

    @Test func weightsAreReplacedByVersion() throws {
        var builder = GraphBuilder()
        let (x, w) = (builder.input(vector), builder.parameter(0, vector))
        let twice = try builder.apply(TinyAffine(scale: 2), w, label: "folded")
        let y = try builder.apply(TinyScale(), x, twice, label: "scale")
        let plan = try InferencePlan(graph: builder.finish(outputs: [y]))
        #expect(plan.cost == 1e6, "what depends on weights alone doesn't run")
        let old = try PreparedWeights(plan: plan, parameters: [ramp()], version: 1)
        let new = try PreparedWeights(plan: plan, parameters: [ramp(3)], version: 2)
        let session = try Session(weights: old, poisons: true)
        let ones = Tensor([Float](repeating: 1, count: 40))
        #expect(try session.run([ones]) == [ramp(2)])
        session.use(new)
        #expect(try session.run([ones]) == [ramp(6)])
        #expect(session.weights.version == 2)
    }

    @Test func takesMemoryThatIsNotAligned() throws {
        var builder = GraphBuilder()
        let x = builder.input(vector)
        let y = try builder.apply(TinyAffine(scale: 2), x, label: "twice")
        let session = try session(builder.finish(outputs: [y, x]))
        let memory = UnsafeMutableRawBufferPointer.allocate(byteCount: 1024, alignment: 64)
        defer { memory.deallocate() }
        let base = memory.baseAddress!
        let numbers = (base + 4).bindMemory(to: Float.self, capacity: 200)
        for i in 0..<200 { numbers[i] = i < 40 ? Float(i) : -1 }
        session.run(inputs: [UnsafeRawPointer(numbers)], outputs: [numbers + 40, numbers + 100])
        #expect((40..<80).map { numbers[$0] } == ramp(2).floats)
        #expect((100..<140).map { numbers[$0] } == ramp().floats)
        #expect(numbers[80] == -1 && numbers[140] == -1)
    }

    @Test func refusesOtherInputs() throws {
        var builder = GraphBuilder()
        let x = builder.input(vector)
        let session = try session(builder.finish(outputs: [x]))
        func code(_ inputs: [Tensor]) -> String? {
            do throws(LocatedError) {
                _ = try session.run(inputs)
                return nil
            } catch { return error.code }
        }
        #expect(code([ramp()]) == nil)
        #expect(code([]) == "plan.input_count")
        #expect(code([ramp().reshaped(to: [4, 10])]) == "plan.input")
        #expect(code([Tensor(zeros: [40], dtype: .int32)]) == "plan.input")
    }

    @Test func refusesOtherParameters() throws {
        var builder = GraphBuilder()
        let w = builder.parameter(1, vector)
        let plan = try InferencePlan(graph: builder.finish(outputs: [w]))
        for parameters in [[], [ramp()], [ramp(), Tensor(zeros: [41])]] {
            let error = #expect(throws: LocatedError.self) { try PreparedWeights(plan: plan, parameters: parameters) }
            #expect(error?.code == "plan.parameter")
            #expect(error?.category == .mismatch)
        }
    }

    @Test func refusesUnknownAndEndlessShapes() throws {
        for (shape, code): (PartialShape, String) in [
            ([nil, 3], "plan.unknown_shape"), ([1 << 40, 1 << 40], "plan.too_large"), ([1 << 61], "plan.too_large"),
        ] {
            var builder = GraphBuilder()
            let x = builder.input(ValueInfo(shape))
            let y = try builder.apply(TinyRelu(), x, label: "relu")
            let error = #expect(throws: LocatedError.self) { try InferencePlan(graph: builder.finish(outputs: [y])) }
            #expect(error?.code == code)
        }
        var builder = GraphBuilder()
        let x = builder.input(ValueInfo([1 << 58] as Shape))
        let y = try builder.apply(TinyNoise(), x, label: "a")
        let graph = builder.finish(outputs: [try builder.apply(TinyNoise(), y, label: "b")])
        let error = #expect(throws: LocatedError.self) {
            try Session(weights: PreparedWeights(plan: InferencePlan(graph: graph), parameters: []), poisons: false)
        }
        #expect(error?.code == "plan.memory")
    }

    @Test func reusesMemory() throws {
        var builder = GraphBuilder()
        var value = builder.input(ValueInfo([1000] as Shape))
        // Not in place: noise keeps its input.
        for index in 0..<10 { value = try builder.apply(TinyNoise(), value, label: "\(index)") }
        var inPlace = value
        for index in 0..<10 { inPlace = try builder.apply(TinyRelu(), inPlace, label: "r\(index)") }
        let plan = try InferencePlan(graph: builder.finish(outputs: [inPlace]))
        // Ten arrays in two places; the last of them and all after it lie where the caller wants the output.
        #expect(plan.arenaByteCount == 2 * 4032)
    }

    @Test func randomNumbersHangOnTheKeyAlone() throws {
        var builder = GraphBuilder()
        let x = builder.input(vector)
        let session = try session(builder.finish(outputs: [builder.apply(TinyNoise(), x, label: "noise")]))
        let zeros = Tensor(zeros: [40])
        #expect(try session.run([zeros], seed: 3, step: 2)[0].floats[0] == 35)
        #expect(try session.run([zeros], seed: 4, step: 0)[0].floats[0] == 4)
        #expect(try session.run([zeros])[0].floats[0] == 0)
    }

    @Test func profilesNodes() throws {
        var builder = GraphBuilder()
        let x = builder.input(vector)
        let y = try builder.apply(TinySumOfSquares(), x, label: "sum")
        let session = try session(builder.finish(outputs: [y]))
        var profile = Profile()
        for _ in 0..<3 { _ = try session.run([ramp()], profile: &profile) }
        #expect(profile.runs == 3)
        #expect(profile.entries.map(\.label) == ["sum"])
        #expect(profile.entries[0].op == "sum_of_squares" && profile.entries[0].forwardNanoseconds > 0)
    }

    @Test func sessionsOfOnePlanRunAtTheSameTime() async throws {
        let random = try RandomGraph(seed: 5, nodes: 40, updates: 0)
        let expected = try GraphInterpreter.run(random.graph, inputs: random.inputs, parameters: random.parameters)
        let weights = try PreparedWeights(plan: InferencePlan(graph: random.graph), parameters: random.parameters)
        let pool = ThreadPool(threads: 3)
        let results = try await withThrowingTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    let session = try Session(weights: weights, pool: pool, poisons: false)
                    for _ in 0..<50 where try session.run(random.inputs) != expected.outputs { return false }
                    return true
                }
            }
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(results == [true, true, true, true])
    }
}
