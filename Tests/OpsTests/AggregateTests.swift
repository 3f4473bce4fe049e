import Graphs
import Tensors
import TestSupport
import Testing

@testable import Ops

@Suite struct AggregateTests {
    static let axes: [[Int]?] = [nil, [0], [1], [-1], [0, 2], [1, 2], [0, 1], []]

    @Test(arguments: [Aggregate.Kind.max, .min, .product], axes) func floats(kind: Aggregate.Kind, axes: [Int]?) throws {
        var random = TestRandom(1)
        for keeps in [false, true] {
            try check(Aggregate(kind, axes: axes, keepsAxes: keeps), [random.tensor([2, 3, 4])]) { values in
                [reference(values[0], axes, keeps) { kind == .max ? $0.max()! : kind == .min ? $0.min()! : $0.reduce(1, *) }]
            }
        }
    }

    @Test(arguments: axes) func wholeNumbersAndMasks(axes: [Int]?) throws {
        var random = TestRandom(2)
        let integers = random.integers([2, 3, 4], in: -3..<4), masks = random.integers([2, 3, 4], in: 0..<2).converted(to: .bool)
        for (kind, input, combine) in [
            (.sum, integers, { $0.reduce(0, +) }), (.product, integers, { $0.reduce(1, *) }), (.max, integers, { $0.max()! }),
            (.min, integers, { $0.min()! }), (.all, masks, { $0.min()! }), (.any, masks, { $0.max()! }),
        ] as [(Aggregate.Kind, Tensor, ([Double]) -> Double)] {
            let run = try OpRunner.run(Aggregate(kind, axes: axes), [input])
            #expect(run.outputs[0].dtype == input.dtype)
            let expected = reference(Doubles(input.converted()), axes, false, combine)
            #expect(mismatch(run.outputs[0].converted(), expected, relative: 0, absolute: 0) == nil, "\(kind)")
        }
    }

    private func reference(_ x: Doubles, _ axes: [Int]?, _ keeps: Bool, _ combine: ([Double]) -> Double) -> Doubles {
        let reduced = axes.map { Set($0.map { $0 < 0 ? $0 + x.shape.rank : $0 }) } ?? Set(x.shape.dims.indices)
        let kept = Shape(x.shape.dims.indices.map { reduced.contains($0) ? 1 : x.shape[$0] })
        let values = places(kept).map { place in
            combine(places(x.shape).filter { whole in whole.indices.allSatisfy { reduced.contains($0) || whole[$0] == place[$0] } }.map { x[at: $0] })
        }
        return Doubles(values, keeps ? kept : Shape(kept.dims.indices.filter { !reduced.contains($0) }.map { kept[$0] }))
    }

    @Test func tiesShareAndZerosCount() throws {
        let x = Tensor([2, 1, 2, 2] as [Float], shape: [2, 2]), one = Tensor(scalar: Float(3))
        let tied = try OpRunner.run(Aggregate(.max), [x], outputGradients: [one])
        #expect(tied.inputGradients[0]?.floats == [1, 0, 1, 1])
        let whole = try OpRunner.run(Aggregate(.max, givesTiesWhole: true), [x], outputGradients: [one])
        #expect(whole.inputGradients[0]?.floats == [3, 0, 3, 3])
        let zeros = try OpRunner.run(
            Aggregate(.product, axes: [1]), [Tensor([0, 3, 2, 0, 0, 5] as [Float], shape: [2, 3])],
            outputGradients: [Tensor([1, 1] as [Float])])
        #expect(zeros.inputGradients[0]?.floats == [6, 0, 0, 0, 0, 0])
        let nothing = try OpRunner.run(Aggregate(.max, axes: [1]), [Tensor(zeros: [2, 0])])
        #expect(nothing.outputs[0].floats == [-.infinity, -.infinity])
        #expect(try OpRunner.run(Aggregate(.max), [Tensor([1, .nan, 3] as [Float])]).outputs[0].floats[0].isNaN)
    }

    @Test(arguments: [Cumulative.Kind.sum, .product, .max, .min], [0, 1, -1]) func cumulative(kind: Cumulative.Kind, axis: Int) throws {
        var random = TestRandom(3)
        let axis = axis < 0 ? 2 : axis
        try check(Cumulative(kind, axis: axis), [random.tensor([2, 5, 3])]) { values in
            let x = values[0]
            return [
                Doubles(
                    places(x.shape).map { place in
                        let all = (0...place[axis]).map { index in
                            var other = place
                            other[axis] = index
                            return x[at: other]
                        }
                        return switch kind {
                        case .sum: all.reduce(0, +)
                        case .product: all.reduce(1, *)
                        case .max: all.max()!
                        case .min: all.min()!
                        }
                    }, x.shape)
            ]
        }
    }

    @Test(arguments: [0, 1, -1], [false, true]) func orders(axis: Int, descending: Bool) throws {
        var random = TestRandom(4)
        let x = random.integers([3, 6, 4], in: -4..<5), place = axis < 0 ? 2 : axis, extent = x.shape[place]
        for input in [x, x.converted()] {
            let order = Doubles(try OpRunner.run(ArgSort(axis: axis, descending: descending), [input]).outputs[0].converted())
            let largest = Doubles(try OpRunner.run(ArgExtremum(min: !descending, axis: axis), [input]).outputs[0].converted())
            let values = Doubles(x.converted())
            for start in places(x.shape) where start[place] == 0 {
                func at(_ array: Doubles, _ index: Int) -> Double {
                    var other = start
                    other[place] = index
                    return array[at: other]
                }
                let expected = (0..<extent).sorted { a, b in
                    let (x, y) = (at(values, a), at(values, b))
                    return x == y ? a < b : descending ? x > y : x < y
                }
                #expect((0..<extent).map { Int(at(order, $0)) } == expected)
                var without = start
                without.remove(at: place)
                #expect(Int(largest[at: without]) == expected[0])
            }
        }
    }

    @Test func notANumberStandsLast() throws {
        let x = Tensor([.nan, 1, -2, .nan, 5] as [Float])
        for (descending, expected) in [(false, [2, 1, 4, 0, 3]), (true, [4, 1, 2, 0, 3])] as [(Bool, [Float])] {
            #expect(try OpRunner.run(ArgSort(descending: descending), [x]).outputs[0].converted().floats == expected)
        }
    }

    @Test(arguments: Resample.Method.allCases, [false, true]) func resample(method: Resample.Method, antialiasing: Bool) throws {
        var random = TestRandom(5)
        for (from, to) in [(4, 7), (7, 3), (5, 5), (1, 4), (6, 1)] {
            let weights = Resample.weights(method, antialiasing, from: from, to: to)
            // Weights sum to 1 and stay inside.
            for span in weights {
                #expect(span.first >= 0 && span.first + span.weights.count <= from)
                #expect(abs(span.weights.reduce(0, +) - 1) < 1e-5)
            }
            try check(Resample(axis: 1, to: to, method, antialiasing: antialiasing), [random.tensor([2, from, 3])]) { values in
                let shape: Shape = [2, to, 3]
                return [
                    Doubles(
                        places(shape).map { place in
                            let span = weights[place[1]]
                            return span.weights.indices.reduce(0) {
                                $0 + Double(span.weights[$1]) * values[0][place[0], span.first + $1, place[2]]
                            }
                        }, shape)
                ]
            }
        }
    }
}
