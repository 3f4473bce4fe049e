import Graphs
import Tensors
import TestSupport
import Testing

@testable import Ops

/// Ops that move, convert and mask.
struct ArrangementTests {
    @Test(arguments: [
        ([[2, 3], [2, 4]], 1), ([[2, 3], [5, 3]], 0), ([[2, 3, 4], [2, 1, 4], [2, 2, 4]], -2), ([[3, 2]], -1),
        ([[2, 0], [2, 3]], 1),
    ] as [([Shape], Int)]) func concatenate(shapes: [Shape], axis: Int) throws {
        var random = TestRandom(1)
        func joined(_ values: [Doubles]) -> [Doubles] {
            let place = axis < 0 ? axis + shapes[0].rank : axis
            var dims = shapes[0].dims
            dims[place] = shapes.reduce(0) { $0 + $1[place] }
            return [
                Doubles(
                    places(Shape(dims)).map { index in
                        var index = index, input = 0
                        while index[place] >= shapes[input][place] {
                            index[place] -= shapes[input][place]
                            input += 1
                        }
                        return values[input][at: index]
                    }, Shape(dims))
            ]
        }
        let inputs = shapes.map { random.tensor($0) }
        try check(Concatenate(axis: axis), inputs, reference: joined)
        for dtype in [DType.bool, .int32] {
            let cast = inputs.map { ($0 * 10).asType(dtype) }
            let run = try OpRunner.run(Concatenate(axis: axis), cast)
            #expect(run.outputs[0].dtype == dtype)
            #expect(mismatch(run.outputs[0], joined(cast.map(Doubles.init))[0]) == nil)
        }
    }

    @Test func concatenateOverManyTiles() throws {
        var random = TestRandom(2)
        let (a, b) = (random.tensor([2, 170_000]), random.tensor([2, 10_001]))
        let run = try OpRunner.run(Concatenate(), [a, b], outputGradients: [random.tensor([2, 180_001])])
        for row in 0..<2 {
            #expect(run.outputs[0].rows(row..<row + 1).floats == a.rows(row..<row + 1).floats + b.rows(row..<row + 1).floats)
        }
    }

    @Test func concatenateRefuses() {
        #expect(throws: LocatedError.self) { try Concatenate().outputs(for: [ValueInfo([2, 3]), ValueInfo([3, 3])]) }
        #expect(throws: LocatedError.self) { try Concatenate().outputs(for: [ValueInfo([2, 3]), ValueInfo([2, 3], .int32)]) }
        #expect(throws: LocatedError.self) { try Concatenate(axis: 2).outputs(for: [ValueInfo([2, 3])]) }
        #expect(throws: LocatedError.self) { try Concatenate().outputs(for: []) }
        let partial = try? Concatenate().outputs(for: [ValueInfo([nil, 3]), ValueInfo([4, nil])])
        #expect(partial == [ValueInfo([4, nil])])
    }

    @Test func reshape() throws {
        var random = TestRandom(3)
        try check(Reshape(to: [nil, 6]), [random.tensor([4, 3, 2])]) { [Doubles($0[0].values, [4, 6])] }
        #expect(try Reshape(to: [nil, 6]).outputs(for: [ValueInfo([nil, 3, 2])]) == [ValueInfo([nil, 6])])
        #expect(try Reshape(to: [nil, 3]).outputs(for: [ValueInfo([0, 6], .int32)]) == [ValueInfo([0, 3], .int32)])
        for shape in [[5], [nil, 5], [nil, nil], [-6], [Int.max, 4], [nil, 0]] as [PartialShape] {
            #expect(throws: LocatedError.self) { try Reshape(to: shape).outputs(for: [ValueInfo([2, 3])]) }
        }
    }

    @Test func cast() throws {
        let floats = Tensor([-1.9, 0, 0.4, 2.7, .nan, .infinity, -.infinity, 3e9] as [Float])
        #expect(
            try OpRunner.run(Cast(to: .int32), [floats]).outputs[0].array(as: Int32.self)
                == [-1, 0, 0, 2, 0, .max, .min, .max])
        #expect(
            try OpRunner.run(Cast(to: .bool), [floats]).outputs[0].array(as: Bool.self)
                == [true, false, true, true, true, true, true, true])
        let integers = Tensor([-3, 0, 7] as [Int32])
        #expect(try OpRunner.run(Cast(to: .float32), [integers]).outputs[0].floats == [-3, 0, 7])
        #expect(try OpRunner.run(Cast(to: .bool), [integers]).outputs[0].array(as: Bool.self) == [true, false, true])
        let mask = Tensor([true, false])
        #expect(try OpRunner.run(Cast(to: .float32), [mask]).outputs[0].floats == [1, 0])
        #expect(try OpRunner.run(Cast(to: .int32), [mask]).outputs[0].array(as: Int32.self) == [1, 0])
        #expect(throws: LocatedError.self) { try Cast(to: .float64).outputs(for: [ValueInfo([1])]) }
    }

    @Test func masks() throws {
        let x = Tensor([0, 1, -1, 0, .nan, 0] as [Float], shape: [2, 3])
        let mask = try OpRunner.run(NotEqual(to: 0), [x]).outputs[0]
        #expect(mask.array(as: Bool.self) == [false, true, true, false, true, false])
        #expect(
            try OpRunner.run(NotEqual(to: 2), [Tensor([1, 2, 3] as [Int32])]).outputs[0].array(as: Bool.self)
                == [true, false, true])
        func reduced(_ kind: MaskReduction.Kind, _ axis: Int) throws -> [Bool] {
            try OpRunner.run(MaskReduction(kind, axis: axis), [mask]).outputs[0].array(as: Bool.self)
        }
        #expect(try reduced(.any, -1) == [true, true])
        #expect(try reduced(.all, -1) == [false, false])
        #expect(try reduced(.any, 0) == [false, true, true])
        #expect(try reduced(.all, 0) == [false, true, false])
        let kept = try OpRunner.run(MaskReduction(.any, axis: -1, keepsAxis: true), [mask]).outputs[0]
        #expect(kept.shape == [2, 1])
        let row = Tensor([true, true, false])
        #expect(
            try OpRunner.run(LogicalAnd(), [mask, row]).outputs[0].array(as: Bool.self)
                == [false, true, false, false, true, false])
        let column = Tensor([true, false], shape: [2, 1])
        #expect(
            try OpRunner.run(LogicalAnd(), [column, mask]).outputs[0].array(as: Bool.self)
                == [false, true, true, false, false, false])
        #expect(try OpRunner.run(Fill(1, .bool), [x]).outputs[0].array(as: Bool.self) == [Bool](repeating: true, count: 6))
        #expect(try OpRunner.run(Fill(2.5), [x]).outputs[0].floats == [Float](repeating: 2.5, count: 6))
        #expect(try OpRunner.run(Fill(-2.5, .int32), [x]).outputs[0].array(as: Int32.self) == [Int32](repeating: -2, count: 6))
    }
}
