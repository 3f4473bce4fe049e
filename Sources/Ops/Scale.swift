package import Graphs
import Kernels
package import Tensors

/// y = factor·x + offset, with two numbers.
package struct Scale: Op {
    package var factor: Float
    package var offset: Float

    package init(by factor: Float, offset: Float = 0) {
        self.factor = factor
        self.offset = offset
    }

    package var name: String { "scale" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundScale(factor: factor, offset: offset, elements: TileCut(elements: site.inputs[0].shape.count))
    }
}

private struct BoundScale: BoundOp {
    let factor: Float
    let offset: Float
    let elements: TileCut

    var cost: Double { Double(elements.extent) }
    var inPlaceInputs: [Int] { [0] }

    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile), start = range.lowerBound
        affine(frame.input(0) + start, factor, offset, frame.output() + start, count: range.count)
    }

    var backwardStages: [Int] { [elements.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        frame.passGradient(to: 0, elements.range(tile), alpha: factor)
    }
}
