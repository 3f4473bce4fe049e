internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

// keras.ops.image: what is composed of convolutions and products with matrices of weights.

extension Operation {
    static let imageComposed: [Operation] = [
        Operation("SSIM", "image1 image2", "max_val filter_size filter_sigma k1 k2 data_format") { call in
            let context = call.context
            let type = context.dtype(try call.tensor("image1"))
            var images = [try call.float("image1"), try call.float("image2")]
            let isSingle = context.rank(images[0]) == 3
            if isSingle { images = [try context.expanded(images[0], axes: [0]), try context.expanded(images[1], axes: [0])] }
            for image in images where context.rank(image) != 4 { throw call.wrong("image1", "images of three or four axes") }
            if try call.dataFormat() == .channelsLast { images = try images.map { x in try context.transposed(x, [0, 3, 1, 2]) } }
            let size = try call.integer("filter_size", default: 11), sigma = try call.number("filter_sigma", default: 1.5)
            guard (1...1 << 10).contains(size), let (rows, columns) = context.sides(images[0]), rows >= size, columns >= size else {
                throw call.wrong("filter_size", "at least 1 and no larger than the images, whose sides are known")
            }
            let (batch, channels) = (context.shape(images[0])[0], context.shape(images[0])[1])
            let bell = (0..<size).map { place -> Float in
                let distance = Float(place) - Float(size - 1) / 2
                return -(distance * distance) / Float(2 * sigma * sigma)
            }
            let powers = try context.unary(.exp, context.constant(Tensor(bell)))
            let line = try context.divide(powers, try context.reduce(.sum, powers))
            let kernel = try context.reshaped(
                try context.multiply(try context.expanded(line, axes: [1]), line), to: [size, size, 1, 1])
            let x = try images.map { try context.reshaped($0, to: [nil, rows, columns, 1]) }
            func smooth(_ x: Value) throws -> Value {
                try context.apply(Convolution(strides: [1, 1], padding: .valid, hasBias: false), x, kernel)
            }
            let range = try call.number("max_val", default: 1)
            func constant(_ key: String, _ fallback: Double) throws -> Double {
                let product = try call.number(key, default: fallback) * range
                return product * product
            }
            let c1 = try constant("k1", 0.01), c2 = try constant("k2", 0.03)
            let first = try smooth(x[0]), second = try smooth(x[1])
            let squares = (try context.multiply(first, first), try context.multiply(second, second))
            let both = try context.multiply(first, second)
            let variances = (
                try context.subtract(try smooth(try context.multiply(x[0], x[0])), squares.0),
                try context.subtract(try smooth(try context.multiply(x[1], x[1])), squares.1)
            )
            let covariance = try context.subtract(try smooth(try context.multiply(x[0], x[1])), both)
            let numerator = try context.multiply(
                try context.scaled(both, by: 2, offset: c1), try context.scaled(covariance, by: 2, offset: c2))
            let denominator = try context.multiply(
                try context.scaled(try context.add(squares.0, squares.1), by: 1, offset: c1),
                try context.scaled(try context.add(variances.0, variances.1), by: 1, offset: c2))
            let each = try context.mean(try context.divide(numerator, denominator), axes: [1, 2, 3])
            let result = try context.mean(try context.reshaped(each, to: [batch, channels]), axes: [-1])
            return try context.cast(isSingle ? try context.squeezed(result, axes: [0]) : result, to: type)
        },
        Operation("ScaleAndTranslate", "images output_shape scale translation", "spatial_dims method antialias") { call in
            let context = call.context
            let images = try call.tensor("images"), sizes = try call.requiredIntegers("output_shape"), rank = context.rank(images)
            guard sizes.count == rank, sizes.allSatisfy({ (0..<1 << 24).contains($0) }) else {
                throw call.wrong("output_shape", "an extent for each axis")
            }
            let axes = try call.requiredIntegers("spatial_dims").map { try context.axis($0, rank: rank) }
            let kernel = try kernel(call), smooths = try call.bool("antialias", default: true)
            let scale = try call.float("scale"), translation = try call.float("translation")
            guard context.rank(scale) == 1, context.rank(translation) == 1 else { throw call.wrong("scale", "a number for each axis") }
            var x = try context.float(images)
            for (place, axis) in axes.enumerated() {
                guard let extent = context.shape(x)[axis] else { throw call.wrong("images", "of known sides") }
                let weights = try weights(
                    context, extent, sizes[axis], scale: try context.sliced(scale, axis: 0, from: place, to: place + 1),
                    translation: try context.sliced(translation, axis: 0, from: place, to: place + 1), kernel, smooths)
                let order = (0..<rank).filter { $0 != axis } + [axis]
                var back = order
                for (to, from) in order.enumerated() { back[from] = to }
                x = try context.transposed(try context.matmul(try context.transposed(x, order), weights), back)
            }
            guard context.dtype(images) != .float32, !axes.isEmpty else { return x }
            let given = try context.float(images)
            let limited = try context.binary(
                .maximum, try context.binary(.minimum, try context.unary(.round, x), try context.reduce(.max, given)),
                try context.reduce(.min, given))
            return try context.cast(limited, to: context.dtype(images))
        },
        Operation("ElasticTransform", "images", "alpha sigma interpolation fill_mode fill_value seed data_format") { call in
            let context = call.context
            let sigma = try call.number("sigma", default: 5), alpha = try call.number("alpha", default: 20)
            guard (0...64).contains(sigma) else { throw call.wrong("sigma", "0 to 64") }
            let (isLinear, border, fill) = try sampling(call, default: .reflect)
            return try floatImages(call) { x in
                let (rows, columns, _) = try context.extents(x), size = (6 * Int(sigma)) | 1
                let bell = (0..<size).map { place -> Float in
                    let distance = (Float(place) - Float(size - 1) / 2) / Float(sigma)
                    return -0.5 * distance * distance
                }
                let powers = try context.unary(.exp, context.constant(Tensor(sigma == 0 ? [0] : bell)))
                let line = try context.divide(powers, try context.reduce(.sum, powers))
                let kernel = try context.reshaped(
                    try context.multiply(try context.expanded(line, axes: [1]), line), to: [size, size, 1, 1])
                let noise = try context.apply(
                    RandomFill(.normal(mean: 0, stddev: 1), stream: context.randomStream(), shape: [nil, rows, columns, 1]), x)
                let smooth = try context.blurred(try context.scaled(noise, by: sigma), kernel: kernel, rows: size, columns: size)
                // Keras draws the same noise for both directions.
                let shift = try context.scaled(try context.reshaped(smooth, to: [context.shape(x)[0], 1, rows, columns]), by: alpha)
                var grid: [Float] = []
                for row in 0..<rows { grid += [Float](repeating: Float(row), count: columns) }
                for _ in 0..<rows { grid += (0..<columns).map { Float($0) } }
                let places = try context.add(context.constant(Tensor(grid, shape: [1, 2, rows, columns])), shift)
                return try context.apply(MapCoordinates(isLinear: isLinear, border: border, fill: fill), x, places)
            }
        },
    ]

    private enum ScaleKernel { case triangle, cubic, lanczos(Double) }

    private static func kernel(_ call: OperationCall) throws -> ScaleKernel {
        switch try call.string("method") {
        case "linear", "bilinear", "trilinear", "triangle": return .triangle
        case "cubic", "bicubic", "tricubic": return .cubic
        case "lanczos3": return .lanczos(3)
        case "lanczos5": return .lanczos(5)
        default: throw call.wrong("method", "linear, cubic, lanczos3 or lanczos5")
        }
    }

    /// How much each of `extent` cells counts for each of `size` new ones.
    private static func weights(
        _ context: LoweringContext, _ extent: Int, _ size: Int, scale: Value, translation: Value, _ kernel: ScaleKernel, _ smooths: Bool
    ) throws -> Value {
        let inverse = try context.unary(.reciprocal, scale), zero = context.scalar(0.0)
        let centres = context.constant(Tensor((0..<size).map { Float($0) + 0.5 }))
        let places = try context.scaled(
            try context.subtract(try context.multiply(centres, inverse), try context.multiply(translation, inverse)), by: 1, offset: -0.5)
        let cells = context.constant(Tensor((0..<extent).map { Float($0) }, shape: [extent, 1]))
        var distance = try context.unary(.absolute, try context.subtract(places, cells))
        if smooths { distance = try context.divide(distance, try context.binary(.maximum, inverse, context.scalar(1.0))) }
        let own = try weight(context, distance, kernel)
        let total = try context.reduce(.sum, own, axes: [0], keepsAxes: true)
        let isSome = try context.compare(
            .greater, try context.unary(.absolute, total), context.scalar(1000 * Double(Float.ulpOfOne)))
        let divisor = try context.select(try context.compare(.notEqual, total, zero), total, context.scalar(1.0))
        let shares = try context.select(isSome, try context.divide(own, divisor), zero)
        let isInside = try context.logical(
            .and, try context.compare(.greaterEqual, places, context.scalar(-0.5)),
            try context.compare(.lessEqual, places, context.scalar(Double(extent) - 0.5)))
        return try context.select(isInside, shares, zero)
    }

    private static func weight(_ context: LoweringContext, _ x: Value, _ kernel: ScaleKernel) throws -> Value {
        let zero = context.scalar(0.0)
        /// A polynomial of x, highest power first.
        func polynomial(_ factors: [Double]) throws -> Value {
            var result = try context.scaled(x, by: factors[0], offset: factors[1])
            for factor in factors.dropFirst(2) { result = try context.scaled(try context.multiply(result, x), by: 1, offset: factor) }
            return result
        }
        switch kernel {
        case .triangle: return try context.binary(.maximum, zero, try context.scaled(x, by: -1, offset: 1))
        case .cubic:
            let far = try context.select(
                try context.compare(.greaterEqual, x, context.scalar(1.0)), try polynomial([-0.5, 2.5, -4, 2]),
                try polynomial([1.5, -2.5, 0, 1]))
            return try context.select(try context.compare(.greaterEqual, x, context.scalar(2.0)), zero, far)
        case .lanczos(let radius):
            let waves = try context.multiply(
                try context.unary(.sin, try context.scaled(x, by: .pi)), try context.unary(.sin, try context.scaled(x, by: .pi / radius)))
            let square = try context.scaled(try context.multiply(x, x), by: .pi * .pi)
            let divisor = try context.select(try context.compare(.notEqual, x, zero), square, context.scalar(1.0))
            let near = try context.select(
                try context.compare(.greater, x, context.scalar(1e-3)),
                try context.divide(try context.scaled(waves, by: radius), divisor), context.scalar(1.0))
            return try context.select(try context.compare(.greater, x, context.scalar(radius)), zero, near)
        }
    }
}
