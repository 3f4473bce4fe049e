package import Graphs
import Kernels
package import Tensors

/// What becomes of one axis: which of its indices stand where in the result.
package enum AxisRule: Hashable, Sendable {
    case keep
    /// Python's `start:stop:step`; nil as there. Indices below 0 count from the end.
    case slice(start: Int? = nil, stop: Int? = nil, step: Int = 1)
    case flip
    /// NumPy's roll: what stood at i stands at i + shift, cyclically.
    case roll(Int)
    /// The whole axis so many times.
    case tile(Int)
    /// Each index so many times.
    case repeatEach(Int)
    /// Index i so many times as number i tells.
    case repeats([Int])
    /// These indices; below 0 they count from the end.
    case take([Int])
    /// Places before and behind, filled from the axis itself.
    case pad(PadMode, before: Int, after: Int)

    /// How `pad` fills: the border's neighbour mirrored (without or with the border), the border itself, or cyclically.
    package enum PadMode: String, Hashable, Sendable { case reflect, symmetric, edge, wrap }

    /// The result's extent, nil when it isn't known. Throws for what an axis can't give.
    func extent(_ input: Int?, _ op: String) throws(LocatedError) -> Int? {
        func checked(_ factor: Int) throws(LocatedError) -> Int? {
            guard factor >= 0 else { throw mismatch(op, "repeats", expected: "a number of 0 or above", got: "\(factor)") }
            guard let input else { return factor == 0 ? 0 : nil }
            let (product, overflow) = input.multipliedReportingOverflow(by: factor)
            guard !overflow else { throw mismatch(op, "size", expected: "an extent below 2⁶³", got: "\(input) · \(factor)") }
            return product
        }
        switch self {
        case .keep, .flip, .roll: return input
        case .tile(let count), .repeatEach(let count): return try checked(count)
        case .slice(let start, let stop, let step):
            guard step != 0, step != .min else { throw mismatch(op, "step", expected: "a step that is not 0", got: "\(step)") }
            guard let input else {
                // x[a:b] has at most b - a elements, but an axis may be shorter.
                if start == nil, stop == nil, step == 1 || step == -1 { return nil }
                return nil
            }
            return Self.range(input, start, stop, step).count
        case .repeats(let counts):
            guard counts.allSatisfy({ (0...1 << 31).contains($0) }), input == nil || input == counts.count else {
                throw mismatch(op, "repeats", expected: "\(input.map(String.init) ?? "some") numbers of 0 or above", got: "\(counts)")
            }
            return counts.reduce(0, +)
        case .take(let indices):
            if let input {
                for index in indices where index < -input || index >= input {
                    throw mismatch(op, "index", expected: "indices from \(-input) to \(input - 1)", got: "\(index)")
                }
            }
            return indices.count
        case .pad(let mode, let before, let after):
            guard (0...1 << 31).contains(before), (0...1 << 31).contains(after) else {
                throw mismatch(op, "margin", expected: "margins of 0 or above", got: "\(before) and \(after)")
            }
            guard let input else { return before == 0 && after == 0 ? input : nil }
            let limit = mode == .reflect ? input - 1 : input
            let isOnce = mode == .reflect || mode == .symmetric
            guard before + after == 0 || (input > 0 && (!isOnce || max(before, after) <= limit)) else {
                throw mismatch(op, "margin", expected: "margins of at most \(max(limit, 0))", got: "\(before) and \(after)")
            }
            let (sum, overflow) = input.addingReportingOverflow(before + after)
            guard !overflow else { throw mismatch(op, "size", expected: "an extent below 2⁶³", got: "\(input) and margins") }
            return sum
        }
    }

    /// The input's index for each index of the result; nil where the axis stays as it is.
    func table(_ extent: Int) -> [Int]? {
        switch self {
        case .keep: return nil
        case .flip: return Array((0..<extent).reversed())
        case .roll(let shift):
            guard extent > 0 else { return nil }
            let shift = ((shift % extent) + extent) % extent
            return shift == 0 ? nil : (0..<extent).map { ($0 - shift + extent) % extent }
        case .tile(let count):
            return count == 1 ? nil : (0..<extent * count).map { $0 % extent }
        case .repeatEach(let count):
            return count == 1 ? nil : (0..<extent * count).map { $0 / count }
        case .slice(let start, let stop, let step):
            let (first, count) = Self.range(extent, start, stop, step)
            return count == extent && step == 1 ? nil : (0..<count).map { first + $0 * step }
        case .repeats(let counts):
            return counts.indices.flatMap { [Int](repeating: $0, count: counts[$0]) }
        case .take(let indices): return indices.map { $0 < 0 ? $0 + extent : $0 }
        case .pad(let mode, let before, let after):
            if before + after == 0 { return nil }
            return (-before..<extent + after).map { place in
                switch mode {
                case .edge: min(max(place, 0), extent - 1)
                case .wrap: ((place % extent) + extent) % extent
                case .reflect: place < 0 ? -place : place >= extent ? 2 * (extent - 1) - place : place
                case .symmetric: place < 0 ? -place - 1 : place >= extent ? 2 * extent - 1 - place : place
                }
            }
        }
    }

    /// Python's slice.indices.
    package static func range(_ extent: Int, _ start: Int?, _ stop: Int?, _ step: Int) -> (first: Int, count: Int) {
        let (low, high) = step > 0 ? (0, extent) : (-1, extent - 1)
        func place(_ index: Int?, _ fallback: Int) -> Int {
            guard let index else { return fallback }
            let absolute = index < 0 ? (index < -extent ? low : index + extent) : index
            return min(max(absolute, low), high)
        }
        let first = place(start, step > 0 ? low : high), last = place(stop, step > 0 ? high : low)
        let distance = step > 0 ? last - first : first - last
        return (first, distance > 0 ? (distance - 1) / abs(step) + 1 : 0)
    }
}

/// An array with its axes' indices picked, repeated or put in another order: slices, flips, rolls, tiles, repeats, reflecting
/// pads and takes of fixed indices are all this. Elements of 1 or 4 bytes; the gradient of an input element is the sum of those
/// of its copies.
package struct Rearrange: Op {
    /// One for each axis.
    package var rules: [AxisRule]

    package init(_ rules: [AxisRule]) { self.rules = rules }

    /// A rule for one axis of `rank`; negative counts from the end.
    package init(_ rule: AxisRule, axis: Int, rank: Int) {
        var rules = [AxisRule](repeating: .keep, count: rank)
        let place = axis < 0 ? axis + rank : axis
        if rules.indices.contains(place) { rules[place] = rule } else { rules = [] }
        self.rules = rules
    }

    package var name: String { "rearrange" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        let shape = inputs[0].shape
        guard rules.count == shape.rank else {
            throw mismatch(name, expected: "an axis of an input of \(rules.count) axes", got: "\(shape)")
        }
        guard [1, 4, 8].contains(inputs[0].dtype.byteCount) else {
            throw mismatch(name, "dtype", expected: "elements of 1, 4 or 8 bytes", got: inputs[0].dtype.rawValue)
        }
        var dims: [Int?] = []
        for (rule, extent) in zip(rules, shape.dims) { dims.append(try rule.extent(extent, name)) }
        let result = PartialShape(dims)
        guard dims.contains(where: { $0 == nil }) || result.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(result)")
        }
        return [ValueInfo(result, inputs[0].dtype)]
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { rules.first == .keep }

    package func bound(to site: Site) -> any BoundOp { BoundRearrange(rules, site) }
}

private struct BoundRearrange: BoundOp {
    /// Extents of input and output, axes that stay merged with their neighbours; the last axis is what a run goes along.
    let input: [Int]
    let output: [Int]
    /// By axis: the input's index for each of the output's; empty where they are the same.
    let tables: [[Int]]
    /// By axis: where the list of an input index's copies begins, and the lists; empty as above.
    let starts: [[Int]]
    let copies: [[Int]]
    let rows: TileCut
    let inputRows: TileCut
    let elementBytes: Int
    let isDifferentiable: Bool
    let isIdentity: Bool

    init(_ rules: [AxisRule], _ site: Site) {
        let (from, to) = (site.inputs[0].shape.dims, site.outputs[0].shape.dims)
        var input: [Int] = [], output: [Int] = [], tables: [[Int]] = []
        var keeps: [Bool] = []
        for (axis, rule) in rules.enumerated() {
            let table = rule.table(from[axis])
            if table == nil, keeps.last == true {
                input[input.count - 1] *= from[axis]
                output[output.count - 1] *= from[axis]
            } else {
                input.append(from[axis])
                output.append(to[axis])
                tables.append(table ?? [])
                keeps.append(table == nil)
            }
        }
        isIdentity = keeps.allSatisfy(\.self)
        if input.isEmpty { (input, output, tables, keeps) = ([1], [1], [[]], [true]) }
        (self.input, self.output, self.tables) = (input, output, tables)
        elementBytes = site.inputs[0].dtype.byteCount
        isDifferentiable = site.inputs[0].dtype == .float32 && site.wantsGradient[0]
        rows = TileCut(output.dropLast().reduce(1, *), nanosecondsPerUnit: 0.4 * Double(output[output.count - 1]) + 5)
        let spread = Double(max(site.outputs[0].shape.count, 1)) / Double(max(site.inputs[0].shape.count, 1))
        inputRows = TileCut(
            input.dropLast().reduce(1, *), nanosecondsPerUnit: (0.6 * Double(input[input.count - 1]) + 5) * max(1, spread))
        var starts: [[Int]] = [], copies: [[Int]] = []
        for axis in input.indices {
            guard isDifferentiable, !keeps[axis] else {
                starts.append([])
                copies.append([])
                continue
            }
            var counts = [Int](repeating: 0, count: input[axis] + 1)
            for index in tables[axis] { counts[index + 1] += 1 }
            for index in 0..<input[axis] { counts[index + 1] += counts[index] }
            var next = counts, list = [Int](repeating: 0, count: tables[axis].count)
            for (place, index) in tables[axis].enumerated() {
                list[next[index]] = place
                next[index] += 1
            }
            starts.append(counts)
            copies.append(list)
        }
        (self.starts, self.copies) = (starts, copies)
    }

    var cost: Double { Double(output.reduce(1, *)) }
    var alias: Int? { isIdentity ? 0 : nil }

    var forwardStages: [Int] { isIdentity || output[output.count - 1] == 0 ? [] : [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        switch elementBytes {
        case 1: copy(frame, tile, UInt8.self)
        case 8: copy(frame, tile, UInt64.self)
        default: copy(frame, tile, UInt32.self)
        }
    }

    private func copy<Bits>(_ frame: Frame, _ tile: Int, _ type: Bits.Type) {
        let source = frame.inputs[0].assumingMemoryBound(to: type), target = frame.outputs[0].assumingMemoryBound(to: type)
        let last = output.count - 1
        for row in rows.range(tile) {
            var rest = row, from = 0, stride = input[last]
            for axis in Swift.stride(from: last - 1, through: 0, by: -1) {
                let index = rest % output[axis]
                rest /= output[axis]
                from += (tables[axis].isEmpty ? index : tables[axis][index]) * stride
                stride *= input[axis]
            }
            let to = target + row * output[last]
            if tables[last].isEmpty {
                to.update(from: source + from, count: output[last])
            } else {
                tables[last].withUnsafeBufferPointer { table in
                    for place in 0..<table.count { to[place] = source[from + table[place]] }
                }
            }
        }
    }

    var backwardStages: [Int] { isDifferentiable && !isIdentity ? [input[input.count - 1] == 0 ? 0 : inputRows.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let last = input.count - 1, width = input[last], range = inputRows.range(tile)
        frame.noGradient(0, range.lowerBound * width..<range.upperBound * width)
        guard let gradient = frame.outputGradient() else { return }
        for row in range { gather(gradient, target + row * width, row: row, axis: 0, outputRow: 0) }
    }

    /// Adds the gradients of all copies of an input row, in the output's order.
    private func gather(
        _ gradient: UnsafePointer<Float>, _ target: UnsafeMutablePointer<Float>, row: Int, axis: Int, outputRow: Int
    ) {
        let last = input.count - 1
        if axis == last {
            let from = gradient + outputRow * output[last]
            if tables[last].isEmpty {
                transfer(from, to: target, count: input[last], accumulate: true)
            } else {
                tables[last].withUnsafeBufferPointer { table in
                    for place in 0..<table.count { target[table[place]] += from[place] }
                }
            }
            return
        }
        var below = 1
        for other in (axis + 1)..<last { below *= input[other] }
        let index = row / below % input[axis]
        if tables[axis].isEmpty {
            gather(gradient, target, row: row, axis: axis + 1, outputRow: outputRow * output[axis] + index)
        } else {
            for place in starts[axis][index]..<starts[axis][index + 1] {
                gather(
                    gradient, target, row: row, axis: axis + 1, outputRow: outputRow * output[axis] + copies[axis][place])
            }
        }
    }
}
