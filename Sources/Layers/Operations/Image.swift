internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
internal import Tensors

// keras.ops.image: images (rows, columns, channels) or stacks of them, channels last or first.

extension Operation {
    /// Runs `body` on a stack of images with the channels last.
    private static func images(_ call: OperationCall, _ key: String = "images", _ body: (Value) throws -> Value) throws -> Value {
        let context = call.context
        let given = try call.tensor(key)
        guard context.rank(given) == 3 || context.rank(given) == 4 else { throw call.wrong(key, "images of three or four axes") }
        let isSingle = context.rank(given) == 3
        let stack = isSingle ? try context.expanded(given, axes: [0]) : given
        let result = try channelsLast(call, stack, body)
        return isSingle ? try context.squeezed(result, axes: [0]) : result
    }

    /// The same, back in the type that was given; whole numbers are rounded where they are.
    static func floatImages(_ call: OperationCall, rounds: Bool = false, _ body: (Value) throws -> Value) throws -> Value {
        let context = call.context, type = context.dtype(try call.tensor("images"))
        return try images(call) { x in
            let result = try body(try context.float(x))
            return try context.cast(rounds && type != .float32 ? try context.unary(.round, result) : result, to: type)
        }
    }

    static let image: [Operation] = [
        Operation("RGBToGrayscale", "images", "data_format") { call in
            let context = call.context
            return try floatImages(call) { x in
                if context.shape(x)[3] == 1 { return x }
                guard context.shape(x)[3] == 3 else { throw call.wrong("images", "of one or three channels") }
                return try context.matmul(x, context.constant(Tensor([0.2989, 0.5870, 0.1140] as [Float], shape: [3, 1])))
            }
        },
        Operation("RGBToHSV", "images", "data_format") { call in
            try floatImages(call) { try hsv(call.context, $0) }
        },
        Operation("HSVToRGB", "images", "data_format") { call in
            let context = call.context
            return try floatImages(call) { x in
                let hue = try channel(context, x, 0), saturation = try channel(context, x, 1), value = try channel(context, x, 2)
                let zero = context.scalar(0.0), one = context.scalar(1.0)
                func limited(_ x: Value) throws -> Value { try context.binary(.minimum, try context.binary(.maximum, x, zero), one) }
                let six = try context.scaled(hue, by: 6)
                func distance(_ place: Double) throws -> Value {
                    try context.unary(.absolute, try context.scaled(six, by: 1, offset: -place))
                }
                let colours = [
                    try limited(try context.scaled(try distance(3), by: 1, offset: -1)),
                    try limited(try context.scaled(try distance(2), by: -1, offset: 2)),
                    try limited(try context.scaled(try distance(4), by: -1, offset: 2)),
                ]
                let rest = try context.scaled(saturation, by: -1, offset: 1)
                return try context.concatenated(
                    try colours.map { try context.multiply(try context.add(rest, try context.multiply(saturation, $0)), value) }, axis: 3)
            }
        },
        Operation(
            "Resize", "images",
            "size interpolation antialias crop_to_aspect_ratio pad_to_aspect_ratio fill_mode fill_value data_format"
        ) { try resize($0) },
        Operation("ExtractPatches", "images", "size strides dilation_rate padding data_format") { call in
            let context = call.context, size = try each(call, "size", count: 2)
            let strides = call.has("strides") ? try each(call, "strides", count: 2) : size
            let dilation = try each(call, "dilation_rate", count: 2), padding = try padding(call)
            return try floatImages(call) { x in
                guard let channels = context.shape(x)[3], let depth = Shape(size + [channels]).checkedCount, depth < 1 << 12 else {
                    throw call.wrong("size", "patches of at most 4096 numbers")
                }
                var identity = [Float](repeating: 0, count: depth * depth)
                for index in 0..<depth { identity[index * depth + index] = 1 }
                let kernel = context.constant(Tensor(identity, shape: Shape(size + [channels, depth])))
                return try context.apply(
                    Convolution(strides: strides, padding: padding, dilation: dilation, hasBias: false), x, kernel)
            }
        },
        Operation(
            "PadImages", "images",
            "top_padding left_padding bottom_padding right_padding target_height target_width data_format"
        ) { call in
            try margins(call, "padding", ("top", "bottom", "height"), ("left", "right", "width")) { extent, before, after, target in
                switch (before, after, target) {
                case (let before?, let after?, nil): return (before, after)
                case (nil, let after?, let target?): return extent.map { (target - after - $0, after) }
                case (let before?, nil, let target?): return extent.map { (before, target - before - $0) }
                default: throw call.wrong("top_padding", "two of before, behind and the whole")
                }
            }
        },
        Operation(
            "CropImages", "images",
            "top_cropping left_cropping bottom_cropping right_cropping target_height target_width data_format"
        ) { call in
            try margins(call, "cropping", ("top", "bottom", "height"), ("left", "right", "width")) { extent, before, after, target in
                switch (before, after, target) {
                case (let before?, let after?, nil): return (-before, -after)
                case (nil, let after?, let target?): return extent.map { (-($0 - after - target), -after) }
                case (let before?, nil, let target?): return extent.map { (-before, -($0 - before - target)) }
                default: throw call.wrong("top_cropping", "two of before, behind and the whole")
                }
            }
        },
        Operation("GaussianBlur", "images", "kernel_size sigma data_format") { call in
            let context = call.context, size = try each(call, "kernel_size", count: 2, default: 3)
            guard case .array(let items) = try call.constant("sigma") ?? [1.0, 1.0], items.count == 2,
                let first = items[0].number, let second = items[1].number
            else { throw call.wrong("sigma", "two numbers") }
            func bell(_ size: Int, _ sigma: Double) throws -> Value {
                let distance = (0..<size).map { Float($0) - Float(size - 1) / 2 }
                let squares = try context.unary(
                    .square, try context.divide(context.constant(Tensor(distance)), context.scalar(sigma)))
                let powers = try context.unary(.exp, try context.scaled(squares, by: -0.5))
                return try context.divide(powers, try context.reduce(.sum, powers))
            }
            let down = try bell(size[1], second), across = try bell(size[0], first)
            // As Keras: the second width goes down, under the kernel's extents.
            let flat = try context.multiply(try context.expanded(down, axes: [1]), across)
            return try floatImages(call) { x in
                guard let channels = context.shape(x)[3] else { throw call.wrong("images", "of a known number of channels") }
                let kernel = try context.broadcasted(
                    try context.reshaped(flat, to: [size[0], size[1], 1, 1]), to: [size[0], size[1], 1, channels])
                return try context.apply(Convolution(strides: [1, 1], padding: .same, groups: channels, hasBias: false), x, kernel)
            }
        },
        Operation("AffineTransform", "images transform", "interpolation fill_mode fill_value data_format") { call in
            let context = call.context
            let given = try call.float("transform")
            let transforms = context.rank(given) == 1 ? try context.expanded(given, axes: [0]) : given
            let (isBilinear, border, fill) = try sampling(call, default: .constant)
            return try floatImages(call, rounds: true) { x in
                try context.apply(ProjectiveTransform(isBilinear: isBilinear, border: border, fill: fill), x, transforms)
            }
        },
        Operation("PerspectiveTransform", "images start_points end_points", "interpolation fill_value data_format") { call in
            let context = call.context
            func points(_ key: String) throws -> Value {
                let given = try call.float(key)
                return context.rank(given) == 2 ? try context.expanded(given, axes: [0]) : given
            }
            let transforms = try context.apply(Homography(), try points("start_points"), try points("end_points"))
            let (isBilinear, _, fill) = try sampling(call, default: .constant)
            return try floatImages(call, rounds: true) { x in
                try context.apply(ProjectiveTransform(isBilinear: isBilinear, border: .constant, fill: fill), x, transforms)
            }
        },
        Operation("MapCoordinates", "inputs coordinates", "order fill_mode fill_value") { call in
            let context = call.context, type = context.dtype(try call.tensor("inputs"))
            let x = try call.float("inputs"), places = try call.float("coordinates")
            let order = try call.required("order")
            guard (0...1).contains(order) else { throw call.wrong("order", "0 or 1") }
            let word = try call.string("fill_mode", default: "constant")
            guard let border = ImageBorder(rawValue: word) else { throw call.wrong("fill_mode", "constant, nearest, wrap, mirror or reflect") }
            let one = try context.expanded(try context.expanded(x, axes: [0]), axes: [-1])
            let fill = Float(try call.number("fill_value", default: 0))
            let result = try context.squeezed(
                try context.apply(
                    MapCoordinates(isLinear: order == 1, border: border, fill: fill), one, try context.expanded(places, axes: [0])),
                axes: [0, -1])
            return try context.cast(type == .float32 ? result : try context.unary(.round, result), to: type)
        },
        Operation("SobelEdges", "images", "data_format") { call in
            let context = call.context
            let x = try call.float("images")
            guard context.rank(x) == 4 else { throw call.wrong("images", "of four axes") }
            let first = try call.dataFormat() == .channelsFirst
            let last = first ? try context.transposed(x, [0, 2, 3, 1]) : x
            let padded = try context.apply(
                Rearrange([.keep, .pad(.reflect, before: 1, after: 1), .pad(.reflect, before: 1, after: 1), .keep]), last)
            guard let channels = context.shape(x)[first ? 1 : 3] else { throw call.wrong("images", "of a known number of channels") }
            let kernels: [[Float]] = [[-1, -2, -1, 0, 0, 0, 1, 2, 1], [-1, 0, 1, -2, 0, 2, -1, 0, 1]]
            let edges = try kernels.map { kernel in
                let one = context.constant(Tensor(kernel, shape: [3, 3, 1, 1]))
                let all = try context.broadcasted(one, to: [3, 3, 1, channels])
                return try context.apply(Convolution(strides: [1, 1], padding: .valid, groups: channels, hasBias: false), padded, all)
            }
            let result = try context.stacked(edges, axis: -1)
            return first ? try context.transposed(result, [0, 3, 1, 2, 4]) : result
        },
    ]

    /// How points between pixels, and those outside, are read.
    static func sampling(_ call: OperationCall, default border: ImageBorder) throws -> (Bool, ImageBorder, Float) {
        let interpolation = try call.string("interpolation", default: "bilinear")
        guard ["bilinear", "nearest"].contains(interpolation) else { throw call.wrong("interpolation", "bilinear or nearest") }
        let word = try call.string("fill_mode", default: border.rawValue)
        guard let border = ImageBorder(rawValue: word), border != .mirror else {
            throw call.wrong("fill_mode", "constant, nearest, wrap or reflect")
        }
        return (interpolation == "bilinear", border, Float(try call.number("fill_value", default: 0)))
    }

    private static func channel(_ context: LoweringContext, _ x: Value, _ index: Int) throws -> Value {
        try context.sliced(x, axis: 3, from: index, to: index + 1)
    }

    private static func hsv(_ context: LoweringContext, _ x: Value) throws -> Value {
        let red = try channel(context, x, 0), green = try channel(context, x, 1), blue = try channel(context, x, 2)
        let value = try context.reduce(.max, x, axes: [3], keepsAxes: true)
        let range = try context.subtract(value, try context.reduce(.min, x, axes: [3], keepsAxes: true))
        let saturation = try context.select(
            try context.compare(.greater, value, context.scalar(0.0)), try context.divide(range, value), context.scalar(0.0))
        let unit = try context.divide(context.scalar(1.0 / 6), range)
        func part(_ a: Value, _ b: Value, _ offset: Double) throws -> Value {
            try context.scaled(try context.multiply(unit, try context.subtract(a, b)), by: 1, offset: offset)
        }
        let other = try context.select(
            try context.compare(.equal, green, value), try part(blue, red, 2.0 / 6), try part(red, green, 4.0 / 6))
        var hue = try context.select(try context.compare(.equal, red, value), try part(green, blue, 0), other)
        hue = try context.select(try context.compare(.greater, range, context.scalar(0.0)), hue, context.scalar(0.0))
        hue = try context.select(
            try context.compare(.less, hue, context.scalar(0.0)), try context.scaled(hue, by: 1, offset: 1), hue)
        return try context.concatenated([hue, saturation, value], axis: 3)
    }

    /// Pads or crops rows and columns.
    private static func margins(
        _ call: OperationCall, _ word: String, _ rows: (String, String, String), _ columns: (String, String, String),
        _ rule: (_ extent: Int?, _ before: Int?, _ after: Int?, _ target: Int?) throws -> (Int, Int)?
    ) throws -> Value {
        let context = call.context
        return try images(call) { x in
            var before = [0, 0, 0, 0], after = [0, 0, 0, 0]
            for (axis, names) in [(1, rows), (2, columns)] {
                let own = try rule(
                    context.shape(x)[axis], try call.integer("\(names.0)_\(word)"), try call.integer("\(names.1)_\(word)"),
                    try call.integer("target_\(names.2)"))
                guard let own else { throw call.wrong("images", "of known sides") }
                guard word == "cropping" ? own.0 <= 0 && own.1 <= 0 : own.0 >= 0 && own.1 >= 0 else {
                    throw call.wrong("\(names.0)_\(word)", "margins of 0 or above")
                }
                (before[axis], after[axis]) = own
            }
            return try context.apply(Pad(before: before, after: after), x)
        }
    }

    private static func resize(_ call: OperationCall) throws -> Value {
        let context = call.context, size = try call.requiredIntegers("size")
        guard size.count == 2, size.allSatisfy({ (1...1 << 20).contains($0) }) else { throw call.wrong("size", "rows and columns") }
        guard let method = Resample.Method(rawValue: try call.string("interpolation", default: "bilinear")) else {
            throw call.wrong("interpolation", "nearest, bilinear, bicubic, lanczos3 or lanczos5")
        }
        guard try call.string("fill_mode", default: "constant") == "constant" else { throw call.wrong("fill_mode", "constant") }
        let antialiases = try call.bool("antialias"), crops = try call.bool("crop_to_aspect_ratio")
        let pads = try call.bool("pad_to_aspect_ratio"), fill = try call.number("fill_value", default: 0)
        return try floatImages(call, rounds: true) { x in
            var x = x
            if crops || pads {
                guard let rows = context.shape(x)[1], let columns = context.shape(x)[2] else { throw call.wrong("images", "of known sides") }
                // What the other side would be at the target's proportions, cut to whole numbers as Keras does it.
                let wantedRows = Int(Float(columns * size[0]) / Float(size[1])), wantedColumns = Int(Float(rows * size[1]) / Float(size[0]))
                if crops {
                    let height = max(min(rows, wantedRows), 1), width = max(min(columns, wantedColumns), 1)
                    let top = Int(Float(rows - height) / 2), left = Int(Float(columns - width) / 2)
                    x = try context.sliced(x, axis: 1, from: top, to: top + height)
                    x = try context.sliced(x, axis: 2, from: left, to: left + width)
                } else {
                    let top = Int(Float(max(rows, wantedRows) - rows) / 2), left = Int(Float(max(columns, wantedColumns) - columns) / 2)
                    let (before, after) = ([0, top, left, 0], [0, top, left, 0])
                    let padded = try context.apply(Pad(before: before, after: after), x)
                    let inside = try context.apply(Pad(before: before, after: after), try context.filled(like: x, 1, .bool))
                    x = fill == 0 ? padded : try context.select(inside, padded, context.scalar(fill))
                }
            }
            for axis in [1, 2] where context.shape(x)[axis] != size[axis - 1] {
                x = try context.apply(Resample(axis: axis, to: size[axis - 1], method, antialiasing: antialiases), x)
            }
            return x
        }
    }
}
