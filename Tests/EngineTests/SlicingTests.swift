import Engine
import Graphs
import Tensors
import TestSupport
import Testing

/// Graphs whose parts run slice by slice give the same bits as whole ones.
@Suite struct SlicingTests {
    /// Two branches that meet, weights read twice, an output in the middle, and an end that looks at all samples.
    private func graph(batch: Int, columns: Int, middle: Bool) throws -> (graph: Graph, input: Tensor, parameters: [Tensor]) {
        var builder = GraphBuilder()
        let x = builder.input(ValueInfo([batch, columns]))
        let w = builder.parameter(0, ValueInfo([columns])), v = builder.parameter(1, ValueInfo([columns]))
        let constant = builder.constant(Tensor((0..<columns).map { Float($0 % 5) }, shape: [columns]))
        let a = try builder.apply(Weigh(), x, w, label: "a")
        let b = try builder.apply(Weigh(), a, constant, label: "b")
        // Made of weights alone, in the middle.
        let doubled = try builder.apply(Double(), v, label: "doubled")
        let c = try builder.apply(Weigh(), a, doubled, label: "c")
        let d = try builder.apply(Join(), b, c, label: "d")
        let e = try builder.apply(Weigh(), d, w, label: "e")
        let f = try builder.apply(AddOfAll(), e, label: "f")
        let g = try builder.apply(Join(), f, e, label: "g")
        let h = try builder.apply(Weigh(), g, v, label: "h")
        var random = TestRandom(UInt64(batch))
        return (
            builder.finish(outputs: middle ? [h, d] : [h]), random.tensor([batch, columns]),
            [random.tensor([columns]), random.tensor([columns])]
        )
    }

    private func run(_ graph: Graph, _ input: Tensor, _ parameters: [Tensor], threads: Int) throws -> [Tensor] {
        let pool = ThreadPool(threads: threads)
        let weights = try PreparedWeights(plan: InferencePlan(graph: graph), parameters: parameters, pool: pool)
        let session = try Session(weights: weights, pool: pool)
        _ = try session.run([input])
        return try session.run([input])
    }

    @Test(arguments: [4, 6, 7, 12, 64], [false, true]) func sameBits(batch: Int, middle: Bool) throws {
        let (graph, input, parameters) = try graph(batch: batch, columns: 32, middle: middle)
        let sliced = Slicing.run(graph, wantedTraffic: 3 * 256, leastTraffic: 0)
        #expect(sliced.nodes.map(\.label) == ["doubled", "a … e", "f", "g … h"])
        #expect(sliced.nodes[1].op.name == "slices")
        let expected = try run(graph, input, parameters, threads: 1)
        for threads in [1, 2, 3] {
            let got = try run(sliced, input, parameters, threads: threads)
            #expect(got.map(\.floats) == expected.map(\.floats))
        }
    }

    @Test func staysWhole() throws {
        // Too few samples, too little memory, slices that would not be aligned.
        let (few, _, _) = try graph(batch: 3, columns: 32, middle: false)
        #expect(Slicing.run(few, wantedTraffic: 256, leastTraffic: 0).nodes.count == few.nodes.count)
        let (small, _, _) = try graph(batch: 64, columns: 32, middle: false)
        #expect(Slicing.run(small).nodes.count == small.nodes.count)
        let (skew, _, _) = try graph(batch: 7, columns: 31, middle: false)
        #expect(Slicing.run(skew, wantedTraffic: 256, leastTraffic: 0).nodes.count == skew.nodes.count)
        // Weights that are too much for every slice end a part.
        for (columns, parts) in [(110_000, 6), (40_000, 2)] {
            var builder = GraphBuilder()
            var value = builder.input(ValueInfo([8, columns]))
            for index in 0..<6 {
                value = try builder.apply(Weigh(), value, builder.parameter(index, ValueInfo([columns])), label: "\(index)")
            }
            #expect(Slicing.run(builder.finish(outputs: [value])).nodes.count == parts)
        }
    }

    /// y = (x + 1) · w, with w negated beforehand where it stays; two stages by way of scratch.
    private struct Weigh: Op {
        var name: String { "weigh" }
        func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [inputs[0]] }
        func isSampleWise(inputs: [ValueInfo]) -> Bool { true }
        func bound(to site: Site) -> any BoundOp {
            Bound(rows: site.inputs[0].shape[0], columns: site.inputs[0].shape[1], isPrepared: site.constantInputs[1])
        }

        struct Bound: BoundOp {
            let rows: Int, columns: Int, isPrepared: Bool
            var memory: WorkingMemory {
                WorkingMemory(
                    prepared: isPrepared ? columns * 4 : 0, forwardScratch: rows * columns * 4, workerScratch: columns * 4)
            }
            var cost: Swift.Double { 1e6 }
            var forwardStages: [Int] { [rows, rows] }
            func prepare(_ frame: Frame) {
                let target = frame.prepared.assumingMemoryBound(to: Float.self)
                for column in 0..<columns { target[column] = -frame.input(1)[column] }
            }
            func forward(_ frame: Frame, stage: Int, tile: Int) {
                let scratch = frame.scratch.assumingMemoryBound(to: Float.self)
                let own = frame.workerScratch.assumingMemoryBound(to: Float.self)
                for column in 0..<columns {
                    let place = tile * columns + column
                    if stage == 0 {
                        scratch[place] = frame.input(0)[place] + 1
                    } else {
                        own[column] = isPrepared ? -frame.prepared.assumingMemoryBound(to: Float.self)[column] : frame.input(1)[column]
                        frame.output()[place] = scratch[place] * own[column]
                    }
                }
            }
        }
    }

    private struct Double: Op {
        var name: String { "double" }
        func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [inputs[0]] }
        func bound(to site: Site) -> any BoundOp { Bound(count: site.inputs[0].shape.count) }

        struct Bound: BoundOp {
            let count: Int
            var cost: Swift.Double { 1 }
            var forwardStages: [Int] { [1] }
            func forward(_ frame: Frame, stage: Int, tile: Int) {
                for place in 0..<count { frame.output()[place] = 2 * frame.input(0)[place] }
            }
        }
    }

    /// z = x + 2y, in place where it may be.
    private struct Join: Op {
        var name: String { "join" }
        func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [inputs[0]] }
        func isSampleWise(inputs: [ValueInfo]) -> Bool { true }
        func bound(to site: Site) -> any BoundOp { Bound(count: site.inputs[0].shape.count) }

        struct Bound: BoundOp {
            let count: Int
            var cost: Swift.Double { 1 }
            var inPlaceInputs: [Int] { [0, 1] }
            var forwardStages: [Int] { [1] }
            func forward(_ frame: Frame, stage: Int, tile: Int) {
                for place in 0..<count { frame.output()[place] = frame.input(0)[place] + 2 * frame.input(1)[place] }
            }
        }
    }

    /// Every row becomes the sum of all rows.
    private struct AddOfAll: Op {
        var name: String { "add_of_all" }
        func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [inputs[0]] }
        func bound(to site: Site) -> any BoundOp {
            Bound(rows: site.inputs[0].shape[0], columns: site.inputs[0].shape[1])
        }

        struct Bound: BoundOp {
            let rows: Int, columns: Int
            var cost: Swift.Double { 1 }
            var forwardStages: [Int] { [1] }
            func forward(_ frame: Frame, stage: Int, tile: Int) {
                for column in 0..<columns {
                    var sum: Float = 0
                    for row in 0..<rows { sum += frame.input(0)[row * columns + column] }
                    for row in 0..<rows { frame.output()[row * columns + column] = sum }
                }
            }
        }
    }
}
