import Foundation
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Ops

@Suite struct FunctionTests {
    private func truth(_ function: MathFunction, _ x: Double) -> Double {
        switch function {
        case .negative: -x
        case .absolute: abs(x)
        case .sign: x > 0 ? 1 : x < 0 ? -1 : 0
        case .square: x * x
        case .sqrt: Foundation.sqrt(x)
        case .rsqrt: 1 / Foundation.sqrt(x)
        case .reciprocal: 1 / x
        case .cbrt: Foundation.cbrt(x)
        case .exp: Foundation.exp(x)
        case .exp2: Foundation.exp2(x)
        case .expm1: Foundation.expm1(x)
        case .log: Foundation.log(x)
        case .log1p: Foundation.log1p(x)
        case .log2: Foundation.log2(x)
        case .log10: Foundation.log10(x)
        case .sin: Foundation.sin(x)
        case .cos: Foundation.cos(x)
        case .tan: Foundation.tan(x)
        case .arcsin: asin(x)
        case .arccos: acos(x)
        case .arctan: atan(x)
        case .sinh: Foundation.sinh(x)
        case .cosh: Foundation.cosh(x)
        case .tanh: Foundation.tanh(x)
        case .arcsinh: asinh(x)
        case .arccosh: acosh(x)
        case .arctanh: atanh(x)
        case .erf: Foundation.erf(x)
        case .erfc: Foundation.erfc(x)
        case .erfinv: inverseErf(x)
        case .lgamma: Foundation.lgamma(x)
        case .digamma: (Foundation.lgamma(x + 1e-5) - Foundation.lgamma(x - 1e-5)) / 2e-5
        case .sinc: x == 0 ? 1 : Foundation.sin(.pi * x) / (.pi * x)
        case .i0: bessel(x)
        case .floor: x.rounded(.down)
        case .ceil: x.rounded(.up)
        case .round: x.rounded(.toNearestOrEven)
        case .trunc: x.rounded(.towardZero)
        }
    }

    private func bessel(_ x: Double) -> Double {
        var sum = 1.0, term = 1.0
        for k in 1..<60 {
            term *= x * x / 4 / Double(k * k)
            sum += term
        }
        return sum
    }

    private func inverseErf(_ x: Double) -> Double {
        var (low, high) = (-6.0, 6.0)
        for _ in 0..<80 {
            let middle = (low + high) / 2
            if Foundation.erf(middle) < x { low = middle } else { high = middle }
        }
        return (low + high) / 2
    }

    @Test(arguments: MathFunction.allCases) func function(_ function: MathFunction) throws {
        var random = TestRandom(3)
        let range: ClosedRange<Float> =
            switch function {
            case .sqrt, .rsqrt, .reciprocal, .cbrt, .log, .log2, .log10, .lgamma, .digamma: 0.2...4
            case .arccosh: 1.2...4
            case .arcsin, .arccos, .arctanh, .erfinv, .tan: -0.9...0.9
            case .log1p: -0.5...4
            default: -3...3
            }
        let x = random.tensor([3, 7], in: range)
        if function.isStep {
            let run = try OpRunner.run(Unary(function), [x])
            #expect(mismatch(run.outputs[0], Doubles(x).values.map { truth(function, $0) }, relative: 0, absolute: 0) == nil)
        } else {
            // The truth of digamma is a difference itself.
            let rough = function == .digamma
            try check(
                Unary(function), [x], step: rough ? 1e-3 : 1e-5, relative: rough ? 1e-4 : 2e-5, absolute: rough ? 1e-4 : 2e-6
            ) { [Doubles($0[0].values.map { truth(function, $0) }, $0[0].shape)] }
        }
    }

    @Test func functionsAtTheirEdges() throws {
        func value(_ function: MathFunction, _ x: [Float]) throws -> [Float] {
            try OpRunner.run(Unary(function), [Tensor(x)]).outputs[0].floats
        }
        #expect(try value(.round, [0.5, 1.5, 2.5, -0.5, -1.5]) == [0, 2, 2, 0, -2])
        #expect(try value(.erfinv, [1, -1, 0]) == [.infinity, -.infinity, 0])
        #expect(try value(.erfinv, [1.5])[0].isNaN)
        #expect(try value(.sinc, [0, 1]).map { abs($0) < 1e-6 ? 0 : $0 } == [1, 0])
        #expect(try value(.sign, [0, -3, 2]) == [0, -1, 1])
        let integers = try OpRunner.run(Unary(.absolute), [Tensor([Int32.min, -3, 4])]).outputs[0]
        #expect(integers.withUnsafeBytes { Array($0.bindMemory(to: Int32.self)) } == [.min, 3, 4])
    }

    @Test func predicates() throws {
        let x = Tensor([Float.nan, .infinity, -.infinity, 0, -2])
        func run(_ predicate: FloatPredicate) throws -> [UInt8] {
            try OpRunner.run(Predicate(predicate), [x]).outputs[0].withUnsafeBytes { Array($0) }
        }
        #expect(try run(.isNaN) == [1, 0, 0, 0, 0])
        #expect(try run(.isInfinite) == [0, 1, 1, 0, 0])
        #expect(try run(.isFinite) == [0, 0, 0, 1, 1])
        #expect(try run(.isPositiveInfinity) == [0, 1, 0, 0, 0])
        #expect(try run(.isNegativeInfinity) == [0, 0, 1, 0, 0])
        #expect(try run(.isNegative).suffix(3) == [1, 0, 1])
    }

    static let pairs: [[Shape]] = [[[5], [5]], [[3, 4], [4]], [[2, 1, 5], [3, 1]], [[], [4]], [[2, 0], [1]]]

    @Test(arguments: IntegerOperator.allCases, pairs) func wholeNumbers(op: IntegerOperator, shapes: [Shape]) throws {
        var random = TestRandom(11)
        let isShift = op == .shiftLeft || op == .shiftRight || op == .power
        let inputs = [random.integers(shapes[0], in: -9..<10), random.integers(shapes[1], in: isShift ? 0..<5 : -4..<5)]
        let run = try OpRunner.run(IntegerBinary(op), inputs)
        let values = inputs.map { Doubles($0.converted()) }, shape = broadcastShape(shapes)
        let expected = places(shape).map { place in
            let (a, b) = (Int(shown(values[0], at: place)), Int(shown(values[1], at: place)))
            let quotient = b == 0 ? 0 : Int((Double(a) / Double(b)).rounded(.down))
            return switch op {
            case .add: a + b
            case .subtract: a - b
            case .multiply: a * b
            case .maximum: max(a, b)
            case .minimum: min(a, b)
            case .floorDivide: quotient
            case .mod: b == 0 ? 0 : a - quotient * b
            case .power: Int(pow(Double(a), Double(b)))
            case .and: a & b
            case .or: a | b
            case .xor: a ^ b
            case .shiftLeft: a << b
            case .shiftRight: a >> b
            case .commonDivisor: (1...max(abs(a), abs(b), 1)).last { a % $0 == 0 && b % $0 == 0 && (a != 0 || b != 0) } ?? 0
            }
        }
        #expect(mismatch(run.outputs[0].converted(), Doubles(expected.map(Double.init), shape), relative: 0, absolute: 0) == nil)
    }

    @Test(arguments: Comparison.allCases, pairs) func comparisons(op: Comparison, shapes: [Shape]) throws {
        var random = TestRandom(12)
        let inputs = shapes.map { random.integers($0, in: -2..<3) }, shape = broadcastShape(shapes)
        let values = inputs.map { Doubles($0.converted()) }
        let expected = places(shape).map { place -> Double in
            let (a, b) = (shown(values[0], at: place), shown(values[1], at: place))
            let holds = switch op {
            case .equal: a == b
            case .notEqual: a != b
            case .less: a < b
            case .lessEqual: a <= b
            case .greater: a > b
            case .greaterEqual: a >= b
            }
            return holds ? 1 : 0
        }
        for operands in [inputs, inputs.map { $0.converted() }] {
            let run = try OpRunner.run(Compare(op), operands)
            #expect(run.outputs[0].dtype == .bool)
            #expect(mismatch(run.outputs[0].converted(), Doubles(expected, shape), relative: 0, absolute: 0) == nil)
        }
    }

    @Test(arguments: LogicalOperator.allCases) func logic(op: LogicalOperator) throws {
        let x = Tensor([true, true, false, false], shape: [4]), y = Tensor([true, false, true, false], shape: [4])
        let bytes = try OpRunner.run(Logical(op), [x, y]).outputs[0].withUnsafeBytes { Array($0) }
        #expect(bytes == [.and: [1, 0, 0, 0], .or: [1, 1, 1, 0], .xor: [0, 1, 1, 0]][op]!)
        #expect(try OpRunner.run(LogicalNot(), [x]).outputs[0].withUnsafeBytes { Array($0) } == [0, 0, 1, 1])
    }

    @Test(arguments: [
        [[4], [4], [4]], [[3, 1], [3, 4], [3, 4]], [[3, 4], [4], []], [[2, 1, 3], [4, 1], [2, 4, 3]], [[2, 0], [1], [2, 0]],
    ] as [[Shape]]) func select(shapes: [Shape]) throws {
        var random = TestRandom(13)
        let condition = random.integers(shapes[0], in: 0..<2).converted(to: .bool)
        try check(Select(), [condition, random.tensor(shapes[1]), random.tensor(shapes[2])]) { values in
            let shape = broadcastShape(values.map(\.shape))
            return [Doubles(places(shape).map { shown(values[0], at: $0) != 0 ? shown(values[1], at: $0) : shown(values[2], at: $0) }, shape)]
        }
    }

    @Test func gradientsStop() throws {
        let run = try OpRunner.run(StopGradient(), [Tensor([1, 2] as [Float])], outputGradients: [Tensor([1, 1] as [Float])])
        #expect(run.outputs[0].floats == [1, 2])
        #expect(run.inputGradients[0] == nil)
    }
}

extension Tensor {
    /// The same numbers, whatever their type, as float32 or another of the graph's types.
    func converted(to dtype: DType = .float32) -> Tensor {
        if self.dtype == dtype { return self }
        return try! OpRunner.run(Cast(to: dtype), [self]).outputs[0]
    }
}
