package import Graphs
package import Kernels
package import Tensors

/// A function of each row along the last axis: log softmax, sparsemax, gated linear unit.
package struct RowMap: Op {
    package var function: RowFunction

    package init(_ function: RowFunction) { self.function = function }

    package var name: String { function.rawValue }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        var shape = inputs[0].shape
        let last = try resolve(name, axis: -1, rank: shape.rank)
        if function == .gatedLinear, let extent = shape[last] {
            guard extent % 2 == 0 else {
                throw mismatch(name, expected: "a last axis of even length", got: "\(shape)")
            }
            shape[last] = extent / 2
        }
        return [ValueInfo(shape)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundRowMap(function, site) }
}

private struct BoundRowMap: BoundOp {
    let function: RowFunction
    let columns: Int
    let inputColumns: Int
    let tiles: TileCut

    init(_ function: RowFunction, _ site: Site) {
        self.function = function
        let shape = site.outputs[0].shape
        columns = shape[shape.rank - 1]
        inputColumns = site.inputs[0].shape[shape.rank - 1]
        let rows = shape.dims.dropLast().reduce(1, *)
        tiles = TileCut(columns == 0 ? 0 : rows, nanosecondsPerUnit: 2 * Double(columns) + 20)
    }

    var memory: WorkingMemory { WorkingMemory(workerScratch: function.scratchBytes(columns: columns)) }
    var cost: Double { Double(tiles.extent * columns) * 20 }
    var inPlaceInputs: [Int] { function == .gatedLinear ? [] : [0] }
    var retained: Retained { function.gradientReadsInput ? Retained(inputs: [0]) : Retained(outputs: [0]) }

    var forwardStages: [Int] { [tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let rows = tiles.range(tile)
        function.apply(
            frame.input(0) + rows.lowerBound * inputColumns, frame.output() + rows.lowerBound * columns, rows: rows.count,
            columns: columns, scratch: frame.workerScratch)
    }

    var backwardStages: [Int] { [tiles.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let rows = tiles.range(tile), start = rows.lowerBound * inputColumns
        guard let gradient = frame.outputGradient() else {
            return frame.noGradient(0, start..<rows.upperBound * inputColumns)
        }
        let known =
            function.gradientReadsInput
            ? frame.input(0) + start : UnsafePointer(frame.output()) + rows.lowerBound * columns
        function.gradient(
            known, gradient + rows.lowerBound * columns, target + start, rows: rows.count, columns: columns,
            scratch: frame.workerScratch, accumulate: frame.accumulates[0])
    }
}
