package import Graphs
package import Kernels
package import Tensors

/// The largest or the mean of windows along one axis that are chosen so that the axis gets a given extent. float32, any rank.
///
/// Output i sees the places ⌊i·n/m⌋ up to ⌈(i+1)·n/m⌉ of an axis of n, for an output of m. The gradient of a maximum goes to
/// the first of equal ones.
package struct AdaptivePool: Op {
    package var kind: PoolKind
    /// Counted from the front.
    package var axis: Int
    /// The output's extent, at least 1.
    package var size: Int

    package init(kind: PoolKind, axis: Int, size: Int) {
        (self.kind, self.axis, self.size) = (kind, axis, size)
    }

    package var name: String { kind == .max ? "adaptive_max_pool" : "adaptive_average_pool" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        var shape = inputs[0].shape
        let axis = try resolve(name, axis: axis, rank: shape.rank)
        let extent = shape[axis] ?? 1
        let limit = 1 << 31
        guard (1...limit).contains(size), (1...limit).contains(extent) else {
            throw mismatch(name, expected: "extents from 1 to 2³¹ on axis \(axis)", got: "\(shape), to become \(size)")
        }
        shape[axis] = size
        guard inputs[0].shape.count == nil || shape.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(shape)")
        }
        return [ValueInfo(shape)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.inputs[0].shape, axis: axis)
        return BoundAdaptivePool(
            pooling: AdaptivePooling(kind, input: view.extent, output: size, inner: view.inner),
            units: TileCut(view.outer, nanosecondsPerUnit: 0.5 * Double(max(view.extent, size) * view.inner)),
            wantsGradient: site.wantsGradient[0])
    }
}

private struct BoundAdaptivePool: BoundOp {
    let pooling: AdaptivePooling
    /// Outer indices.
    let units: TileCut
    let wantsGradient: Bool

    private var inputCount: Int { pooling.input * pooling.inner }
    private var outputCount: Int { pooling.output * pooling.inner }

    var cost: Double { Double(units.extent) * Double(max(inputCount, outputCount)) }
    var retained: Retained { Retained(inputs: pooling.kind == .max ? [0] : []) }

    var forwardStages: [Int] { [units.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        for unit in units.range(tile) {
            pooling.forward(frame.input(0) + unit * inputCount, to: frame.output() + unit * outputCount)
        }
    }

    var backwardStages: [Int] { wantsGradient ? [units.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        for unit in units.range(tile) {
            let to = target + unit * inputCount
            if !frame.accumulates[0] { to.update(repeating: 0, count: inputCount) }
            guard let gradient = frame.outputGradient() else { continue }
            pooling.gradient(frame.input(0) + unit * inputCount, gradient + unit * outputCount, to: to)
        }
    }
}
