import Graphs
import Tensors
import TestSupport
import Testing

@testable import Ops

@Suite struct RearrangeTests {
    static let cases: [(Shape, [AxisRule])] = [
        ([5], [.slice(start: 1, stop: 4)]), ([5], [.slice(start: -1, stop: nil, step: -2)]), ([5], [.slice(start: 4, stop: 1)]),
        ([3, 4, 2], [.keep, .flip, .keep]), ([3, 4], [.roll(1), .roll(-5)]), ([2, 3], [.tile(2), .tile(3)]),
        ([2, 3, 2], [.keep, .repeatEach(2), .keep]), ([3, 2], [.repeats([2, 0, 1]), .keep]), ([3, 4], [.take([2, -1, 0, 2]), .take([1, 1])]),
        ([4, 3], [.pad(.reflect, before: 2, after: 3), .pad(.symmetric, before: 1, after: 3)]),
        ([2, 3], [.pad(.edge, before: 2, after: 1), .pad(.wrap, before: 4, after: 5)]), ([2, 3], [.keep, .keep]),
        ([2, 3, 4], [.slice(start: nil, stop: nil, step: 2), .keep, .slice(start: 1)]), ([0, 3], [.tile(2), .flip]), ([2, 3], [.tile(0), .keep]),
    ]

    /// The index that an index of the result comes from.
    private func source(_ rule: AxisRule, _ place: Int, _ extent: Int) -> Int {
        switch rule {
        case .keep: return place
        case .flip: return extent - 1 - place
        case .roll(let shift): return ((place - shift) % extent + extent) % extent
        case .tile: return place % extent
        case .repeatEach(let count): return place / count
        case .repeats(let counts):
            var rest = place
            for (index, count) in counts.enumerated() {
                if rest < count { return index }
                rest -= count
            }
            return -1
        case .take(let indices): return (indices[place] + extent) % extent
        case .slice(let start, _, let step):
            let first = start.map { $0 < 0 ? $0 + extent : $0 } ?? (step > 0 ? 0 : extent - 1)
            return first + place * step
        case .pad(let mode, let before, _):
            var index = place - before
            switch mode {
            case .edge: return min(max(index, 0), extent - 1)
            case .wrap:
                while index < 0 { index += extent }
                return index % extent
            case .reflect:
                while index < 0 || index >= extent { index = index < 0 ? -index : 2 * extent - 2 - index }
                return index
            case .symmetric:
                while index < 0 || index >= extent { index = index < 0 ? -1 - index : 2 * extent - 1 - index }
                return index
            }
        }
    }

    @Test(arguments: cases) func forwardAndBackward(_ shape: Shape, _ rules: [AxisRule]) throws {
        var random = TestRandom(1)
        let x = random.tensor(shape)
        let output = try #require(try Rearrange(rules).outputs(for: [ValueInfo(shape)])[0].shape.concrete)
        try check(Rearrange(rules), [x]) { values in
            [
                Doubles(
                    places(output).map { place in
                        values[0][at: place.indices.map { source(rules[$0], place[$0], shape[$0]) }]
                    }, output)
            ]
        }
        let bytes = try OpRunner.run(Rearrange(rules), [Tensor([UInt8](repeating: 3, count: shape.count), shape: shape)])
        #expect(bytes.outputs[0].shape == output)
    }

    @Test(arguments: [
        (5, 1, nil, 2, [1, 3]), (5, nil, nil, -1, [4, 3, 2, 1, 0]), (5, -2, nil, 1, [3, 4]), (5, 10, 0, -3, [4, 1]),
        (5, -9, 2, 1, [0, 1]), (5, 3, 3, 1, []), (0, nil, nil, -1, []), (3, nil, -2, 1, [0]),
    ] as [(Int, Int?, Int?, Int, [Int])]) func slicesAsPython(extent: Int, start: Int?, stop: Int?, step: Int, expected: [Int]) {
        let (first, count) = AxisRule.range(extent, start, stop, step)
        #expect((0..<count).map { first + $0 * step } == expected)
    }

    @Test func refusals() {
        for rule in [
            AxisRule.slice(step: 0), .take([3]), .take([-4]), .tile(-1), .tile(.max), .repeatEach(-2), .repeats([1]), .repeats([1, -1, 0]),
            .pad(.reflect, before: 3, after: 0), .pad(.symmetric, before: 0, after: 4), .pad(.edge, before: -1, after: 0),
        ] {
            #expect(throws: LocatedError.self) { try Rearrange([rule]).outputs(for: [ValueInfo([3])]) }
        }
        #expect(throws: LocatedError.self) { try Rearrange(.flip, axis: 2, rank: 2).outputs(for: [ValueInfo([2, 2])]) }
    }

    @Test(arguments: [
        ([2, 3], [3, 4], false, false), ([5, 2, 3], [5, 3, 4], false, false), ([5, 3, 2], [5, 3, 4], true, false),
        ([5, 2, 3], [5, 4, 3], false, true), ([2, 3, 2], [2, 4, 3], true, true), ([2, 1, 3, 4], [5, 4, 2], false, false),
        ([3, 4], [2, 2, 5, 4], false, true), ([4, 3], [2, 4, 5], true, false), ([2, 0, 3], [2, 3, 4], false, false),
    ] as [(Shape, Shape, Bool, Bool)]) func batchMatMul(a: Shape, b: Shape, transposesA: Bool, transposesB: Bool) throws {
        var random = TestRandom(2)
        try check(
            BatchMatMul(transposingA: transposesA, transposingB: transposesB), [random.tensor(a), random.tensor(b)]
        ) { values in
            let lead = broadcastShape([Shape(Array(a.dims.dropLast(2))), Shape(Array(b.dims.dropLast(2)))])
            let m = a.dims[a.rank - (transposesA ? 1 : 2)], k = a.dims[a.rank - (transposesA ? 2 : 1)]
            let n = b.dims[b.rank - (transposesB ? 2 : 1)]
            let shape = Shape(lead.dims + [m, n])
            func element(_ x: Doubles, _ place: [Int], _ i: Int, _ j: Int, _ transposed: Bool) -> Double {
                let own = x.shape.rank - 2
                let front = (0..<own).map { x.shape[$0] == 1 ? 0 : place[lead.rank - own + $0] }
                return x[at: front + (transposed ? [j, i] : [i, j])]
            }
            return [
                Doubles(
                    places(shape).map { place in
                        (0..<k).reduce(0) { sum, inner in
                            sum + element(values[0], place, place[lead.rank], inner, transposesA)
                                * element(values[1], place, inner, place[lead.rank + 1], transposesB)
                        }
                    }, shape)
            ]
        }
    }

    @Test(arguments: [(0, 0), (1, 0), (-1, 0), (1, 1), (2, 1), (2, 2)]) func gather(axis: Int, batch: Int) throws {
        var random = TestRandom(4)
        let x = random.tensor([2, 3, 4])
        let axis = axis < 0 ? axis + 3 : axis, extent = x.shape[axis]
        let lead = Array(x.shape.dims[..<batch])
        let indices = random.integers(Shape(lead + [2, 2]), in: Int32(-extent)..<Int32(extent))
        let output = Shape(Array(x.shape.dims[..<axis]) + [2, 2] + Array(x.shape.dims[(axis + 1)...]))
        let numbers = Doubles(indices.converted())
        try check(Gather(axis: axis, batchAxes: batch), [x, indices]) { values in
            [
                Doubles(
                    places(output).map { place in
                        let index = Int(numbers[at: Array(place[..<batch]) + Array(place[axis..<axis + 2])])
                        return values[0][at: Array(place[..<axis]) + [(index + extent) % extent] + Array(place[(axis + 2)...])]
                    }, output)
            ]
        }
    }

    @Test(arguments: [0, 1, 2]) func takeAlongAxis(axis: Int) throws {
        var random = TestRandom(5)
        let x = random.tensor([2, 3, 4])
        var shape = x.shape
        shape[axis] = 5
        let extent = x.shape[axis]
        let indices = random.integers(shape, in: Int32(-extent)..<Int32(extent)), numbers = Doubles(indices.converted())
        try check(TakeAlongAxis(axis: axis), [x, indices]) { values in
            [
                Doubles(
                    places(shape).map { place in
                        var from = place
                        from[axis] = (Int(numbers[at: place]) + extent) % extent
                        return values[0][at: from]
                    }, shape)
            ]
        }
    }

    @Test func outsideIsAbsent() throws {
        let x = Tensor([1, 2, 3] as [Float]), indices = Tensor([3, -4, 1] as [Int32])
        for op in [Gather(axis: 0) as any Op, TakeAlongAxis(axis: 0)] {
            let run = try OpRunner.run(op, [x, indices], outputGradients: [Tensor([1, 1, 1] as [Float])])
            #expect(run.outputs[0].floats[0].isNaN && run.outputs[0].floats[1].isNaN && run.outputs[0].floats[2] == 2)
            #expect(run.inputGradients[0]?.floats == [0, 1, 0])
        }
    }

    @Test(arguments: [true, false], [-2, -1, 0, 1, 3]) func triangle(lower: Bool, diagonal: Int) throws {
        var random = TestRandom(6)
        try check(Triangle(lower: lower, diagonal: diagonal), [random.tensor([2, 3, 4])]) { values in
            [
                Doubles(
                    places(values[0].shape).map { place in
                        let offset = place[2] - place[1]
                        return (lower ? offset <= diagonal : offset >= diagonal) ? values[0][at: place] : 0
                    }, values[0].shape)
            ]
        }
    }

    @Test func oneHot() throws {
        let indices = Tensor([0, 2, -1, 3] as [Int32], shape: [2, 2])
        let last = try OpRunner.run(OneHot(3), [indices]).outputs[0]
        #expect(last.floats == [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0])
        let first = try OpRunner.run(OneHot(3, axis: 0, dtype: .int32), [indices]).outputs[0]
        #expect(first.shape == [3, 2, 2] && first.converted().floats == [1, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0])
    }
}
