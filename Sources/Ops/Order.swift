package import Graphs
import Kernels
package import Tensors

/// Where the largest (or smallest) element along an axis stands, the first of equals, as int32; float32 or int32. NaN counts as
/// the largest, and as the smallest.
package struct ArgExtremum: Op {
    package var isMin: Bool
    /// Negative counts from the end.
    package var axis: Int
    package var keepsAxis: Bool

    package init(min: Bool = false, axis: Int = -1, keepsAxis: Bool = false) {
        isMin = min
        self.axis = axis
        self.keepsAxis = keepsAxis
    }

    package var name: String { isMin ? "argmin" : "argmax" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        if inputs[0].dtype != .int32 { try require(name, inputs[0], is: .float32) }
        var shape = inputs[0].shape
        let axis = try resolve(name, axis: axis, rank: shape.rank)
        guard shape[axis] != 0 else { throw mismatch(name, expected: "an axis with elements", got: "\(shape)") }
        if keepsAxis { shape[axis] = 1 } else { shape.dims.remove(at: axis) }
        return [ValueInfo(shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.inputs[0].shape, axis: axis)
        return BoundArg(
            isMin: isMin, isInteger: site.inputs[0].dtype == .int32, view: view,
            rows: TileCut(view.outer, nanosecondsPerUnit: Double(view.extent * view.inner) + 5))
    }
}

private struct BoundArg: BoundOp {
    let isMin: Bool
    let isInteger: Bool
    let view: AxisView
    let rows: TileCut

    var cost: Double { Double(view.outer * view.extent * view.inner) }
    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
        for row in rows.range(tile) {
            for column in 0..<view.inner {
                let start = row * view.extent * view.inner + column
                let best = isInteger
                    ? search(frame.integers(0) + start) { isMin ? $0 < $1 : $0 > $1 }
                    : search(frame.input(0) + start) {
                        !$1.isNaN && ($0.isNaN || (isMin ? $0 < $1 : $0 > $1))
                    }
                output[row * view.inner + column] = Int32(truncatingIfNeeded: best)
            }
        }
    }

    @inline(__always) private func search<Element>(_ x: UnsafePointer<Element>, _ isBetter: (Element, Element) -> Bool) -> Int {
        var best = 0
        for place in 1..<max(view.extent, 1) where isBetter(x[place * view.inner], x[best * view.inner]) { best = place }
        return best
    }
}

/// The order that sorts the elements along an axis, as indices of int32; equal elements keep theirs. float32, int32 or bool; NaN
/// stands last.
package struct ArgSort: Op {
    /// Negative counts from the end.
    package var axis: Int
    package var descends: Bool

    package init(axis: Int = -1, descending: Bool = false) {
        self.axis = axis
        descends = descending
    }

    package var name: String { "argsort" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        guard PlainType(inputs[0].dtype) != nil else {
            throw mismatch(name, "dtype", expected: "float32, int32 or bool", got: inputs[0].dtype.rawValue)
        }
        _ = try resolve(name, axis: axis, rank: inputs[0].shape.rank)
        return [ValueInfo(inputs[0].shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let view = AxisView(site.inputs[0].shape, axis: axis)
        return BoundSort(
            dtype: site.inputs[0].dtype, descends: descends, view: view,
            rows: TileCut(view.outer * view.inner, nanosecondsPerUnit: 30 * Double(view.extent) + 10))
    }
}

private struct BoundSort: BoundOp {
    let dtype: DType
    let descends: Bool
    let view: AxisView
    let rows: TileCut

    /// Two lists of indices, which merging goes to and fro between.
    var memory: WorkingMemory { WorkingMemory(workerScratch: view.extent * 8) }
    var cost: Double { 20 * Double(view.outer * view.extent * view.inner) }
    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        for row in rows.range(tile) {
            let start = row / view.inner * view.extent * view.inner + row % view.inner
            switch dtype {
            case .int32: sort(frame, start, Int32.self) { descends ? $0 > $1 : $0 < $1 }
            case .bool: sort(frame, start, UInt8.self) { descends ? $0 > $1 : $0 < $1 }
            default:
                sort(frame, start, Float.self) {
                    $1.isNaN ? !$0.isNaN : descends ? $0 > $1 : $0 < $1
                }
            }
        }
    }

    /// Merges runs of 1, 2, 4, … from one list to the other: stable, and without recursion or memory of its own.
    @inline(__always) private func sort<Element>(
        _ frame: Frame, _ start: Int, _ type: Element.Type, _ precedes: (Element, Element) -> Bool
    ) {
        let x = frame.inputs[0].assumingMemoryBound(to: type) + start
        let output = frame.outputs[0].assumingMemoryBound(to: Int32.self) + start
        let (extent, inner) = (view.extent, view.inner)
        var from = frame.workerScratch.assumingMemoryBound(to: Int32.self), to = from + extent
        for index in 0..<extent { from[index] = Int32(truncatingIfNeeded: index) }
        var width = 1
        while width < extent {
            var low = 0
            while low < extent {
                let middle = min(low + width, extent), high = min(low + 2 * width, extent)
                var (left, right) = (low, middle)
                for place in low..<high {
                    if left < middle, right >= high || !precedes(x[Int(from[right]) * inner], x[Int(from[left]) * inner]) {
                        to[place] = from[left]
                        left += 1
                    } else {
                        to[place] = from[right]
                        right += 1
                    }
                }
                low = high
            }
            swap(&from, &to)
            width *= 2
        }
        for index in 0..<extent { output[index * inner] = from[index] }
    }
}
