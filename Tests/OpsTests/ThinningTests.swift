import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

/// Cells that nobody reads aren't computed, and what is computed stays the same.
@Suite struct ThinningTests {
    /// The end of a residual stage (3 × 3, then 1 × 1 with the other branch added) and two 1 × 1 convolutions with strides that read it.
    private func graph(
        extents: [Int], strides: [Int], secondStrides: [Int]? = nil, same: Bool = false, padding: WindowPadding = .same, handsOut: Bool = false
    ) throws -> (graph: Graph, inputs: [Tensor], parameters: [Tensor]) {
        var builder = GraphBuilder(), random = TestRandom(UInt64(extents[0]))
        let shape = Shape([2] + extents + [6])
        let x = builder.input(ValueInfo(shape))
        var parameters: [Tensor] = []
        func weights(_ dims: [Int]) -> Value {
            parameters.append(random.tensor(Shape(dims)))
            return builder.parameter(parameters.count - 1, ValueInfo(Shape(dims)))
        }
        func convolution(_ value: Value, _ kernel: [Int], _ strides: [Int]?, _ padding: WindowPadding, _ label: String) throws -> Value {
            let ones = extents.map { _ in 1 }
            return try builder.apply(
                Convolution(strides: strides ?? ones, padding: padding, hasBias: true), value, weights(kernel), weights([kernel.last!]), label: label)
        }
        let ones = extents.map { _ in 1 }
        let windows = try convolution(x, extents.map { _ in 3 } + [6, 5], nil, padding, "windows")
        let branch = try convolution(x, extents.map { _ in 3 } + [6, 6], nil, padding, "branch")
        let branchAgain = try builder.apply(Activate(.rectifier), branch, label: "branch")
        let wide = try convolution(windows, ones + [5, 6], nil, .valid, "wide")
        let sum = try builder.apply(AddN(), wide, branchAgain, label: "sum")
        let end = try builder.apply(Activate(.rectifier), sum, label: "end")
        let first = try convolution(end, ones + [6, 3], strides, same ? .same : .valid, "first")
        let second = try convolution(end, ones + [6, 4], secondStrides ?? strides, same ? .same : .valid, "second")
        // The branch has a reader that wants all of it.
        let other = try convolution(branchAgain, ones + [6, 2], nil, .valid, "other")
        return (builder.finish(outputs: [first, second, other] + (handsOut ? [end] : [])), [random.tensor(shape)], parameters)
    }

    private static func convolutions(_ graph: Graph) -> [[Int]] { graph.nodes.compactMap { ($0.op as? Convolution)?.strides } }

    @Test(arguments: [[8, 8], [7, 9], [5, 6], [9], [4, 5, 6]], [2, 3])
    func givesTheSame(extents: [Int], stride: Int) throws {
        let strides = extents.map { _ in stride }
        for (same, padding) in [(false, WindowPadding.same), (true, .same), (true, .valid)] {
            let (graph, inputs, parameters) = try graph(extents: extents, strides: strides, same: same, padding: padding)
            let fused = Fusion.run(graph, for: .inference)
            let thinned = Thinning.run(fused)
            // The strides have gone from both readers, through the 1 × 1 convolution, to the 3 × 3.
            let strided = thinned.nodes.filter { ($0.op as? Convolution)?.strides == strides }
            #expect(strided.map(\.label) == ["windows"])
            #expect(thinned.nodes.contains { $0.op is Rearrange })
            let expected = try GraphInterpreter.run(fused, inputs: inputs, parameters: parameters)
            let got = try GraphInterpreter.run(thinned, inputs: inputs, parameters: parameters)
            for (a, b) in zip(got.outputs, expected.outputs) {
                #expect(a.shape == b.shape)
                #expect(zip(a.floats, b.floats).allSatisfy { abs($0 - $1) <= 1e-5 * (1 + abs($1)) })
            }
        }
    }

    @Test func leavesWhatIsRead() throws {
        for (secondStrides, handsOut) in [([1, 1], false), ([2, 1], false), ([2, 2], true)] {
            let (graph, _, _) = try graph(extents: [8, 8], strides: [2, 2], secondStrides: secondStrides, handsOut: handsOut)
            let fused = Fusion.run(graph, for: .inference)
            #expect(Self.convolutions(Thinning.run(fused)) == Self.convolutions(fused))
        }
        let (graph, _, _) = try graph(extents: [8, 8], strides: [2, 2])
        #expect(Self.convolutions(graph.optimized(for: .training)) == Self.convolutions(graph))
    }
}
