import Graphs
import Tensors
import TestSupport

/// A graph of tiny ops at random, with what to run it on. Numbers are small whole ones, so that sums are exact in any order.
struct RandomGraph {
    var graph: Graph
    var inputs: [Tensor]
    var parameters: [Tensor]
    var outputGradients: [Tensor]

    /// - Parameter updates: the number of parameters that a run updates.
    init(seed: UInt64, nodes: Int = 20, updates: Int = 1) throws {
        var random = TestRandom(seed)
        let length = Int.random(in: 0...9, using: &random) * 10
        let shape = Shape([length])
        func whole(_ random: inout TestRandom) -> Tensor {
            Tensor((0..<length).map { _ in Float(Int.random(in: -2...2, using: &random)) }, shape: shape)
        }

        var builder = GraphBuilder()
        var values = [builder.input(ValueInfo(shape)), builder.input(ValueInfo(shape))]
        var parameters: [Tensor] = []
        for index in 0..<3 {
            parameters.append(whole(&random))
            values.append(builder.parameter(index, ValueInfo(shape)))
        }
        values.append(builder.constant(whole(&random)))
        // The smallest exponent first: what multiplies too often leaves the whole numbers that Float holds.
        var degrees = [Int](repeating: 1, count: values.count)
        var scalars: [Value] = []

        for number in 0..<nodes {
            let label = "n\(number)"
            let a = Int.random(in: 0..<values.count, using: &random)
            let b = Int.random(in: 0..<values.count, using: &random)
            var made: [(Value, Int)] = []
            switch Int.random(in: 0..<10, using: &random) {
            case 0, 1:
                let op = TinyAffine(scale: [1, -1].randomElement(using: &random)!, offset: 1)
                made = [(try builder.apply(op, values[a], label: label), degrees[a])]
            case 2, 3:
                let op: any Op = Bool.random(using: &random) ? TinyAdd() : TinyAddReversed()
                let other = Int.random(in: 0..<4, using: &random) == 0 ? a : b
                made = [(try builder.apply(op, values[a], values[other], label: label), max(degrees[a], degrees[other]))]
            case 4 where degrees[a] + degrees[b] <= 3:
                made = [(try builder.apply(TinyMultiply(), values[a], values[b], label: label), degrees[a] + degrees[b])]
            case 5:
                let flat = try builder.apply(TinyReshape([length / 2, 2]), values[a], label: label)
                let bent = try builder.apply(TinyRelu(), flat, label: label + "_relu")
                made = [(try builder.apply(TinyReshape(shape), bent, label: label + "_back"), degrees[a])]
            case 6 where degrees[a] <= 1:
                scalars.append(try builder.apply(TinySumOfSquares(), values[a], label: label))
            case 7:
                let halves = try builder.apply(TinyHalves(), to: [values[a]], label: label)
                let which = Int.random(in: 0..<2, using: &random)
                let squares = try builder.apply(TinyAffine(scale: 2), halves[which], label: label + "_half")
                if degrees[a] <= 1 { scalars.append(try builder.apply(TinySumOfSquares(), squares, label: label + "_sum")) }
            case 8 where degrees[a] + degrees[b] <= 3:
                made = [(try builder.apply(TinyScale(), values[a], values[b], label: label), degrees[a] + degrees[b])]
            default:
                made = [(try builder.apply(TinyRelu(), values[a], label: label), degrees[a])]
            }
            for (value, degree) in made {
                values.append(value)
                degrees.append(degree)
            }
        }
        for _ in 0..<updates {
            builder.update(
                parameter: Int.random(in: 1...2, using: &random), with: values.randomElement(using: &random)!)
        }
        var outputs = [values.last!, values.randomElement(using: &random)!, values.randomElement(using: &random)!]
        outputs += scalars
        let graph = builder.finish(outputs: outputs)
        self.graph = graph
        inputs = [whole(&random), whole(&random)]
        self.parameters = parameters
        outputGradients = graph.outputs.map { output in
            let shape = graph.info(output).shape.concrete!
            return Tensor((0..<shape.count).map { _ in Float(Int.random(in: -1...1, using: &random)) }, shape: shape)
        }
    }
}
