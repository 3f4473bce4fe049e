package import Graphs
package import Tensors

/// L and U of A with its rows in another order, in one: (…, N, N) gives (…, N, N), U on and above the diagonal, L (whose diagonal is
/// 1) below it, and where rows went (…, N) as int32: row i of A is row `places[i]` of L · U. float32, computed in Double; no gradient.
package struct TriangularFactors: Op {
    package init() {}

    package var name: String { "triangular_factors" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try requireMatrices(name, inputs[0], square: true)
        return [inputs[0], ValueInfo(PartialShape(Array(inputs[0].shape.dims.dropLast())), .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundTriangularFactors(stack: MatrixStack(site.inputs[0].shape) { rows, _ in Double(rows) * Double(rows) * Double(rows) })
    }
}

private struct BoundTriangularFactors: BoundOp {
    let stack: MatrixStack

    private var n: Int { stack.rows }
    var memory: WorkingMemory { WorkingMemory(workerScratch: (n * n + n + 8) * 8) }
    var cost: Double { Double(stack.count) * stack.work }

    var forwardStages: [Int] { [stack.tiles.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        var area = MatrixArea(frame)
        let a = area.matrix(n, n)
        let order = UnsafeMutableRawPointer(area.numbers(n)).assumingMemoryBound(to: Int.self)
        let places = frame.outputs[1].assumingMemoryBound(to: Int32.self)
        for index in stack.tiles.range(tile) {
            a.take(frame.input(0) + index * n * n)
            _ = eliminate(a.base, order, n)
            a.give(frame.output(0) + index * n * n)
            for row in 0..<n { places[index * n + order[row]] = Int32(truncatingIfNeeded: row) }
        }
    }
}
