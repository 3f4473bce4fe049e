import Engine
import Graphs
import Tensors
import TestSupport
import Testing

private let vector = ValueInfo(Shape([40]))

private func ramp(_ scale: Float = 1) -> Tensor { Tensor((0..<40).map { Float($0) * scale }) }

private func session(
    _ graph: Graph, _ parameters: [Tensor], wanting: [Int], inputs: [Int] = [], outputs: [Int]? = nil, threads: Int = 1
) throws -> TrainingSession {
    try TrainingSession(
        plan: TrainingPlan(graph: graph, parameters: wanting, inputs: inputs, outputs: outputs),
        parameters: ParameterBuffers(parameters), pool: ThreadPool(threads: threads), poisons: true)
}

@Suite struct TrainingTests {
    @Test(arguments: 0..<20) func givesTheBitsOfTheSlowTruth(_ seed: UInt64) throws {
        let random = try RandomGraph(seed: seed, updates: 0)
        let expected = try GraphInterpreter.run(
            random.graph, inputs: random.inputs, parameters: random.parameters, outputGradients: random.outputGradients)
        for graph in [random.graph, random.graph.optimized(for: .training)] {
            for threads in 1...3 {
                let session = try session(
                    graph, random.parameters, wanting: [2, 0, 1], inputs: [1, 0], threads: threads)
                for _ in 0..<2 {
                    #expect(try session.forward(random.inputs) == expected.outputs)
                    let gradients = try session.backward(random.outputGradients)
                    for index in session.plan.differentiatedParameters {
                        #expect(sameNumbers(gradients.parameters[index]!, expected.parameterGradients[index]!))
                    }
                    #expect(sameNumbers(gradients.inputs[0], expected.inputGradients[1]))
                    #expect(sameNumbers(gradients.inputs[1], expected.inputGradients[0]))
                }
            }
        }
    }

    /// Order of addition decides the sign of zero; everything else is exact.
    private func sameNumbers(_ a: Tensor, _ b: Tensor) -> Bool { a.shape == b.shape && a.floats == b.floats }

    @Test(arguments: 0..<10) func outputsLastAndParametersAreUpdated(_ seed: UInt64) throws {
        let random = try RandomGraph(seed: seed, updates: 1)
        let session = try session(random.graph, random.parameters, wanting: [0])
        let parameter = random.graph.updates[0].parameter
        var parameters = random.parameters
        for _ in 0..<2 {
            let expected = try GraphInterpreter.run(random.graph, inputs: random.inputs, parameters: parameters)
            let outputs = try session.forward(random.inputs)
            #expect(outputs == expected.outputs)
            #expect(session.parameters.tensors == parameters, "forward alone updates nothing")
            _ = try session.backward(random.outputGradients)
            parameters[parameter] = expected.updates[0]
            #expect(session.parameters.tensors == parameters)
            // What is an output because it is a parameter changes with it.
            for (index, output) in random.graph.outputs.enumerated() {
                guard case .node(let node, _) = random.graph.origin(output),
                    random.graph.nodes[node].op.name != "reshape"
                else { continue }
                #expect(Tensor(copying: session.output(index), like: outputs[index]) == outputs[index])
            }
        }
    }

    @Test func addsUpWhatComesFromManySides() throws {
        var builder = GraphBuilder()
        let w = builder.parameter(0, vector)
        let square = try builder.apply(TinyMultiply(), w, w, label: "w·w")
        let bent = try builder.apply(TinyReshape([8, 5]), square, label: "bent")
        let sum = try builder.apply(TinyAdd(), square, try builder.apply(TinyReshape([40]), bent, label: "flat"), label: "sum")
        // w² + w², and as outputs besides: w², its alias, w itself.
        let session = try session(builder.finish(outputs: [sum, square, bent, w, sum]), [ramp()], wanting: [0])
        _ = try session.forward([])
        let ones = Tensor([Float](repeating: 1, count: 40))
        let gradients = try session.backward([ones, ones, ones.reshaped(to: [8, 5]), ones, nil])
        let expected: [Float] = ramp(8).floats.map { $0 + 1 }
        #expect(gradients.parameters[0]!.floats == expected)
    }

    @Test func whatNothingDependsOnHasZeroGradient() throws {
        var builder = GraphBuilder()
        _ = builder.input(vector)
        let (a, b, c) = (builder.parameter(0, vector), builder.parameter(1, vector), builder.parameter(2, vector))
        let noise = try builder.apply(TinyNoise(), b, label: "not differentiable")
        let beside = try builder.apply(TinyRelu(), c, label: "another output")
        let y = try builder.apply(TinyAdd(), a, noise, label: "sum")
        let graph = builder.finish(outputs: [y, beside])
        let session = try session(graph, [ramp(), ramp(), ramp()], wanting: [3, 2, 1, 0], inputs: [0], outputs: [0])
        #expect(session.plan.differentiatedParameters == [2, 1, 0], "there is no parameter 3")
        _ = try session.forward([ramp()], seed: 2)
        let ones = Tensor([Float](repeating: 1, count: 40))
        let gradients = try session.backward([ones])
        #expect(gradients.parameters == [0: ones, 1: Tensor(zeros: [40]), 2: Tensor(zeros: [40])])
        #expect(gradients.inputs == [Tensor(zeros: [40])])
    }

    @Test func keepsOnlyWhatBackwardReads() throws {
        func arena(_ op: any Op, wanting: [Int]) throws -> Int {
            var builder = GraphBuilder()
            var value = try builder.apply(
                TinyAdd(), builder.input(ValueInfo([1000] as Shape)), builder.parameter(0, ValueInfo([1000] as Shape)), label: "")
            for _ in 0..<8 { value = try builder.apply(op, value, label: "") }
            return try TrainingPlan(graph: builder.finish(outputs: [value]), parameters: wanting).arenaByteCount
        }
        // In place in one array forward; backward hands the gradient on through two.
        #expect(try arena(TinyAffine(), wanting: [0]) == 3 * 4032)
        // Nine arrays kept, and gradients in two; they take over what backward is done with, all but the output.
        #expect(try arena(TinyRelu(), wanting: [0]) <= 11 * 4032)
        #expect(try arena(TinyRelu(), wanting: []) == 4032)
    }

    @Test func stepsFollowParametersThatChangeInPlace() throws {
        var builder = GraphBuilder()
        let (x, w) = (builder.input(vector), builder.parameter(0, vector))
        let y = try builder.apply(TinyScale(), x, w, label: "scale")
        let loss = try builder.apply(TinySumOfSquares(), y, label: "loss")
        let session = try session(builder.finish(outputs: [loss]), [ramp(0.01)], wanting: [0])
        let ones = Tensor([Float](repeating: 1, count: 40))
        var losses: [Float] = []
        for step in 0..<20 {
            losses.append(try session.forward([ones], step: UInt64(step))[0].floats[0])
            _ = try session.backward([Tensor([Float(1)], shape: [])])
            let w = session.parameters.pointers[0].assumingMemoryBound(to: Float.self)
            let g = session.parameterGradients[0].assumingMemoryBound(to: Float.self)
            for i in 0..<40 { w[i] -= 0.25 * g[i] }
        }
        #expect(zip(losses, losses.dropFirst()).allSatisfy { $0 > $1 })
        #expect(losses.last! < 1e-6)
    }

    @Test func refusesWhatDoesNotFit() throws {
        var builder = GraphBuilder()
        let w = builder.parameter(0, vector)
        let labels = builder.input(ValueInfo([3] as Shape, .int32))
        let plan = try TrainingPlan(graph: builder.finish(outputs: [w, labels]), parameters: [0])
        #expect(plan.differentiatedOutputs == [0])
        func code(_ body: () throws(LocatedError) -> Void) -> String? {
            do throws(LocatedError) {
                try body()
                return nil
            } catch { return error.code }
        }
        let session = try TrainingSession(plan: plan, parameters: ParameterBuffers([ramp()]))
        #expect(code { () throws(LocatedError) in _ = try session.forward([]) } == "plan.input_count")
        #expect(code { () throws(LocatedError) in _ = try session.forward([ramp()]) } == "plan.input")
        _ = try session.forward([Tensor([1, 2, 3] as [Int32])])
        #expect(code { () throws(LocatedError) in _ = try session.backward([]) } == "plan.gradient_count")
        #expect(code { () throws(LocatedError) in _ = try session.backward([Tensor(zeros: [41])]) } == "plan.gradient")
        #expect(try session.backward([ramp()]).parameters[0] == ramp())
        #expect(code { () throws(LocatedError) in try session.parameters.set(0, to: Tensor(zeros: [2])) } == "plan.parameter")
        #expect(
            code { () throws(LocatedError) in
                _ = try TrainingSession(plan: plan, parameters: ParameterBuffers([Tensor(zeros: [2])]))
            } == "plan.parameter")
        #expect(
            code { () throws(LocatedError) in
                var builder = GraphBuilder()
                let x = builder.input(ValueInfo([3] as Shape, .int32))
                _ = try TrainingPlan(graph: builder.finish(outputs: [x]), parameters: [], inputs: [0])
            } == "plan.gradient_type")
    }

    @Test func profilesBothWays() throws {
        let random = try RandomGraph(seed: 3, updates: 0)
        let session = try session(random.graph, random.parameters, wanting: [0, 1, 2])
        var profile = Profile()
        let (inputs, gradients) = (random.inputs, random.outputGradients)
        session.step(
            inputs: inputs.map(\.unsafeAddress), outputGradients: gradients.map(\.unsafeAddress), profile: &profile)
        #expect(profile.runs == 1)
        #expect(profile.entries.contains { $0.backwardNanoseconds > 0 })
        withExtendedLifetime((inputs, gradients)) {}
    }
}

extension Tensor {
    /// Where the bytes are while the tensor is kept.
    var unsafeAddress: UnsafeRawPointer { withUnsafeBytes { $0.baseAddress! } }

    init(copying bytes: UnsafeRawPointer, like tensor: Tensor) {
        self.init(uninitialized: tensor.shape, dtype: tensor.dtype)
        withUnsafeMutableBytes { $0.baseAddress?.copyMemory(from: bytes, byteCount: $0.count) }
    }
}
