package import Graphs
import Kernels
package import Tensors

/// An array taken apart along an axis: as many arrays without that axis as it has places. Its extent must be known.
package struct Steps: Op {
    /// Negative counts from the end.
    package var axis: Int

    package init(axis: Int = 1) { self.axis = axis }

    package var name: String { "steps" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        var shape = inputs[0].shape
        let axis = try resolve(name, axis: axis, rank: shape.rank)
        guard let extent = shape[axis] else {
            throw mismatch(name, expected: "a known extent of axis \(axis)", got: "\(shape)")
        }
        shape.dims.remove(at: axis)
        return [ValueInfo](repeating: ValueInfo(shape, inputs[0].dtype), count: extent)
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundSteps(whole: site.inputs[0], axis: axis, joins: false)
    }
}

/// Arrays of one shape and type put one after the other along a new axis.
package struct JoinedSteps: Op {
    /// Of the output; negative counts from the end.
    package var axis: Int

    package init(axis: Int = 1) { self.axis = axis }

    package var name: String { "joined_steps" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...Int.max)
        var shape = inputs[0].shape
        for input in inputs {
            try require(name, input, is: inputs[0].dtype, "inputs of one type, the first one's:")
            guard input.shape.rank == shape.rank else {
                throw mismatch(name, expected: "inputs of one shape", got: "\(shape) and \(input.shape)")
            }
            for axis in 0..<shape.rank {
                if let known = shape[axis], let extent = input.shape[axis], known != extent {
                    throw mismatch(name, expected: "inputs of one shape", got: "\(shape) and \(input.shape)")
                }
                shape[axis] = shape[axis] ?? input.shape[axis]
            }
        }
        shape.dims.insert(inputs.count, at: try resolve(name, axis: axis, rank: shape.rank + 1))
        return [ValueInfo(shape, inputs[0].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundSteps(whole: site.outputs[0], axis: axis, joins: true)
    }
}

/// Copies between a whole and its parts; a tile is a part. Backward is the other one's forward.
private struct BoundSteps: BoundOp {
    let view: AxisView
    /// Bytes of a run in the whole.
    let bytes: Int
    let joins: Bool
    let isDifferentiable: Bool

    init(whole: ConcreteInfo, axis: Int, joins: Bool) {
        view = AxisView(whole.shape, axis: axis)
        bytes = view.inner * whole.dtype.byteCount
        isDifferentiable = whole.dtype == .float32
        self.joins = joins
    }

    var cost: Double { Double(view.outer * view.extent * view.inner) }

    var forwardStages: [Int] { [view.extent] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        for outer in 0..<view.outer {
            let place = (outer * view.extent + tile) * bytes
            if joins {
                (frame.outputs[0] + place).copyMemory(from: frame.inputs[tile] + outer * bytes, byteCount: bytes)
            } else {
                (frame.outputs[tile] + outer * bytes).copyMemory(from: frame.inputs[0] + place, byteCount: bytes)
            }
        }
    }

    var backwardStages: [Int] { isDifferentiable ? [view.extent] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let input = joins ? tile : 0
        guard let target = frame.inputGradient(input) else { return }
        let gradient = frame.outputGradient(joins ? 0 : tile), accumulates = frame.accumulates[input]
        for outer in 0..<view.outer {
            let place = (outer * view.extent + tile) * view.inner, part = outer * view.inner
            let start = target + (joins ? part : place)
            if let gradient {
                transfer(gradient + (joins ? place : part), to: start, count: view.inner, accumulate: accumulates)
            } else if !accumulates {
                start.update(repeating: 0, count: view.inner)
            }
        }
    }
}
