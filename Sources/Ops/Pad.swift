package import Graphs
import Kernels
package import Tensors

/// Adds places of zeros before and behind the axes of an array, or takes places off where a number is negative. Any rank, any
/// element type.
///
/// A convolution without padding of its own that follows takes over what is added to its spatial axes; in inference so does a maximum over
/// windows.
package struct Pad: Op {
    package var before: [Int]
    package var after: [Int]

    /// - Parameters:
    ///   - before: places before the first, for each axis.
    ///   - after: places behind the last, for each axis.
    package init(before: [Int], after: [Int]) {
        self.before = before
        self.after = after
    }

    package var name: String { "pad" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        let shape = inputs[0].shape
        guard before.count == shape.rank, after.count == shape.rank else {
            throw mismatch(name, expected: "an input of \(before.count) axes", got: "\(shape)")
        }
        var dims: [Int?] = []
        for axis in before.indices {
            let limit = 1 << 31
            guard (-limit...limit).contains(before[axis]), (-limit...limit).contains(after[axis]) else {
                throw mismatch(name, "margin", expected: "margins below 2³¹", got: "\(before[axis]) and \(after[axis])")
            }
            guard let extent = shape[axis] else {
                dims.append(before[axis] == 0 && after[axis] == 0 ? shape[axis] : nil)
                continue
            }
            // Nothing may be taken off twice.
            let isLeft = extent + min(0, before[axis]) + min(0, after[axis]) >= 0
            let (sum, overflow) = extent.addingReportingOverflow(before[axis] + after[axis])
            guard isLeft, !overflow else {
                throw mismatch(
                    name, expected: "at least \(-min(0, before[axis]) - min(0, after[axis])) places on axis \(axis)", got: "\(shape)")
            }
            dims.append(sum)
        }
        let result = PartialShape(dims)
        guard dims.contains(where: { $0 == nil }) || result.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(result)")
        }
        return [ValueInfo(result, inputs[0].dtype)]
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { before.first == 0 && after.first == 0 }

    package func bound(to site: Site) -> any BoundOp { BoundPad(self, site) }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        guard position == 0, before.count > 2, (before + after).allSatisfy({ $0 >= 0 }),
            [before[0], after[0], before[before.count - 1], after[after.count - 1]].allSatisfy({ $0 == 0 })
        else { return nil }
        let margins = WindowPadding.explicit(begin: Array(before.dropFirst().dropLast()), end: Array(after.dropFirst().dropLast()))
        if var fused = consumer as? Convolution, fused.padding == .valid, before.count == fused.strides.count + 2 {
            fused.padding = margins
            return fused
        }
        if phase == .inference, var fused = consumer as? Pool, fused.kind == .max, fused.padding == .valid,
            before.count == fused.strides.count + 2
        {
            (fused.padding, fused.countsPadding) = (margins, true)
            return fused
        }
        return nil
    }
}

private struct BoundPad: BoundOp {
    let there: Margins
    let back: Margins
    let tiles: TileCut
    let backTiles: TileCut
    let count: Int
    let wantsGradient: Bool

    init(_ op: Pad, _ site: Site) {
        let (input, output) = (site.inputs[0], site.outputs[0])
        there = Margins(
            extents: input.shape.dims, before: op.before, after: op.after, elementBytes: input.dtype.byteCount)
        back = Margins(
            extents: output.shape.dims, before: op.before.map { -$0 }, after: op.after.map { -$0 },
            elementBytes: input.dtype.byteCount)
        tiles = TileCut(output.shape.count == 0 ? 0 : there.units, step: 65536 / max(1, there.unitCount))
        backTiles = TileCut(input.shape.count == 0 ? 0 : back.units, step: 65536 / max(1, back.unitCount))
        count = output.shape.count
        wantsGradient = site.wantsGradient[0] && input.dtype == .float32
    }

    var cost: Double { Double(count) }
    var alias: Int? { there.isIdentity ? 0 : nil }

    var forwardStages: [Int] { there.isIdentity ? [] : [tiles.count] }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        there.run(tiles.range(tile), from: frame.inputs[0], to: frame.outputs[0])
    }

    var backwardStages: [Int] { wantsGradient ? [backTiles.count] : [] }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let units = backTiles.range(tile)
        if let gradient = frame.outputGradient() {
            back.run(units, from: gradient, to: target, adding: frame.accumulates[0])
        } else {
            frame.noGradient(0, units.lowerBound * back.unitCount..<units.upperBound * back.unitCount)
        }
    }
}
