import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

/// What is joined only to be normalized or joined again isn't put together.
@Suite struct FlatteningTests {
    /// Steps of a dense block: each normalizes and activates all that came before, and joins a product of it to that.
    private func block(
        steps: Int, activation: Activation = .rectifier, handsOut: Bool = false, lastIsRaw: Bool = false
    ) throws -> (graph: Graph, inputs: [Tensor], parameters: [Tensor]) {
        var builder = GraphBuilder(), random = TestRandom(UInt64(steps))
        let x = builder.input(ValueInfo([2, 3, 5, 20]))
        var parameters: [Tensor] = [], all = x, channels = 20, handedOut: [Value] = []
        func weights(_ dims: [Int], _ range: ClosedRange<Float> = -1...1) -> Value {
            parameters.append(random.tensor(Shape(dims), in: range))
            return builder.parameter(parameters.count - 1, ValueInfo(Shape(dims)))
        }
        func normalized(_ value: Value) throws -> Value {
            let statistics = [weights([channels]), weights([channels]), weights([channels]), weights([channels], 0.5...2)]
            let normal = try builder.apply(BatchNormalize(epsilon: 1e-3), to: [value] + statistics, label: "normal")[0]
            return try builder.apply(Activate(activation), normal, label: "active")
        }
        for step in 0..<steps {
            let product = try builder.apply(
                Convolution(strides: [1, 1], padding: .same, hasBias: false), try normalized(all), weights([1, 1, channels, 9]),
                label: "product")
            all = try builder.apply(Concatenate(), all, product, label: "joined \(step)")
            channels += 9
            if handsOut && step == 0 { handedOut.append(all) }
        }
        let end = lastIsRaw ? all : try normalized(all)
        return (builder.finish(outputs: [end] + handedOut), [random.tensor([2, 3, 5, 20], in: -1...1)], parameters)
    }

    private func expectSame(_ block: (graph: Graph, inputs: [Tensor], parameters: [Tensor])) throws -> Graph {
        let optimized = block.graph.optimized(for: .inference)
        let expected = try GraphInterpreter.run(block.graph, inputs: block.inputs, parameters: block.parameters)
        let got = try GraphInterpreter.run(optimized, inputs: block.inputs, parameters: block.parameters)
        for (a, b) in zip(got.outputs, expected.outputs) {
            #expect(a.shape == b.shape)
            #expect(zip(a.floats, b.floats).allSatisfy { abs($0 - $1) <= 1e-5 * (1 + abs($1)) })
        }
        return optimized
    }

    private func count(_ name: String, _ graph: Graph) -> Int { graph.nodes.filter { $0.op.name == name }.count }

    @Test(arguments: [Activation.rectifier, .relu(maxValue: 6), .tanh, .silu]) func denseBlock(_ activation: Activation) throws {
        let graph = try expectSame(try block(steps: 3, activation: activation))
        #expect(count("concatenate", graph) == 0 && count("batch_normalize", graph) == 0)
        #expect(count("affine_concatenate", graph) == 4 && count("activate", graph) == 0)
        // The parts, and scale, center, mean and variance.
        #expect(graph.nodes.filter { $0.op.name == "affine_concatenate" }.map(\.inputs.count) == [5, 6, 7, 8])
    }

    /// Arrays that somebody reads whole are put together once, and read whole.
    @Test func leavesWhatIsRead() throws {
        let handedOut = try expectSame(try block(steps: 3, handsOut: true))
        #expect(count("concatenate", handedOut) == 1)
        let raw = try expectSame(try block(steps: 3, lastIsRaw: true))
        #expect(count("concatenate", raw) == 1 && raw.nodes.last?.inputs.count == 4)
        let training = try block(steps: 2).graph.optimized(for: .training)
        #expect(count("concatenate", training) == 2 && count("affine_concatenate", training) == 0)
    }

    /// Where Winograd transforms its input anyhow, it reads parts; elsewhere they are joined.
    @Test func convolutionReadsParts() throws {
        for (channels, size, batch, expected) in [([32, 16], 24, 1, 0), ([16, 32, 16], 13, 3, 0), ([32, 12], 24, 1, 1), ([32, 16], 3, 1, 1)] {
            var builder = GraphBuilder(), random = TestRandom(UInt64(size))
            let shapes = channels.map { Shape([batch, size, size, $0]) }
            let parts = shapes.map { builder.input(ValueInfo($0)) }
            let joined = try builder.apply(Concatenate(), to: parts, label: "joined")[0]
            let depth = channels.reduce(0, +)
            let parameters = [random.tensor([3, 3, depth, 40], in: -0.3...0.3), random.tensor([40])]
            let (kernel, bias) = (builder.parameter(0, ValueInfo([3, 3, depth, 40])), builder.parameter(1, ValueInfo([40])))
            let convolution = Convolution(strides: [1, 1], padding: .same, hasBias: true)
            let y = try builder.apply(convolution, joined, kernel, bias, label: "y")
            let other = builder.input(ValueInfo(Shape([batch, size, size, 40])))
            let sum = try builder.apply(AddN(), y, other, label: "sum")
            let end = try builder.apply(Activate(.rectifier), sum, label: "end")
            let inputs = (shapes + [[batch, size, size, 40]]).map { random.tensor($0, in: -1...1) }
            let graph = try expectSame((builder.finish(outputs: [end]), inputs, parameters))
            #expect(graph.nodes.count == 1 + expected && count("concatenate", graph) == expected)
        }
    }

    /// Weights that change from run to run are folded in each of them.
    @Test func updatedStatistics() throws {
        var builder = GraphBuilder(), random = TestRandom(1)
        let (x, y) = (builder.input(ValueInfo([4, 3])), builder.input(ValueInfo([4, 5])))
        let statistics = (0..<4).map { builder.parameter($0, ValueInfo([8])) }
        let joined = try builder.apply(Concatenate(), x, y, label: "joined")
        let normal = try builder.apply(BatchNormalize(epsilon: 1e-3), to: [joined] + statistics, label: "normal")[0]
        let output = try builder.apply(Activate(.rectifier), normal, label: "active")
        builder.update(parameter: 2, with: try builder.apply(Binary(.add), statistics[2], statistics[0], label: "update"))
        let graph = builder.finish(outputs: [output])
        #expect(count("affine_concatenate", graph.optimized(for: .inference)) == 1)
        let parameters = (0..<4).map { _ in random.tensor([8], in: 0.5...1) }
        _ = try expectSame((graph, [random.tensor([4, 3], in: -1...1), random.tensor([4, 5], in: -1...1)], parameters))
    }
}
