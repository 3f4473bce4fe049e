package import Graphs
package import Kernels
package import Tensors

// Ops of two operands that no gradient passes through, with NumPy's broadcasting.

/// Arithmetic on whole numbers (int32).
package struct IntegerBinary: Op {
    package var op: IntegerOperator

    package init(_ op: IntegerOperator) { self.op = op }

    package var name: String { "integer_\(op.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .int32, "inputs") }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)), .int32)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundPairwise(.integer(op), site) }
}

/// Where x op y, as a mask: both float32, or both int32.
package struct Compare: Op {
    package var op: Comparison

    package init(_ op: Comparison) { self.op = op }

    package var name: String { op.rawValue }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        if inputs[0].dtype != .int32 { try require(name, inputs[0], is: .float32) }
        try require(name, inputs[1], is: inputs[0].dtype, "the second input")
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)), .bool)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundPairwise(site.inputs[0].dtype == .int32 ? .compareIntegers(op) : .compare(op), site)
    }
}

/// Two masks made one.
package struct Logical: Op {
    package var op: LogicalOperator

    package init(_ op: LogicalOperator) { self.op = op }

    package var name: String { "logical_\(op.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs { try require(name, input, is: .bool, "masks") }
        return [ValueInfo(try broadcast(name, inputs.map(\.shape)), .bool)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundPairwise(.logic(op), site) }
}

private struct BoundPairwise: BoundOp {
    enum Work { case integer(IntegerOperator), compare(Comparison), compareIntegers(Comparison), logic(LogicalOperator) }

    let work: Work
    let walk: PairWalk
    let count: Int

    init(_ work: Work, _ site: Site) {
        self.work = work
        count = site.outputs[0].shape.count
        walk = PairWalk(
            result: site.outputs[0].shape, left: site.inputs[0].shape, right: site.inputs[1].shape, nanosecondsPerElement: 0.5)
    }

    var cost: Double { Double(count) }
    var forwardStages: [Int] { [walk.tiles] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (l, r) = (walk.leftSteps, walk.rightSteps)
        let output = frame.outputs[0]
        walk.forEachBlock(of: tile) { block in
            for row in 0..<block.rows {
                let (x, y) = (block.left + row * l.row, block.right + row * r.row)
                let z = block.result + row * walk.row
                switch work {
                case .integer(let op):
                    binary(
                        op, frame.integers(0) + x, step: l.column, frame.integers(1) + y, step: r.column,
                        output.assumingMemoryBound(to: Int32.self) + z, count: block.columns)
                case .compare(let op):
                    compare(
                        op, frame.input(0) + x, step: l.column, frame.input(1) + y, step: r.column,
                        output.assumingMemoryBound(to: UInt8.self) + z, count: block.columns)
                case .compareIntegers(let op):
                    compare(
                        op, frame.integers(0) + x, step: l.column, frame.integers(1) + y, step: r.column,
                        output.assumingMemoryBound(to: UInt8.self) + z, count: block.columns)
                case .logic(let op):
                    logic(
                        op, frame.mask(0) + x, step: l.column, frame.mask(1) + y, step: r.column,
                        output.assumingMemoryBound(to: UInt8.self) + z, count: block.columns)
                }
            }
        }
    }
}
