import Engine
import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

/// Chains that run a few rows at a time give the same bits as whole ones.
@Suite struct BandingTests {
    /// One chain: windows and strides of the three convolutions, rows, whether the input is added at the end.
    struct Chain: Sendable, CustomTestStringConvertible {
        var kernels: [Int]
        var strides: [Int]
        var padding: WindowPadding = .same
        var dilation = 1
        var height = 23
        var isResidual = false
        var testDescription: String { "kernels \(kernels), strides \(strides), \(padding), dilation \(dilation), \(height) rows" }
    }

    static let chains = [
        Chain(kernels: [1, 3, 1], strides: [1, 1, 1], isResidual: true),
        Chain(kernels: [1, 3, 1], strides: [1, 2, 1]),
        Chain(kernels: [3, 3, 1], strides: [2, 1, 1], height: 31),
        Chain(kernels: [1, 5, 3], strides: [1, 1, 2], padding: .valid),
        Chain(kernels: [1, 3, 1], strides: [1, 1, 1], dilation: 3, isResidual: true),
        // Strides over the window: rows that nobody reads.
        Chain(kernels: [1, 1, 1], strides: [1, 3, 1], padding: .valid),
        Chain(kernels: [2, 3, 2], strides: [1, 2, 1], padding: .explicit(begin: [3, 0], end: [4, 1]), height: 9),
        Chain(kernels: [1, 3, 1], strides: [1, 1, 1], height: 1, isResidual: true),
    ]

    private func graph(_ chain: Chain) throws -> (graph: Graph, input: Tensor, parameters: [Tensor]) {
        let (width, channels, wide) = (19, 8, 24)
        var random = TestRandom(5)
        var parameters: [Tensor] = []
        var builder = GraphBuilder()
        func weights(_ shape: Shape) -> Value {
            parameters.append(random.tensor(shape))
            return builder.parameter(parameters.count - 1, ValueInfo(PartialShape(shape.dims)))
        }
        let x = builder.input(ValueInfo(PartialShape([1, chain.height, width, channels])))
        var value = x
        // The middle one is depthwise.
        for (place, (input, output)) in [(channels, wide), (1, wide), (wide, channels)].enumerated() {
            let (kernel, stride) = (chain.kernels[place], chain.strides[place])
            let convolution = Convolution(
                strides: [stride, stride], padding: kernel == 1 ? .same : chain.padding,
                dilation: place == 1 ? [chain.dilation, chain.dilation] : nil, groups: place == 1 ? wide : 1, hasBias: true,
                activation: place < 2 ? .relu(maxValue: 6) : .linear)
            value = try builder.apply(
                convolution, value, weights([kernel, kernel, input, output]), weights([output]), label: "\(place)")
        }
        if chain.isResidual { value = try builder.apply(Binary(.add), value, x, label: "sum") }
        return (builder.finish(outputs: [value]).optimized(for: .inference), random.tensor([1, chain.height, width, channels]), parameters)
    }

    private func run(_ graph: Graph, _ input: Tensor, _ parameters: [Tensor], threads: Int) throws -> [Float] {
        let pool = ThreadPool(threads: threads)
        let weights = try PreparedWeights(plan: InferencePlan(graph: graph), parameters: parameters, pool: pool)
        let session = try Session(weights: weights, pool: pool, poisons: true)
        _ = try session.run([input])
        return try session.run([input])[0].floats
    }

    @Test(arguments: chains) func sameBits(_ chain: Chain) throws {
        let (graph, input, parameters) = try graph(chain)
        let expected = try run(graph, input, parameters, threads: 1)
        let allFinite = expected.allSatisfy(\.isFinite)
        #expect(allFinite)
        // Bands of one row, of some, of a whole tile; one tile and several.
        for wantedBytes in [0, 20_000, 1_000_000] {
            for leastRows in [1, 3, 14] {
                var extent = BandExtent()
                (extent.wantedBytes, extent.leastRows) = (wantedBytes, leastRows)
                let banded = Banding.run(graph, leastBytes: 0, extent: extent)
                let chains = banded.nodes.filter { $0.op.name == "bands" }.count
                #expect(chains == 1 && banded.nodes.count < graph.nodes.count)
                for threads in 1...3 {
                    let got = try run(banded, input, parameters, threads: threads)
                    #expect(got == expected)
                }
            }
        }
    }

    /// A chain ends where two ops read an array, where the model hands it out, and where it is narrow.
    @Test func cuts() throws {
        var random = TestRandom(6)
        func parts(_ outputs: [Int], filters: [Int], batch: Int = 1) throws -> [String] {
            var builder = GraphBuilder()
            var values = [builder.input(ValueInfo(PartialShape([batch, 16, 16, 8])))]
            var parameters: [Tensor] = []
            for (place, count) in filters.enumerated() {
                let depth = place == 0 ? 8 : filters[place - 1]
                parameters.append(random.tensor([1, 1, depth, count]))
                let kernel = builder.parameter(place, ValueInfo(PartialShape([1, 1, depth, count])))
                values.append(
                    try builder.apply(
                        Convolution(strides: [1, 1], padding: .same, hasBias: false), values[place], kernel, label: "\(place)"))
            }
            return Banding.run(builder.finish(outputs: outputs.map { values[$0] }), leastBytes: 16 * 16 * 16 * 4).nodes.map(\.label)
        }
        let whole = try parts([4], filters: [32, 32, 32, 16])
        #expect(whole == ["0 … 3"])
        let narrow = try parts([4], filters: [32, 8, 32, 16])
        #expect(narrow == ["0 … 1", "2 … 3"])
        let handedOut = try parts([2, 4], filters: [32, 32, 32, 16])
        #expect(handedOut == ["0 … 1", "2 … 3"])
        // Several samples, arrays that stay in a cache.
        let (samples, small) = (try parts([4], filters: [32, 32, 32, 16], batch: 2), try parts([4], filters: [8, 8, 8, 16]))
        #expect(samples.count == 4 && small.count == 4)
    }
}
