import Graphs
import Kernels
import Ops
import Tensors
import TestSupport
import Testing

@Suite struct PadTests {
    static let cases: [(Shape, [Int], [Int])] = [
        ([3, 4], [0, 0], [0, 0]), ([3, 4], [1, 0], [0, 2]), ([2, 4, 5, 3], [0, 1, 2, 0], [0, 2, 0, 0]),
        ([2, 4, 5, 3], [0, -1, -2, 0], [0, -1, 0, 0]), ([2, 4, 5, 3], [0, -1, 2, 0], [0, 3, -4, 0]),
        ([2, 4, 5], [0, -2, 0], [0, -2, 0]), ([0, 4], [0, 1], [0, 1]), ([2, 0, 3], [0, 2, 0], [0, 1, 0]),
        ([3], [2], [2]), ([], [], []), ([2, 3], [1, 0], [0, 0]),
    ]

    private func reference(_ x: Doubles, _ before: [Int], _ output: Shape) -> Doubles {
        var y = Doubles(zeros: output)
        forEachIndex(output.dims) { index in
            let source = zip(index, before).map { $0 - $1 }
            if zip(source, x.shape.dims).allSatisfy({ $0 >= 0 && $0 < $1 }) { y[at: index] = x[at: source] }
        }
        return y
    }

    @Test(arguments: cases) func forwardAndBackward(_ shape: Shape, _ before: [Int], _ after: [Int]) throws {
        var random = TestRandom(1)
        let x = random.tensor(shape)
        let output = Shape(shape.dims.indices.map { shape[$0] + before[$0] + after[$0] })
        let arriving = random.tensor(output)
        let run = try OpRunner.run(Pad(before: before, after: after), [x], outputGradients: [arriving])
        #expect(mismatch(run.outputs[0], reference(Doubles(x), before, output), relative: 0, absolute: 0) == nil)
        let expected = reference(Doubles(arriving), before.map { -$0 }, shape)
        #expect(mismatch(try #require(run.inputGradients[0]), expected, relative: 0, absolute: 0) == nil)
        let bytes = Tensor([UInt8](repeating: 7, count: shape.count), shape: shape)
        #expect(try OpRunner.run(Pad(before: before, after: after), [bytes]).outputs[0].shape == output)
    }

    /// Zeros count as values then.
    @Test(arguments: [1, 20]) func maximumTakesItOver(channels: Int) throws {
        var random = TestRandom(4)
        let x = random.tensor([2, 5, 6, channels], in: -2...0.5)
        let pad = Pad(before: [0, 1, 2, 0], after: [0, 0, 1, 0])
        let pool = Pool(kind: .max, size: [3, 2], strides: [2, 2])
        let fused = try #require(pad.absorbing(pool, at: 0, others: [], othersAreConstant: true, phase: .inference))
        let expected = try OpRunner.run(pool, [try OpRunner.run(pad, [x]).outputs[0]]).outputs[0]
        let got = try OpRunner.run(fused, [x], phase: .inference).outputs[0]
        #expect(got.shape == expected.shape && got.floats == expected.floats)
        #expect(pad.absorbing(pool, at: 0, others: [], othersAreConstant: true, phase: .training) == nil)
        let average = Pool(kind: .average, size: [3, 2])
        #expect(pad.absorbing(average, at: 0, others: [], othersAreConstant: true, phase: .inference) == nil)
    }

    @Test func convolutionTakesItOver() throws {
        var random = TestRandom(2)
        let inputs = [random.tensor([2, 5, 6, 3]), random.tensor([3, 3, 3, 4])]
        let pad = Pad(before: [0, 2, 0, 0], after: [0, 1, 3, 0])
        let convolution = Convolution(strides: [2, 1], padding: .valid, hasBias: false)
        let fused = try #require(
            pad.absorbing(convolution, at: 0, others: [ValueInfo([3, 3, 3, 4])], othersAreConstant: true, phase: .training))
        let padded = try OpRunner.run(pad, [inputs[0]]).outputs[0]
        let expected = try OpRunner.run(convolution, [padded, inputs[1]]).outputs[0]
        let arriving = random.tensor(expected.shape)
        let run = try OpRunner.run(fused, inputs, outputGradients: [arriving])
        #expect(mismatch(run.outputs[0], expected, relative: 1e-6) == nil)
        let apart = try OpRunner.run(convolution, [padded, inputs[1]], outputGradients: [arriving])
        let back = try OpRunner.run(pad, [inputs[0]], outputGradients: [apart.inputGradients[0]])
        #expect(mismatch(try #require(run.inputGradients[0]), try #require(back.inputGradients[0])) == nil)
        #expect(mismatch(try #require(run.inputGradients[1]), try #require(apart.inputGradients[1])) == nil)

        let same = Convolution(strides: [1, 1], padding: .same, hasBias: false)
        #expect(pad.absorbing(same, at: 0, others: [], othersAreConstant: true, phase: .inference) == nil)
        let crop = Pad(before: [0, -1, 0, 0], after: [0, 0, 0, 0])
        #expect(crop.absorbing(convolution, at: 0, others: [], othersAreConstant: true, phase: .inference) == nil)
    }

    @Test func refusesWhatDoesNotFit() {
        let x = ValueInfo([nil, 4, 3])
        for op in [
            Pad(before: [0, 0], after: [0, 0]), Pad(before: [0, -5, 0], after: [0, 0, 0]),
            Pad(before: [0, -2, 0], after: [0, -3, 0]), Pad(before: [0, .max, 0], after: [0, .max, 0]),
        ] {
            #expect(throws: LocatedError.self) { try op.outputs(for: [x]) }
        }
    }
}
