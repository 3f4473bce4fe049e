internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

// keras.ops.numpy: what is found by putting numbers in order.

extension Operation {
    static let numpyOrder: [Operation] = [
        // Keras takes the neighbour in float64 and rounds it to float32: that is x1 itself, but for NaN.
        Operation("Nextafter", "x1 x2") { call in
            let context = call.context
            let x = try call.float("x1"), y = try call.float("x2")
            let zeros = try context.select(try context.apply(Predicate(.isNaN), y), y, context.scalar(0.0))
            return try context.add(x, try context.apply(StopGradient(), zeros))
        },
        // As TensorFlow's backend does it: of one axis of whole numbers, those behind the first k in an order of its own.
        Operation("Argpartition", "x", "kth axis") { call in
            let context = call.context
            let x = try call.tensor("x")
            guard context.rank(x) == 1, context.dtype(x) == .int32, let count = context.shape(x)[0], count >= 1 else {
                throw call.wrong("x", "whole numbers along one axis of a known extent")
            }
            let kth = min(max(try call.required("kth"), 0), count - 1)
            let first = try context.sliced(try context.apply(ArgSort(axis: 0), x), axis: 0, from: 0, to: kth + 1)
            let isFirst = try context.reduce(
                .max, try context.cast(
                    try context.compare(
                        .equal, context.constant(Tensor((0..<Int32(count)).map { $0 }, shape: [count, 1])), first), to: .int32), axes: [1])
            let rest = try context.multiply(x, try context.subtract(context.scalar(1 as Int32), isFirst))
            let others = try context.apply(ArgSort(axis: 0, descending: true), rest)
            return try context.concatenated([first, try context.sliced(others, axis: 0, from: 0, to: count - kth - 1)], axis: 0)
        },
        Operation("Bincount", "x", "weights minlength sparse") { try binCounts($0) },
        Operation(several: "Histogram", "x", "bins range") { try histogram($0) },
        Operation(several: "Unique", "x", "sorted return_index return_inverse return_counts axis size fill_value") { try unique($0) },
    ]

    /// How often each whole number is in a row, or the sum of its weights: as many columns as the largest number wants.
    private static func binCounts(_ call: OperationCall) throws -> Value {
        let context = call.context
        guard try !call.bool("sparse") else { throw call.wrong("sparse", "false") }
        let given = try call.tensor("x"), least = try call.integer("minlength", default: 0)
        guard (1...2).contains(context.rank(given)) else { throw call.wrong("x", "numbers of one axis or two") }
        guard (0...1 << 24).contains(least) else { throw call.wrong("minlength", "a number from 0 to 2²⁴") }
        var type = DType.int32, weights: Value?
        if let told = try call.constant("weights") {
            guard let numbers = OperationCall.tensor(told), numbers.dtype != .bool, context.rank(given) == numbers.shape.rank,
                zip(context.shape(given).dims, numbers.shape.dims).allSatisfy({ $0 == nil || $0 == $1 })
            else {
                throw call.wrong("weights", "numbers of x's shape")
            }
            if numbers.dtype == .float32 || context.dtype(given) == .float32 { type = .float32 }
            // Sums are taken in float32.
            if numbers.dtype == .int32 {
                let total = numbers.withUnsafeElements(as: Int32.self) { $0.reduce(0) { $0 + abs(Int($1)) } }
                guard total <= 1 << 24 else { throw call.wrong("weights", "whole numbers whose sum is below 2²⁴") }
            }
            weights = try context.cast(context.constant(numbers), to: .float32)
        }
        guard let seen = try context.measured(given, .largest), let count = context.shape(given).count, count < 1 << 24 else {
            let dims = context.rank(given) == 1 ? [nil] : [context.shape(given)[0], nil]
            return try context.apply(Unsettled([ValueInfo(PartialShape(dims), type)]), given)
        }
        let length = max(least, seen)
        context.requireIndices(given, below: length)
        func rows(_ x: Value) throws -> Value { context.rank(x) == 1 ? try context.expanded(x, axes: [0]) : x }
        let counts = try context.apply(
            CategoryCounts(length, binary: false), to: [try rows(try context.cast(given, to: .int32))] + (try weights.map { [try rows($0)] } ?? []))[0]
        let result = try context.cast(counts, to: type)
        return context.rank(given) == 1 ? try context.squeezed(result, axes: [0]) : result
    }

    /// How many numbers lie in each of some intervals of the same width, and where these begin and end.
    private static func histogram(_ call: OperationCall) throws -> [Value] {
        let context = call.context
        let given = try call.tensor("x"), bins = try call.integer("bins", default: 10)
        guard context.rank(given) == 1, context.dtype(given) != .bool, (1...1 << 16).contains(bins) else {
            throw call.wrong(context.rank(given) == 1 ? "bins" : "x", "numbers of one axis, and 1 to 2¹⁶ intervals")
        }
        let type = context.dtype(given), x = try context.cast(given, to: .float32)
        let low: Value, high: Value
        if let told = try call.constant("range") {
            guard let ends = told.array?.compactMap(\.number), ends.count == 2, told.array?.count == 2, ends[0] <= ends[1] else {
                throw call.wrong("range", "two numbers in order")
            }
            (low, high) = (context.scalar(ends[0]), context.scalar(ends[1]))
        } else {
            (low, high) = (try context.reduce(.min, x, axes: [0]), try context.reduce(.max, x, axes: [0]))
        }
        let width = try context.divide(try context.subtract(high, low), context.scalar(Double(bins)))
        let inner = try context.add(
            low, try context.multiply(width, context.constant(Tensor((0..<max(bins - 1, 0)).map { Float($0 + 1) }))))
        let ends = try [low, high].map { try context.reshaped($0, to: [1]) }
        // Of whole numbers, so are the ends.
        let edges = try context.cast(try context.concatenated([ends[0], inner, ends[1]], axis: 0), to: type)
        let bounds = try context.cast(try context.sliced(edges, axis: 0, from: 1, to: bins), to: .float32)
        let reached = try context.cast(try context.compare(.greaterEqual, try context.expanded(x, axes: [1]), bounds), to: .int32)
        let isInside = try context.logical(.and, try context.compare(.greaterEqual, x, low), try context.compare(.lessEqual, x, high))
        let places = try context.select(isInside, try context.reduce(.sum, reached, axes: [1]), context.scalar(-1 as Int32))
        let counts = try context.apply(CategoryCounts(bins, binary: false), try context.expanded(places, axes: [0]))
        return [try context.cast(try context.squeezed(counts, axes: [0]), to: type), edges]
    }

    private static func unique(_ call: OperationCall) throws -> [Value] {
        let context = call.context
        let given = try call.tensor("x")
        guard let size = try call.integer("size"), (0..<1 << 24).contains(size) else {
            throw call.wrong("size", "given: else the shape of the result depends on values")
        }
        if let axis = try call.integer("axis") {
            guard context.rank(given) == 1, axis == 0 || axis == -1 else { throw call.wrong("axis", "null, for more than one axis") }
        }
        guard context.dtype(given) != .bool, let count = context.shape(given).count, (1..<1 << 30).contains(count) else {
            throw call.wrong("x", "numbers of known extents")
        }
        let x = try context.reshaped(given, to: [count]), one = context.scalar(1 as Int32)
        let order = try context.apply(ArgSort(axis: 0), x)
        let ordered = try context.apply(Gather(axis: 0), x, order)
        let differs = try context.compare(
            .notEqual, try context.sliced(ordered, axis: 0, from: 1, to: count), try context.sliced(ordered, axis: 0, from: 0, to: count - 1))
        let isFirst = try context.concatenated([context.constant(Tensor([true])), differs], axis: 0)
        let runs = try context.apply(Cumulative(.sum, axis: 0), try context.cast(isFirst, to: .int32))
        let total = try context.sliced(runs, axis: 0, from: count - 1, to: count)
        // Where each run begins, and behind the last one the end.
        let starts = try context.positionsFirst(isFirst)
        let places = context.constant(Tensor((0..<Int32(count)).map { $0 })), end = context.scalar(Int32(count))
        let isRun = try context.compare(.less, places, total)
        let begins = try context.select(isRun, starts, end)
        let following = try context.concatenated(
            [try context.sliced(begins, axis: 0, from: 1, to: count), context.constant(Tensor([Int32(count)]))], axis: 0)
        let counts = try context.subtract(following, begins)
        var values = try context.apply(Gather(axis: 0), ordered, starts), indices = try context.apply(Gather(axis: 0), order, starts)
        var numbers = try context.subtract(runs, one), lengths = counts
        if try !call.bool("sorted", default: true) {
            // In the order in which they first appear.
            let appearance = try context.apply(ArgSort(axis: 0), try context.select(isRun, indices, end))
            values = try context.apply(Gather(axis: 0), values, appearance)
            indices = try context.apply(Gather(axis: 0), indices, appearance)
            lengths = try context.apply(Gather(axis: 0), counts, appearance)
            numbers = try context.apply(Gather(axis: 0), try context.apply(ArgSort(axis: 0), appearance), numbers)
        }
        let inverse = try context.apply(Gather(axis: 0), numbers, try context.apply(ArgSort(axis: 0), order))
        func sized(_ values: Value, _ fill: Value) throws -> Value {
            let padded = try context.apply(Pad(before: [0], after: [size]), try context.select(isRun, values, fill))
            let isKept = try context.compare(.less, context.constant(Tensor((0..<Int32(size)).map { $0 })), total)
            return try context.select(isKept, try context.sliced(padded, axis: 0, from: 0, to: size), fill)
        }
        let fill = try call.number("fill_value") ?? 0
        guard let whole = Int32(exactly: fill.rounded(.towardZero)) else { throw call.wrong("fill_value", "a number of 32 bits") }
        var results = [try sized(values, context.dtype(x) == .float32 ? context.scalar(fill) : context.scalar(whole))]
        if try call.bool("return_index") { results.append(try sized(indices, one)) }
        if try call.bool("return_inverse") {
            let isFlat = try call.integer("axis") == nil
            results.append(isFlat ? try context.reshaped(inverse, to: context.shape(given).dims) : inverse)
        }
        if try call.bool("return_counts") { results.append(try sized(lengths, context.scalar(0 as Int32))) }
        return results
    }
}
