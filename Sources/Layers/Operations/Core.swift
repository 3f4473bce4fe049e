internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.core. Loops and branches hold Python functions: they are no nodes that could be computed.

extension Operation {
    static let core: [Operation] = [
        Operation("Cast", "x", "dtype", keepsMask: true) { call in
            let x = try call.tensor("x")
            guard let type = try call.dtype() else { throw call.wrong("dtype", "a type") }
            return try call.context.cast(x, to: type)
        },
        Operation("SaturateCast", "x", "dtype", keepsMask: true) { call in
            let x = try call.tensor("x")
            guard let type = try call.dtype(), let name = try call.string("dtype") else { throw call.wrong("dtype", "a type") }
            let limits: [String: (Double, Double)] = [
                "uint8": (0, 255), "int8": (-128, 127), "uint16": (0, 65535), "int16": (-32768, 32767), "uint32": (0, 2_147_483_647),
            ]
            guard let (low, high) = limits[name] else { return try call.context.cast(x, to: type) }
            let numbers = call.context.dtype(x) == .float32
                ? [call.context.scalar(low), call.context.scalar(high)]
                : [call.context.scalar(Int32(low)), call.context.scalar(Int32(high))]
            let limited = try call.context.binary(.minimum, try call.context.binary(.maximum, x, numbers[0]), numbers[1])
            return try call.context.cast(limited, to: type)
        },
        Operation("ConvertToTensor", "x", "dtype sparse ragged", keepsMask: true) { call in
            let x = try call.tensor("x")
            for key in ["sparse", "ragged"] where try call.bool(key) { throw call.wrong(key, "false") }
            return try call.context.cast(x, to: try call.dtype() ?? call.context.dtype(x))
        },
        Operation("StopGradient", "variable") { try $0.context.apply(StopGradient(), try $0.tensor("variable")) },
        Operation(several: "Unstack", "x", "num axis") { call in
            let context = call.context
            let x = try call.tensor("x"), axis = try context.axis(try call.integer("axis", default: 0), rank: context.rank(x))
            guard let count = try call.integer("num") ?? context.shape(x)[axis], (0...1_000_000).contains(count) else {
                throw call.wrong("num", "a number, where the extent isn't known")
            }
            return try (0..<count).map { index in
                try context.squeezed(try context.sliced(x, axis: axis, from: index, to: index + 1), axes: [axis])
            }
        },
        Operation("Slice", "inputs start_indices", "shape") { call in
            let context = call.context
            let x = try call.tensor("inputs"), sizes = try call.requiredIntegers("shape")
            guard sizes.count == context.rank(x) else { throw call.wrong("shape", "an extent for each axis") }
            if let starts = try? call.requiredIntegers("start_indices") {
                guard starts.count == sizes.count else { throw call.wrong("start_indices", "a number for each axis") }
                return try context.apply(
                    Rearrange(
                        zip(starts, sizes).map { start, size in
                            // A size of -1 is everything behind the start.
                            size == -1 ? .slice(start: start) : .slice(start: start, stop: start + size)
                        }), x)
            }
            return try moving(call, x, try call.tensor("start_indices"), sizes) { x, indices, axis in
                try context.apply(Gather(axis: axis), x, indices)
            }
        },
        Operation("SliceUpdate", "inputs start_indices updates") { call in
            let context = call.context
            let x = try call.tensor("inputs"), updates = try call.tensor("updates")
            let starts = try call.requiredIntegers("start_indices")
            let (dims, own) = (context.shape(x).dims, context.shape(updates).dims)
            guard starts.count == dims.count, own.count == dims.count else { throw call.wrong("start_indices", "a number for each axis") }
            var after: [Int] = []
            for axis in dims.indices {
                guard let extent = dims[axis], let size = own[axis], starts[axis] >= 0, starts[axis] + size <= extent else {
                    if dims[axis] == nil, own[axis] == nil, starts[axis] == 0 {
                        after.append(0)
                        continue
                    }
                    throw call.wrong("updates", "an array that fits in, of known extents")
                }
                after.append(extent - size - starts[axis])
            }
            let inside = try context.apply(Pad(before: starts, after: after), try context.filled(like: updates, 1, .bool))
            let padded = try context.apply(Pad(before: starts, after: after), try context.cast(updates, to: context.dtype(x)))
            return try context.select(inside, padded, x)
        },
        Operation("Scatter", "indices values", "shape") { call in
            let shape = try call.requiredIntegers("shape")
            guard let count = Shape(shape).checkedCount, count < 1 << 31 else { throw call.wrong("shape", "extents of at most 2³¹ elements") }
            let values = try call.tensor("values")
            let zeros = call.context.constant(Tensor(zeros: Shape(shape), dtype: call.context.dtype(values)))
            return try scatter(call, into: zeros, try call.tensor("indices"), values, "add")
        },
        Operation("ScatterUpdate", "inputs indices updates", "reduction") { call in
            try scatter(
                call, into: try call.tensor("inputs"), try call.tensor("indices"), try call.tensor("updates"), try call.string("reduction"))
        },
    ]

    /// A slice whose start is computed: indices along each axis that isn't taken whole.
    private static func moving(
        _ call: OperationCall, _ x: Value, _ starts: Value, _ sizes: [Int], _ gather: (Value, Value, Int) throws -> Value
    ) throws -> Value {
        let context = call.context
        var result = x
        for (axis, size) in sizes.enumerated() where size != -1 && context.shape(x)[axis] != size {
            guard (0..<1 << 24).contains(size) else { throw call.wrong("shape", "extents of 0 or above") }
            let start = try context.sliced(try context.cast(starts, to: .int32), axis: 0, from: axis, to: axis + 1)
            result = try gather(result, try context.add(start, context.constant(Tensor((0..<Int32(size)).map { $0 }))), axis)
        }
        return result
    }

    /// Updates of slices at indices (…, depth): each element of the result looks for its updates. Takes updates · elements steps:
    /// few updates are meant.
    private static func scatter(
        _ call: OperationCall, into x: Value, _ indices: Value, _ updates: Value, _ reduction: String?
    ) throws -> Value {
        let context = call.context
        let indices = try context.cast(indices, to: .int32), rank = context.rank(indices)
        guard rank >= 1, let depth = context.shape(indices)[rank - 1], depth >= 1, depth <= context.rank(x),
            let dims = PartialShape(Array(context.shape(x).dims.prefix(depth))).concrete?.dims, let places = Shape(dims).checkedCount,
            let count = PartialShape(Array(context.shape(indices).dims.dropLast())).count, places < 1 << 31,
            !places.multipliedReportingOverflow(by: max(count, 1)).overflow, places * count <= 1 << 26
        else { throw call.wrong("indices", "indices of known extents, and not too many") }
        let inner = context.shape(x).dims.dropFirst(depth)
        // One number for each place.
        let strides = Shape(dims).strides.map { Int32($0) }
        let numbers = try context.reduce(.sum, try context.multiply(indices, context.constant(Tensor(strides))), axes: [-1])
        let flat = try context.reshaped(numbers, to: [count])
        let type = context.dtype(x)
        let values = try context.reshaped(try context.cast(updates, to: type), to: [count] + inner)
        let all = context.constant(Tensor((0..<Int32(places)).map { $0 }))
        let hits = try context.compare(.equal, try context.expanded(all, axes: [1]), flat)
        let target = try context.reshaped(x, to: [places] + inner)
        let result: Value
        switch reduction {
        case "add":
            let own = type == .bool ? DType.int32 : type
            let share = try context.einsum(
                "ij,jk->ik", try context.cast(hits, to: own), try context.reshaped(try context.cast(values, to: own), to: [count, nil]))
            result = try context.add(target, try context.cast(try context.reshaped(share, to: [places] + inner), to: type))
        case nil:
            // The last update of a place counts.
            let order = context.constant(Tensor((0..<Int32(count)).map { $0 + 1 }))
            let last = try context.reduce(.max, try context.multiply(hits, order), axes: [1])
            let picked = try context.apply(
                Gather(axis: 0), values, try context.binary(.maximum, try context.subtract(last, context.scalar(1 as Int32)), context.scalar(0 as Int32)))
            var isHit = try context.compare(.greater, last, context.scalar(0 as Int32))
            isHit = try context.expanded(isHit, axes: inner.indices.map { $0 - inner.startIndex + 1 })
            result = try context.select(isHit, picked, target)
        case "max", "min", "mul":
            let kind: Aggregate.Kind = reduction == "max" ? .max : reduction == "min" ? .min : .product
            let op: BinaryOperator = reduction == "max" ? .maximum : reduction == "min" ? .minimum : .multiply
            let neutral = reduction == "mul" ? 1.0 : reduction == "max" ? -Double.infinity : .infinity
            let mask = try context.expanded(hits, axes: inner.indices.map { $0 - inner.startIndex + 2 })
            let own = try context.select(mask, try context.expanded(try context.float(values), axes: [0]), context.scalar(neutral))
            let folded = try context.reduce(kind, own, axes: [1])
            result = try context.cast(try context.binary(op, try context.float(target), folded), to: type)
        default: throw call.wrong("reduction", "add, max, min, mul or null")
        }
        return try context.reshaped(result, to: context.shape(x).dims)
    }
}
