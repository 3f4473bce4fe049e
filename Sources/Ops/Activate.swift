package import Graphs
package import Kernels
package import Tensors

/// y = f(x), element by element.
package struct Activate: ElementwiseActivation {
    package var activation: Activation

    package init(_ activation: Activation) { self.activation = activation }

    package var name: String { "activate" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        return inputs
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { true }

    package func bound(to site: Site) -> any BoundOp {
        BoundActivate(
            kind: activation,
            tiles: TileCut(elements: site.outputs[0].shape.count, nanoseconds: 0.2 + activation.cost))
    }
}

private struct BoundActivate: BoundOp {
    let kind: Activation
    let tiles: TileCut

    var cost: Double { Double(tiles.extent) * (kind.cost > 0.3 ? 20 : 1) }
    var alias: Int? { kind == .linear ? 0 : nil }
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained {
        if kind == .linear { return Retained() }
        return kind.gradientReadsInput ? Retained(inputs: [0]) : Retained(outputs: [0])
    }

    var forwardStages: [Int] { kind == .linear ? [] : [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = tiles.range(tile)
        activate(kind, frame.input(0) + range.lowerBound, frame.output() + range.lowerBound, count: range.count)
    }

    var backwardStages: [Int] { [tiles.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = tiles.range(tile), start = range.lowerBound
        guard let gradient = frame.outputGradient() else { return frame.noGradient(0, range) }
        activationGradient(
            kind, input: frame.input(0) + start, output: frame.output() + start, outputGradient: gradient + start,
            inputGradient: target + start, count: range.count, accumulate: frame.accumulates[0])
    }
}

extension Frame {
    /// Nothing arrives at the outputs: the gradient of input `index` is zero there.
    func noGradient(_ index: Int, _ range: Range<Int>) {
        guard let target = inputGradient(index), !accumulates[index] else { return }
        (target + range.lowerBound).update(repeating: 0, count: range.count)
    }
}
