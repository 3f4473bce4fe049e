import Foundation
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Ops

/// Runs forward and backward and holds both against a reference in Double, its gradient by central differences.
func check(
    _ op: any Op, _ inputs: [Tensor], step: Double = 1e-5, relative: Double = 2e-5, absolute: Double = 2e-6,
    seed: UInt64 = 3, reference: ([Doubles]) -> [Doubles]
) throws {
    let doubles = inputs.map(Doubles.init)
    let expected = reference(doubles)
    var random = TestRandom(seed)
    let weights = expected.map { random.tensor($0.shape) }
    let inference = try OpRunner.run(op, inputs)
    let run = try OpRunner.run(op, inputs, outputGradients: weights)
    for (index, (output, truth)) in zip(run.outputs, expected).enumerated() {
        let fault = mismatch(output, truth, relative: relative, absolute: absolute)
        #expect(fault == nil, "\(op.name), output \(index): \(fault ?? "")")
    }
    #expect(zip(inference.outputs, run.outputs).allSatisfy { mismatch($0, $1, relative: relative, absolute: absolute) == nil })
    let differentiable = inputs.indices.filter { inputs[$0].dtype == .float32 }
    let gradients = centralDifferences(
        of: { moved in
            var all = doubles
            for (index, value) in zip(differentiable, moved) { all[index] = value }
            return reference(all)
        }, at: differentiable.map { doubles[$0] }, weights: weights.map(Doubles.init), step: step)
    for (index, truth) in zip(differentiable, gradients) {
        guard let gradient = run.inputGradients[index] else {
            Issue.record("\(op.name) has no gradient of input \(index)")
            continue
        }
        let fault = mismatch(gradient, truth, relative: 10 * relative, absolute: 10 * absolute)
        #expect(fault == nil, "\(op.name), gradient of input \(index): \(fault ?? "")")
    }
}

/// The element that an operand shows at a place of the broadcast result.
func shown(_ operand: Doubles, at index: [Int]) -> Double {
    let lead = index.count - operand.shape.rank
    return operand[at: operand.shape.dims.indices.map { operand.shape[$0] == 1 ? 0 : index[lead + $0] }]
}

/// All places of an array, in row-major order.
func places(_ shape: Shape) -> [[Int]] {
    var result: [[Int]] = [[]]
    for extent in shape.dims { result = result.flatMap { place in (0..<extent).map { place + [$0] } } }
    return result
}

func broadcastShape(_ shapes: [Shape]) -> Shape {
    let rank = shapes.map(\.rank).max()!
    return Shape(
        (0..<rank).map { axis in
            let extents = shapes.compactMap { axis < rank - $0.rank ? nil : $0[axis - (rank - $0.rank)] }
            return extents.first { $0 != 1 } ?? 1
        })
}

struct ElementwiseTests {
    static let pairs: [[Shape]] = [
        [[5], [5]], [[], [4]], [[3, 4], [4]], [[3, 4], [3, 1]], [[2, 1, 5], [3, 1]], [[2, 3, 2, 3], [3, 1, 3]],
        [[1, 1], [2, 2]], [[2, 1, 3], [2, 5, 3]], [[2, 0], [1]], [[3, 17], [17]], [[1, 35], [1, 1]], [[1], [1, 35]],
    ]

    @Test(arguments: BinaryOperator.allCases, pairs) func binary(op: BinaryOperator, shapes: [Shape]) throws {
        var random = TestRandom(UInt64(shapes[0].count + 100 * shapes[1].count))
        let inputs = [
            random.tensor(shapes[0], in: op == .power ? 0.1...2 : -1...1), random.tensor(shapes[1], in: 0.5...1.5),
        ]
        try check(Binary(op), inputs) { values in
            let shape = broadcastShape(values.map(\.shape))
            return [
                Doubles(
                    places(shape).map { place in
                        let (a, b) = (shown(values[0], at: place), shown(values[1], at: place))
                        return switch op {
                        case .add: a + b
                        case .subtract: a - b
                        case .multiply: a * b
                        case .divide: a / b
                        case .maximum: Swift.max(a, b)
                        case .minimum: Swift.min(a, b)
                        case .floorDivide: (a / b).rounded(.down)
                        case .mod: a - (a / b).rounded(.down) * b
                        case .fmod: a - (a / b).rounded(.towardZero) * b
                        case .divideNoNaN: a / b
                        case .power: pow(a, b)
                        case .atan2: atan2(a, b)
                        case .hypot: hypot(a, b)
                        case .logAddExp: log(exp(a) + exp(b))
                        case .squaredDifference: (a - b) * (a - b)
                        }
                    }, shape)
            ]
        }
    }

    /// Large enough for several tiles and for sums in groups; the result is known in closed form.
    @Test func sumsOverManyTiles() throws {
        let rows = 40_000, columns = 3
        let x = Tensor((0..<rows * columns).map { Float($0 % 7) }, shape: [rows, columns])
        let bias = Tensor([Float](repeating: 2, count: columns))
        let ones = Tensor([Float](repeating: 1, count: rows * columns), shape: [rows, columns])
        for op in [BiasAdd() as any Op, Binary(.add), AddN()] {
            let run = try OpRunner.run(op, [x, bias], outputGradients: [ones])
            #expect(run.inputGradients[1]!.floats == [Float](repeating: Float(rows), count: columns), "\(op.name)")
            #expect(run.outputs[0].floats == x.floats.map { $0 + 2 }, "\(op.name)")
        }
        let product = try OpRunner.run(Binary(.multiply), [x, bias], outputGradients: [ones])
        let expected = (0..<columns).map { column in
            (0..<rows).reduce(0.0) { $0 + Double(($1 * columns + column) % 7) }
        }
        #expect(mismatch(product.inputGradients[1]!, expected, relative: 1e-6) == nil)
        let total = try OpRunner.run(Reduce(.sum), [x], outputGradients: [Tensor(scalar: Float(3))])
        #expect(mismatch(total.outputs[0], [expected.reduce(0, +)], relative: 1e-6) == nil)
        #expect(total.inputGradients[0]!.floats.allSatisfy { $0 == 3 })
    }

    @Test(arguments: [[-1: [3, 4], 0: [5]], [1: [2, 3, 4, 5]], [-1: [2, 3, 4, 5]], [1: [3, 1]]] as [[Int: [Int]]])
    func biasAdd(cases: [Int: [Int]]) throws {
        for (axis, dims) in cases {
            var random = TestRandom(5)
            let shape = Shape(dims), place = axis < 0 ? axis + dims.count : axis
            try check(BiasAdd(axis: axis), [random.tensor(shape), random.tensor([dims[place]])]) { values in
                [Doubles(zip(places(shape), values[0].values).map { $1 + values[1].values[$0[place]] }, shape)]
            }
        }
    }

    @Test(arguments: [[[4, 5]], [[4, 5], [4, 5]], [[4, 5], [4, 5], [4, 5]], [[2, 1, 3], [4, 3], [1]], [[3], [2, 3], [2, 3]]] as [[Shape]])
    func addN(shapes: [Shape]) throws {
        var random = TestRandom(6)
        try check(AddN(), shapes.map { random.tensor($0) }) { values in
            let shape = broadcastShape(values.map(\.shape))
            return [Doubles(places(shape).map { place in values.reduce(0) { $0 + shown($1, at: place) } }, shape)]
        }
    }

    @Test func addNInPlaceOfLarge() throws {
        var random = TestRandom(8)
        let inputs = (0..<3).map { _ in random.tensor([3, 100_001]) }
        let run = try OpRunner.run(AddN(), inputs)
        let columns = inputs.map(\.floats)
        #expect(run.outputs[0].floats == columns[0].indices.map { columns[0][$0] + columns[1][$0] + columns[2][$0] })
    }

    @Test(arguments: [
        Activation.linear, .rectifier, .relu(negativeSlope: 0.3), .relu(negativeSlope: 0.3, maxValue: 1, threshold: 0.25),
        .relu(threshold: -0.3), .elu(), .elu(alpha: 1.7), .elu(alpha: -0.5), .selu, .softplus, .softsign, .tanh, .sigmoid,
        .hardSigmoid, .legacyHardSigmoid, .exponential, .celu(), .celu(alpha: 0.6), .gelu(), .gelu(approximate: true),
        .hardShrink(), .hardShrink(threshold: 1.25), .hardSilu, .hardTanh, .logSigmoid, .mish, .silu, .softShrink(),
        .softShrink(threshold: 1.25), .sparsePlus, .sparseSigmoid, .squareplus(), .squareplus(b: 0.5), .tanhShrink,
        .threshold(0.4, value: -2),
    ]) func activation(kind: Activation) throws {
        var random = TestRandom(9)
        for shape in [[7], [3, 41], [2, 3, 5, 1]] as [Shape] {
            try check(Activate(kind), [random.tensor(shape, in: -4...4)]) { values in
                [Doubles(values[0].values.map { reference(kind, $0) }, values[0].shape)]
            }
        }
        _ = try OpRunner.run(
            Activate(kind), [random.tensor([20, 1201])], outputGradients: [random.tensor([20, 1201])])
    }

    private func reference(_ kind: Activation, _ x: Double) -> Double {
        switch kind {
        case .linear: x
        case .relu(let slope, let maxValue, let threshold):
            min(x > Double(threshold) ? x : Double(slope) * (x - Double(threshold)), Double(maxValue))
        case .elu(let alpha): x > 0 ? x : Double(alpha) * expm1(x)
        case .selu: 1.0507009873554805 * (x > 0 ? x : 1.6732632423543772 * expm1(x))
        case .softplus: log1p(exp(x))
        case .softsign: x / (1 + abs(x))
        case .tanh: Foundation.tanh(x)
        case .sigmoid: 1 / (1 + exp(-x))
        case .hardSigmoid: min(max(x / 6 + 0.5, 0), 1)
        case .legacyHardSigmoid: min(max(x * Double(Float(0.2)) + 0.5, 0), 1)
        case .exponential: exp(x)
        case .celu(let alpha): x > 0 ? x : Double(alpha) * expm1(x / Double(alpha))
        case .gelu(approximate: false): x * 0.5 * erfc(-x / 2.0.squareRoot())
        case .gelu(approximate: true):
            0.5 * x * (1 + Foundation.tanh((2 / Double.pi).squareRoot() * (x + 0.044715 * x * x * x)))
        case .hardShrink(let threshold): abs(x) > Double(threshold) ? x : 0
        case .hardSilu: x * min(max(x + 3, 0), 6) / 6
        case .hardTanh: min(max(x, -1), 1)
        case .logSigmoid: -log1p(exp(-x))
        case .mish: x * Foundation.tanh(log1p(exp(x)))
        case .silu: x / (1 + exp(-x))
        case .softShrink(let threshold): abs(x) > Double(threshold) ? x - copysign(Double(threshold), x) : 0
        case .sparsePlus: x <= -1 ? 0 : x < 1 ? (x + 1) * (x + 1) / 4 : x
        case .sparseSigmoid: min(max((x + 1) / 2, 0), 1)
        case .squareplus(let b): (x + (x * x + Double(b)).squareRoot()) / 2
        case .tanhShrink: x - Foundation.tanh(x)
        case .threshold(let threshold, let value): x > Double(threshold) ? x : Double(value)
        }
    }

    @Test func scale() throws {
        var random = TestRandom(10)
        try check(Scale(by: -0.25, offset: 3), [random.tensor([3, 50])]) {
            [Doubles($0[0].values.map { -0.25 * $0 + 3 }, $0[0].shape)]
        }
    }

    @Test(arguments: [[4, 10], [2, 3, 5], [2, 3, 70], [1, 1], [2, 40]] as [Shape]) func softmax(shape: Shape) throws {
        for axis in -shape.rank..<shape.rank {
            var random = TestRandom(11)
            try check(Softmax(axis: axis), [random.tensor(shape, in: -5...5)]) { values in
                let view = AxisView(shape, axis: axis)
                var result = values[0]
                for outer in 0..<view.outer {
                    for inner in 0..<view.inner {
                        let at = (0..<view.extent).map { (outer * view.extent + $0) * view.inner + inner }
                        let powers = at.map { exp(values[0].values[$0]) }, sum = powers.reduce(0, +)
                        for (index, power) in zip(at, powers) { result.values[index] = power / sum }
                    }
                }
                return [result]
            }
        }
    }

    /// No overflow, and several tiles.
    @Test func softmaxOfLargeNumbers() throws {
        let run = try OpRunner.run(Softmax(), [Tensor([Float](arrayLiteral: 1000, 999, -1e30), shape: [1, 3])])
        #expect(mismatch(run.outputs[0], [1 / (1 + exp(-1.0)), 1 / (1 + exp(1.0)), 0]) == nil)
        let unsound = try OpRunner.run(Softmax(), [Tensor([Float.nan, 1, 2, 3], shape: [2, 2])])
        #expect(unsound.outputs[0].floats[0].isNaN && unsound.outputs[0].floats[1].isNaN)
        #expect(mismatch(unsound.outputs[0].rows(1..<2), [1 / (1 + exp(1.0)), 1 / (1 + exp(-1.0))]) == nil)
        var random = TestRandom(12)
        for axis in [0, 1, 2] {
            let x = random.tensor([40, 30, 50])
            _ = try OpRunner.run(Softmax(axis: axis), [x], outputGradients: [random.tensor(x.shape)])
        }
    }

    @Test(arguments: [
        ([2, 3, 4], nil, false), ([2, 3, 4], [0], false), ([2, 3, 4], [-1], true), ([2, 3, 4], [0, 2], true),
        ([2, 3, 4], [1], false), ([2, 3, 0], [2], false), ([5], [], false), ([3, 1, 4], [1], false),
    ] as [(Shape, [Int]?, Bool)]) func reduce(shape: Shape, axes: [Int]?, keepsAxes: Bool) throws {
        for kind in [Reduce.Kind.sum, .mean] where shape.count > 0 || kind == .sum {
            var random = TestRandom(13)
            let flags = shape.dims.indices.map { axis in axes.map { $0.contains(axis) || $0.contains(axis - shape.rank) } ?? true }
            try check(Reduce(kind, axes: axes, keepsAxes: keepsAxes), [random.tensor(shape)]) { values in
                let kept = Shape(zip(shape.dims, flags).map { $1 ? 1 : $0 })
                var sums = Doubles(zeros: kept)
                for place in places(shape) {
                    sums[at: zip(place, flags).map { $1 ? 0 : $0 }] += values[0][at: place]
                }
                let terms = kind == .mean ? Double(shape.count / max(kept.count, 1)) : 1
                let dims = keepsAxes ? kept.dims : zip(shape.dims, flags).filter { !$1 }.map(\.0)
                return [Doubles(sums.values.map { $0 / terms }, Shape(dims))]
            }
        }
    }

    @Test(arguments: [([3], [2, 3]), ([2, 1, 3], [2, 4, 3]), ([1], [5, 5]), ([], [2]), ([2, 3], [2, 3])] as [(Shape, Shape)])
    func broadcastTo(from: Shape, to: Shape) throws {
        var random = TestRandom(14)
        try check(BroadcastTo(PartialShape(to)), [random.tensor(from)]) { values in
            [Doubles(places(to).map { shown(values[0], at: $0) }, to)]
        }
        let mask = Tensor((0..<from.count).map { $0 % 2 == 0 }, shape: from)
        let run = try OpRunner.run(BroadcastTo(PartialShape(to)), [mask])
        #expect(run.outputs[0].floats == places(to).map { Float(shown(Doubles(mask), at: $0)) })
    }
}
