import Graphs
import Tensors
import TestSupport
import Testing

private let vector = ValueInfo(Shape([4]))

@Suite struct PassesTests {
    @Test func dropsWhatNobodyNeeds() throws {
        var builder = GraphBuilder()
        let unused = builder.input(vector)
        let x = builder.input(vector)
        let w = builder.parameter(7, vector)
        _ = try builder.apply(TinyAdd(), unused, builder.constant(Tensor([1, 2, 3, 4] as [Float])), label: "dead")
        let halves = try builder.apply(TinyHalves(), to: [x], label: "halves")
        let y = try builder.apply(TinyRelu(), halves[1], label: "relu")
        let moved = try builder.apply(TinyAffine(offset: 1), w, label: "update")
        builder.update(parameter: 7, with: moved)
        let graph = DeadNodeRemoval.run(builder.finish(outputs: [y]))
        #expect(graph.nodes.map(\.label) == ["halves", "relu", "update"])
        #expect(graph.inputs.count == 2)
        #expect(graph.infos.count == 7)
        for (index, node) in graph.nodes.enumerated() {
            for (place, output) in node.outputs.enumerated() {
                guard case .node(index, place) = graph.origin(output) else {
                    Issue.record("an output of \(node.label) has another origin")
                    continue
                }
            }
        }
        #expect(graph.outputs == graph.nodes[1].outputs)
        #expect(graph.updates.map(\.value) == graph.nodes[2].outputs)
    }

    @Test func joinsNeighboursToAFixedPoint() throws {
        var builder = GraphBuilder()
        var value = builder.input(vector)
        for offset in 1...3 { value = try builder.apply(TinyAffine(scale: 2, offset: Float(offset)), value, label: "a\(offset)") }
        let graph = Fusion.run(builder.finish(outputs: [value]), for: .inference)
        #expect(graph.nodes.map(\.label) == ["a1+a2+a3"])
        #expect(graph.nodes[0].op as? TinyAffine == TinyAffine(scale: 8, offset: 11))
        #expect(graph.infos.count == 2)
    }

    @Test func leavesWhatOthersRead() throws {
        for reader in ["output", "update", "twice", "two"] {
            var builder = GraphBuilder()
            let x = builder.input(vector)
            let link = try builder.apply(TinyAffine(scale: 2), x, label: "first")
            var outputs = [try builder.apply(TinyAffine(offset: 1), link, label: "second")]
            switch reader {
            case "output": outputs.append(link)
            case "update": builder.update(parameter: 0, with: link)
            case "twice": outputs = [try builder.apply(TinyAdd(), link, link, label: "twice")]
            default: outputs.append(try builder.apply(TinyRelu(), link, label: "two"))
            }
            let graph = builder.finish(outputs: outputs)
            #expect(Fusion.run(graph, for: .inference).nodes.count == graph.nodes.count, "\(reader)")
        }
    }

    @Test func asksWhetherTheOthersAreConstant() throws {
        func joined(_ other: (inout GraphBuilder) throws -> Value) throws -> Graph {
            var builder = GraphBuilder()
            let x = builder.input(vector)
            let same = try builder.apply(TinyAffine(), x, label: "same")
            let other = try other(&builder)
            return Fusion.run(builder.finish(outputs: [try builder.apply(TinyAdd(), same, other, label: "add")]), for: .training)
        }
        #expect(try joined { $0.parameter(0, vector) }.nodes.count == 1)
        #expect(try joined { $0.constant(Tensor([1, 2, 3, 4] as [Float])) }.nodes.count == 1)
        #expect(try joined { $0.input(vector) }.nodes.count == 2)
        let updated = try joined {
            let state = $0.parameter(0, vector)
            $0.update(parameter: 0, with: state)
            return state
        }
        #expect(updated.nodes.count == 2, "a state is no constant")
    }

    /// Takes in an addition whatever its other input is.
    private struct Greedy: Op {
        var name: String { "greedy" }
        func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [inputs[0]] }
        func bound(to site: Site) -> any BoundOp { TinyAdd().bound(to: site) }
        func absorbing(
            _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
        ) -> (any Op)? { consumer is TinyAdd && position == 1 ? Greedy() : nil }
    }

    @Test func placesAfterWhatTheConsumerReads() throws {
        var builder = GraphBuilder()
        let x = builder.input(vector)
        let first = try builder.apply(Greedy(), x, label: "first")
        let late = try builder.apply(TinyRelu(), x, label: "late")
        let sum = try builder.apply(TinyAdd(), late, first, label: "sum")
        let graph = Fusion.run(builder.finish(outputs: [sum]), for: .inference)
        #expect(graph.nodes.map(\.label) == ["late", "first+sum"])
        #expect(graph.nodes[1].inputs == [graph.inputs[0], graph.nodes[0].outputs[0]])
    }

    @Test func settlesShapes() throws {
        var builder = GraphBuilder()
        let x = builder.input(ValueInfo([nil, 3] as PartialShape))
        let y = try builder.apply(TinyReshape([6]), try builder.apply(TinyRelu(), x, label: "relu"), label: "flat")
        let graph = builder.finish(outputs: [y])
        #expect(throws: LocatedError.self) { try graph.concreteInfos() }
        let settled = try graph.specialized(to: [[2, 3]])
        #expect(try settled.concreteInfos().map(\.shape) == [[2, 3], [2, 3], [6]])
        for (shapes, code) in [([], "graph.input_count"), ([[2, 4]], "graph.input_shape"), ([[3, 3]], "tiny.reshape")]
            as [([Shape], String)]
        {
            let error = #expect(throws: LocatedError.self) { try graph.specialized(to: shapes) }
            #expect(error?.code == code)
        }
    }
}
