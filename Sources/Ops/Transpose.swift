package import Graphs
import Kernels
package import Tensors

/// Reorders axes: axis `i` of the output is axis `permutation[i]` of the input. Any rank, any element type.
package struct Transpose: Op {
    package var permutation: [Int]

    package init(_ permutation: [Int]) { self.permutation = permutation }

    package var name: String { "transpose" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        let shape = inputs[0].shape
        guard permutation.sorted() == Array(0..<shape.rank) else {
            throw LocatedError(
                .mismatch, "transpose.permutation",
                "transpose expected a permutation of \(shape.rank) axes, got \(permutation) for the shape \(shape)")
        }
        return [ValueInfo(PartialShape(permutation.map { shape[$0] }), inputs[0].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundTranspose(permutation, site) }
}

private struct BoundTranspose: BoundOp {
    let there: Transposition
    let back: Transposition
    let tiles: TileCut
    let backTiles: TileCut
    let count: Int
    let wantsGradient: Bool

    init(_ permutation: [Int], _ site: Site) {
        let info = site.inputs[0]
        var inverse = permutation
        for (to, from) in permutation.enumerated() { inverse[from] = to }
        there = Transposition(
            extents: info.shape.dims, permutation: permutation, elementBytes: info.dtype.byteCount)
        back = Transposition(
            extents: site.outputs[0].shape.dims, permutation: inverse, elementBytes: info.dtype.byteCount)
        tiles = TileCut(there.units, step: 65536 / max(1, there.unitCount))
        backTiles = TileCut(back.units, step: 65536 / max(1, back.unitCount))
        count = info.shape.count
        wantsGradient = site.wantsGradient[0] && info.dtype == .float32
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
        if let gradient = frame.outputGradient() {
            back.run(backTiles.range(tile), from: gradient, to: target, adding: frame.accumulates[0])
        } else if tile == 0 && !frame.accumulates[0] {
            target.update(repeating: 0, count: count)
        }
    }
}
