import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

@Suite struct AdaptivePoolTests {
    struct Case: Sendable {
        var shape: Shape
        var axis: Int
        var size: Int
    }

    static let cases = [
        Case(shape: [2, 7, 3], axis: 1, size: 3), Case(shape: [2, 3, 11], axis: 2, size: 4),
        Case(shape: [2, 3, 4, 5], axis: 1, size: 5), Case(shape: [5], axis: 0, size: 1), Case(shape: [0, 4], axis: 1, size: 2),
        Case(shape: [3, 6, 2], axis: 1, size: 6), Case(shape: [1, 2, 300], axis: 1, size: 7),
    ]

    @Test(arguments: cases, [PoolKind.max, .average]) func forwardAndBackward(_ example: Case, _ kind: PoolKind) throws {
        var random = TestRandom(7)
        let x = random.tensor(example.shape)
        var output = example.shape
        output[example.axis] = example.size
        let arriving = random.tensor(output)
        let run = try OpRunner.run(
            AdaptivePool(kind: kind, axis: example.axis, size: example.size), [x], outputGradients: [arriving])
        let values = Doubles(x), dy = Doubles(arriving)
        var y = Doubles(zeros: output), dx = Doubles(zeros: example.shape)
        let extent = example.shape[example.axis]
        forEachIndex(output.dims) { index in
            let place = Double(index[example.axis]), scale = Double(extent) / Double(example.size)
            let window = Int((place * scale + 1e-9).rounded(.down))..<Int(((place + 1) * scale - 1e-9).rounded(.up))
            var source = index
            var best: (value: Double, place: Int) = (-.infinity, 0)
            var sum = 0.0
            for step in window {
                source[example.axis] = step
                if values[at: source] > best.value { best = (values[at: source], step) }
                sum += values[at: source]
                if kind == .average { dx[at: source] += dy[at: index] / Double(window.count) }
            }
            source[example.axis] = best.place
            if kind == .max { dx[at: source] += dy[at: index] }
            y[at: index] = kind == .max ? best.value : sum / Double(window.count)
        }
        #expect(mismatch(run.outputs[0], y, relative: 1e-6) == nil)
        #expect(mismatch(try #require(run.inputGradients[0]), dx, relative: 1e-6) == nil)
    }

    @Test func equalMaximaAndNaN() throws {
        let x = Tensor([1, 1, .nan, 2] as [Float], shape: [4])
        let run = try OpRunner.run(
            AdaptivePool(kind: .max, axis: 0, size: 2), [x], outputGradients: [Tensor([3, 5] as [Float], shape: [2])])
        #expect(run.outputs[0].floats[0] == 1 && run.outputs[0].floats[1].isNaN)
        #expect(try #require(run.inputGradients[0]).floats == [3, 0, 5, 0])
    }

    @Test func refusesWhatDoesNotFit() {
        for op in [AdaptivePool(kind: .max, axis: 2, size: 2), AdaptivePool(kind: .max, axis: 1, size: 0),
            AdaptivePool(kind: .max, axis: 0, size: 1 << 40)]
        {
            #expect(throws: LocatedError.self) { try op.outputs(for: [ValueInfo([2, 3])]) }
        }
        #expect(throws: LocatedError.self) { try AdaptivePool(kind: .max, axis: 1, size: 2).outputs(for: [ValueInfo([2, 0])]) }
        #expect(throws: Never.self) { try AdaptivePool(kind: .max, axis: 1, size: 2).outputs(for: [ValueInfo([nil, nil])]) }
    }
}
