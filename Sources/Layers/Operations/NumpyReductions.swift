internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.numpy: reductions, running sums, order.

extension Operation {
    private static func reduction(
        _ name: String, _ lower: @escaping @Sendable (LoweringContext, Value, [Int]?, Bool) throws -> Value
    ) -> Operation {
        Operation(name, "x", "axis keepdims") { call in
            try lower(call.context, try call.tensor("x"), try call.integers("axis"), try call.bool("keepdims"))
        }
    }

    static let numpyReductions: [Operation] = plain + withoutNaN + quantiles + running + order

    private static let plain: [Operation] = [
        reduction("All") { try $0.reduce(.all, $1, axes: $2, keepsAxes: $3) },
        reduction("Any") { try $0.reduce(.any, $1, axes: $2, keepsAxes: $3) },
        reduction("Amax") { try $0.reduce(.max, $1, axes: $2, keepsAxes: $3) },
        reduction("Amin") { try $0.reduce(.min, $1, axes: $2, keepsAxes: $3) },
        extremum("Max", .max, .maximum), extremum("Min", .min, .minimum),
        reduction("Sum") { try $0.reduce(.sum, $1, axes: $2, keepsAxes: $3) },
        reduction("Mean") { try $0.mean($1, axes: $2, keepsAxes: $3) },
        reduction("Var") { try $0.variance($1, axes: $2, keepsAxes: $3) },
        reduction("Std") { try $0.unary(.sqrt, try $0.variance($1, axes: $2, keepsAxes: $3)) },
        reduction("Ptp") {
            try $0.subtract(try $0.reduce(.max, $1, axes: $2, keepsAxes: $3), try $0.reduce(.min, $1, axes: $2, keepsAxes: $3))
        },
        Operation("Prod", "x", "axis keepdims dtype") { call in
            let x = try call.tensor("x")
            let type = try call.dtype() ?? (call.context.dtype(x) == .float32 ? .float32 : .int32)
            return try call.context.reduce(
                .product, try call.context.cast(x, to: type), axes: try call.integers("axis"), keepsAxes: try call.bool("keepdims"))
        },
        Operation("CountNonzero", "x", "axis keepdims") { call in
            let context = call.context, x = try call.tensor("x")
            let set = context.dtype(x) == .bool ? x : try context.compare(.notEqual, x, context.scalar(0 as Int32))
            return try context.reduce(.sum, set, axes: try call.integers("axis"), keepsAxes: try call.bool("keepdims"))
        },
        Operation("Average", "x weights", "axis") { call in
            let context = call.context
            let x = try call.float("x"), axes = try call.integers("axis")
            guard call.has("weights") else { return try context.mean(x, axes: axes) }
            var weights = try call.float("weights")
            if context.rank(weights) != context.rank(x) {
                guard let axes, axes.count == 1, context.rank(weights) == 1 else {
                    throw call.wrong("weights", "of the shape of x, or one for each place of one axis")
                }
                var dims = [Int?](repeating: 1, count: context.rank(x))
                dims[try context.axis(axes[0], rank: context.rank(x))] = context.shape(weights)[0]
                weights = try context.reshaped(weights, to: dims)
            }
            // The weights' sum counts what they are repeated for.
            let all = try context.multiply(try context.filled(like: x, 1), weights)
            return try context.divide(
                try context.reduce(.sum, try context.multiply(x, weights), axes: axes), try context.reduce(.sum, all, axes: axes))
        },
    ]

    private static func extremum(_ name: String, _ kind: Aggregate.Kind, _ op: BinaryOperator) -> Operation {
        Operation(name, "x", "axis keepdims initial") { call in
            let result = try call.context.reduce(
                kind, try call.tensor("x"), axes: try call.integers("axis"), keepsAxes: try call.bool("keepdims"))
            guard let initial = try call.optional("initial") else { return result }
            let whole = call.context.dtype(result) != .float32
            let limited = try call.context.binary(op, result, initial)
            return whole ? try call.context.cast(limited, to: .int32) : limited
        }
    }

    // MARK: NaN passed over

    /// x with another number for NaN, and where it isn't NaN.
    private static func replacing(
        _ context: LoweringContext, _ x: Value, by number: Double
    ) throws -> (value: Value, counts: Value) {
        let isNaN = try context.apply(Predicate(.isNaN), x)
        return (try context.select(isNaN, context.scalar(number), x), try context.logicalNot(isNaN))
    }

    private static func withoutNaN(
        _ name: String, _ fill: Double,
        _ lower: @escaping @Sendable (LoweringContext, (value: Value, counts: Value), [Int]?, Bool) throws -> Value,
        whole: @escaping @Sendable (LoweringContext, Value, [Int]?, Bool) throws -> Value
    ) -> Operation {
        reduction(name) { context, x, axes, keeps in
            guard context.dtype(x) == .float32 else { return try whole(context, x, axes, keeps) }
            return try lower(context, try replacing(context, x, by: fill), axes, keeps)
        }
    }

    private static func nanMean(
        _ context: LoweringContext, _ x: (value: Value, counts: Value), _ axes: [Int]?, _ keeps: Bool
    ) throws -> Value {
        try context.divide(
            try context.reduce(.sum, x.value, axes: axes, keepsAxes: keeps),
            try context.reduce(.sum, try context.float(x.counts), axes: axes, keepsAxes: keeps))
    }

    private static func nanVariance(
        _ context: LoweringContext, _ x: (value: Value, counts: Value), _ axes: [Int]?, _ keeps: Bool
    ) throws -> Value {
        let distance = try context.subtract(x.value, try nanMean(context, x, axes, true))
        let squares = try context.select(x.counts, try context.unary(.square, distance), context.scalar(0.0))
        return try nanMean(context, (squares, x.counts), axes, keeps)
    }

    /// The extremum, NaN where there is nothing else.
    private static func nanExtremum(_ name: String, _ kind: Aggregate.Kind, _ fill: Double) -> Operation {
        withoutNaN(name, fill) { context, x, axes, keeps in
            let any = try context.reduce(.any, x.counts, axes: axes, keepsAxes: keeps)
            return try context.select(any, try context.reduce(kind, x.value, axes: axes, keepsAxes: keeps), context.scalar(.nan))
        } whole: { try $0.reduce(kind, $1, axes: $2, keepsAxes: $3) }
    }

    private static let withoutNaN: [Operation] = [
        nanExtremum("Nanmax", .max, -.infinity), nanExtremum("Nanmin", .min, .infinity),
        withoutNaN("Nansum", 0) { try $0.reduce(.sum, $1.value, axes: $2, keepsAxes: $3) } whole: {
            try $0.reduce(.sum, $1, axes: $2, keepsAxes: $3)
        },
        withoutNaN("Nanprod", 1) { try $0.reduce(.product, $1.value, axes: $2, keepsAxes: $3) } whole: {
            try $0.reduce(.product, $1, axes: $2, keepsAxes: $3)
        },
        withoutNaN("Nanmean", 0) { try nanMean($0, $1, $2, $3) } whole: { try $0.mean($1, axes: $2, keepsAxes: $3) },
        withoutNaN("Nanvar", 0) { try nanVariance($0, $1, $2, $3) } whole: { try $0.variance($1, axes: $2, keepsAxes: $3) },
        withoutNaN("Nanstd", 0) { try $0.unary(.sqrt, try nanVariance($0, $1, $2, $3)) } whole: {
            try $0.unary(.sqrt, try $0.variance($1, axes: $2, keepsAxes: $3))
        },
        Operation("Nanargmax", "x", "axis keepdims") { try nanArg($0, isMin: false) },
        Operation("Nanargmin", "x", "axis keepdims") { try nanArg($0, isMin: true) },
        Operation("Nancumsum", "x", "axis dtype") { try cumulative($0, .sum, replacing: 0) },
        Operation("Nancumprod", "x", "axis dtype") { try cumulative($0, .product, replacing: 1) },
    ]

    private static func nanArg(_ call: OperationCall, isMin: Bool) throws -> Value {
        let context = call.context
        var x = try call.tensor("x")
        guard context.dtype(x) == .float32 else { return try arg(call, isMin: isMin, x) }
        let (filled, counts) = try replacing(context, x, by: isMin ? .infinity : -.infinity)
        x = filled
        let axes = try call.integers("axis")
        let any = try context.reduce(.any, counts, axes: axes, keepsAxes: try call.bool("keepdims"))
        return try context.select(any, try arg(call, isMin: isMin, x), context.scalar(-1 as Int32))
    }

    // MARK: quantiles

    private static let quantiles: [Operation] = [
        Operation("Median", "x", "axis keepdims") { try quantile($0, try $0.float("x"), [0.5], isOne: true, skipsNaN: false) },
        Operation("Nanmedian", "x", "axis keepdims") { try quantile($0, try $0.float("x"), [0.5], isOne: true, skipsNaN: true) },
        Operation("Quantile", "x q", "axis method keepdims") { try quantile($0, scale: 1, skipsNaN: false) },
        Operation("Percentile", "x q", "axis method keepdims") { try quantile($0, scale: 0.01, skipsNaN: false) },
        Operation("Nanquantile", "x q", "axis method keepdims") { try quantile($0, scale: 1, skipsNaN: true) },
        Operation("Nanpercentile", "x q", "axis method keepdims") { try quantile($0, scale: 0.01, skipsNaN: true) },
    ]

    private static func quantile(_ call: OperationCall, scale: Double, skipsNaN: Bool) throws -> Value {
        guard let q = try call.constant("q") else { throw call.wrong("q", "numbers") }
        let numbers = q.array?.compactMap(\.number) ?? q.number.map { [$0] } ?? []
        guard !numbers.isEmpty, numbers.count == q.array?.count ?? 1, numbers.allSatisfy({ (0...1).contains($0 * scale) }) else {
            throw call.wrong("q", "one number or a list of them, from 0 to \(1 / scale)")
        }
        // In Keras's precision: a float, for percents divided as one.
        let shares = numbers.map { Double(scale == 1 ? Float($0) : Float($0) / 100) }
        return try quantile(call, try call.float("x"), shares, isOne: q.array == nil, skipsNaN: skipsNaN)
    }

    private static func quantile(
        _ call: OperationCall, _ x: Value, _ numbers: [Double], isOne: Bool, skipsNaN: Bool
    ) throws -> Value {
        let context = call.context, rank = context.rank(x)
        var axes = try (call.integers("axis") ?? Array(0..<rank)).map { try context.axis($0, rank: rank) }
        axes.sort()
        let others = (0..<rank).filter { !axes.contains($0) }
        // The axes together, last.
        let dims = context.shape(x).dims
        let merged = axes.reduce(1 as Int?) { product, axis in product.flatMap { p in dims[axis].map { p &* $0 } } }
        let flat = try context.reshaped(try context.transposed(x, others + axes), to: others.map { dims[$0] } + [merged])
        let order = try context.apply(ArgSort(), flat)
        let sorted = try context.apply(TakeAlongAxis(axis: -1), flat, order)
        let isNumber = try context.logicalNot(try context.apply(Predicate(.isNaN), flat))
        let last = try context.scaled(
            try context.reduce(.sum, skipsNaN ? isNumber : try context.filled(like: flat, 1, .bool), axes: [-1], keepsAxes: true),
            by: 1, offset: -1)
        var results: [Value] = []
        for number in numbers {
            func at(_ place: Value) throws -> Value {
                try context.apply(TakeAlongAxis(axis: -1), sorted, try context.cast(place, to: .int32))
            }
            // Where the number of elements is known the places are settled now, in Double as Keras has them.
            var place = try context.binary(.maximum, try context.scaled(last, by: number), context.scalar(0.0))
            var low = try context.unary(.floor, place), high = try context.unary(.ceil, place), near = try context.unary(.round, place)
            if !skipsNaN, let merged, merged > 0 {
                let exact = Double(merged - 1) * number
                func everywhere(_ number: Double) throws -> Value { try context.scaled(last, by: 0, offset: number) }
                place = try everywhere(exact)
                low = try everywhere(exact.rounded(.down))
                high = try everywhere(min(exact.rounded(.up), Double(merged - 1)))
                near = try everywhere(exact.rounded(.toNearestOrEven))
            }
            var value: Value
            // Keras 3.15's node of `quantile` keeps the method, and computes the linear one.
            switch call.operation.name == "Quantile" ? "linear" : try call.string("method", default: "linear") {
            case "linear":
                let part = try context.subtract(place, low)
                let below = try context.multiply(try at(low), try context.scaled(part, by: -1, offset: 1))
                value = try context.add(below, try context.multiply(try at(high), part))
            case "lower": value = try at(low)
            case "higher": value = try at(high)
            case "midpoint": value = try context.scaled(try context.add(try at(low), try at(high)), by: 0.5)
            case "nearest": value = try at(near)
            default: throw call.wrong("method", "linear, lower, higher, midpoint or nearest")
            }
            if !skipsNaN {
                let all = try context.reduce(.all, isNumber, axes: [-1], keepsAxes: true)
                value = try context.select(all, value, context.scalar(.nan))
            }
            if try call.bool("keepdims") {
                value = try context.reshaped(value, to: dims.indices.map { axes.contains($0) ? 1 : dims[$0] })
            } else {
                value = try context.squeezed(value, axes: [-1])
            }
            results.append(value)
        }
        return isOne ? results[0] : try context.stacked(results, axis: 0)
    }

    // MARK: running sums

    private static func cumulative(_ call: OperationCall, _ kind: Cumulative.Kind, replacing fill: Double? = nil) throws -> Value {
        let context = call.context
        var x = try call.tensor("x")
        if let fill, context.dtype(x) == .float32 { x = try replacing(context, x, by: fill).value }
        if let type = try call.dtype() { x = try context.cast(x, to: type) }
        if context.dtype(x) == .bool { x = try context.cast(x, to: .int32) }
        guard let axis = try call.integer("axis") else {
            return try context.apply(Cumulative(kind, axis: 0), try context.reshaped(x, to: [context.shape(x).count]))
        }
        return try context.apply(Cumulative(kind, axis: axis), x)
    }

    private static let running: [Operation] = [
        Operation("Cumsum", "x", "axis dtype") { try cumulative($0, .sum) },
        Operation("Cumprod", "x", "axis dtype") { try cumulative($0, .product) },
        Operation("Diff", "a", "n axis") { call in
            let context = call.context
            var x = try call.tensor("a")
            if context.dtype(x) == .bool { x = try context.cast(x, to: .int32) }
            let axis = try call.integer("axis", default: -1), count = try call.integer("n", default: 1)
            guard (0...1000).contains(count) else { throw call.wrong("n", "a number from 0 to 1000") }
            for _ in 0..<count {
                x = try context.subtract(try context.sliced(x, axis: axis, from: 1), try context.sliced(x, axis: axis, to: -1))
            }
            return x
        },
        Operation("Trapezoid", "y x dx axis") { call in
            let context = call.context
            let y = try call.float("y"), axis = try context.axis(try call.integer("axis", default: -1), rank: context.rank(y))
            var width = context.scalar(try call.number("dx", default: 1))
            if call.has("x") {
                let x = try call.float("x")
                let own = context.rank(x) == 1 ? 0 : axis
                width = try context.subtract(try context.sliced(x, axis: own, from: 1), try context.sliced(x, axis: own, to: -1))
                if context.rank(x) == 1 {
                    var dims = [Int?](repeating: 1, count: context.rank(y))
                    dims[axis] = context.shape(width)[0]
                    width = try context.reshaped(width, to: dims)
                }
            }
            let sums = try context.add(try context.sliced(y, axis: axis, from: 1), try context.sliced(y, axis: axis, to: -1))
            return try context.scaled(try context.reduce(.sum, try context.multiply(sums, width), axes: [axis]), by: 0.5)
        },
    ]

    // MARK: order

    private static func arg(_ call: OperationCall, isMin: Bool, _ x: Value) throws -> Value {
        let context = call.context
        let x = context.dtype(x) == .bool ? try context.cast(x, to: .int32) : x
        let keeps = try call.bool("keepdims")
        if let axis = try call.integer("axis") {
            return try context.apply(ArgExtremum(min: isMin, axis: axis, keepsAxis: keeps), x)
        }
        let flat = try context.reshaped(x, to: [context.shape(x).count])
        let place = try context.apply(ArgExtremum(min: isMin, axis: 0), flat)
        return keeps ? try context.reshaped(place, to: [Int?](repeating: 1, count: context.rank(x))) : place
    }

    private static let order: [Operation] = [
        Operation("Argmax", "x", "axis keepdims") { try arg($0, isMin: false, try $0.tensor("x")) },
        Operation("Argmin", "x", "axis keepdims") { try arg($0, isMin: true, try $0.tensor("x")) },
        Operation("Argsort", "x", "axis") { call in
            let x = try call.tensor("x")
            if call.config["axis"] == .null { return try call.context.apply(ArgSort(), try call.context.reshaped(x, to: [call.context.shape(x).count])) }
            return try call.context.apply(ArgSort(axis: try call.integer("axis", default: -1)), x)
        },
        Operation("Sort", "x", "axis") { call in
            let context = call.context
            var x = try call.tensor("x"), axis = try call.integer("axis", default: -1)
            if call.config["axis"] == .null { (x, axis) = (try context.reshaped(x, to: [context.shape(x).count]), 0) }
            return try context.apply(TakeAlongAxis(axis: axis), x, try context.apply(ArgSort(axis: axis), x))
        },
        Operation("SearchSorted", "sorted_sequence values", "side") { call in
            let side = try call.string("side", default: "left")
            guard side == "left" || side == "right" else { throw call.wrong("side", "left or right") }
            return try places(call.context, try call.tensor("sorted_sequence"), try call.tensor("values"), side == "left" ? .less : .lessEqual)
        },
        Operation("Digitize", "x bins") { try places($0.context, try $0.tensor("bins"), try $0.tensor("x"), .lessEqual) },
        Operation("IsIn", "x1 x2", "assume_unique invert") { call in
            let context = call.context
            let x = try call.tensor("x1"), set = try call.tensor("x2")
            let flat = try context.reshaped(set, to: [context.shape(set).count])
            let equal = try context.compare(.equal, try context.expanded(x, axes: [-1]), flat)
            let found = try context.reduce(.any, equal, axes: [-1])
            return try call.bool("invert") ? try context.logicalNot(found) : found
        },
    ]

    /// How many numbers of a list stand before each value.
    private static func places(_ context: LoweringContext, _ list: Value, _ values: Value, _ op: Comparison) throws -> Value {
        guard context.rank(list) == 1 else {
            throw LocatedError(.unsupported, "call.argument", "expected a list of one axis to search, got \(context.shape(list))")
        }
        let before = try context.compare(op, list, try context.expanded(values, axes: [-1]))
        return try context.reduce(.sum, before, axes: [-1])
    }
}
