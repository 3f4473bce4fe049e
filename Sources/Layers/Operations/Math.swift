package import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import OrderedCollections
package import Tensors

#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#elseif canImport(Darwin)
internal import Darwin
#endif

// keras.ops.math. Spectra (FFT and its like) are made of complex numbers, which graphs don't have: composed of products with sines
// and cosines.

extension Operation {
    static let math: [Operation] = [
        Operation("Rsqrt", "x") { try $0.context.unary(.rsqrt, try $0.tensor("x")) },
        Operation("Erf", "x") { try $0.context.unary(.erf, try $0.tensor("x")) },
        Operation("Erfc", "x") { try $0.context.unary(.erfc, try $0.tensor("x")) },
        Operation("Erfinv", "x") { try $0.context.unary(.erfinv, try $0.tensor("x")) },
        Operation("Logsumexp", "x", "axis keepdims") {
            try $0.context.logSumExp(try $0.tensor("x"), axes: try $0.integers("axis"), keepsAxes: try $0.bool("keepdims"))
        },
        Operation("Logdet", "x") { call in
            let (sign, log) = try call.context.signAndLogDeterminant(try call.float("x"))
            _ = sign
            return log
        },
        Operation(several: "TopK", "x", "k sorted") { call in
            let context = call.context
            let x = try call.tensor("x"), k = try call.required("k")
            guard k >= 0, context.rank(x) >= 1 else { throw call.wrong("k", "a number of 0 or above") }
            if let extent = context.shape(x)[context.rank(x) - 1], extent < k { throw call.wrong("k", "at most \(extent)") }
            let order = try context.apply(ArgSort(axis: -1, descending: true), x)
            let first = try context.sliced(order, axis: -1, from: 0, to: k)
            return [try context.apply(TakeAlongAxis(axis: -1), x, first), first]
        },
        Operation("InTopK", "targets predictions", "k") { call in
            let context = call.context
            let targets = try context.cast(try call.tensor("targets"), to: .int32), predictions = try call.float("predictions")
            let own = try context.apply(TakeAlongAxis(axis: -1), predictions, try context.expanded(targets, axes: [-1]))
            // As TensorFlow: all that tie with the last are in.
            let above = try context.reduce(.sum, try context.compare(.greater, predictions, own), axes: [-1])
            let isIn = try context.compare(.less, above, context.scalar(Int32(clamping: try call.required("k"))))
            return try context.logical(
                .and, isIn, try context.apply(Predicate(.isFinite), try context.squeezed(own, axes: [-1])))
        },
        segment("SegmentSum", .sum, 0), segment("SegmentMax", .max, -.infinity), segment("SegmentMin", .min, .infinity),
        segment("SegmentProd", .product, 1),
        Operation("CDist", "x y") { call in
            let context = call.context
            let x = try context.expanded(try call.float("x"), axes: [-2]), y = try context.expanded(try call.float("y"), axes: [-3])
            return try context.unary(.sqrt, try context.reduce(.sum, try context.binary(.squaredDifference, x, y), axes: [-1]))
        },
        // Nothing that isn't real comes here: what makes complex numbers is refused.
        Operation("ViewAsReal", "x") { call in
            let x = try call.float("x")
            return try call.context.stacked([x, try call.context.filled(like: x, 0)], axis: -1)
        },
        Operation("ExtractSequences", "x", "sequence_length sequence_stride") { call in
            let context = call.context
            let x = try call.tensor("x"), length = try call.required("sequence_length"), step = try call.required("sequence_stride")
            return try context.frames(x, length: length, step: step)
        },
        Operation(several: "FFT", "x") { call in
            let parts = try call.tensors("x")
            guard parts.count == 2 else { throw call.wrong("x", "a pair of real and imaginary parts") }
            return try call.context.fourier(parts[0], parts[1], axis: -1, inverse: false)
        },
        Operation(several: "FFT2", "x") { try fourier2($0, inverse: false) },
        Operation(several: "IFFT2", "x") { try fourier2($0, inverse: true) },
        Operation(several: "RFFT", "x", "fft_length") { call in
            try call.context.realFourier(try call.float("x"), length: try call.integer("fft_length"))
        },
        Operation(several: "STFT", "x", "sequence_length sequence_stride fft_length window center") { call in
            let length = try call.required("sequence_length"), transform = try call.required("fft_length")
            guard (1...1 << 16).contains(length), (length...1 << 16).contains(transform) else {
                throw call.wrong("fft_length", "at least sequence_length and at most 65536")
            }
            let window = try window(call, length) ?? []
            return try call.context.shortTimeFourier(
                try call.float("x"), length: length, step: try call.required("sequence_stride"), transform: transform, window: window,
                centers: try call.bool("center", default: true))
        },
        Operation("ISTFT", "x", "sequence_length sequence_stride fft_length length window center") { try inverseShortTimeFourier($0) },
        Operation("IRFFT", "x", "fft_length") { call in
            let parts = try call.tensors("x")
            guard parts.count == 2 else { throw call.wrong("x", "a pair of real and imaginary parts") }
            return try call.context.inverseRealFourier(parts[0], parts[1], length: try call.integer("fft_length"))
        },
    ]

    /// The numbers of a window; nil for none.
    private static func window(_ call: OperationCall, _ length: Int) throws -> [Double]? {
        guard let value = try call.constant("window") else {
            return call.says("window") ? nil : STFTWindow.values("hann", length: length, periodic: true)
        }
        let values = value.array.map { $0.compactMap(\.number) } ?? value.string.flatMap {
            ["hann", "hamming"].contains($0) ? STFTWindow.values($0, length: length, periodic: true) : nil
        }
        guard let values, values.count == length else { throw call.wrong("window", "hann, hamming or a number for each sample") }
        return values
    }

    /// Windows transformed back, each divided by what all of them that meet there make of it, and added where they overlap.
    private static func inverseShortTimeFourier(_ call: OperationCall) throws -> Value {
        let context = call.context
        let parts = try call.tensors("x"), length = try call.required("sequence_length"), step = try call.required("sequence_stride")
        let transform = try call.required("fft_length")
        guard parts.count == 2, context.rank(parts[0]) >= 2 else { throw call.wrong("x", "a pair of real and imaginary parts") }
        guard (1...1 << 16).contains(length), (length...1 << 16).contains(transform), (1...1 << 16).contains(step) else {
            throw call.wrong("fft_length", "at least sequence_length and at most 65536")
        }
        let rank = context.rank(parts[0]), dims = context.shape(parts[0]).dims
        guard let count = dims[rank - 2], (1..<1 << 24).contains(count) else { throw call.wrong("x", "a known number of windows") }
        let overlaps = (transform + step - 1) / step
        var frames = try context.inverseRealFourier(parts[0], parts[1], length: transform)
        if let window = try window(call, length) {
            let front = (transform - length) / 2
            var forward = [Double](repeating: 0, count: overlaps * step)
            for (place, value) in window.enumerated() { forward[front + place] = value }
            let inverse = (0..<transform).map { place -> Float in
                var sum = 0.0
                for other in stride(from: place % step, to: overlaps * step, by: step) { sum += forward[other] * forward[other] }
                return Float(forward[place] / sum)
            }
            frames = try context.multiply(frames, context.constant(Tensor(inverse)))
        }
        // Window w begins at w · step: pieces of a step each are moved and added.
        let zeros = [Int](repeating: 0, count: rank - 1), outer = Array(dims.dropLast(2))
        let padded = try context.apply(Pad(before: zeros + [0], after: zeros + [overlaps * step - transform]), frames)
        var whole: Value?
        for piece in 0..<overlaps {
            let own = try context.reshaped(
                try context.sliced(padded, axis: -1, from: piece * step, to: (piece + 1) * step), to: outer + [count * step])
            let none = [Int](repeating: 0, count: outer.count)
            let moved = try context.apply(Pad(before: none + [piece * step], after: none + [(overlaps - 1 - piece) * step]), own)
            whole = try whole.map { try context.add($0, moved) } ?? moved
        }
        guard var whole else { throw call.wrong("fft_length", "at least 1") }
        let size = transform + step * (count - 1), start = try call.bool("center", default: true) ? transform / 2 : 0
        var end = size - start
        if let wanted = try call.integer("length") { end = min(size, start + max(wanted, 0)) }
        whole = try context.sliced(whole, axis: -1, from: start, to: max(start, end))
        return whole
    }

    private static func fourier2(_ call: OperationCall, inverse: Bool) throws -> [Value] {
        let parts = try call.tensors("x")
        guard parts.count == 2 else { throw call.wrong("x", "a pair of real and imaginary parts") }
        let rows = try call.context.fourier(parts[0], parts[1], axis: -1, inverse: inverse)
        return try call.context.fourier(rows[0], rows[1], axis: -2, inverse: inverse)
    }

    /// A list of whole numbers, also as Keras writes an array.
    private static func numbers(_ value: ConfigValue) -> [Int]? {
        let items = value.array ?? value.object?["config"]?.object?["value"]?.array
        return items.flatMap { items in
            let numbers = items.compactMap(\.integer)
            return numbers.count == items.count && numbers.allSatisfy { abs($0) < 1 << 24 } ? numbers : nil
        }
    }

    /// Elements of equal segment numbers made one. Numbers outside are passed over.
    private static func segment(_ name: String, _ kind: Aggregate.Kind, _ neutral: Double) -> Operation {
        Operation(name, "data segment_ids", "num_segments sorted") { call in
            let context = call.context
            let data = try call.tensor("data"), ids = try context.cast(try call.tensor("segment_ids"), to: .int32)
            var known = try call.integer("num_segments")
            if known == nil, case .constant(let value)? = call.argument("segment_ids"), let numbers = Self.numbers(value), !numbers.isEmpty {
                // Numbers of the file say how many there are.
                known = numbers.contains { $0 < 0 } ? nil : (numbers.max() ?? 0) + 1
            }
            guard let count = known, (0..<1 << 24).contains(count) else {
                throw call.wrong("num_segments", "given: else there are as many as the numbers say")
            }
            let all = try context.expanded(context.constant(Tensor((0..<Int32(count)).map { $0 })), axes: [1])
            let hits = try context.compare(.equal, all, ids)
            if kind == .sum, context.dtype(data) == .float32 {
                let dims = context.shape(data).dims
                let flat = try context.reshaped(data, to: [dims[0], dims.dropFirst().reduce(1 as Int?) { p, d in p.flatMap { p in d.map { p &* $0 } } }])
                return try context.reshaped(try context.matmul(try context.float(hits), flat), to: [count] + dims.dropFirst())
            }
            let mask = try context.expanded(hits, axes: Array(2..<(context.rank(data) + 1)))
            let isWhole = context.dtype(data) != .float32
            let filler = isWhole
                ? context.scalar(kind == .max ? Int32.min : kind == .min ? .max : Int32(neutral)) : context.scalar(neutral)
            let own = try context.select(mask, try context.expanded(data, axes: [0]), filler)
            return try context.reduce(kind, own, axes: [1])
        }
    }
}

/// The cosine and sine of 2π·index/count.
private func unitRoot(_ index: Int, of count: Int) -> (Double, Double) {
    let angle = 2 * Double.pi * Double(index) / Double(count)
    return (cos(angle), sin(angle))
}

extension LoweringContext {
    /// Windows along the last axis: (…, n) to (…, windows, length).
    package func frames(_ x: Value, length: Int, step: Int) throws(LocatedError) -> Value {
        guard let count = shape(x).dims.last ?? nil, length >= 1, step >= 1, count >= length else {
            throw LocatedError(
                .mismatch, "operation.frames", "expected a known last extent of at least \(length), got \(shape(x))")
        }
        let windows = 1 + (count - length) / step
        var places: [Int32] = []
        for window in 0..<windows { for index in 0..<length { places.append(Int32(window * step + index)) } }
        return try apply(Gather(axis: -1), x, constant(Tensor(places, shape: [windows, length])))
    }

    /// Cosines and sines of a Fourier transform from `count` to `frequencies` numbers.
    private func waves(_ count: Int, _ frequencies: Int) throws(LocatedError) -> (cosines: Value, sines: Value) {
        guard count >= 1, count * frequencies <= 1 << 24 else {
            throw LocatedError(.unsupported, "operation.fourier", "expected at most 4096 numbers to transform, got \(count)")
        }
        var cosines: [Float] = [], sines: [Float] = []
        for n in 0..<count {
            for k in 0..<frequencies {
                let (c, s) = unitRoot(n * k % count, of: count)
                cosines.append(Float(c))
                sines.append(Float(s))
            }
        }
        let shape: Shape = [count, frequencies]
        return (constant(Tensor(cosines, shape: shape)), constant(Tensor(sines, shape: shape)))
    }

    /// The real and imaginary parts of Σ x·exp(∓2πi·nk/N) along an axis, over N when `inverse`.
    package func fourier(_ real: Value, _ imaginary: Value, axis: Int, inverse: Bool) throws(LocatedError) -> [Value] {
        let rank = rank(real), place = try self.axis(axis, rank: rank)
        let order = (0..<rank).filter { $0 != place } + [place]
        var back = order
        for (to, from) in order.enumerated() { back[from] = to }
        let x = try transposed(try float(real), order), y = try transposed(try float(imaginary), order)
        guard let count = shape(x)[rank - 1] else {
            throw LocatedError(.mismatch, "layer.unknownExtent", "expected a known extent to transform, got \(shape(x))")
        }
        let (c, s) = try waves(count, count)
        // exp(-iφ) = cos φ - i sin φ.
        let (xc, xs) = (try matmul(x, c), try matmul(x, s)), (yc, ys) = (try matmul(y, c), try matmul(y, s))
        var parts = inverse
            ? [try subtract(xc, ys), try add(yc, xs)] : [try add(xc, ys), try subtract(yc, xs)]
        if inverse { for index in parts.indices { parts[index] = try scaled(parts[index], by: 1 / Double(count)) } }
        return [try transposed(parts[0], back), try transposed(parts[1], back)]
    }

    /// The first half of the transform of real numbers, cut or padded to `length`.
    package func realFourier(_ x: Value, length: Int? = nil) throws(LocatedError) -> [Value] {
        guard let own = shape(x).dims.last ?? nil else {
            throw LocatedError(.mismatch, "layer.unknownExtent", "expected a known extent to transform, got \(shape(x))")
        }
        let count = length ?? own
        guard count >= 1, count < 1 << 20 else {
            throw LocatedError(.unsupported, "operation.fourier", "expected a length of at least 1, got \(count)")
        }
        var x = x
        if count != own {
            let zeros = [Int](repeating: 0, count: rank(x) - 1)
            x = try apply(Pad(before: zeros + [0], after: zeros + [count - own]), x)
        }
        let (c, s) = try waves(count, count / 2 + 1)
        return [try matmul(x, c), try scaled(try matmul(x, s), by: -1)]
    }

    /// Real numbers from the first half of their transform.
    package func inverseRealFourier(_ real: Value, _ imaginary: Value, length: Int? = nil) throws(LocatedError) -> Value {
        guard let own = shape(real).dims.last ?? nil, own >= 1 else {
            throw LocatedError(.mismatch, "layer.unknownExtent", "expected a known extent to transform, got \(shape(real))")
        }
        let count = length ?? 2 * (own - 1)
        guard count >= 1, count < 1 << 20 else {
            throw LocatedError(.unsupported, "operation.fourier", "expected a length of at least 1, got \(count)")
        }
        let wanted = count / 2 + 1
        var parts = [try float(real), try float(imaginary)]
        if wanted != own {
            let zeros = [Int](repeating: 0, count: rank(real) - 1)
            for index in 0..<2 { parts[index] = try apply(Pad(before: zeros + [0], after: zeros + [wanted - own]), parts[index]) }
        }
        guard count * wanted <= 1 << 24 else {
            throw LocatedError(.unsupported, "operation.fourier", "expected at most 4096 numbers to transform, got \(count)")
        }
        // Every frequency but the first and, of an even length, the last stands for two.
        var cosines: [Float] = [], sines: [Float] = []
        for k in 0..<wanted {
            let weight = (k == 0 || 2 * k == count ? 1.0 : 2.0) / Double(count)
            for n in 0..<count {
                let (c, s) = unitRoot(n * k % count, of: count)
                cosines.append(Float(weight * c))
                sines.append(Float(-weight * s))
            }
        }
        let shape: Shape = [wanted, count]
        return try add(
            try matmul(parts[0], constant(Tensor(cosines, shape: shape))), try matmul(parts[1], constant(Tensor(sines, shape: shape))))
    }
}
