import Foundation
import KerasSpec
import OrderedCollections

/// Functions of TensorFlow that no single operation of Keras 3 computes, as several; and those whose arguments are told apart in
/// a way that a table can't say.
///
/// Source: `tensorflow/python/ops` of 2.21, run beside Keras 3.15.1.
struct OperationComposition {
    /// One operation; an argument of the layer "" is the result of an earlier step, which `node` counts.
    struct Step {
        var className: String
        var arguments: [Nest]
        var config: ConfigObject
    }

    private(set) var steps: [Step] = []

    /// Which results the function gives, in its order, each as the tensor of a step; empty where they are those of the last step.
    private(set) var outputs: [TensorReference] = []

    /// nil where nothing computes the same.
    ///
    /// - Parameters:
    ///   - input: the first argument.
    ///   - keywords: all others, by name.
    init?(_ function: String, _ input: Nest, _ keywords: OrderedDictionary<String, Nest>) {
        var arguments = Arguments(keywords)
        guard let write = Self.functions[function], write(&self, input, &arguments) != nil, arguments.isDone, !steps.isEmpty else { return nil }
    }

    private init() {}

    /// What a function is told, until it was looked at.
    struct Arguments {
        private var keywords: OrderedDictionary<String, Nest>

        init(_ keywords: OrderedDictionary<String, Nest>) {
            self.keywords = keywords
            self.keywords.removeValue(forKey: "name")
        }

        /// A tensor or a constant; nil for nothing.
        mutating func take(_ key: String) -> Nest? {
            guard let nest = keywords.removeValue(forKey: key), nest != .constant(.null) else { return nil }
            return nest
        }

        /// A constant; the fallback for nothing; nil for a tensor.
        mutating func value(_ key: String, _ fallback: ConfigValue = .null) -> ConfigValue? {
            switch take(key) {
            case nil: fallback
            case .constant(let value)?: value
            default: nil
            }
        }

        /// Leaves out what changes nothing that is computed.
        mutating func pass(_ keys: String...) { for key in keys { keywords.removeValue(forKey: key) } }

        /// Whether nothing is left that says something.
        var isDone: Bool { keywords.values.allSatisfy { $0 == .constant(.null) || $0 == .constant(false) } }
    }

    private typealias Write = @Sendable (inout OperationComposition, Nest, inout Arguments) -> Nest?

    // MARK: - Words

    private mutating func add(_ className: String, _ arguments: [Nest], _ config: ConfigObject = [:]) -> Nest {
        steps.append(Step(className: OperationName.prefix + className, arguments: arguments, config: config))
        return .tensor(TensorReference(layer: "", node: steps.count - 1))
    }

    private mutating func reduce(_ name: String, _ x: Nest, _ axis: ConfigValue, _ keepdims: ConfigValue) -> Nest {
        var config: ConfigObject = ["axis": axis, "keepdims": keepdims]
        if name == "Max" || name == "Min" { config["initial"] = .null }
        return add("numpy." + name, [x], config)
    }

    private mutating func euclidean(_ x: Nest, _ axis: ConfigValue, _ keepdims: ConfigValue) -> Nest {
        let square = add("numpy.Square", [x])
        let sum = reduce("Sum", square, axis, keepdims)
        return add("numpy.Sqrt", [sum])
    }

    private mutating func transposed(_ x: Nest) -> Nest { add("numpy.Swapaxes", [x], ["axis1": -2, "axis2": -1]) }

    /// One of several results of a step.
    private func output(_ number: Int, of step: Nest) -> Nest {
        guard case .tensor(var reference) = step else { return step }
        reference.tensor = number
        return .tensor(reference)
    }

    private mutating func segments(_ x: Nest, _ numbers: [Int], count: Int) -> Nest {
        add(
            "math.SegmentSum", [x, .constant(.array(numbers.map { .integer($0) }))],
            ["num_segments": .integer(count), "sorted": false])
    }

    /// Real and imaginary part of a short-time Fourier transform in Hann's window. Keras 3's own puts short windows elsewhere.
    private mutating func spectrum(of x: Nest, _ told: inout Arguments) -> (real: Nest, imaginary: Nest)? {
        guard let length = told.value("frame_length")?.integer, let step = told.value("frame_step")?.integer, (1...1 << 16).contains(length), step > 0,
            told.value("pad_end", false) == false, let given = told.value("fft_length"), told.value("window_fn")?.isNull == true
        else { return nil }
        var size = 1
        while size < length { size *= 2 }
        if !given.isNull {
            guard let own = given.integer, own >= length else { return nil }
            size = own
        }
        // Periodic where its length is even.
        let period = Double(length % 2 == 0 ? length : max(length - 1, 1))
        let window = (0..<length).map { ConfigValue.float(length == 1 ? 1 : Double(Float(0.5 - 0.5 * cos(2 * .pi * Double($0) / period)))) }
        let frames = add("math.ExtractSequences", [x], ["sequence_length": .integer(length), "sequence_stride": .integer(step)])
        let windowed = add("numpy.Multiply", [frames, .constant(.array(window))])
        let real = add("math.RFFT", [windowed], ["fft_length": .integer(size)])
        return (real, output(1, of: real))
    }

    /// Colours with one of hue, saturation and value changed.
    private mutating func recolored(_ x: Nest, _ changed: Int, _ change: (inout OperationComposition, Nest) -> Nest) -> Nest {
        let colors = add("image.RGBToHSV", [x], ["data_format": "channels_last"])
        var parts: [Nest] = []
        for part in 0..<3 {
            let own = indexed(colors, [["class_name": "__ellipsis__", "config": [:]], Self.slice(.integer(part), .integer(part + 1))])
            parts.append(part == changed ? change(&self, own) : own)
        }
        let joined = add("numpy.Concatenate", [.list(parts)], ["axis": -1])
        return add("image.HSVToRGB", [joined], ["data_format": "channels_last"])
    }

    private mutating func flipped(_ x: Nest, _ axis: ConfigValue) -> Nest { add("numpy.Flip", [x], ["axis": axis]) }

    private mutating func indexed(_ x: Nest, _ items: [ConfigValue]) -> Nest { add("numpy.GetItem", [x, .constant(.array(items))]) }

    private static func slice(_ start: ConfigValue, _ stop: ConfigValue, _ step: ConfigValue = .null) -> ConfigValue {
        ["class_name": "__slice__", "config": ["start": start, "stop": stop, "step": step]]
    }

    private static func integers(_ value: ConfigValue?) -> [Int]? {
        guard let items = value?.array else { return nil }
        let numbers = items.compactMap(\.integer)
        return numbers.count == items.count && numbers.count <= 32 && numbers.allSatisfy { abs($0) < 1 << 40 } ? numbers : nil
    }

    // MARK: - The functions

    private static let functions: [String: Write] = {
        var functions: [String: Write] = [
            "math.squared_difference": { made, x, told in
                guard let y = told.take("y") else { return nil }
                let difference = made.add("numpy.Subtract", [x, y])
                return made.add("numpy.Square", [difference])
            },
            "math.add_n": { made, x, _ in
                guard case .list(let items) = x, let first = items.first else { return nil }
                if items.count == 1 { return made.add("numpy.Copy", [first]) }
                return items.dropFirst().reduce(first) { sum, item in made.add("numpy.Add", [sum, item]) }
            },
            "math.multiply_no_nan": { made, x, told in
                guard let y = told.take("y") else { return nil }
                let isNothing = made.add("numpy.Equal", [y, .constant(0.0)])
                let product = made.add("numpy.Multiply", [x, y])
                return made.add("numpy.Where", [isNothing, .constant(0.0), product])
            },
            "math.xlogy": { made, x, told in
                guard let y = told.take("y") else { return nil }
                let isNothing = made.add("numpy.Equal", [x, .constant(0.0)])
                let logarithm = made.add("numpy.Log", [y])
                let product = made.add("numpy.Multiply", [x, logarithm])
                return made.add("numpy.Where", [isNothing, .constant(0.0), product])
            },
            "math.reduce_euclidean_norm": { made, x, told in
                guard let axis = told.value("axis"), let keepdims = told.value("keepdims", false) else { return nil }
                return made.euclidean(x, axis, keepdims)
            },
            "math.count_nonzero": { made, x, told in
                guard let axis = told.value("axis"), told.value("dtype", "int64") == "int64" else { return nil }
                return made.add("numpy.CountNonzero", [x], ["axis": axis])
            },
            "math.cumsum": { made, x, told in
                guard let axis = told.value("axis", 0), let reverse = told.value("reverse", false), let exclusive = told.value("exclusive", false)
                else { return nil }
                let source = reverse == true ? made.flipped(x, axis) : x
                var sum = made.add("numpy.Cumsum", [source], ["axis": axis, "dtype": .null])
                if exclusive == true { sum = made.add("numpy.Subtract", [sum, source]) }
                return reverse == true ? made.flipped(sum, axis) : sum
            },
            "math.cumprod": { made, x, told in
                guard let axis = told.value("axis", 0), let reverse = told.value("reverse", false), told.value("exclusive", false) == false
                else { return nil }
                let source = reverse == true ? made.flipped(x, axis) : x
                let product = made.add("numpy.Cumprod", [source], ["axis": axis, "dtype": .null])
                return reverse == true ? made.flipped(product, axis) : product
            },
            "sort": { made, x, told in
                guard let axis = told.value("axis", -1), let direction = told.value("direction", "ASCENDING") else { return nil }
                let sorted = made.add("numpy.Sort", [x], ["axis": axis])
                return direction == "DESCENDING" ? made.flipped(sorted, axis) : sorted
            },
            "argsort": { made, x, told in
                guard let axis = told.value("axis", -1), let direction = told.value("direction", "ASCENDING") else { return nil }
                told.pass("stable")
                let source = direction == "DESCENDING" ? made.add("numpy.Negative", [x]) : x
                return made.add("numpy.Argsort", [source], ["axis": axis])
            },
            "repeat": { made, x, told in
                guard let repeats = told.value("repeats"), !repeats.isNull, let axis = told.value("axis") else { return nil }
                return made.add("numpy.Repeat", [x], ["repeats": repeats, "axis": axis])
            },
            "reverse": { made, x, told in
                guard let axes = integers(told.value("axis")) else { return nil }
                if axes.isEmpty { return made.add("numpy.Copy", [x]) }
                return axes.reduce(x) { result, axis in made.flipped(result, .integer(axis)) }
            },
            "slice": { made, x, told in
                guard let begin = integers(told.value("begin")), let size = integers(told.value("size")), begin.count == size.count,
                    begin.allSatisfy({ $0 >= 0 }), size.allSatisfy({ $0 >= -1 })
                else { return nil }
                return made.indexed(
                    x, zip(begin, size).map { start, count in
                        slice(start == 0 ? .null : .integer(start), count < 0 ? .null : .integer(start + count))
                    })
            },
            "strided_slice": { made, x, told in
                guard let begin = integers(told.value("begin")), let end = integers(told.value("end")), begin.count == end.count,
                    let strides = integers(told.value("strides", .array(begin.map { _ in 1 }))), strides.count == begin.count
                else { return nil }
                var masks: [String: Int] = [:]
                for name in ["begin_mask", "end_mask", "ellipsis_mask", "new_axis_mask", "shrink_axis_mask"] {
                    guard let mask = told.value(name, 0)?.integer else { return nil }
                    masks[name] = mask
                }
                func isSet(_ name: String, _ place: Int) -> Bool { (masks[name, default: 0] >> place) & 1 == 1 }
                return made.indexed(
                    x, begin.indices.map { place in
                        if isSet("ellipsis_mask", place) { return ["class_name": "__ellipsis__", "config": [:]] }
                        if isSet("new_axis_mask", place) { return .null }
                        if isSet("shrink_axis_mask", place) { return .integer(begin[place]) }
                        return slice(
                            isSet("begin_mask", place) ? .null : .integer(begin[place]), isSet("end_mask", place) ? .null : .integer(end[place]),
                            strides[place] == 1 ? .null : .integer(strides[place]))
                    })
            },
            "linalg.matmul": { made, a, told in
                guard let b = told.take("b") else { return nil }
                var (x, y) = (a, b)
                // Real matrices: an adjoint is a transpose.
                for key in ["transpose_a", "adjoint_a"] where told.value(key, false) == true { x = made.transposed(x) }
                for key in ["transpose_b", "adjoint_b"] where told.value(key, false) == true { y = made.transposed(y) }
                return made.add("numpy.Matmul", [x, y])
            },
            "linalg.matvec": { made, a, told in
                guard let b = told.take("b") else { return nil }
                let x = told.value("transpose_a", false) == true ? made.transposed(a) : a
                let column = made.add("numpy.ExpandDims", [b], ["axis": -1])
                let product = made.add("numpy.Matmul", [x, column])
                return made.add("numpy.Squeeze", [product], ["axis": -1])
            },
            "linalg.matrix_transpose": { made, x, _ in made.transposed(x) },
            "linalg.adjoint": { made, x, _ in made.transposed(x) },
            "linalg.trace": { made, x, _ in made.add("numpy.Trace", [x], ["offset": 0, "axis1": -2, "axis2": -1]) },
            "linalg.diag_part": { made, x, told in
                guard let k = told.value("k", 0)?.integer else { return nil }
                told.pass("padding_value", "align")
                return made.add("numpy.Diagonal", [x], ["offset": .integer(k), "axis1": -2, "axis2": -1])
            },
            "linalg.band_part": { made, x, told in
                guard let lower = told.value("num_lower")?.integer, let upper = told.value("num_upper")?.integer, lower < 1 << 40 else { return nil }
                var result = x
                if lower >= 0 { result = made.add("numpy.Triu", [result], ["k": .integer(-lower)]) }
                if upper >= 0 { result = made.add("numpy.Tril", [result], ["k": .integer(upper)]) }
                return lower < 0 && upper < 0 ? made.add("numpy.Copy", [x]) : result
            },
            "linalg.cross": { made, a, told in
                guard let b = told.take("b") else { return nil }
                return made.add("numpy.Cross", [a, b], ["axisa": -1, "axisb": -1, "axisc": -1, "axis": .null])
            },
            "clip_by_norm": { made, x, told in
                guard let limit = told.value("clip_norm")?.number, let axes = told.value("axes") else { return nil }
                let norm = made.euclidean(x, axes, true)
                let scaled = made.add("numpy.Multiply", [x, .constant(.float(limit))])
                let divisor = made.add("numpy.Maximum", [norm, .constant(.float(limit))])
                return made.add("numpy.Divide", [scaled, divisor])
            },
            "one_hot": { made, x, told in
                guard let depth = told.value("depth")?.integer, let axis = told.value("axis", -1), let dtype = told.value("dtype", "float32"),
                    let on = told.value("on_value", 1.0)?.number, let off = told.value("off_value", 0.0)?.number
                else { return nil }
                let ones = made.add("nn.OneHot", [x], ["num_classes": .integer(depth), "axis": axis, "dtype": dtype, "sparse": false])
                if on == 1, off == 0 { return ones }
                let scaled = made.add("numpy.Multiply", [ones, .constant(.float(on - off))])
                return made.add("numpy.Add", [scaled, .constant(.float(off))])
            },
            "image.resize": { made, x, told in
                guard let size = told.value("size"), let method = told.value("method", "bilinear")?.string, let antialias = told.value("antialias", false),
                    ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"].contains(method)
                else { return nil }
                return made.add(
                    "image.Resize", [x],
                    [
                        "size": size, "interpolation": .string(method), "antialias": antialias, "crop_to_aspect_ratio": false,
                        "pad_to_aspect_ratio": false, "fill_mode": "constant", "fill_value": 0.0, "data_format": "channels_last",
                    ])
            },
            "image.flip_left_right": { made, x, _ in made.flipped(x, -2) },
            "image.flip_up_down": { made, x, _ in made.flipped(x, -3) },
            "image.transpose": { made, x, _ in made.add("numpy.Swapaxes", [x], ["axis1": -3, "axis2": -2]) },
            "image.rgb_to_grayscale": { made, x, _ in made.add("image.RGBToGrayscale", [x], ["data_format": "channels_last"]) },
            "image.rgb_to_hsv": { made, x, _ in made.add("image.RGBToHSV", [x], ["data_format": "channels_last"]) },
            "image.hsv_to_rgb": { made, x, _ in made.add("image.HSVToRGB", [x], ["data_format": "channels_last"]) },
            "image.adjust_brightness": { made, x, told in
                guard let delta = told.value("delta")?.number else { return nil }
                return made.add("numpy.Add", [x, .constant(.float(delta))])
            },
            "image.adjust_contrast": { made, x, told in
                guard let factor = told.value("contrast_factor")?.number else { return nil }
                let mean = made.reduce("Mean", x, [-3, -2], true)
                let difference = made.add("numpy.Subtract", [x, mean])
                let scaled = made.add("numpy.Multiply", [difference, .constant(.float(factor))])
                return made.add("numpy.Add", [scaled, mean])
            },
            "image.crop_to_bounding_box": { made, x, told in
                let keys = ["offset_height", "offset_width", "target_height", "target_width"]
                let numbers = keys.compactMap { told.value($0)?.integer }
                guard numbers.count == 4, numbers.allSatisfy({ (0..<1 << 40).contains($0) }) else { return nil }
                return made.indexed(
                    x,
                    [
                        ["class_name": "__ellipsis__", "config": [:]], slice(.integer(numbers[0]), .integer(numbers[0] + numbers[2])),
                        slice(.integer(numbers[1]), .integer(numbers[1] + numbers[3])), slice(.null, .null),
                    ])
            },
            "nn.bias_add": { made, x, told in
                guard let bias = told.take("bias"), isChannelsLast(told.value("data_format")) else { return nil }
                return made.add("numpy.Add", [x, bias])
            },
            "nn.l2_loss": { made, x, _ in
                let square = made.add("numpy.Square", [x])
                let sum = made.reduce("Sum", square, .null, false)
                return made.add("numpy.Multiply", [sum, .constant(0.5)])
            },
            "nn.crelu": { made, x, told in
                guard let axis = told.value("axis", -1) else { return nil }
                let negative = made.add("numpy.Negative", [x])
                let halves = [made.add("nn.Relu", [x]), made.add("nn.Relu", [negative])]
                return made.add("numpy.Concatenate", [.list(halves)], ["axis": axis])
            },
            "nn.sigmoid_cross_entropy_with_logits": { made, labels, told in
                guard let logits = told.take("logits") else { return nil }
                return made.add("nn.BinaryCrossentropy", [labels, logits], ["from_logits": true])
            },
            "nn.softmax_cross_entropy_with_logits": { made, labels, told in
                guard let logits = told.take("logits"), told.value("axis", -1) == -1 else { return nil }
                return made.add("nn.CategoricalCrossentropy", [labels, logits], ["from_logits": true, "axis": -1])
            },
            "nn.sparse_softmax_cross_entropy_with_logits": { made, labels, told in
                guard let logits = told.take("logits") else { return nil }
                return made.add("nn.SparseCategoricalCrossentropy", [labels, logits], ["from_logits": true, "axis": -1])
            },
            "compat.v1.math.in_top_k": { made, predictions, told in
                guard let targets = told.take("targets"), let k = told.value("k")?.integer else { return nil }
                return made.add("math.InTopK", [targets, predictions], ["k": .integer(k)])
            },
            "math.in_top_k": { made, targets, told in
                guard let predictions = told.take("predictions"), let k = told.value("k")?.integer else { return nil }
                return made.add("math.InTopK", [targets, predictions], ["k": .integer(k)])
            },
            "norm": norm,
            "linalg.eigh": { made, x, _ in made.add("linalg.Eigh", [x]) },
            "linalg.qr": { made, x, told in
                guard let isFull = told.value("full_matrices", false)?.bool else { return nil }
                return made.add("linalg.Qr", [x], ["mode": isFull ? "complete" : "reduced"])
            },
            "linalg.svd": { made, x, told in
                guard let hasVectors = told.value("compute_uv", true)?.bool, let isFull = told.value("full_matrices", false)?.bool else { return nil }
                guard hasVectors else { return made.add("linalg.SVD", [x], ["full_matrices": false, "compute_uv": false]) }
                // TensorFlow gives s, u and v, Keras u, s and v transposed.
                let all = made.add("linalg.SVD", [x], ["full_matrices": .bool(isFull), "compute_uv": true])
                let v = made.transposed(made.output(2, of: all))
                made.outputs = [made.output(1, of: all), all, v].flatMap(\.tensors)
                return v
            },
            "linalg.lstsq": { made, a, told in
                guard let b = told.take("rhs"), told.value("l2_regularizer", 0)?.number == 0 else { return nil }
                told.pass("fast")
                let inverse = made.add("linalg.Pinv", [a], ["rcond": .null])
                return made.add("numpy.Matmul", [inverse, b])
            },
            "math.segment_sum": { made, x, told in
                guard let numbers = integers(told.value("segment_ids")), numbers.allSatisfy({ $0 >= 0 }), let last = numbers.max() else { return nil }
                return made.segments(x, numbers, count: last + 1)
            },
            "math.unsorted_segment_sum": { made, x, told in
                guard let numbers = integers(told.value("segment_ids")), let count = told.value("num_segments")?.integer, count >= 0 else { return nil }
                return made.segments(x, numbers, count: count)
            },
            "signal.stft>math.abs": { made, x, told in
                guard let parts = made.spectrum(of: x, &told) else { return nil }
                let squares = [parts.real, parts.imaginary].map { made.add("numpy.Square", [$0]) }
                let sum = made.add("numpy.Add", squares)
                return made.add("numpy.Sqrt", [sum])
            },
            "signal.stft>math.real": { made, x, told in
                guard let parts = made.spectrum(of: x, &told) else { return nil }
                return made.add("numpy.Copy", [parts.real])
            },
            "signal.stft>math.imag": { made, x, told in
                guard let parts = made.spectrum(of: x, &told) else { return nil }
                return made.add("numpy.Copy", [parts.imaginary])
            },
            "signal.stft>math.angle": { made, x, told in
                guard let parts = made.spectrum(of: x, &told) else { return nil }
                return made.add("numpy.Arctan2", [parts.imaginary, parts.real])
            },
            "linalg.eigvalsh": { made, x, _ in made.add("linalg.Eigh", [x]) },
            "linalg.slogdet": { made, x, _ in made.add("numpy.Slogdet", [x]) },
            "linalg.cholesky_solve": { made, factor, told in
                guard let b = told.take("rhs") else { return nil }
                let y = made.add("linalg.SolveTriangular", [factor, b], ["lower": true])
                let upper = made.transposed(factor)
                return made.add("linalg.SolveTriangular", [upper, y], ["lower": false])
            },
            "linalg.diag": { made, x, told in
                guard told.value("k", 0)?.integer == 0, told.value("num_rows", -1)?.integer == -1, told.value("num_cols", -1)?.integer == -1,
                    told.value("padding_value", 0)?.number == 0
                else { return nil }
                told.pass("align")
                // As many rows and columns as there are numbers, of which the diagonal stays.
                let rows = made.add("numpy.ExpandDims", [x], ["axis": -1])
                let columns = made.add("numpy.ExpandDims", [x], ["axis": -2])
                let ones = made.add("numpy.OnesLike", [columns], ["dtype": .null])
                let full = made.add("numpy.Multiply", [rows, ones])
                let lower = made.add("numpy.Tril", [full], ["k": 0])
                return made.add("numpy.Triu", [lower], ["k": 0])
            },
            "math.angle": { made, x, _ in made.add("numpy.Angle", [x]) },
            "math.imag": { made, x, _ in made.add("numpy.Imag", [x]) },
            "math.erfcinv": { made, x, _ in
                let rest = made.add("numpy.Subtract", [.constant(1.0), x])
                return made.add("math.Erfinv", [rest])
            },
            "math.bessel_i0": { made, x, _ in made.add("numpy.I0", [x]) },
            "math.bessel_i0e": { made, x, _ in
                let size = made.add("numpy.Absolute", [x])
                let negative = made.add("numpy.Negative", [size])
                let scale = made.add("numpy.Exp", [negative])
                let value = made.add("numpy.I0", [x])
                return made.add("numpy.Multiply", [value, scale])
            },
            "tensor_scatter_nd_update": { made, x, told in
                guard let places = told.take("indices"), let updates = told.take("updates") else { return nil }
                return made.add("core.ScatterUpdate", [x, places, updates], ["reduction": .null])
            },
            "nn.conv1d": convolution("filters", "stride", axes: 1), "nn.conv2d": convolution("filters", "strides", axes: 2),
            "compat.v1.nn.conv1d": convolution("filters", "stride", axes: 1),
            "compat.v1.nn.conv2d": convolution("filter", "strides", axes: 2),
            "image.extract_patches": { made, x, told in
                guard let size = inner(told.value("sizes")), let strides = inner(told.value("strides")), let rates = inner(told.value("rates")),
                    integers(size)?.count == 2, let rate = integers(rates), rate.count == 2, rate[0] == rate[1],
                    let padding = told.value("padding")?.string, ["VALID", "SAME"].contains(padding)
                else { return nil }
                return made.add(
                    "image.ExtractPatches", [x],
                    [
                        "size": size, "strides": strides, "dilation_rate": .integer(rate[0]), "padding": .string(padding.lowercased()),
                        "data_format": "channels_last",
                    ])
            },
            "image.psnr": { made, x, told in
                guard let y = told.take("b"), let range = told.value("max_val")?.number, range > 0 else { return nil }
                let difference = made.add("numpy.Subtract", [x, y])
                let square = made.add("numpy.Square", [difference])
                let mean = made.reduce("Mean", square, [-3, -2, -1], false)
                let logarithm = made.add("numpy.Log10", [mean])
                let tenth = made.add("numpy.Multiply", [logarithm, .constant(10.0)])
                return made.add("numpy.Subtract", [.constant(.float(20 * log10(range))), tenth])
            },
            "image.adjust_gamma": { made, x, told in
                guard let gamma = told.value("gamma", 1.0)?.number, let gain = told.value("gain", 1.0)?.number, gamma >= 0 else { return nil }
                let power = made.add("numpy.Power", [x, .constant(.float(gamma))])
                return made.add("numpy.Multiply", [power, .constant(.float(gain))])
            },
            "image.adjust_saturation": { made, x, told in
                guard let factor = told.value("saturation_factor")?.number else { return nil }
                return made.recolored(x, 1) { made, saturation in
                    let scaled = made.add("numpy.Multiply", [saturation, .constant(.float(factor))])
                    return made.add("numpy.Clip", [scaled], ["x_min": 0.0, "x_max": 1.0])
                }
            },
            "image.adjust_hue": { made, x, told in
                guard let delta = told.value("delta")?.number else { return nil }
                return made.recolored(x, 0) { made, hue in
                    let moved = made.add("numpy.Add", [hue, .constant(.float(delta))])
                    return made.add("numpy.Mod", [moved, .constant(1.0)])
                }
            },
            "image.per_image_standardization": { made, x, _ in
                let axes: ConfigValue = [-3, -2, -1]
                let mean = made.reduce("Mean", x, axes, true)
                let difference = made.add("numpy.Subtract", [x, mean])
                let deviation = made.reduce("Std", x, axes, true)
                // At least one in the root of the number of elements.
                let ones = made.add("numpy.OnesLike", [x], ["dtype": .null])
                let count = made.reduce("Sum", ones, axes, true)
                let least = made.add("math.Rsqrt", [count])
                let divisor = made.add("numpy.Maximum", [deviation, least])
                return made.add("numpy.Divide", [difference, divisor])
            },
            "linalg.pinv": { made, x, told in
                guard let limit = told.value("rcond") else { return nil }
                told.pass("validate_args")
                return made.add("linalg.Pinv", [x], ["rcond": limit])
            },
            "linalg.matrix_rank": { made, x, told in
                guard let limit = told.value("tol") else { return nil }
                told.pass("validate_args")
                return made.add("linalg.MatrixRank", [x], ["tol": limit])
            },
            "linalg.solve": { made, a, told in
                guard let b = told.take("rhs"), let isAdjoint = told.value("adjoint", false)?.bool else { return nil }
                return made.add("linalg.Solve", [isAdjoint ? made.transposed(a) : a, b])
            },
            "linalg.triangular_solve": { made, a, told in
                guard let b = told.take("rhs"), let isLower = told.value("lower", true)?.bool, let isAdjoint = told.value("adjoint", false)?.bool
                else { return nil }
                guard isAdjoint else { return made.add("linalg.SolveTriangular", [a, b], ["lower": .bool(isLower)]) }
                let flipped = made.transposed(a)
                return made.add("linalg.SolveTriangular", [flipped, b], ["lower": .bool(!isLower)])
            },
            "signal.frame": { made, x, told in
                guard let length = told.value("frame_length")?.integer, let step = told.value("frame_step")?.integer,
                    told.value("pad_end", false) == false, told.value("axis", -1) == -1
                else { return nil }
                told.pass("pad_value")
                return made.add("math.ExtractSequences", [x], ["sequence_length": .integer(length), "sequence_stride": .integer(step)])
            },
            "image.ssim": { made, x, told in
                guard let y = told.take("img2"), let range = told.value("max_val")?.number, let size = told.value("filter_size", 11)?.integer,
                    let sigma = told.value("filter_sigma", 1.5)?.number, let k1 = told.value("k1", 0.01)?.number,
                    let k2 = told.value("k2", 0.03)?.number
                else { return nil }
                return made.add(
                    "image.SSIM", [x, y],
                    [
                        "max_val": .float(range), "filter_size": .integer(size), "filter_sigma": .float(sigma), "k1": .float(k1),
                        "k2": .float(k2), "data_format": "channels_last",
                    ])
            },
        ]
        for name in ["nn.depth_to_space", "nn.space_to_depth"] {
            functions[name] = { made, x, told in
                guard let size = told.value("block_size")?.integer, isChannelsLast(told.value("data_format")) else { return nil }
                return made.add(
                    name == "nn.depth_to_space" ? "nn.DepthToSpace" : "nn.SpaceToDepth", [x],
                    ["block_size": .integer(size), "data_format": "channels_last"])
            }
        }
        for (name, className) in [("avg_pool", "nn.AveragePool"), ("max_pool", "nn.MaxPool")] {
            for rank in ["", "1d", "2d", "3d"] { functions["nn." + name + rank] = pooling(className) }
            functions["compat.v1.nn." + name] = pooling(className)
            functions["compat.v1.nn." + name + "2d"] = pooling(className)
        }
        for (alias, name) in [
            ("compat.v1.norm", "norm"), ("compat.v1.nn.crelu", "nn.crelu"), ("compat.v1.nn.sigmoid_cross_entropy_with_logits", "nn.sigmoid_cross_entropy_with_logits"),
            ("compat.v1.nn.softmax_cross_entropy_with_logits_v2", "nn.softmax_cross_entropy_with_logits"),
            ("compat.v1.nn.sparse_softmax_cross_entropy_with_logits", "nn.sparse_softmax_cross_entropy_with_logits"),
            ("math.accumulate_n", "math.add_n"), ("compat.v1.nn.bias_add", "nn.bias_add"), ("image.flip_horizontal", "image.flip_left_right"),
        ] { functions[alias] = functions[name] }
        return functions
    }()

    private static func isChannelsLast(_ value: ConfigValue?) -> Bool {
        guard let value else { return false }
        return value.isNull || value.string.map { $0.hasPrefix("N") && $0.hasSuffix("C") && $0 != "NC" } ?? false
    }

    private static let norm: Write = { made, x, told in
        guard let axis = told.value("axis"), let keepdims = told.value("keepdims", false), let order = told.value("ord", "euclidean") else { return nil }
        if order == "euclidean" || order == "fro" { return made.euclidean(x, axis, keepdims) }
        let isVector = axis.isNull || axis.integer != nil || axis.array?.count == 1
        switch order.number {
        case 2? where isVector: return made.euclidean(x, axis, keepdims)
        case 1? where isVector:
            let size = made.add("numpy.Absolute", [x])
            return made.reduce("Sum", size, axis, keepdims)
        case let number?:
            guard !axis.isNull, number == 1 || number == 2 else { return nil }
            return made.add("linalg.Norm", [x], ["ord": order, "axis": axis, "keepdims": keepdims])
        case nil: return nil
        }
    }

    /// A convolution; its filters may be numbers in the file.
    private static func convolution(_ filters: String, _ strides: String, axes: Int) -> Write {
        { made, x, told in
            guard let kernel = told.take(filters), let step = inner(told.value(strides)), let padding = told.value("padding")?.string,
                ["VALID", "SAME"].contains(padding), isChannelsLast(told.value("data_format")),
                let dilation = inner(told.value("dilations", 1)).map({ $0.isNull ? 1 : $0 })
            else { return nil }
            told.pass("use_cudnn_on_gpu")
            func plain(_ value: ConfigValue) -> ConfigValue { value.array?.count == 1 ? value.array?[0] ?? value : value }
            guard [step, dilation].allSatisfy({ ($0.array?.count ?? axes) == axes }) else { return nil }
            return made.add(
                "nn.Conv", [x, kernel],
                [
                    "strides": plain(step), "padding": .string(padding.lowercased()), "data_format": "channels_last",
                    "dilation_rate": plain(dilation),
                ])
        }
    }

    /// Windows over what stands between samples and channels.
    private static func pooling(_ className: String) -> Write {
        { made, x, told in
            guard let size = inner(told.value("ksize")), let strides = inner(told.value("strides")), let padding = told.value("padding")?.string,
                ["VALID", "SAME"].contains(padding), isChannelsLast(told.value("data_format"))
            else { return nil }
            return made.add(
                className, [x],
                ["pool_size": size, "strides": strides, "padding": .string(padding.lowercased()), "data_format": "channels_last"])
        }
    }

    /// `[1, 2, 2, 1]` is 2 by 2 between samples and channels.
    private static func inner(_ value: ConfigValue?) -> ConfigValue? {
        guard let value else { return nil }
        if value.integer != nil { return value }
        guard let numbers = integers(value) else { return nil }
        if numbers.count >= 3, numbers.first == 1, numbers.last == 1 { return .array(numbers.dropFirst().dropLast().map { .integer($0) }) }
        return numbers.count <= 3 ? value : nil
    }
}
