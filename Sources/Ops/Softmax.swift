package import Graphs
import Kernels
package import Tensors

/// y = exp(x) / Σ exp(x) along an axis; stable, since the largest element is taken off first.
package struct Softmax: Op {
    /// Negative counts from the end.
    package var axis: Int

    package init(axis: Int = -1) { self.axis = axis }

    package var name: String { "softmax" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        _ = try resolve(name, axis: axis, rank: inputs[0].shape.rank)
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp { BoundSoftmax(AxisView(site.inputs[0].shape, axis: axis)) }
}

private struct BoundSoftmax: BoundOp {
    let view: AxisView
    /// Rows when the axis is the last one, else outer indices.
    let tiles: TileCut
    /// Columns of one outer index.
    let columns: TileCut

    init(_ view: AxisView) {
        self.view = view
        let perColumn = 2 * Double(max(view.extent, 8))
        self.columns = TileCut(view.inner, nanosecondsPerUnit: perColumn, multiple: 64)
        self.tiles = TileCut(view.outer, nanosecondsPerUnit: perColumn * Double(min(view.inner, columns.step)))
    }

    var cost: Double { Double(view.outer * view.extent * view.inner) * 20 }
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained { Retained(outputs: [0]) }

    private var stages: [Int] { [view.extent == 0 ? 0 : tiles.count * columns.count] }
    var forwardStages: [Int] { stages }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        forEachPart(tile) { start, rows, columns in
            let x = frame.input(0) + start, y = frame.output() + start
            if view.inner == 1 {
                softmaxRows(x, y, rows: rows, columns: view.extent)
            } else {
                softmaxColumns(x, y, extent: view.extent, stride: view.inner, columns: columns)
            }
        }
    }

    var backwardStages: [Int] { stages }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let add = frame.accumulates[0]
        forEachPart(tile) { start, rows, columns in
            guard let gradient = frame.outputGradient() else {
                if view.inner == 1 { return frame.noGradient(0, start..<start + rows * view.extent) }
                for index in 0..<view.extent {
                    let first = start + index * view.inner
                    frame.noGradient(0, first..<first + columns)
                }
                return
            }
            let y = frame.output() + start
            if view.inner == 1 {
                softmaxRowsGradient(
                    y, gradient + start, target + start, rows: rows, columns: view.extent, accumulate: add)
            } else {
                softmaxColumnsGradient(
                    y, gradient + start, target + start, extent: view.extent, stride: view.inner, columns: columns,
                    accumulate: add)
            }
        }
    }

    /// All rows of the tile at once, or the tile's columns of one outer index after the other.
    private func forEachPart(_ tile: Int, _ body: (_ start: Int, _ rows: Int, _ columns: Int) -> Void) {
        let outer = tiles.range(tile / columns.count)
        if view.inner == 1 { return body(outer.lowerBound * view.extent, outer.count, 1) }
        let part = columns.range(tile % columns.count)
        for index in outer { body(index * view.extent * view.inner + part.lowerBound, 1, part.count) }
    }
}
