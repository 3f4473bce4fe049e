internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.numpy: products of arrays, and what is composed of other functions.

extension Operation {
    static let numpyComposed: [Operation] = products + sequences + wholeNumbers

    private static func flat(_ context: LoweringContext, _ x: Value) throws -> Value {
        context.rank(x) == 1 ? x : try context.reshaped(x, to: [context.shape(x).count])
    }

    /// Whole numbers stay what they are.
    private static func typed(_ context: LoweringContext, _ result: Value, _ operands: Value...) throws -> Value {
        operands.contains { context.dtype($0) == .float32 } ? result : try context.cast(result, to: .int32)
    }

    private static let products: [Operation] = [
        Operation("Matmul", "x1 x2") { try $0.context.matmul(try $0.tensor("x1"), try $0.tensor("x2")) },
        Operation("Einsum", "*", "subscripts") { call in
            guard let text = try call.string("subscripts") else { throw call.wrong("subscripts", "an equation") }
            let operands = try call.allTensors()
            // Of whole numbers, too, Keras takes sums in float32.
            let result = try call.context.einsum(try EinsumEquation(text), try operands.map { try call.context.float($0) })
            let isWhole = operands.allSatisfy { call.context.dtype($0) != .float32 }
            return isWhole ? try call.context.cast(result, to: .int32) : result
        },
        Operation("Dot", "x1 x2") { call in
            let context = call.context
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            if context.rank(x) == 0 || context.rank(y) == 0 { return try context.multiply(x, y) }
            if context.rank(y) <= 2 { return try context.matmul(x, y) }
            return try tensordot(context, x, y, [context.rank(x) - 1], [context.rank(y) - 2])
        },
        Operation("Vdot", "x1 x2") { call in
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            return try call.context.reduce(.sum, try call.context.multiply(try flat(call.context, x), try flat(call.context, y)))
        },
        Operation("Inner", "x1 x2") { call in
            let context = call.context
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            if context.rank(x) == 0 || context.rank(y) == 0 { return try context.multiply(x, y) }
            return try tensordot(context, x, y, [context.rank(x) - 1], [context.rank(y) - 1])
        },
        Operation("Outer", "x1 x2") { call in
            let context = call.context
            let x = try context.expanded(try flat(context, try call.tensor("x1")), axes: [1])
            return try context.multiply(x, try flat(context, try call.tensor("x2")))
        },
        Operation("Tensordot", "x1 x2", "axes") { call in
            let context = call.context
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            if case .array(let items)? = try call.constant("axes"), items.count == 2 {
                func axes(_ value: Int) throws -> [Int] {
                    let own = items[value].array ?? [items[value]]
                    return try own.map { item in
                        guard let axis = item.integer else { throw call.wrong("axes", "a number, or two lists of axes") }
                        return axis
                    }
                }
                return try tensordot(context, x, y, try axes(0), try axes(1))
            }
            let count = try call.integer("axes", default: 2)
            guard count >= 0, count <= context.rank(x), count <= context.rank(y) else { throw call.wrong("axes", "at most the axes there are") }
            return try tensordot(
                context, x, y, Array((context.rank(x) - count)..<context.rank(x)), Array(0..<count))
        },
        Operation("Kron", "x1 x2") { call in
            let context = call.context
            var x = try call.tensor("x1"), y = try call.tensor("x2")
            let rank = max(context.rank(x), context.rank(y))
            x = try context.expanded(x, axes: Array(0..<(rank - context.rank(x))))
            y = try context.expanded(y, axes: Array(0..<(rank - context.rank(y))))
            let (a, b) = (context.shape(x).dims, context.shape(y).dims)
            x = try context.reshaped(x, to: a.flatMap { [$0, 1] })
            y = try context.reshaped(y, to: b.flatMap { [1, $0] })
            return try context.reshaped(try context.multiply(x, y), to: zip(a, b).map { p, q in p.flatMap { p in q.map { p * $0 } } })
        },
        Operation(several: "Slogdet", "x") { call in
            let (sign, log) = try call.context.signAndLogDeterminant(try call.float("x"))
            return [sign, log]
        },
        Operation("Cross", "x1 x2", "axisa axisb axisc axis") { try cross($0) },
    ]

    private static func tensordot(_ context: LoweringContext, _ x: Value, _ y: Value, _ a: [Int], _ b: [Int]) throws -> Value {
        guard a.count == b.count, context.rank(x) + context.rank(y) <= 52 else {
            throw LocatedError(.mismatch, "tensordot.axes", "expected as many axes of both operands, got \(a) and \(b)")
        }
        let letters = Array("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")
        let left = Array(letters.prefix(context.rank(x)))
        var right = Array(letters[context.rank(x)..<(context.rank(x) + context.rank(y))])
        var summed: Set<Character> = []
        for (i, j) in zip(a, b) {
            let letter = left[try context.axis(i, rank: left.count)]
            right[try context.axis(j, rank: right.count)] = letter
            summed.insert(letter)
        }
        let result = (left + right).filter { !summed.contains($0) }
        let product = try context.einsum(
            try EinsumEquation("\(String(left)),\(String(right))->\(String(result))"), [x, y])
        return try typed(context, product, x, y)
    }

    private static func cross(_ call: OperationCall) throws -> Value {
        let context = call.context
        let axis = try call.integer("axis")
        func last(_ x: Value, _ key: String) throws -> Value {
            let place = try context.axis(try axis ?? call.integer(key, default: -1), rank: context.rank(x))
            return try context.transposed(x, (0..<context.rank(x)).filter { $0 != place } + [place])
        }
        let x = try last(try call.tensor("x1"), "axisa"), y = try last(try call.tensor("x2"), "axisb")
        func size(_ x: Value) throws -> Int {
            guard let size = context.shape(x).dims.last ?? nil, size == 2 || size == 3 else { throw call.wrong("x1", "vectors of 2 or 3") }
            return size
        }
        let isFlat = try size(x) == 2 && size(y) == 2
        func component(_ x: Value, _ index: Int) throws -> Value {
            if index == 2, try size(x) == 2 { return try context.scaled(try component(x, 0), by: 0) }
            return try context.squeezed(try context.sliced(x, axis: -1, from: index, to: index + 1), axes: [-1])
        }
        func difference(_ i: Int, _ j: Int) throws -> Value {
            try context.subtract(
                try context.multiply(try component(x, i), try component(y, j)),
                try context.multiply(try component(x, j), try component(y, i)))
        }
        if isFlat { return try difference(0, 1) }
        let result = try context.stacked([try difference(1, 2), try difference(2, 0), try difference(0, 1)], axis: -1)
        let rank = context.rank(result), place = try context.axis(try axis ?? call.integer("axisc", default: -1), rank: rank)
        var order = Array(0..<(rank - 1))
        order.insert(rank - 1, at: place)
        return try context.transposed(result, order)
    }

    // MARK: sequences

    /// start + i·(stop − start)/(num − 1), along a new axis.
    private static func line(_ call: OperationCall, _ start: Value, _ stop: Value) throws -> Value {
        let context = call.context
        let count = try call.integer("num", default: 50), axis = try call.integer("axis", default: 0)
        guard (0...1 << 24).contains(count) else { throw call.wrong("num", "a number from 0 to 2²⁴") }
        let parts = try call.bool("endpoint", default: true) ? count - 1 : count
        let shape = try context.add(start, stop)
        let rank = context.rank(shape) + 1, place = try context.axis(axis, rank: rank)
        var dims = [Int?](repeating: 1, count: rank)
        dims[place] = count
        let steps = context.constant(Tensor((0..<count).map { Float($0) / Float(max(parts, 1)) }))
        let width = try context.subtract(stop, start)
        return try context.add(
            try context.expanded(start, axes: context.rank(start) == rank - 1 ? [place] : []),
            try context.multiply(
                try context.expanded(width, axes: context.rank(width) == rank - 1 ? [place] : []), try context.reshaped(steps, to: dims)))
    }

    private static let sequences: [Operation] = [
        Operation("Linspace", "start stop", "num endpoint retstep dtype axis") { call in
            guard try !call.bool("retstep") else { throw call.wrong("retstep", "false") }
            return try call.context.cast(
                try line(call, try call.float("start"), try call.float("stop")), to: try call.dtype() ?? .float32)
        },
        Operation("Logspace", "start stop", "num endpoint base dtype axis") { call in
            let context = call.context
            let exponent = try line(call, try call.float("start"), try call.float("stop"))
            let result = try context.floatBinary(.power, context.scalar(try call.number("base", default: 10)), exponent)
            return try context.cast(result, to: try call.dtype() ?? .float32)
        },
        Operation("Geomspace", "start stop", "num endpoint dtype axis") { call in
            let context = call.context
            let start = try call.float("start"), stop = try call.float("stop")
            func exponent(_ x: Value) throws -> Value { try context.unary(.log10, try context.unary(.absolute, x)) }
            let powers = try context.floatBinary(
                .power, context.scalar(10.0), try line(call, try exponent(start), try exponent(stop)))
            let rank = context.rank(powers), place = try context.axis(try call.integer("axis", default: 0), rank: rank)
            let sign = try context.unary(.sign, start)
            let result = try context.multiply(
                powers, context.rank(sign) == rank - 1 ? try context.expanded(sign, axes: [place]) : sign)
            return try context.cast(result, to: try call.dtype() ?? .float32)
        },
        Operation("Vander", "x", "N increasing") { call in
            let context = call.context
            let x = try call.tensor("x")
            guard context.rank(x) == 1, let count = try call.integer("N") ?? context.shape(x)[0], count < 1 << 20 else {
                throw call.wrong("x", "a vector of a known extent")
            }
            let exponents = (0..<Int32(count)).map { $0 }
            let order = try call.bool("increasing") ? exponents : exponents.reversed()
            let powers = context.constant(Tensor(Array(order)))
            return try context.binary(.power, try context.expanded(x, axes: [1]), powers)
        },
        Operation("Corrcoef", "x") { call in
            let context = call.context
            var x = try call.float("x")
            if context.rank(x) == 1 { x = try context.expanded(x, axes: [0]) }
            let distance = try context.subtract(x, try context.mean(x, axes: [-1], keepsAxes: true))
            let covariance = try context.apply(BatchMatMul(transposingB: true), distance, distance)
            let deviation = try context.unary(.sqrt, try context.diagonal(covariance))
            let result = try context.divide(
                try context.divide(covariance, try context.expanded(deviation, axes: [-1])), try context.expanded(deviation, axes: [-2]))
            let rank = context.rank(result)
            return context.shape(result)[rank - 1] == 1 ? try context.squeezed(result, axes: [-2, -1]) : result
        },
        Operation("Correlate", "x1 x2", "mode") { call in
            let context = call.context
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            guard context.rank(x) == 1, context.rank(y) == 1, let n = context.shape(x)[0], let m = context.shape(y)[0], n >= 1, m >= 1,
                n < 1 << 20, m < 1 << 12
            else { throw call.wrong("x1", "vectors of known extents") }
            // Every shift, from -(m - 1) to n - 1, then the ones that the mode keeps.
            let mode = try call.string("mode", default: "valid")
            let padded = try context.apply(Pad(before: [m - 1], after: [m - 1]), try context.float(x))
            let places = (0..<(n + m - 1)).flatMap { start in (0..<m).map { Int32(start + $0) } }
            let windows = try context.apply(Gather(axis: 0), padded, context.constant(Tensor(places, shape: [n + m - 1, m])))
            let full = try context.matmul(windows, try context.float(y))
            let (long, short) = (max(n, m), min(n, m))
            let kept: Range<Int>
            switch mode {
            case "full": kept = 0..<(n + m - 1)
            case "same": kept = (short - 1) / 2 + (short % 2 == 0 && n < m ? 1 : 0)..<(short - 1) / 2 + (short % 2 == 0 && n < m ? 1 : 0) + long
            case "valid": kept = (short - 1)..<long
            default: throw call.wrong("mode", "valid, same or full")
            }
            let result = try context.sliced(full, axis: 0, from: kept.lowerBound, to: kept.upperBound)
            return try typed(context, result, x, y)
        },
    ]

    private static let wholeNumbers: [Operation] = [
        Operation("Gcd", "x1 x2") { try $0.context.apply(IntegerBinary(.commonDivisor), try $0.tensor("x1"), try $0.tensor("x2")) },
        Operation("Lcm", "x1 x2") { call in
            let context = call.context
            let (x, y) = (try call.tensor("x1"), try call.tensor("x2"))
            let divisor = try context.apply(IntegerBinary(.commonDivisor), x, y)
            let part = try context.binary(.floorDivide, try context.unary(.absolute, x), divisor)
            return try context.multiply(part, try context.unary(.absolute, y))
        },
    ]
}
