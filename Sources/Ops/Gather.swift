package import Graphs
import Kernels
package import Tensors

/// Slices of an array by index: x (B…, outer…, extent, inner…) and indices (B…, …) of int32 give (B…, outer…, …, inner…), the
/// indices' axes standing where `axis` was; the first `batchAxes` axes go along together.
///
/// Elements of 1 or 4 bytes. An index below 0 counts from the end; one that is outside gives NaN (0 for whole numbers and
/// masks) and gets no gradient.
package struct Gather: Op {
    /// Negative counts from the end.
    package var axis: Int
    package var batchAxes: Int

    package init(axis: Int, batchAxes: Int = 0) {
        self.axis = axis
        self.batchAxes = batchAxes
    }

    package var name: String { "gather" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[1], is: .int32, "indices")
        guard PlainType(inputs[0].dtype) != nil || inputs[0].dtype == .string else {
            throw mismatch(name, "dtype", expected: "float32, int32, bool or string", got: inputs[0].dtype.rawValue)
        }
        let (x, indices) = (inputs[0].shape, inputs[1].shape)
        let axis = try resolve(name, axis: axis, rank: x.rank)
        guard batchAxes >= 0, batchAxes <= axis, batchAxes <= indices.rank else {
            throw mismatch(name, expected: "\(batchAxes) axes of batches in front of axis \(axis)", got: "\(x) and \(indices)")
        }
        for place in 0..<batchAxes {
            if let own = x[place], let other = indices[place], own != other {
                throw mismatch(name, expected: "\(batchAxes) equal axes in front", got: "\(x) and \(indices)")
            }
        }
        let lead = (0..<batchAxes).map { x[$0] ?? indices[$0] } + x.dims[batchAxes..<axis]
        let result = PartialShape(lead + indices.dims[batchAxes...] + x.dims[(axis + 1)...])
        guard result.concrete == nil || result.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(result)")
        }
        return [ValueInfo(result, inputs[0].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp { BoundGather(axis, batchAxes, site) }
}

private struct BoundGather: BoundOp {
    let (batch, outer, extent, count, inner): (Int, Int, Int, Int, Int)
    let isFloat: Bool
    let elementBytes: Int
    let rows: TileCut
    /// Backward's tiles: parts of the axis of every (batch, outer).
    let parts: TileCut

    init(_ axis: Int, _ batchAxes: Int, _ site: Site) {
        let (x, indices) = (site.inputs[0].shape, site.inputs[1].shape)
        let axis = resolved(axis: axis, rank: x.rank)
        batch = x.dims[..<batchAxes].reduce(1, *)
        outer = x.dims[batchAxes..<axis].reduce(1, *)
        extent = x[axis]
        inner = x.dims[(axis + 1)...].reduce(1, *)
        count = indices.dims[batchAxes...].reduce(1, *)
        isFloat = site.inputs[0].dtype == .float32
        elementBytes = site.inputs[0].dtype.byteCount
        rows = TileCut(batch * outer * count, nanosecondsPerUnit: 0.2 * Double(inner) + 5)
        parts = TileCut(extent, step: max(1, 65_536 / max(1, inner), extent / 16))
    }

    var cost: Double { Double(batch * outer * count * inner) }
    var retained: Retained { Retained(inputs: [1]) }

    @inline(__always) private func place(_ index: Int32) -> Int? {
        let index = Int(index) < 0 ? Int(index) + extent : Int(index)
        return index >= 0 && index < extent ? index : nil
    }

    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch elementBytes {
        case 1: copy(frame, tile, UInt8.self, absent: 0)
        case 8: copy(frame, tile, UInt64.self, absent: 0)
        default: copy(frame, tile, UInt32.self, absent: isFloat ? Float.nan.bitPattern : 0)
        }
    }

    private func copy<Bits: BitwiseCopyable>(_ frame: Frame, _ tile: Int, _ type: Bits.Type, absent: Bits) {
        let source = frame.inputs[0].assumingMemoryBound(to: type), target = frame.outputs[0].assumingMemoryBound(to: type)
        let indices = frame.integers(1)
        for row in rows.range(tile) {
            let group = row / count
            let index = place(indices[group / outer * count + row % count])
            if let index {
                (target + row * inner).update(from: source + (group * extent + index) * inner, count: inner)
            } else {
                (target + row * inner).update(repeating: absent, count: inner)
            }
        }
    }

    var backwardStages: [Int] { isFloat ? [batch * outer * parts.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let (group, own) = (tile / parts.count, parts.range(tile % parts.count))
        let base = group * extent
        frame.noGradient(0, (base + own.lowerBound) * inner..<(base + own.upperBound) * inner)
        guard let gradient = frame.outputGradient() else { return }
        let indices = frame.integers(1) + group / outer * count
        for number in 0..<count {
            guard let index = place(indices[number]), own.contains(index) else { continue }
            transfer(
                gradient + (group * count + number) * inner, to: target + (base + index) * inner, count: inner, accumulate: true)
        }
    }
}

/// Elements of an array by index along one axis: y[…, i, …] = x[…, indices[…, i, …], …]. All other extents are equal, or 1 in
/// the indices.
///
/// Types and indices outside: as `Gather`.
package struct TakeAlongAxis: Op {
    /// Negative counts from the end.
    package var axis: Int

    package init(axis: Int) { self.axis = axis }

    package var name: String { "take_along_axis" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[1], is: .int32, "indices")
        guard PlainType(inputs[0].dtype) != nil || inputs[0].dtype == .string else {
            throw mismatch(name, "dtype", expected: "float32, int32, bool or string", got: inputs[0].dtype.rawValue)
        }
        var (x, indices) = (inputs[0].shape, inputs[1].shape)
        let axis = try resolve(name, axis: axis, rank: x.rank)
        guard indices.rank == x.rank else {
            throw mismatch(name, expected: "as many axes of indices as of the array", got: "\(x) and \(indices)")
        }
        let count = indices[axis]
        (x[axis], indices[axis]) = (1, 1)
        var result = x
        for place in x.dims.indices {
            guard x[place] == nil || indices[place] == nil || indices[place] == x[place] else {
                throw mismatch(name, expected: "equal extents beside axis \(axis)", got: "\(inputs[0].shape) and \(inputs[1].shape)")
            }
            result[place] = x[place] ?? indices[place]
        }
        result[axis] = count
        return [ValueInfo(result, inputs[0].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundTake(
            x: AxisView(site.inputs[0].shape, axis: axis), y: AxisView(site.outputs[0].shape, axis: axis),
            isFloat: site.inputs[0].dtype == .float32, elementBytes: site.inputs[0].dtype.byteCount)
    }
}

private struct BoundTake: BoundOp {
    let x: AxisView
    let y: AxisView
    let isFloat: Bool
    let elementBytes: Int

    private var rows: TileCut { TileCut(x.outer, nanosecondsPerUnit: Double(max(x.extent, y.extent) * x.inner) + 5) }
    var cost: Double { Double(y.outer * y.extent * y.inner) }
    var retained: Retained { Retained(inputs: [1]) }

    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch elementBytes {
        case 1: copy(frame, tile, UInt8.self, absent: 0)
        case 8: copy(frame, tile, UInt64.self, absent: 0)
        default: copy(frame, tile, UInt32.self, absent: isFloat ? Float.nan.bitPattern : 0)
        }
    }

    private func copy<Bits: BitwiseCopyable>(_ frame: Frame, _ tile: Int, _ type: Bits.Type, absent: Bits) {
        let source = frame.inputs[0].assumingMemoryBound(to: type), target = frame.outputs[0].assumingMemoryBound(to: type)
        let indices = frame.integers(1)
        for outer in rows.range(tile) {
            for place in 0..<y.extent {
                let row = (outer * y.extent + place) * y.inner
                for column in 0..<y.inner {
                    var index = Int(indices[row + column])
                    if index < 0 { index += x.extent }
                    target[row + column] =
                        index >= 0 && index < x.extent ? source[(outer * x.extent + index) * x.inner + column] : absent
                }
            }
        }
    }

    var backwardStages: [Int] { isFloat ? [rows.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let own = rows.range(tile), size = x.extent * x.inner
        frame.noGradient(0, own.lowerBound * size..<own.upperBound * size)
        guard let gradient = frame.outputGradient() else { return }
        let indices = frame.integers(1)
        for outer in own {
            for place in 0..<y.extent {
                let row = (outer * y.extent + place) * y.inner
                for column in 0..<y.inner {
                    var index = Int(indices[row + column])
                    if index < 0 { index += x.extent }
                    if index >= 0 && index < x.extent { target[(outer * x.extent + index) * x.inner + column] += gradient[row + column] }
                }
            }
        }
    }
}
