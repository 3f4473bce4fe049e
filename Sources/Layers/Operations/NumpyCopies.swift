internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.numpy: copies, pads, places in arrays.

extension Operation {
    static let numpyCopies: [Operation] = copies + indices

    // MARK: copies

    private static let copies: [Operation] = [
        Operation("Flip", "x", "axis") { call in
            let x = try call.tensor("x"), rank = call.context.rank(x)
            var rules = [AxisRule](repeating: .keep, count: rank)
            for axis in try call.integers("axis") ?? Array(0..<rank) { rules[try call.context.axis(axis, rank: rank)] = .flip }
            return try call.context.apply(Rearrange(rules), x)
        },
        Operation("Fliplr", "x") { try $0.context.flipped(try $0.tensor("x"), axis: 1) },
        Operation("Flipud", "x") { try $0.context.flipped(try $0.tensor("x"), axis: 0) },
        Operation("Rot90", "array", "k axes") { call in
            let context = call.context
            let x = try call.tensor("array"), rank = context.rank(x)
            let axes = try (call.integers("axes") ?? [0, 1]).map { try context.axis($0, rank: rank) }
            guard axes.count == 2, axes[0] != axes[1] else { throw call.wrong("axes", "two different axes") }
            var order = Array(0..<rank)
            order.swapAt(axes[0], axes[1])
            switch ((try call.integer("k", default: 1) % 4) + 4) % 4 {
            case 1: return try context.transposed(try context.flipped(x, axis: axes[1]), order)
            case 2: return try context.flipped(try context.flipped(x, axis: axes[0]), axis: axes[1])
            case 3: return try context.flipped(try context.transposed(x, order), axis: axes[1])
            default: return x
            }
        },
        Operation("Roll", "x", "shift axis") { call in
            let context = call.context
            let x = try call.tensor("x"), shifts = try call.requiredIntegers("shift")
            guard let axes = try call.integers("axis") else {
                let flat = try context.reshaped(x, to: [context.shape(x).count])
                return try context.reshaped(try context.apply(Rearrange([.roll(shifts.reduce(0, +))]), flat), to: context.shape(x).dims)
            }
            guard axes.count == shifts.count || shifts.count == 1 || axes.count == 1 else {
                throw call.wrong("shift", "as many shifts as axes")
            }
            var total = [Int](repeating: 0, count: context.rank(x))
            for index in 0..<max(axes.count, shifts.count) {
                let axis = try context.axis(axes[axes.count == 1 ? 0 : index], rank: context.rank(x))
                total[axis] += shifts[shifts.count == 1 ? 0 : index]
            }
            return try context.apply(Rearrange(total.map { $0 == 0 ? .keep : .roll($0) }), x)
        },
        Operation("Tile", "x", "repeats") { call in
            var x = try call.tensor("x"), repeats = try call.requiredIntegers("repeats")
            let rank = max(call.context.rank(x), repeats.count)
            repeats = [Int](repeating: 1, count: rank - repeats.count) + repeats
            x = try call.context.expanded(x, axes: Array(0..<(rank - call.context.rank(x))))
            return try call.context.apply(Rearrange(repeats.map { $0 == 1 ? .keep : .tile($0) }), x)
        },
        Operation("Repeat", "x", "repeats axis") { call in
            let context = call.context
            var x = try call.tensor("x")
            let repeats = try call.requiredIntegers("repeats")
            var axis = try call.integer("axis")
            if axis == nil {
                x = try context.reshaped(x, to: [context.shape(x).count])
                axis = 0
            }
            return try context.apply(
                Rearrange(repeats.count == 1 ? .repeatEach(repeats[0]) : .repeats(repeats), axis: axis ?? 0, rank: context.rank(x)), x)
        },
        Operation("Pad", "x constant_values", "pad_width mode") { call in
            let context = call.context
            var x = try call.tensor("x")
            let rank = context.rank(x)
            guard let width = try call.constant("pad_width") else { throw call.wrong("pad_width", "margins") }
            let margins = try pairs(width, rank, call)
            let mode = try call.string("mode", default: "constant")
            if mode == "constant" {
                let sides = (before: margins.map(\.0), after: margins.map(\.1))
                if context.dtype(x) == .string {
                    let padded = try context.apply(Pad(before: sides.before, after: sides.after), x)
                    guard let fill = try call.optional("constant_values"), context.dtype(fill) == .string else { return padded }
                    let inside = try context.apply(
                        Pad(before: sides.before, after: sides.after), try context.filled(like: x, 1, .bool))
                    return try context.select(inside, padded, fill)
                }
                let fill = try call.number("constant_values", default: 0)
                let isMask = context.dtype(x) == .bool
                if fill == 0 { return try context.apply(Pad(before: margins.map(\.0), after: margins.map(\.1)), x) }
                let whole = context.dtype(x) != .float32
                x = whole ? try context.cast(x, to: .int32) : x
                let padded = try context.apply(Pad(before: margins.map(\.0), after: margins.map(\.1)), x)
                let inside = try context.apply(
                    Pad(before: margins.map(\.0), after: margins.map(\.1)), try context.filled(like: x, 1, .bool))
                let number = whole ? context.scalar(Int32(exactly: fill) ?? 0) : context.scalar(fill)
                let result = try context.select(inside, padded, number)
                return isMask ? try context.cast(result, to: .bool) : result
            }
            let modes: [String: AxisRule.PadMode] = ["reflect": .reflect, "symmetric": .symmetric, "edge": .edge, "wrap": .wrap]
            guard let own = modes[mode] else { throw call.wrong("mode", "constant, reflect, symmetric, edge or wrap") }
            return try context.apply(Rearrange(margins.map { $0 == (0, 0) ? .keep : .pad(own, before: $0.0, after: $0.1) }), x)
        },
    ]

    /// Margins of each axis: one number, one pair, or a pair for each axis.
    private static func pairs(_ value: ConfigValue, _ rank: Int, _ call: OperationCall) throws -> [(Int, Int)] {
        func number(_ value: ConfigValue) throws -> Int {
            guard let number = value.integer, (0..<1 << 31).contains(number) else { throw call.wrong("pad_width", "margins of 0 or above") }
            return number
        }
        guard let items = value.array else { return [(Int, Int)](repeating: (try number(value), try number(value)), count: rank) }
        if items.allSatisfy({ $0.array == nil }) {
            guard items.count == 2 || items.count == 1 else { throw call.wrong("pad_width", "a pair of margins for each axis") }
            return [(Int, Int)](repeating: (try number(items[0]), try number(items[items.count - 1])), count: rank)
        }
        let pairs = try items.map { item -> (Int, Int) in
            guard let pair = item.array, pair.count == 2 || pair.count == 1 else { throw call.wrong("pad_width", "pairs of margins") }
            return (try number(pair[0]), try number(pair[pair.count - 1]))
        }
        if pairs.count == 1 { return [(Int, Int)](repeating: pairs[0], count: rank) }
        guard pairs.count == rank else { throw call.wrong("pad_width", "a pair of margins for each axis") }
        return pairs
    }

    // MARK: indices

    private static let indices: [Operation] = [
        Operation("Take", "x indices", "axis") { call in
            let context = call.context
            var x = try call.tensor("x")
            let indices = try context.cast(try call.tensor("indices"), to: .int32)
            var axis = try call.integer("axis")
            if axis == nil {
                x = try context.reshaped(x, to: [context.shape(x).count])
                axis = 0
            }
            return try context.apply(Gather(axis: axis ?? 0), x, indices)
        },
        Operation("TakeAlongAxis", "x indices", "axis") { call in
            let context = call.context
            var x = try call.tensor("x"), indices = try context.cast(try call.tensor("indices"), to: .int32)
            guard let axis = try call.integer("axis") else {
                x = try context.reshaped(x, to: [context.shape(x).count])
                return try context.apply(TakeAlongAxis(axis: 0), x, indices)
            }
            let place = try context.axis(axis, rank: context.rank(x))
            guard context.rank(indices) == context.rank(x) else { throw call.wrong("indices", "of as many axes as x") }
            // Beside the axis both are broadcast.
            var (own, other) = (context.shape(x).dims, context.shape(indices).dims)
            for index in own.indices where index != place {
                if own[index] == 1 { own[index] = other[index] } else if other[index] == 1 { other[index] = own[index] }
            }
            if own != context.shape(x).dims { x = try context.broadcasted(x, to: own) }
            if other != context.shape(indices).dims { indices = try context.broadcasted(indices, to: other) }
            return try context.apply(TakeAlongAxis(axis: axis), x, indices)
        },
        Operation("ZerosLike", "x", "dtype") { try like($0, 0) },
        Operation("OnesLike", "x", "dtype") { try like($0, 1) },
        Operation("EmptyLike", "x", "dtype") { try like($0, 0) },
        Operation("FullLike", "x fill_value", "dtype") { call in
            let context = call.context
            let x = try call.tensor("x"), type = try call.dtype() ?? context.dtype(x)
            let zeros = try context.filled(like: x, 0, type)
            let fill = try context.cast(try call.tensor("fill_value"), to: type)
            return try context.select(try context.filled(like: x, 1, .bool), fill, zeros)
        },
        Operation(several: "UnravelIndex", "indices", "shape") { call in
            let context = call.context
            let indices = try context.cast(try call.tensor("indices"), to: .int32), shape = try call.requiredIntegers("shape")
            guard let count = Shape(shape).checkedCount, count < 1 << 31, shape.allSatisfy({ $0 > 0 }) else {
                throw call.wrong("shape", "extents of less than 2³¹ elements together")
            }
            let zero = context.scalar(0 as Int32)
            let positive = try context.select(
                try context.compare(.less, indices, zero), try context.add(indices, context.scalar(Int32(count))), indices)
            return try zip(shape, Shape(shape).strides).map { extent, stride in
                let quotient = try context.binary(.floorDivide, positive, context.scalar(Int32(stride)))
                return try context.binary(.mod, quotient, context.scalar(Int32(extent)))
            }
        },
    ]

    private static func like(_ call: OperationCall, _ number: Double) throws -> Value {
        let context = call.context, x = try call.tensor("x"), type = try call.dtype() ?? context.dtype(x)
        if type == .string, context.dtype(x) == .string, number == 0 {
            return try context.select(try context.filled(like: x, 0, .bool), x, context.constant(Tensor(strings: [""], shape: [])))
        }
        return try context.filled(like: x, number, type)
    }
}
