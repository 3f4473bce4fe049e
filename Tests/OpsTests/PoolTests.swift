import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

struct PoolCase: CustomTestStringConvertible, Sendable {
    var x: Shape
    var size: [Int]
    var strides: [Int]
    var same = false
    var testDescription: String { "\(x) size \(size) strides \(strides) \(same ? "same" : "valid")" }

    static let all = [
        PoolCase(x: [2, 4, 4, 3], size: [2, 2], strides: [2, 2]), PoolCase(x: [1, 6, 6, 32], size: [2, 2], strides: [2, 2]),
        PoolCase(x: [1, 7, 7, 50], size: [2, 2], strides: [2, 2]),
        PoolCase(x: [2, 7, 6, 17], size: [3, 3], strides: [2, 2], same: true),
        PoolCase(x: [1, 7, 6, 16], size: [3, 2], strides: [1, 1]),
        PoolCase(x: [1, 9, 8, 4], size: [2, 3], strides: [2, 3], same: true),
        PoolCase(x: [1, 9, 8, 4], size: [2, 2], strides: [3, 4]),
        PoolCase(x: [1, 2, 2, 5], size: [5, 4], strides: [1, 1], same: true),
        PoolCase(x: [0, 4, 4, 3], size: [2, 2], strides: [2, 2]), PoolCase(x: [2, 9, 3], size: [3], strides: [2]),
        PoolCase(x: [2, 9, 3], size: [4], strides: [4], same: true),
        PoolCase(x: [1, 4, 5, 6, 18], size: [2, 2, 3], strides: [2, 1, 2], same: true),
    ]

    /// Output shape, value and gradient in plain loops.
    func reference(_ kind: PoolKind, _ x: Doubles, _ dy: Doubles?) -> (y: Doubles, dx: Doubles) {
        let spatial = size.count, channels = x.shape.dims.last!
        let windows = ConvolutionReference(strides: strides, same: same, dilation: size.map { _ in 1 }, groups: 1)
            .window(Array(x.shape.dims[1...spatial]), size)
        var y = Doubles(zeros: Shape([x.shape[0]] + windows.output + [channels]))
        var dx = Doubles(zeros: x.shape)
        forEachIndex(y.shape.dims) { index in
            var cells: [Int] = []
            forEachIndex(size) { tap in
                var place = index
                for axis in 0..<spatial {
                    place[axis + 1] = index[axis + 1] * strides[axis] + tap[axis] - windows.begin[axis]
                    guard place[axis + 1] >= 0 && place[axis + 1] < x.shape[axis + 1] else { return }
                }
                cells.append(x.offset(place))
            }
            let values = cells.map { x.values[$0] }
            let gradient = dy?[at: index] ?? 0
            switch kind {
            case .max:
                let largest = values.max()!
                y[at: index] = largest
                dx.values[cells[values.firstIndex(of: largest)!]] += gradient
            case .average:
                y[at: index] = values.reduce(0, +) / Double(values.count)
                for cell in cells { dx.values[cell] += gradient / Double(values.count) }
            }
        }
        return (y, dx)
    }
}

@Suite struct PoolTests {
    /// Few different values, so that windows have several maxima.
    @Test(arguments: PoolCase.all, [PoolKind.max, .average]) func forwardAndBackward(_ given: PoolCase, kind: PoolKind) throws {
        var random = TestRandom(1)
        let x = Tensor(random.integers(given.x, in: -3..<4).floats, shape: given.x)
        let op = Pool(kind: kind, size: given.size, strides: given.strides, padding: given.same ? .same : .valid)
        let shape = given.reference(kind, Doubles(x), nil).y.shape
        let arriving = random.tensor(shape)
        let expected = given.reference(kind, Doubles(x), Doubles(arriving))
        let run = try OpRunner.run(op, [x], outputGradients: [arriving])
        #expect(mismatch(run.outputs[0], expected.y) == nil)
        #expect(mismatch(try #require(run.inputGradients[0]), expected.dx) == nil)
        let nothing = try OpRunner.run(op, [x], outputGradients: [nil])
        #expect(try #require(nothing.inputGradients[0]).floats.allSatisfy { $0 == 0 })
    }

    @Test(arguments: [1, 20]) func notANumberWins(channels: Int) throws {
        var values = [Float](repeating: 1, count: 4 * channels)
        values[channels] = .nan
        values[3 * channels] = 5
        let op = Pool(kind: .max, size: [2, 2])
        let arriving = Tensor([Float](repeating: 2, count: channels), shape: [1, 1, 1, channels])
        let run = try OpRunner.run(op, [Tensor(values, shape: [1, 2, 2, channels])], outputGradients: [arriving])
        #expect(run.outputs[0].floats[0].isNaN)
        #expect(try #require(run.inputGradients[0]).floats[channels] == 2)
        if channels > 1 { #expect(run.outputs[0].floats[1] == 1) }
    }

    /// Sizes come from files.
    @Test func windowMayBeVast() throws {
        let size = 1 << 31
        let x = Tensor([1, 2, 3, 4] as [Float], shape: [1, 2, 2, 1])
        let run = try OpRunner.run(Pool(kind: .max, size: [size, size], padding: .same), [x])
        #expect(run.outputs[0].floats == [4])
    }

    @Test func refusesWhatDoesNotFit() {
        let x = ValueInfo([nil, 5, 5, 4])
        for op in [
            Pool(kind: .max, size: [6, 1]), Pool(kind: .max, size: [2]), Pool(kind: .max, size: [0, 1]),
            Pool(kind: .average, size: [2, 2], strides: [0, 1], padding: .same),
        ] {
            #expect(throws: LocatedError.self) { try op.outputs(for: [x]) }
        }
    }
}
