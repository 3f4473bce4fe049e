package import Graphs
package import Tensors

/// The same elements under another shape; no work when it runs.
package struct Reshape: Op {
    /// One unknown extent is worked out from the number of elements, once that is known.
    package var shape: PartialShape

    package init(to shape: PartialShape) { self.shape = shape }

    package var name: String { "reshape" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        let input = inputs[0]
        let known = shape.dims.compactMap(\.self)
        guard let product = Shape(known).checkedCount else {
            throw mismatch(name, expected: "extents of 0 or above, whose product is a number", got: "\(shape)")
        }
        let unknown = shape.dims.indices.filter { shape[$0] == nil }
        guard let count = input.shape.count else { return [ValueInfo(shape, input.dtype)] }
        var result = shape
        switch unknown.count {
        case 0:
            guard product == count else { throw disagreement(input) }
        case 1:
            if product == 0 {
                guard count == 0 else { throw disagreement(input) }
                result[unknown[0]] = 0
            } else {
                guard count % product == 0 else { throw disagreement(input) }
                result[unknown[0]] = count / product
            }
        default:
            throw mismatch(name, expected: "at most one unknown extent for \(input.shape)", got: "\(shape)")
        }
        return [ValueInfo(result, input.dtype)]
    }

    private func disagreement(_ input: ValueInfo) -> LocatedError {
        mismatch(name, expected: "a shape that holds the elements of \(input.shape)", got: "\(shape)")
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundReshape(
            elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: 0.2),
            isDifferentiable: site.inputs[0].dtype == .float32)
    }
}

private struct BoundReshape: BoundOp {
    let elements: TileCut
    let isDifferentiable: Bool

    var alias: Int? { 0 }
    var cost: Double { 0 }
    var forwardStages: [Int] { [] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {}

    var backwardStages: [Int] { isDifferentiable ? [elements.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) { frame.passGradient(to: 0, elements.range(tile)) }
}
