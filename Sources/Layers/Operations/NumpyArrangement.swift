internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.numpy: shapes, joins, parts.

extension Operation {
    static let numpyArrangement: [Operation] = shapes + joins + parts

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
}
