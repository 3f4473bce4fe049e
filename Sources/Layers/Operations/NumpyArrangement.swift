internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.numpy: shapes, parts, copies, pads.

extension Operation {
    static let numpyArrangement: [Operation] = shapes + joins + parts + copies + indices

    // MARK: shapes

    private static let shapes: [Operation] = [
        Operation("Reshape", "x", "newshape shape") { call in
            let x = try call.tensor("x")
            guard let value = try call.constant("newshape") ?? call.constant("shape") else { throw call.wrong("newshape", "extents") }
            let items = value.array ?? [value]
            var dims: [Int?] = []
            for item in items {
                switch item {
                case .null: dims.append(nil)
                case .integer(let extent): dims.append(extent == -1 ? nil : extent)
                default: throw call.wrong("newshape", "extents")
                }
            }
            return try call.context.reshaped(x, to: dims)
        },
        Operation("ExpandDims", "x", "axis") { try $0.context.expanded(try $0.tensor("x"), axes: try $0.requiredIntegers("axis")) },
        Operation("Squeeze", "x", "axis") { call in
            let x = try call.tensor("x"), shape = call.context.shape(x)
            let axes = try call.integers("axis") ?? shape.dims.indices.filter { shape[$0] == 1 }
            return try call.context.squeezed(x, axes: axes)
        },
        Operation("Ravel", "x") { call in
            let x = try call.tensor("x")
            return try call.context.reshaped(x, to: [call.context.shape(x).count])
        },
        Operation("Transpose", "x", "axes") { call in
            let x = try call.tensor("x"), rank = call.context.rank(x)
            let axes = try call.integers("axes") ?? Array((0..<rank).reversed())
            return try call.context.transposed(x, try axes.map { try call.context.axis($0, rank: rank) })
        },
        Operation("Swapaxes", "x", "axis1 axis2") { call in
            let x = try call.tensor("x"), rank = call.context.rank(x)
            var order = Array(0..<rank)
            order.swapAt(
                try call.context.axis(try call.required("axis1"), rank: rank), try call.context.axis(try call.required("axis2"), rank: rank))
            return try call.context.transposed(x, order)
        },
        Operation("Moveaxis", "x", "source destination") { call in
            let context = call.context
            let x = try call.tensor("x"), rank = context.rank(x)
            let source = try call.requiredIntegers("source").map { try context.axis($0, rank: rank) }
            let destination = try call.requiredIntegers("destination").map { try context.axis($0, rank: rank) }
            guard source.count == destination.count, Set(source).count == source.count, Set(destination).count == source.count else {
                throw call.wrong("destination", "as many different axes as there are sources")
            }
            var order = (0..<rank).filter { !source.contains($0) }
            for (to, from) in zip(destination, source).sorted(by: { $0.0 < $1.0 }) { order.insert(from, at: to) }
            return try context.transposed(x, order)
        },
        Operation("BroadcastTo", "x", "shape") { call in
            let x = try call.tensor("x")
            guard let items = try call.constant("shape")?.array else { throw call.wrong("shape", "extents") }
            var dims: [Int?] = []
            for item in items {
                guard item.isNull || item.integer != nil else { throw call.wrong("shape", "extents") }
                dims.append(item.integer.flatMap { $0 == -1 ? nil : $0 })
            }
            return try call.context.broadcasted(x, to: dims)
        },
        Operation("Full", "fill_value", "shape dtype") { call in
            let context = call.context, extents = try call.requiredIntegers("shape")
            guard extents.count <= 32, extents.allSatisfy({ (0...1 << 31).contains($0) }) else { throw call.wrong("shape", "extents") }
            return try context.broadcasted(try context.cast(try call.tensor("fill_value"), to: try call.dtype() ?? .float32), to: extents)
        },
        Operation("Array", "x", "dtype", keepsMask: true) { call in
            let x = try call.tensor("x")
            return try call.context.cast(x, to: try call.dtype() ?? call.context.dtype(x))
        },
        Operation("Ndim", "x") { call in
            let rank = call.context.rank(try call.tensor("x"))
            return call.context.scalar(Int32(truncatingIfNeeded: rank))
        },
        Operation("Size", "x") { call in
            let x = try call.tensor("x")
            let ones = try call.context.filled(like: x, 1, .int32)
            return try call.context.reduce(.sum, ones)
        },
    ]

    // MARK: joins

    private static func atLeast(_ rank: Int, _ context: LoweringContext, _ x: Value) throws -> Value {
        switch (rank, context.rank(x)) {
        case (1, 0): try context.expanded(x, axes: [0])
        case (2, 0): try context.expanded(x, axes: [0, 1])
        case (2, 1): try context.expanded(x, axes: [0])
        case (3, 0): try context.expanded(x, axes: [0, 1, 2])
        case (3, 1): try context.expanded(x, axes: [0, 2])
        case (3, 2): try context.expanded(x, axes: [2])
        default: x
        }
    }

    private static let joins: [Operation] = [
        Operation("Concatenate", "xs", "axis") {
            try $0.context.concatenated(try $0.tensors("xs"), axis: try $0.integer("axis", default: 0))
        },
        Operation("Stack", "x", "axis") { call in
            try call.context.stacked(try call.tensors("x"), axis: try call.integer("axis", default: 0))
        },
        Operation("Hstack", "xs") { call in
            let values = try call.tensors("xs").map { try atLeast(1, call.context, $0) }
            return try call.context.concatenated(values, axis: call.context.rank(values[0]) == 1 ? 0 : 1)
        },
        Operation("Vstack", "xs") { call in
            try call.context.concatenated(try call.tensors("xs").map { try atLeast(2, call.context, $0) }, axis: 0)
        },
        Operation("Dstack", "xs") { call in
            try call.context.concatenated(try call.tensors("xs").map { try atLeast(3, call.context, $0) }, axis: 2)
        },
        Operation("Append", "x1 x2", "axis") { call in
            let context = call.context
            let values = [try call.tensor("x1"), try call.tensor("x2")]
            if let axis = try call.integer("axis") { return try context.concatenated(values, axis: axis) }
            return try context.concatenated(try values.map { try context.reshaped($0, to: [context.shape($0).count]) }, axis: 0)
        },
        Operation(several: "Meshgrid", "*", "indexing") { call in
            let context = call.context
            let values = try call.allTensors()
            let swaps = try call.string("indexing", default: "xy") == "xy" && values.count >= 2
            func place(_ index: Int) -> Int { swaps && index < 2 ? 1 - index : index }
            var dims = [Int?](repeating: 1, count: values.count)
            for (index, value) in values.enumerated() { dims[place(index)] = context.rank(value) == 0 ? 1 : context.shape(value)[0] }
            return try values.enumerated().map { index, value in
                var own = [Int?](repeating: 1, count: values.count)
                own[place(index)] = dims[place(index)]
                return try context.broadcasted(try context.reshaped(value, to: own), to: dims)
            }
        },
    ]

    // MARK: parts

    /// The parts of an axis: so many, or cut at places.
    private static func split(_ call: OperationCall, axis: Int, even: Bool = true) throws -> [Value] {
        let context = call.context
        let x = try call.tensor("x"), place = try context.axis(axis, rank: context.rank(x))
        guard let cut = try call.constant("indices_or_sections") else { throw call.wrong("indices_or_sections", "a number or places") }
        if cut.array != nil {
            var parts: [Value] = [], start = 0
            let extent = context.shape(x)[place]
            for index in try call.requiredIntegers("indices_or_sections") {
                let stop = index < 0 ? index + (extent ?? 0) : index
                parts.append(try context.sliced(x, axis: place, from: start, to: max(stop, start)))
                start = max(stop, start)
            }
            return parts + [try context.sliced(x, axis: place, from: start)]
        }
        let count = try call.required("indices_or_sections")
        guard (1...1_000_000).contains(count) else { throw call.wrong("indices_or_sections", "a number of at least 1") }
        guard let extent = context.shape(x)[place] else {
            // Nothing but the number of parts is known.
            return try (0..<count).map { _ in try context.sliced(x, axis: place, from: 0, to: nil, step: 2) }
        }
        guard !even || extent % count == 0 else {
            throw LocatedError(.mismatch, "operation.split", "expected an extent that \(count) divides, got \(extent)")
        }
        var parts: [Value] = [], start = 0
        for part in 0..<count {
            let size = extent / count + (part < extent % count ? 1 : 0)
            parts.append(try context.sliced(x, axis: place, from: start, to: start + size))
            start += size
        }
        return parts
    }

    private static let parts: [Operation] = [
        Operation(several: "Split", "x", "indices_or_sections axis") { try split($0, axis: try $0.integer("axis", default: 0)) },
        Operation(several: "ArraySplit", "x", "indices_or_sections axis") {
            try split($0, axis: try $0.integer("axis", default: 0), even: false)
        },
        Operation(several: "Hsplit", "x", "indices_or_sections") { call in
            try split(call, axis: call.context.rank(try call.tensor("x")) == 1 ? 0 : 1)
        },
        Operation(several: "Vsplit", "x", "indices_or_sections") { try split($0, axis: 0) },
        Operation(several: "Dsplit", "x", "indices_or_sections") { try split($0, axis: 2) },
        Operation("GetItem", "x key") { call in
            // TensorFlow's name for the same.
            try getItem(call)
        },
        Operation("Tril", "x", "k") { try $0.context.apply(Triangle(lower: true, diagonal: try $0.integer("k", default: 0)), try $0.tensor("x")) },
        Operation("Triu", "x", "k") { try $0.context.apply(Triangle(lower: false, diagonal: try $0.integer("k", default: 0)), try $0.tensor("x")) },
        Operation("Diagonal", "x", "offset axis1 axis2") { call in
            try call.context.diagonal(
                try call.tensor("x"), axes: (try call.integer("axis1", default: 0), try call.integer("axis2", default: 1)),
                offset: try call.integer("offset", default: 0))
        },
        Operation("Trace", "x", "offset axis1 axis2") { call in
            let diagonal = try call.context.diagonal(
                try call.tensor("x"), axes: (try call.integer("axis1", default: 0), try call.integer("axis2", default: 1)),
                offset: try call.integer("offset", default: 0))
            return try call.context.reduce(.sum, diagonal, axes: [-1])
        },
        Operation("Diag", "x", "k") { call in
            let context = call.context
            let x = try call.tensor("x"), k = try call.integer("k", default: 0)
            switch context.rank(x) {
            case 1: return try diagonalMatrix(context, x, k)
            case 2: return try context.diagonal(x, offset: k)
            default: throw call.wrong("x", "of one or two axes")
            }
        },
        Operation("Diagflat", "x", "k") { call in
            let x = try call.tensor("x")
            return try diagonalMatrix(
                call.context, try call.context.reshaped(x, to: [call.context.shape(x).count]), try call.integer("k", default: 0))
        },
    ]

    /// A vector on the diagonal of a matrix of zeros.
    private static func diagonalMatrix(_ context: LoweringContext, _ x: Value, _ k: Int) throws -> Value {
        guard let count = context.shape(x)[0] else { throw LocatedError(.mismatch, "layer.unknownExtent", "expected a vector of a known extent") }
        let side = count + abs(k)
        guard side < 1 << 15 else { throw LocatedError(.unsupported, "operation.size", "expected a diagonal of less than 32768, got \(side)") }
        // Element i stands at (i, i + k) or (i - k, i).
        let margins = k >= 0 ? (0, k) : (-k, 0)
        let padded = try context.apply(Pad(before: [margins.0], after: [margins.1]), x)
        let rows = try context.broadcasted(try context.expanded(padded, axes: [1]), to: [side, side])
        let i = try context.reshaped(context.constant(Tensor((0..<Int32(side)).map { $0 })), to: [side, 1])
        let j = try context.reshaped(context.constant(Tensor((0..<Int32(side)).map { $0 - Int32(k) })), to: [1, side])
        let zero = context.dtype(x) == .float32 ? context.scalar(0.0) : context.scalar(0 as Int32)
        return try context.select(try context.compare(.equal, i, j), rows, zero)
    }

    /// Python's `x[…]`: integers, slices, `None`, `...`, and tensors or lists of indices for one axis.
    static func getItem(_ call: OperationCall) throws -> Value {
        let context = call.context
        var x = try call.tensor("x")
        guard let key = call.argument("key") else { throw call.wrong("key", "an index") }
        var items: [CallArguments.Argument]
        switch key {
        case .list(let list): items = list
        case .constant(let value):
            if case .array(let list) = OperationCall.plain(value) { items = list.map(CallArguments.Argument.constant) } else { items = [key] }
        default: items = [key]
        }
        func className(_ item: CallArguments.Argument) -> String? {
            if case .constant(.object(let object)) = item { return object["class_name"]?.string }
            if case .dictionary(let object) = item, case .constant(let name)? = object["class_name"] { return name.string }
            return nil
        }
        let named = items.count { !$0.isNull && className($0) != "__ellipsis__" }
        if !items.contains(where: { className($0) == "__ellipsis__" }) {
            items.append(.constant(["class_name": "__ellipsis__", "config": [:]]))
        }
        var rules: [AxisRule] = [], gone: [Int] = [], new: [Int] = [], gather: (axis: Int, indices: Value)?
        // Places in the array, and in the result before single indices take their axes away.
        var axis = 0
        for item in items {
            if item.isNull {
                new.append(axis + new.count)
                continue
            }
            if className(item) == "__ellipsis__" {
                for _ in 0..<max(0, context.rank(x) - named) {
                    rules.append(.keep)
                    axis += 1
                }
                continue
            }
            guard axis < context.rank(x) else { throw call.wrong("key", "at most \(context.rank(x)) indices") }
            if case .constant(.integer(let index)) = item {
                rules.append(.take([index]))
                gone.append(axis)
            } else if className(item) == "__slice__" {
                func bound(_ name: String) throws -> Int? {
                    var value: ConfigValue?
                    if case .constant(.object(let object)) = item { value = object["config"]?.object?[name] }
                    if case .dictionary(let object) = item, case .dictionary(let config)? = object["config"],
                        let own = config[name]
                    {
                        guard case .constant(let constant) = own else { throw call.wrong("key", "slices with known bounds") }
                        value = constant
                    }
                    guard let value, !value.isNull else { return nil }
                    guard let number = value.integer else { throw call.wrong("key", "slices of integers") }
                    return number
                }
                rules.append(.slice(start: try bound("start"), stop: try bound("stop"), step: try bound("step") ?? 1))
            } else {
                // An array of indices.
                guard gather == nil else { throw call.wrong("key", "at most one array of indices") }
                let indices: Value
                switch item {
                case .signal(let signal): indices = signal.value
                case .constant(let value):
                    guard let tensor = OperationCall.tensor(value) else { throw call.wrong("key", "indices") }
                    indices = context.constant(tensor)
                default: throw call.wrong("key", "indices")
                }
                guard context.dtype(indices) == .int32 else { throw call.wrong("key", "indices of integers; a mask keeps as many as it says") }
                gather = (axis, indices)
                rules.append(.keep)
            }
            axis += 1
        }
        if rules.contains(where: { $0 != .keep }) { x = try context.apply(Rearrange(rules), x) }
        if gather != nil, !gone.isEmpty || !new.isEmpty { throw call.wrong("key", "an array of indices beside slices only") }
        if let gather { return try context.apply(Gather(axis: gather.axis), x, gather.indices) }
        // New axes first, so that places are those of the result with all axes; then the single ones go.
        let fresh = Set(new)
        var all: [Int?] = [], source = 0
        for place in 0..<(context.rank(x) + new.count) {
            if fresh.contains(place) {
                all.append(1)
            } else {
                if !gone.contains(source) { all.append(context.shape(x)[source]) }
                source += 1
            }
        }
        return try context.reshaped(x, to: all)
    }

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
