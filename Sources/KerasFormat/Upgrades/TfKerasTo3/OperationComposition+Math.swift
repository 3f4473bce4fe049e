import KerasSpec

// Functions of tf.math and those without a module, as operations of Keras 3.

extension OperationComposition {
    static let mathFunctions: [String: Write] = [
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
        "compat.v1.math.in_top_k": { made, predictions, told in
            guard let targets = told.take("targets"), let k = told.value("k")?.integer else { return nil }
            return made.add("math.InTopK", [targets, predictions], ["k": .integer(k)])
        },
        "math.in_top_k": { made, targets, told in
            guard let predictions = told.take("predictions"), let k = told.value("k")?.integer else { return nil }
            return made.add("math.InTopK", [targets, predictions], ["k": .integer(k)])
        },
        "math.segment_sum": { made, x, told in
            guard let numbers = integers(told.value("segment_ids")), numbers.allSatisfy({ $0 >= 0 }), let last = numbers.max() else { return nil }
            return made.segments(x, numbers, count: last + 1)
        },
        "math.unsorted_segment_sum": { made, x, told in
            guard let numbers = integers(told.value("segment_ids")), let count = told.value("num_segments")?.integer, count >= 0 else { return nil }
            return made.segments(x, numbers, count: count)
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
    ]

    private mutating func segments(_ x: Nest, _ numbers: [Int], count: Int) -> Nest {
        add(
            "math.SegmentSum", [x, .constant(.array(numbers.map { .integer($0) }))],
            ["num_segments": .integer(count), "sorted": false])
    }
}
