internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.nn: what goes by windows and blocks, convolutions and pooling.

extension Operation {
    /// Runs `body` with the channels last, whatever the format.
    static func channelsLast(_ call: OperationCall, _ x: Value, _ body: (Value) throws -> Value) throws -> Value {
        let context = call.context
        guard try call.dataFormat() == .channelsFirst else { return try body(x) }
        let rank = context.rank(x)
        guard rank >= 3 else { throw call.wrong("inputs", "of at least three axes") }
        let result = try body(try context.transposed(x, [0] + Array(2..<rank) + [1]))
        let out = context.rank(result)
        return try context.transposed(result, [0, out - 1] + Array(1..<(out - 1)))
    }

    /// `count` numbers, or one for all axes.
    static func each(_ call: OperationCall, _ key: String, count: Int, default fallback: Int = 1) throws -> [Int] {
        let numbers = try call.integers(key) ?? [fallback]
        guard numbers.count == count || numbers.count == 1, numbers.allSatisfy({ (1...1 << 24).contains($0) }) else {
            throw call.wrong(key, "\(count) numbers of at least 1")
        }
        return numbers.count == count ? numbers : [Int](repeating: numbers[0], count: count)
    }

    static func padding(_ call: OperationCall) throws -> WindowPadding {
        switch try call.string("padding", default: "valid").lowercased() {
        case "valid": return .valid
        case "same": return .same
        default: throw call.wrong("padding", "valid or same")
        }
    }

    private static func adaptivePool(_ name: String, _ kind: PoolKind) -> Operation {
        Operation(name, "inputs", "output_size data_format") { call in
            let x = try call.float("inputs"), spatial = call.context.rank(x) - 2
            guard (1...3).contains(spatial) else { throw call.wrong("inputs", "of three to five axes") }
            let sizes = try each(call, "output_size", count: spatial)
            return try channelsLast(call, x) { x in
                var x = x
                for (axis, size) in sizes.enumerated() {
                    x = try call.context.apply(AdaptivePool(kind: kind, axis: axis + 1, size: size), x)
                }
                return x
            }
        }
    }

    private static func pool(_ name: String, _ kind: PoolKind) -> Operation {
        Operation(name, "inputs", "pool_size strides padding data_format") { call in
            let x = try call.float("inputs"), spatial = call.context.rank(x) - 2
            guard (1...3).contains(spatial) else { throw call.wrong("inputs", "of three to five axes") }
            let size = try each(call, "pool_size", count: spatial)
            let strides = call.has("strides") ? try each(call, "strides", count: spatial) : size
            let op = Pool(kind: kind, size: size, strides: strides, padding: try padding(call))
            return try channelsLast(call, x) { try call.context.apply(op, $0) }
        }
    }

    private static func convolution(
        _ call: OperationCall, _ x: Value, _ kernel: Value, strides: [Int], groups: Int? = nil
    ) throws -> Value {
        let context = call.context, spatial = context.rank(x) - 2
        let dilation = try each(call, "dilation_rate", count: spatial)
        var x = x, padding = WindowPadding.valid
        if try call.string("padding") == "causal", spatial == 1 {
            guard let size = context.shape(kernel)[0] else { throw call.wrong("kernel", "of known extents") }
            x = try context.apply(Pad(before: [0, (size - 1) * dilation[0], 0], after: [0, 0, 0]), x)
        } else {
            padding = try Self.padding(call)
        }
        var groups = groups
        if groups == nil, let channels = context.shape(x)[spatial + 1], let depth = context.shape(kernel)[spatial], depth > 0 {
            guard channels % depth == 0 else { throw call.wrong("kernel", "of a depth that divides \(channels)") }
            groups = channels / depth
        }
        return try context.apply(
            Convolution(strides: strides, padding: padding, dilation: dilation, groups: groups ?? 1, hasBias: false), x, kernel)
    }

    private static func spatialAxes(_ call: OperationCall, _ x: Value, _ kernel: Value) throws -> Int {
        let spatial = call.context.rank(x) - 2
        guard (1...3).contains(spatial), call.context.rank(kernel) == spatial + 2 else { throw call.wrong("inputs", "of three to five axes, as the kernel") }
        return spatial
    }

    /// A kernel (…, C, M) of filters that see one channel each, as one of groups (…, 1, C·M).
    private static func grouped(_ call: OperationCall, _ kernel: Value) throws -> (kernel: Value, groups: Int) {
        let dims = call.context.shape(kernel).dims
        guard let channels = dims[dims.count - 2], let multiplier = dims[dims.count - 1], channels > 0 else {
            throw call.wrong("kernel", "of known extents")
        }
        return (try call.context.reshaped(kernel, to: Array(dims.dropLast(2)) + [1, channels * multiplier]), channels)
    }

    /// Keras 3.15 can't run a node of `conv_transpose`: there is none.
    static let windows: [Operation] = [
        pool("MaxPool", .max), pool("AveragePool", .average), adaptivePool("AdaptiveMaxPool", .max),
        adaptivePool("AdaptiveAveragePool", .average),
        Operation("Conv", "inputs kernel", "strides padding data_format dilation_rate") { call in
            let x = try call.float("inputs"), kernel = try call.float("kernel")
            let strides = try each(call, "strides", count: try spatialAxes(call, x, kernel))
            return try channelsLast(call, x) { try convolution(call, $0, kernel, strides: strides) }
        },
        Operation("DepthwiseConv", "inputs kernel", "strides padding data_format dilation_rate") { call in
            let x = try call.float("inputs"), kernel = try call.float("kernel")
            let strides = try each(call, "strides", count: try spatialAxes(call, x, kernel))
            let (own, groups) = try grouped(call, kernel)
            return try channelsLast(call, x) { try convolution(call, $0, own, strides: strides, groups: groups) }
        },
        Operation("SeparableConv", "inputs depthwise_kernel pointwise_kernel", "strides padding data_format dilation_rate") { call in
            let x = try call.float("inputs"), kernel = try call.float("depthwise_kernel"), point = try call.float("pointwise_kernel")
            let spatial = try spatialAxes(call, x, kernel)
            let strides = try each(call, "strides", count: spatial)
            let (own, groups) = try grouped(call, kernel)
            return try channelsLast(call, x) { x in
                let depthwise = try convolution(call, x, own, strides: strides, groups: groups)
                return try call.context.apply(
                    Convolution(strides: [Int](repeating: 1, count: spatial), padding: .valid, hasBias: false), depthwise, point)
            }
        },
    ]

    // MARK: blocks

    static let blocks: [Operation] = [
        Operation("DepthToSpace", "x", "block_size data_format") { call in
            let context = call.context, size = try call.required("block_size")
            return try channelsLast(call, try call.tensor("x")) { x in
                let dims = context.shape(x).dims
                guard dims.count == 4, (1...1 << 12).contains(size), let channels = dims[3], channels % (size * size) == 0 else {
                    throw call.wrong("x", "images whose channels block_size² divides")
                }
                let depth = channels / (size * size)
                let cells = try context.reshaped(x, to: [dims[0], dims[1], dims[2], size, size, depth])
                return try context.reshaped(
                    try context.transposed(cells, [0, 1, 3, 2, 4, 5]), to: [dims[0], dims[1].map { $0 * size }, dims[2].map { $0 * size }, depth])
            }
        },
        Operation("SpaceToDepth", "x", "block_size data_format") { call in
            let context = call.context, size = try call.required("block_size")
            return try channelsLast(call, try call.tensor("x")) { x in
                let dims = context.shape(x).dims
                guard dims.count == 4, (1...1 << 12).contains(size), let channels = dims[3], (dims[1] ?? 0) % size == 0, (dims[2] ?? 0) % size == 0
                else { throw call.wrong("x", "images whose sides block_size divides") }
                let (rows, columns) = (dims[1].map { $0 / size }, dims[2].map { $0 / size })
                let cells = try context.reshaped(x, to: [dims[0], rows, size, columns, size, channels])
                return try context.reshaped(
                    try context.transposed(cells, [0, 1, 3, 2, 4, 5]), to: [dims[0], rows, columns, channels * size * size])
            }
        },
        Operation("Unfold", "x", "kernel_size dilation padding stride") { call in
            let context = call.context, x = try call.tensor("x"), dims = context.shape(x).dims
            let kernel = try each(call, "kernel_size", count: 2), dilation = try each(call, "dilation", count: 2)
            let stride = try each(call, "stride", count: 2), margins = try call.integers("padding") ?? [0]
            let padding = margins.count == 2 ? margins : [margins.first ?? 0, margins.first ?? 0]
            guard dims.count == 4, let rows = dims[2], let columns = dims[3], padding.allSatisfy({ (0...1 << 20).contains($0) }) else {
                throw call.wrong("x", "images (batch, channels, rows, columns) of known sides")
            }
            let padded = try context.apply(Pad(before: [0, 0] + padding, after: [0, 0] + padding), x)
            func places(_ extent: Int, _ axis: Int) throws -> (Tensor, Int) {
                let count = (extent + 2 * padding[axis] - dilation[axis] * (kernel[axis] - 1) - 1) / stride[axis] + 1
                guard count >= 1, count * kernel[axis] < 1 << 24 else { throw call.wrong("kernel_size", "a window that fits") }
                let all = (0..<kernel[axis]).flatMap { k in (0..<count).map { Int32(k * dilation[axis] + $0 * stride[axis]) } }
                return (Tensor(all, shape: [kernel[axis], count]), count)
            }
            let (down, height) = try places(rows, 0), (across, width) = try places(columns, 1)
            // (B, C, kH, H', W), then (B, C, kH, H', kW, W').
            let first = try context.apply(Gather(axis: 2), padded, context.constant(down))
            let both = try context.apply(Gather(axis: 4), first, context.constant(across))
            return try context.reshaped(
                try context.transposed(both, [0, 1, 2, 4, 3, 5]),
                to: [dims[0], dims[1].map { $0 * kernel[0] * kernel[1] }, height * width])
        },
    ]
}
