package import Graphs
package import Tensors

/// Where two texts are the same bytes (or aren't), as a mask, with NumPy's broadcasting.
package struct TextEqual: Op {
    package var negated: Bool

    package init(negated: Bool = false) { self.negated = negated }

    package var name: String { negated ? "text_not_equal" : "text_equal" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .string, "inputs") }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)), .bool)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundTextEqual(
            negated: negated, count: site.outputs[0].shape.count,
            walk: PairWalk(
                result: site.outputs[0].shape, left: site.inputs[0].shape, right: site.inputs[1].shape, nanosecondsPerElement: 10))
    }
}

private struct BoundTextEqual: BoundOp {
    let negated: Bool
    let count: Int
    let walk: PairWalk

    var cost: Double { 10 * Double(count) }
    var forwardStages: [Int] { [walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (l, r) = (walk.leftSteps, walk.rightSteps)
        let output = frame.outputs[0].assumingMemoryBound(to: UInt8.self)
        walk.forEachBlock(of: tile) { block in
            for row in 0..<block.rows {
                let (x, y, z) = (block.left + row * l.row, block.right + row * r.row, block.result + row * walk.row)
                for column in 0..<block.columns {
                    let isEqual = frame.string(0, x + column * l.column).elementsEqual(frame.string(1, y + column * r.column))
                    output[z + column] = isEqual != negated ? 1 : 0
                }
            }
        }
    }
}
