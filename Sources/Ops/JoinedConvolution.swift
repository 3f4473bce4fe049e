import Graphs
import Kernels
import Tensors

/// A convolution by Winograd whose x is several arrays, joined along the channels as they are read. For inference.
///
/// Inputs: the parts (B, H, W, Cᵢ), all Cᵢ multiples of 16, then those of the convolution behind its x.
struct JoinedConvolution: Op {
    var convolution: Convolution
    let parts: Int

    var name: String { "convolution" }

    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, parts + 1...Int.max)
        let joined = try Concatenate().outputs(for: Array(inputs.prefix(parts)))
        return try convolution.outputs(for: joined + inputs.dropFirst(parts))
    }

    func isSampleWise(inputs: [ValueInfo]) -> Bool { true }

    func adding(input: Int) -> (any Op)? { (convolution.adding(input: input + 1 - parts) as? Convolution).map(with) }

    func absorbing(_ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase) -> (any Op)? {
        let both = convolution.absorbing(consumer, at: position, others: others, othersAreConstant: othersAreConstant, phase: phase)
        return (both as? Convolution).map(with)
    }

    private func with(_ convolution: Convolution) -> JoinedConvolution { JoinedConvolution(convolution: convolution, parts: parts) }

    func bound(to site: Site) -> any BoundOp { BoundJoinedConvolution(convolution, parts, site) }
}

/// The convolution sees the inputs from the last part on.
private struct BoundJoinedConvolution: BoundOp {
    private let convolution: any BoundOp
    private let skipped: Int

    init(_ op: Convolution, _ parts: Int, _ site: Site) {
        let channels = site.inputs.prefix(parts).map { $0.shape.dims.last ?? 0 }
        var joined = site
        joined.inputs.removeFirst(parts - 1)
        joined.inputs[0] = ConcreteInfo(Shape(site.inputs[0].shape.dims.dropLast() + [channels.reduce(0, +)]), site.inputs[0].dtype)
        joined.constantInputs = [false] + site.constantInputs.dropFirst(parts)
        joined.wantsGradient = joined.inputs.map { _ in false }
        convolution = op.bound(to: joined, parts: channels)
        skipped = parts - 1
    }

    var algorithm: String? { convolution.algorithm.map { "\($0), \(skipped + 1) parts" } }
    var cost: Double { convolution.cost }
    var memory: WorkingMemory { convolution.memory }
    var inPlaceInputs: [Int] { convolution.inPlaceInputs.map { $0 + skipped } }
    var forwardStages: [Int] { convolution.forwardStages }

    func prepare(_ frame: Frame) { convolution.prepare(seen(frame)) }
    func forward(_ frame: Frame, stage: Int, tile: Int) { convolution.forward(seen(frame), stage: stage, tile: tile) }

    private func seen(_ frame: Frame) -> Frame {
        var seen = frame
        seen.inputs += skipped
        return seen
    }
}
