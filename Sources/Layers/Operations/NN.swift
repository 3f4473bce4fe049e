internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.nn: activations, normalizations, losses, encodings. Windows stand in NNWindows.swift.

extension Operation {
    static let nn: [Operation] = activations + shrinking + softmaxes + normalizations + losses + encodings + windows + blocks

    // MARK: activations

    private static func activation(_ name: String, _ kind: Kernels.Activation) -> Operation {
        Operation(name, "x") { try $0.context.apply(Activate(kind), try $0.float("x")) }
    }

    private static let activations: [Operation] = [
        activation("Relu", .rectifier), activation("Relu6", .relu(maxValue: 6)), activation("Sigmoid", .sigmoid),
        activation("Softplus", .softplus), activation("Softsign", .softsign), activation("Selu", .selu),
        activation("HardSigmoid", .hardSigmoid),
        Operation("Elu", "x", "alpha") {
            try $0.context.apply(Activate(.elu(alpha: Float(try $0.number("alpha", default: 1)))), try $0.float("x"))
        },
        Operation("LeakyRelu", "x", "negative_slope") {
            try $0.context.apply(
                Activate(.relu(negativeSlope: Float(try $0.number("negative_slope", default: 0.2)))), try $0.float("x"))
        },
        Operation("Silu", "x") { call in
            let x = try call.float("x")
            return try call.context.multiply(x, try call.context.apply(Activate(.sigmoid), x))
        },
        Operation("HardSilu", "x") { call in
            let x = try call.float("x")
            return try call.context.multiply(x, try call.context.apply(Activate(.hardSigmoid), x))
        },
        Operation("Gelu", "x", "approximate") { call in
            let context = call.context, x = try call.float("x")
            let inner: Value
            if try call.bool("approximate", default: true) {
                let cube = try context.multiply(x, try context.unary(.square, x))
                let sum = try context.add(x, try context.scaled(cube, by: 0.044715))
                inner = try context.unary(.tanh, try context.scaled(sum, by: 0.7978845608028654))
            } else {
                inner = try context.unary(.erf, try context.scaled(x, by: 0.7071067811865476))
            }
            return try context.multiply(try context.scaled(x, by: 0.5), try context.scaled(inner, by: 1, offset: 1))
        },
        Operation("Celu", "x", "alpha") { call in
            let context = call.context, x = try call.float("x"), alpha = try call.number("alpha", default: 1)
            let below = try context.unary(.expm1, try context.divide(try context.binary(.minimum, x, context.scalar(0.0)), context.scalar(alpha)))
            return try context.add(try context.binary(.maximum, x, context.scalar(0.0)), try context.scaled(below, by: alpha))
        },
        Operation("Glu", "x", "axis") { call in
            let context = call.context, x = try call.float("x")
            let axis = try context.axis(try call.integer("axis", default: -1), rank: context.rank(x))
            guard let extent = context.shape(x)[axis], extent % 2 == 0 else { throw call.wrong("x", "an even extent to halve") }
            let first = try context.sliced(x, axis: axis, from: 0, to: extent / 2)
            let second = try context.sliced(x, axis: axis, from: extent / 2)
            return try context.multiply(first, try context.apply(Activate(.sigmoid), second))
        },
        Operation("LogSigmoid", "x") { call in
            let softplus = try call.context.apply(Activate(.softplus), try call.context.unary(.negative, try call.float("x")))
            return try call.context.unary(.negative, softplus)
        },
        Operation("Squareplus", "x", "b") { call in
            let context = call.context, x = try call.float("x")
            let root = try context.unary(
                .sqrt, try context.scaled(try context.unary(.square, x), by: 1, offset: try call.number("b", default: 4)))
            return try context.scaled(try context.add(x, root), by: 0.5)
        },
    ]

    private static let shrinking: [Operation] = [
        Operation("SparseSigmoid", "x") { call in
            let context = call.context, x = try call.float("x")
            let middle = try context.scaled(x, by: 0.5, offset: 0.5)
            let high = try context.select(try context.compare(.greaterEqual, x, context.scalar(1.0)), context.scalar(1.0), middle)
            return try context.select(try context.compare(.lessEqual, x, context.scalar(-1.0)), context.scalar(0.0), high)
        },
        Operation("SparsePlus", "x") { call in
            let context = call.context, x = try call.float("x")
            let middle = try context.scaled(try context.unary(.square, try context.scaled(x, by: 1, offset: 1)), by: 0.25)
            let high = try context.select(try context.compare(.less, x, context.scalar(1.0)), middle, x)
            return try context.select(try context.compare(.lessEqual, x, context.scalar(-1.0)), context.scalar(0.0), high)
        },
        Operation("SoftShrink", "x", "threshold") { call in
            let context = call.context, x = try call.float("x"), limit = try call.number("threshold", default: 0.5)
            let low = try context.select(
                try context.compare(.less, x, context.scalar(-limit)), try context.scaled(x, by: 1, offset: limit), context.scalar(0.0))
            return try context.select(
                try context.compare(.greater, x, context.scalar(limit)), try context.scaled(x, by: 1, offset: -limit), low)
        },
        Operation("HardShrink", "x", "threshold") { call in
            let context = call.context, x = try call.float("x")
            let limit = context.scalar(try call.number("threshold", default: 0.5))
            return try context.select(
                try context.compare(.greater, try context.unary(.absolute, x), limit), x, context.scalar(0.0))
        },
        Operation("TanhShrink", "x") { call in
            let x = try call.float("x")
            return try call.context.subtract(x, try call.context.unary(.tanh, x))
        },
        Operation("HardTanh", "x") { call in
            let low = try call.context.binary(.maximum, try call.float("x"), call.context.scalar(-1.0))
            return try call.context.binary(.minimum, low, call.context.scalar(1.0))
        },
        Operation("Threshold", "x", "threshold default_value") { call in
            let context = call.context, x = try call.float("x")
            guard let limit = try call.number("threshold"), let other = try call.number("default_value") else {
                throw call.wrong("threshold", "a number")
            }
            return try context.select(try context.compare(.greater, x, context.scalar(limit)), x, context.scalar(other))
        },
    ]

    // MARK: softmaxes

    /// Softmax over one axis, or over several together.
    private static func softmax(_ call: OperationCall, _ x: Value) throws -> Value {
        let context = call.context
        guard let axes = try call.integers("axis"), axes.count != 1 else {
            // `None` means the last axis with TensorFlow.
            return try context.apply(Ops.Softmax(axis: try call.integer("axis", default: -1)), x)
        }
        let largest = try context.apply(StopGradient(), try context.reduce(.max, x, axes: axes, keepsAxes: true))
        let powers = try context.unary(.exp, try context.subtract(x, largest))
        return try context.divide(powers, try context.reduce(.sum, powers, axes: axes, keepsAxes: true))
    }

    private static let softmaxes: [Operation] = [
        Operation("Softmax", "x", "axis") { try softmax($0, try $0.float("x")) },
        Operation("LogSoftmax", "x", "axis") { call in
            let x = try call.float("x")
            let sum = try call.context.logSumExp(x, axes: try call.integers("axis") ?? [-1], keepsAxes: true)
            return try call.context.subtract(x, sum)
        },
        Operation("Sparsemax", "x", "axis") { call in
            let context = call.context, x = try call.float("x"), rank = context.rank(x)
            let axis = try context.axis(try call.integer("axis", default: -1), rank: rank)
            let order = try context.apply(ArgSort(axis: axis, descending: true), x)
            let sorted = try context.apply(TakeAlongAxis(axis: axis), x, order)
            let sums = try context.apply(Cumulative(.sum, axis: axis), sorted)
            let places = try context.apply(Cumulative(.sum, axis: axis), try context.filled(like: x, 1))
            let rest = try context.divide(try context.scaled(sums, by: 1, offset: -1), places)
            let support = try context.compare(.greater, try context.subtract(sorted, rest), context.scalar(0.0))
            let count = try context.reduce(.sum, try context.float(support), axes: [axis], keepsAxes: true)
            // As Keras: the running sums of the support, summed once more.
            let safe = try context.reduce(.sum, try context.select(support, sums, context.scalar(0.0)), axes: [axis], keepsAxes: true)
            let limit = try context.divide(try context.scaled(safe, by: 1, offset: -1), count)
            return try context.binary(.maximum, try context.subtract(x, limit), context.scalar(0.0))
        },
    ]

    // MARK: normalizations

    /// A vector along some axes of x; what has x's rank stays.
    private static func along(_ context: LoweringContext, _ value: Value, _ x: Value, axes: [Int]) throws -> Value {
        let rank = context.rank(x)
        if context.rank(value) == rank { return value }
        var dims = [Int?](repeating: 1, count: rank)
        for axis in axes {
            let place = try context.axis(axis, rank: rank)
            dims[place] = context.shape(x)[place]
        }
        return try context.reshaped(value, to: dims)
    }

    private static let normalizations: [Operation] = [
        Operation("Normalize", "x", "axis order epsilon") { call in
            let context = call.context, x = try call.float("x")
            let axes = try call.integers("axis") ?? [-1], order = try call.integer("order", default: 2)
            let epsilon = try call.number("epsilon", default: 1e-7)
            guard order >= 1 else { throw call.wrong("order", "a number of at least 1") }
            if order == 2 {
                let sum = try context.reduce(.sum, try context.unary(.square, x), axes: axes, keepsAxes: true)
                let inverse = try context.binary(.minimum, try context.unary(.rsqrt, sum), context.scalar(1 / epsilon))
                return try context.multiply(x, inverse)
            }
            let norm = try context.vectorNorm(x, order: Double(order), axes: axes, keepsAxes: true)
            return try context.divide(x, try context.binary(.maximum, norm, context.scalar(epsilon)))
        },
        Operation(several: "Moments", "x", "axes keepdims synchronized") { call in
            let x = try call.float("x"), axes = try call.integers("axes"), keeps = try call.bool("keepdims")
            return [
                try call.context.mean(x, axes: axes, keepsAxes: keeps), try call.context.variance(x, axes: axes, keepsAxes: keeps),
            ]
        },
        Operation("BatchNorm", "x mean variance offset scale", "axis epsilon") { call in
            let context = call.context, x = try call.float("x"), axes = [try call.integer("axis", default: -1)]
            func own(_ key: String) throws -> Value? {
                call.has(key) ? try along(context, try call.float(key), x, axes: axes) : nil
            }
            guard let mean = try own("mean"), let variance = try own("variance") else { throw call.wrong("mean", "a tensor") }
            var factor = try context.unary(
                .rsqrt, try context.scaled(variance, by: 1, offset: try call.number("epsilon", default: 0.001)))
            if let scale = try own("scale") { factor = try context.multiply(factor, scale) }
            var shift = try context.unary(.negative, try context.multiply(mean, factor))
            if let offset = try own("offset") { shift = try context.add(offset, shift) }
            return try context.add(try context.multiply(x, factor), shift)
        },
        Operation("LayerNorm", "x gamma beta", "axis epsilon rms_scaling") { call in
            let context = call.context, x = try call.float("x"), axes = try call.integers("axis") ?? [-1]
            let epsilon = try call.number("epsilon", default: 1e-7)
            let gamma = call.has("gamma") ? try along(context, try call.float("gamma"), x, axes: axes) : nil
            let variance = try context.variance(x, axes: axes, keepsAxes: true)
            var inverse = try context.unary(.rsqrt, try context.scaled(variance, by: 1, offset: epsilon))
            if try call.bool("rms_scaling") {
                let result = try context.multiply(x, inverse)
                return try gamma.map { try context.multiply(result, $0) } ?? result
            }
            if let gamma { inverse = try context.multiply(inverse, gamma) }
            var shift = try context.unary(.negative, try context.multiply(try context.mean(x, axes: axes, keepsAxes: true), inverse))
            if call.has("beta") { shift = try context.add(try along(context, try call.float("beta"), x, axes: axes), shift) }
            return try context.add(try context.multiply(x, inverse), shift)
        },
        Operation("RMSNorm", "x scale", "axis epsilon") { call in
            let context = call.context, x = try call.float("x"), axes = try call.integers("axis") ?? [-1]
            let square = try context.mean(try context.unary(.square, x), axes: axes, keepsAxes: true)
            let factor = try context.unary(.rsqrt, try context.scaled(square, by: 1, offset: try call.number("epsilon", default: 1e-7)))
            let result = try context.multiply(x, factor)
            return call.has("scale") ? try context.multiply(result, try call.float("scale")) : result
        },
        Operation("PSNR", "x1 x2", "max_val") { call in
            let context = call.context
            let error = try context.mean(try context.binary(.squaredDifference, try call.float("x1"), try call.float("x2")))
            let peak = try context.scaled(try context.unary(.log10, try call.float("max_val")), by: 20)
            return try context.subtract(peak, try context.scaled(try context.unary(.log10, error), by: 10))
        },
        Operation("DotProductAttention", "query key value bias mask scale", "is_causal flash_attention attn_logits_soft_cap") {
            try attention($0)
        },
    ]

    private static func attention(_ call: OperationCall) throws -> Value {
        let context = call.context
        let query = try call.float("query")
        var key = try call.float("key"), value = try call.float("value")
        guard context.rank(query) == 4, context.rank(key) == 4, context.rank(value) == 4 else { throw call.wrong("query", "of four axes") }
        // TensorFlow passes over the cap; what it would mean elsewhere is refused.
        guard try call.number("attn_logits_soft_cap") == nil else { throw call.wrong("attn_logits_soft_cap", "null") }
        if let heads = context.shape(query)[2], let own = context.shape(key)[2], heads > own, own > 1 {
            key = try context.apply(Rearrange(.repeatEach(heads / own), axis: 2, rank: 4), key)
            value = try context.apply(Rearrange(.repeatEach(heads / own), axis: 2, rank: 4), value)
        }
        var logits = try context.einsum("btnh,bsnh->bnts", query, key)
        if call.has("scale") {
            logits = try context.multiply(logits, try call.float("scale"))
        } else {
            guard let depth = context.shape(key)[3], depth > 0 else { throw call.wrong("key", "of a known last extent") }
            logits = try context.scaled(logits, by: Double(1 / Float(depth).squareRoot()))
        }
        if call.has("bias") { logits = try context.add(logits, try call.float("bias")) }
        let low = context.scalar(Double(-0.7 * Float.greatestFiniteMagnitude))
        var mask: Value?
        if call.has("mask") { mask = try context.cast(try call.tensor("mask"), to: .bool) }
        if try call.bool("is_causal") {
            let past = try context.apply(Triangle(lower: true), try context.filled(like: logits, 1, .bool))
            mask = try mask.map { try context.logical(.and, $0, past) } ?? past
        }
        if let mask { logits = try context.select(mask, logits, low) }
        return try context.einsum("bnts,bsnh->btnh", try context.apply(Ops.Softmax(axis: -1), logits), value)
    }

    // MARK: losses

    /// Keras's epsilon.
    private static let epsilon = 1e-7

    private static let losses: [Operation] = [
        Operation("BinaryCrossentropy", "target output", "from_logits") { call in
            let context = call.context
            let target = try call.float("target"), output = try call.float("output")
            if try call.bool("from_logits") {
                // max(x, 0) - x·t + log(1 + exp(-|x|)).
                let tail = try context.apply(
                    Activate(.softplus), try context.unary(.negative, try context.unary(.absolute, output)))
                let head = try context.subtract(
                    try context.apply(Activate(.rectifier), output), try context.multiply(output, target))
                return try context.add(head, tail)
            }
            let low = try context.binary(.maximum, output, context.scalar(epsilon))
            let p = try context.binary(.minimum, low, context.scalar(1 - epsilon))
            let one = try context.multiply(target, try context.unary(.log, p))
            let other = try context.multiply(
                try context.scaled(target, by: -1, offset: 1), try context.unary(.log, try context.scaled(p, by: -1, offset: 1)))
            return try context.unary(.negative, try context.add(one, other))
        },
        Operation("CategoricalCrossentropy", "target output", "from_logits axis") { call in
            let context = call.context, axis = try call.integer("axis", default: -1)
            let logs = try logProbabilities(call, axis)
            return try context.unary(
                .negative, try context.reduce(.sum, try context.multiply(try call.float("target"), logs), axes: [axis]))
        },
        Operation("SparseCategoricalCrossentropy", "target output", "from_logits axis") { call in
            let context = call.context, axis = try call.integer("axis", default: -1)
            var target = try context.cast(try call.tensor("target"), to: .int32)
            let output = try call.float("output"), rank = context.rank(output)
            guard axis == -1 || axis == rank - 1 else { throw call.wrong("axis", "the last one") }
            if context.rank(target) == rank, context.shape(target)[rank - 1] == 1 { target = try context.squeezed(target, axes: [-1]) }
            // TensorFlow takes log(p) for logits: the sum of exp is 1 but for rounding and clipping.
            var logits = output
            if try !call.bool("from_logits") {
                let low = try context.binary(.maximum, output, context.scalar(epsilon))
                logits = try context.unary(.log, try context.binary(.minimum, low, context.scalar(1 - epsilon)))
            }
            let logs = try context.subtract(logits, try context.logSumExp(logits, axes: [-1], keepsAxes: true))
            let own = try context.apply(TakeAlongAxis(axis: -1), logs, try context.expanded(target, axes: [-1]))
            return try context.unary(.negative, try context.squeezed(own, axes: [-1]))
        },
    ]

    private static func logProbabilities(_ call: OperationCall, _ axis: Int) throws -> Value {
        let context = call.context, output = try call.float("output")
        if try call.bool("from_logits") {
            return try context.subtract(output, try context.logSumExp(output, axes: [axis], keepsAxes: true))
        }
        let scaled = try context.divide(output, try context.reduce(.sum, output, axes: [axis], keepsAxes: true))
        let low = try context.binary(.maximum, scaled, context.scalar(epsilon))
        return try context.unary(.log, try context.binary(.minimum, low, context.scalar(1 - epsilon)))
    }

    // MARK: encodings

    private static let encodings: [Operation] = [
        Operation("OneHot", "x", "num_classes axis dtype sparse") { call in
            guard try !call.bool("sparse") else { throw call.wrong("sparse", "false") }
            let x = try call.context.cast(try call.tensor("x"), to: .int32)
            return try call.context.apply(
                OneHot(try call.required("num_classes"), axis: try call.integer("axis", default: -1), dtype: try call.dtype() ?? .float32), x)
        },
        Operation("MultiHot", "inputs", "num_classes axis dtype sparse") { call in
            guard try !call.bool("sparse") else { throw call.wrong("sparse", "false") }
            let context = call.context
            let x = try context.cast(try call.tensor("inputs"), to: .int32), type = try call.dtype() ?? .float32
            let hot = try context.apply(
                OneHot(try call.required("num_classes"), axis: try call.integer("axis", default: -1), dtype: type), x)
            return try context.reduce(type == .bool ? .any : .max, hot, axes: [context.rank(x) > 1 ? 1 : 0])
        },
    ]
}
