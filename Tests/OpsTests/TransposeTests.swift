import Graphs
import Ops
import Tensors
import TestSupport
import Testing

@Suite struct TransposeTests {
    static let cases: [(Shape, [Int])] = [
        ([], []), ([5], [0]), ([3, 4], [0, 1]), ([3, 4], [1, 0]), ([33, 70], [1, 0]), ([64, 8], [1, 0]),
        ([2, 5, 6, 3], [0, 3, 1, 2]), ([2, 3, 5, 6], [0, 2, 3, 1]), ([2, 17, 9, 16], [0, 3, 1, 2]),
        ([2, 3, 4, 5], [3, 2, 1, 0]), ([2, 3, 4, 5], [1, 0, 2, 3]), ([2, 3, 4, 5], [2, 0, 3, 1]),
        ([1, 7, 1, 9], [2, 3, 0, 1]), ([3, 0, 2], [2, 1, 0]), ([4, 3, 2, 5, 2], [0, 2, 1, 4, 3]),
    ]

    private func reference<Element>(_ x: [Element], _ shape: Shape, _ permutation: [Int]) -> [Element] {
        let strides = shape.strides
        var y: [Element] = []
        forEachIndex(permutation.map { shape[$0] }) { index in
            y.append(x[zip(index, permutation).reduce(0) { $0 + $1.0 * strides[$1.1] }])
        }
        return y
    }

    @Test(arguments: cases) func forwardAndBackward(_ shape: Shape, _ permutation: [Int]) throws {
        var random = TestRandom(1)
        let x = random.tensor(shape)
        let to = Shape(permutation.map { shape[$0] })
        let arriving = random.tensor(to)
        let run = try OpRunner.run(Transpose(permutation), [x], outputGradients: [arriving])
        #expect(run.outputs[0] == Tensor(reference(x.floats, shape, permutation), shape: to))
        var inverse = permutation
        for (index, axis) in permutation.enumerated() { inverse[axis] = index }
        #expect(run.inputGradients[0] == Tensor(reference(arriving.floats, to, inverse), shape: shape))
    }

    @Test(arguments: cases) func elementsOfAnySize(_ shape: Shape, _ permutation: [Int]) throws {
        let to = Shape(permutation.map { shape[$0] })
        func check<Element: TensorElement & FixedWidthInteger>(_: Element.Type) throws {
            let values = (0..<shape.count).map { Element(truncatingIfNeeded: $0 &* 77) }
            let run = try OpRunner.run(Transpose(permutation), [Tensor(values, shape: shape)])
            #expect(run.outputs[0] == Tensor(reference(values, shape, permutation), shape: to))
        }
        try check(UInt8.self)
        try check(Int16.self)
        try check(Int32.self)
        try check(Int64.self)
    }

    @Test func refusesWhatIsNoPermutation() {
        for permutation in [[0], [0, 0], [1, 2], [0, 1, 2], [-1, 0]] {
            #expect(throws: LocatedError.self) { try Transpose(permutation).outputs(for: [ValueInfo([2, 3])]) }
        }
    }
}
