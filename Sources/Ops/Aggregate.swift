package import Graphs
import Kernels
package import Tensors

/// The largest, the smallest or the product of what stands along some axes (float32, int32), the sum of whole numbers, whether
/// all or any of masks are set. (`Reduce` has the sum and mean of floats.)
///
/// Gradients as TensorFlow's: elements that tie for the largest share evenly, unless `givesTiesWhole`; a product's counts zeros right. NaN wins.
package struct Aggregate: Op {
    package enum Kind: String, Hashable, Sendable { case max, min, product, sum, all, any }

    package var kind: Kind
    /// Negative ones count from the end; nil means all.
    package var axes: [Int]?
    /// Whether the axes stay, with extent 1.
    package var keepsAxes: Bool
    /// Whether elements that tie for the largest or smallest each get the whole gradient, as on Theano.
    package var givesTiesWhole: Bool

    package init(_ kind: Kind, axes: [Int]? = nil, keepsAxes: Bool = false, givesTiesWhole: Bool = false) {
        self.kind = kind
        self.axes = axes
        self.keepsAxes = keepsAxes
        self.givesTiesWhole = givesTiesWhole
    }

    package var name: String { "reduce_\(kind.rawValue)" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        switch kind {
        case .all, .any: try require(name, inputs[0], is: .bool, "a mask")
        case .sum: try require(name, inputs[0], is: .int32)
        default: if inputs[0].dtype != .int32 { try require(name, inputs[0], is: .float32) }
        }
        let rank = inputs[0].shape.rank
        for axis in axes ?? [] { _ = try resolve(name, axis: axis, rank: rank) }
        let flags = reduced(rank)
        var dims: [Int?] = []
        for (axis, extent) in inputs[0].shape.dims.enumerated() {
            if !flags[axis] { dims.append(extent) } else if keepsAxes { dims.append(1) }
        }
        return [ValueInfo(PartialShape(dims), inputs[0].dtype)]
    }

    private func reduced(_ rank: Int) -> [Bool] {
        guard let axes else { return [Bool](repeating: true, count: rank) }
        var flags = [Bool](repeating: false, count: rank)
        for axis in axes { flags[resolved(axis: axis, rank: rank)] = true }
        return flags
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundAggregate(kind, site, reduced(site.inputs[0].shape.rank), givesTiesWhole)
    }
}

private struct BoundAggregate: BoundOp {
    let kind: Aggregate.Kind
    let givesTiesWhole: Bool
    let dtype: DType
    let count: Int
    let resultCount: Int
    /// Kept axes, merged, outermost first, with their strides in the input; the last is `columns`, which go together.
    let kept: [(extent: Int, stride: Int)]
    let columns: Int
    let columnStride: Int
    /// Offsets of the elements that become one, in runs of `run` neighbours.
    let offsets: [Int]
    let run: Int
    let rows: TileCut

    init(_ kind: Aggregate.Kind, _ site: Site, _ flags: [Bool], _ givesTiesWhole: Bool) {
        (self.kind, self.givesTiesWhole) = (kind, givesTiesWhole)
        let shape = site.inputs[0].shape, strides = shape.strides
        dtype = site.inputs[0].dtype
        count = shape.count
        resultCount = site.outputs[0].shape.count
        var kept: [(extent: Int, stride: Int)] = [], reduced: [(extent: Int, stride: Int)] = []
        for axis in shape.dims.indices where shape[axis] != 1 {
            func add(to list: inout [(extent: Int, stride: Int)]) {
                if let last = list.last, last.stride == strides[axis] * shape[axis] {
                    list[list.count - 1] = (last.extent * shape[axis], strides[axis])
                } else {
                    list.append((shape[axis], strides[axis]))
                }
            }
            if flags[axis] { add(to: &reduced) } else { add(to: &kept) }
        }
        if let last = kept.last, last.stride == 1 {
            (columns, columnStride) = (last.extent, 1)
            kept.removeLast()
        } else {
            (columns, columnStride) = (1, 0)
        }
        self.kept = kept
        var run = 1
        if let last = reduced.last, last.stride == 1 {
            run = last.extent
            reduced.removeLast()
        }
        self.run = run
        var offsets = [0]
        for axis in reduced { offsets = offsets.flatMap { base in (0..<axis.extent).map { base + $0 * axis.stride } } }
        if shape.count == 0, zip(shape.dims, flags).contains(where: { $0 == 0 && $1 }) { offsets = [] }
        self.offsets = offsets
        rows = TileCut(
            kept.reduce(1) { $0 * $1.extent }, nanosecondsPerUnit: Double(offsets.count * run * max(1, columns)) * 0.7 + 5)
    }

    var cost: Double { Double(count) }
    var retained: Retained { kind == .product ? Retained(inputs: [0]) : Retained(inputs: [0], outputs: [0]) }

    @inline(__always) private func start(_ row: Int) -> Int {
        var rest = row, offset = 0
        for axis in kept.indices.reversed() {
            offset += rest % kept[axis].extent * kept[axis].stride
            rest /= kept[axis].extent
        }
        return offset
    }

    var forwardStages: [Int] { [columns == 0 ? 0 : rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch (kind, dtype) {
        case (.max, .int32): fold(frame, tile, Int32.self, .min) { $0 > $1 ? $0 : $1 }
        case (.min, .int32): fold(frame, tile, Int32.self, .max) { $0 < $1 ? $0 : $1 }
        case (.product, .int32): fold(frame, tile, Int32.self, 1) { $0 &* $1 }
        case (.sum, _): fold(frame, tile, Int32.self, 0) { $0 &+ $1 }
        case (.max, _): fold(frame, tile, Float.self, -.infinity) { $0 > $1 || $0.isNaN ? $0 : $1 }
        case (.min, _): fold(frame, tile, Float.self, .infinity) { $0 < $1 || $0.isNaN ? $0 : $1 }
        case (.product, _): fold(frame, tile, Float.self, 1) { $0 * $1 }
        case (.all, _): fold(frame, tile, UInt8.self, 1) { $0 & $1 }
        case (.any, _): fold(frame, tile, UInt8.self, 0) { $0 | $1 }
        }
    }

    @inline(__always) private func fold<Element: BitwiseCopyable>(
        _ frame: Frame, _ tile: Int, _ type: Element.Type, _ first: Element, _ combine: (Element, Element) -> Element
    ) {
        let input = frame.inputs[0].assumingMemoryBound(to: type), output = frame.outputs[0].assumingMemoryBound(to: type)
        for row in rows.range(tile) {
            let base = input + start(row), target = output + row * columns
            if columns == 1 {
                var result = first
                for offset in offsets { for place in 0..<run { result = combine(result, base[offset + place]) } }
                target.pointee = result
            } else {
                target.update(repeating: first, count: columns)
                for offset in offsets {
                    for place in 0..<run {
                        let from = base + offset + place
                        for column in 0..<columns { target[column] = combine(target[column], from[column]) }
                    }
                }
            }
        }
    }

    var backwardStages: [Int] {
        dtype == .float32 && (kind == .max || kind == .min || kind == .product) ? [columns == 0 || count == 0 ? 0 : rows.count] : []
    }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        guard let gradient = frame.outputGradient() else {
            if tile == 0 { frame.noGradient(0, 0..<count) }
            return
        }
        let input = frame.input(0), add = frame.accumulates[0]
        for row in rows.range(tile) {
            let base = start(row)
            for column in 0..<columns {
                let (first, g) = (base + column * columnStride, gradient[row * columns + column])
                if kind == .product {
                    productGradient(input, target, first, g, add)
                } else {
                    let best = frame.output()[row * columns + column]
                    var ties: Float = 0
                    for offset in offsets { for place in 0..<run where input[first + offset + place] == best { ties += 1 } }
                    if givesTiesWhole { ties = min(ties, 1) }
                    // TensorFlow divides 0 by 0 where NaN ties with nothing.
                    for offset in offsets {
                        for place in 0..<run {
                            let index = first + offset + place
                            let own = (input[index] == best ? 1 : 0) / ties * g
                            target[index] = add ? target[index] + own : own
                        }
                    }
                }
            }
        }
    }

    private func productGradient(
        _ input: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, _ first: Int, _ g: Float, _ add: Bool
    ) {
        // The product of those that are not 0, in Double, which holds it where a Float overflows on the way.
        var product = 1.0, zeros = 0
        for offset in offsets {
            for place in 0..<run {
                let x = input[first + offset + place]
                if x == 0 { zeros += 1 } else { product *= Double(x) }
            }
        }
        for offset in offsets {
            for place in 0..<run {
                let index = first + offset + place, x = input[index]
                let others: Double = zeros == 0 ? product / Double(x) : zeros == 1 && x == 0 ? product : 0
                let own = g * Float(others)
                target[index] = add ? target[index] + own : own
            }
        }
    }
}
