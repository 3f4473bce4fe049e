import Foundation
import Tensors

/// How TensorFlow resizes pictures, by the names that Keras's data sets of folders take. None of them smooths when pictures shrink.
///
/// Source: TensorFlow's `resize_bilinear_op.cc`, `resize_nearest_neighbor_op.cc`, `resize_bicubic_op.cc`, `resize_area_op.cc`,
/// `scale_and_translate_op.cc`, `sampling_kernels.h`, with centers of pixels at one half.
public enum TensorFlowResizing: String, Sendable, CaseIterable {
    case bilinear, nearest, bicubic, area, lanczos3, lanczos5, gaussian, mitchellcubic

    /// A picture in another size: float32, or as it is with `nearest`. `pixels` is uint8, shape (height, width, channels).
    func resized(_ pixels: Tensor, to size: (height: Int, width: Int)) -> Tensor {
        let (height, width, channels) = (pixels.shape[0], pixels.shape[1], pixels.shape[2])
        let rows = LineWeights(from: height, to: size.height, self), columns = LineWeights(from: width, to: size.width, self)
        if self == .nearest {
            var result = Tensor(uninitialized: [size.height, size.width, channels], dtype: .uint8)
            result.withUnsafeMutableElements(as: UInt8.self) { target in
                pixels.withUnsafeElements(as: UInt8.self) { source in
                    var place = 0
                    for row in rows.first {
                        for column in columns.first {
                            for channel in 0..<channels {
                                target[place] = source[(row * width + column) * channels + channel]
                                place += 1
                            }
                        }
                    }
                }
            }
            return result
        }
        // Lines first, then columns of lines, as TensorFlow's separable kernels.
        var across = [Float](repeating: 0, count: height * size.width * channels)
        let needed = rows.used(of: height)
        pixels.withUnsafeElements(as: UInt8.self) { source in
            across.withUnsafeMutableBufferPointer { target in
                for row in 0..<height where needed[row] {
                    for column in 0..<size.width {
                        let place = (row * size.width + column) * channels
                        for tap in 0..<columns.count[column] {
                            let weight = columns.weights[column * columns.stride + tap]
                            let from = (row * width + columns.first[column] + tap) * channels
                            for channel in 0..<channels { target[place + channel] += weight * Float(source[from + channel]) }
                        }
                    }
                }
            }
        }
        var result = Tensor(zeros: [size.height, size.width, channels])
        let line = size.width * channels
        result.withUnsafeMutableElements(as: Float.self) { target in
            for row in 0..<size.height {
                for tap in 0..<rows.count[row] {
                    let weight = rows.weights[row * rows.stride + tap]
                    let from = (rows.first[row] + tap) * line
                    for index in 0..<line { target[row * line + index] += weight * across[from + index] }
                }
            }
        }
        return result
    }

    /// A picture brought into a size with its shape kept, black around it: `tf.image.resize_with_pad`.
    func padded(_ pixels: Tensor, to size: (height: Int, width: Int)) -> Tensor {
        let (height, width) = (Double(pixels.shape[0]), Double(pixels.shape[1]))
        let ratio = max(width / Double(size.width), height / Double(size.height))
        let inner = (height: min(size.height, Int((height / ratio).rounded(.down))), width: min(size.width, Int((width / ratio).rounded(.down))))
        let top = Int(max(0, ((Double(size.height) - height / ratio) / 2).rounded(.down)))
        let left = Int(max(0, ((Double(size.width) - width / ratio) / 2).rounded(.down)))
        let channels = pixels.shape[2]
        let dtype: DType = self == .nearest ? .uint8 : .float32
        var result = Tensor(zeros: [size.height, size.width, channels], dtype: dtype)
        guard inner.height > 0, inner.width > 0 else { return result }
        let picture = resized(pixels, to: inner)
        let pixel = channels * dtype.byteCount
        result.withUnsafeMutableBytes { target in
            picture.withUnsafeBytes { source in
                for row in 0..<min(inner.height, size.height - top) {
                    let start = ((top + row) * size.width + left) * pixel
                    let count = min(inner.width, size.width - left) * pixel
                    UnsafeMutableRawBufferPointer(rebasing: target[start..<start + count])
                        .copyMemory(from: UnsafeRawBufferPointer(rebasing: source[(row * inner.width * pixel)..<(row * inner.width * pixel + count)]))
                }
            }
        }
        return result
    }
}

/// For every pixel of a resized line: which source pixels count, and how much.
private struct LineWeights {
    /// First source pixel of each.
    private(set) var first: [Int] = []
    /// Number of source pixels of each.
    private(set) var count: [Int] = []
    /// `stride` weights for each, of which `count` are used.
    private(set) var weights: [Float] = []
    private(set) var stride = 1

    init(from length: Int, to newLength: Int, _ method: TensorFlowResizing) {
        let scale = Float(length) / Float(newLength)
        switch method {
        case .nearest:
            for position in 0..<newLength { add(min(length - 1, Int(((Float(position) + 0.5) * scale).rounded(.down))), [1]) }
        case .bilinear:
            stride = 2
            for position in 0..<newLength {
                let center = (Float(position) + 0.5) * scale - 0.5
                let floor = center.rounded(.down)
                let low = max(Int(floor), 0), high = min(Int(center.rounded(.up)), length - 1)
                let share = center - floor
                add(low, high > low ? [1 - share, share] : [1])
            }
        case .bicubic:
            stride = 4
            for position in 0..<newLength { addCubic((Float(position) + 0.5) * scale - 0.5, length) }
        case .area:
            stride = Int(scale.rounded(.up)) + 2
            for position in 0..<newLength { addArea(Float(position) * scale, Float(position + 1) * scale, scale, length) }
        case .lanczos3, .lanczos5, .gaussian, .mitchellcubic:
            let kernel = Kernel(method)
            stride = Int(2 * kernel.radius) + 2
            // TensorFlow hands over the scale and takes its inverse.
            let inverse = 1 / (Float(newLength) / Float(length))
            for position in 0..<newLength {
                let center = (Float(position) + 0.5) * inverse
                let low = max(0, Int((center - kernel.radius - 0.5).rounded(.up))), high = min(length - 1, Int((center + kernel.radius - 0.5).rounded(.down)))
                guard low <= high else {
                    add(min(low, length - 1), [0])
                    continue
                }
                var values = (low...high).map { kernel.weight(Float($0) + 0.5 - center) }
                let sum = values.reduce(0, +)
                if abs(sum) >= 1000 * Float.leastNormalMagnitude { values = values.map { $0 * (1 / sum) } }
                add(low, values)
            }
        }
    }

    /// Which source pixels count for some pixel.
    func used(of length: Int) -> [Bool] {
        var used = [Bool](repeating: false, count: length)
        for position in first.indices { for pixel in first[position]..<(first[position] + count[position]) { used[pixel] = true } }
        return used
    }

    private mutating func add(_ start: Int, _ values: [Float]) {
        first.append(start)
        count.append(values.count)
        weights += values + [Float](repeating: 0, count: stride - values.count)
    }

    /// Keys's cubic, from a table of 1024 steps; pixels beyond the border don't count.
    private mutating func addCubic(_ center: Float, _ length: Int) {
        let floor = center.rounded(.down)
        let offset = Int(((center - floor) * 1024).rounded(.toNearestOrEven))
        let all = [Self.outer(offset), Self.inner(offset), Self.inner(1024 - offset), Self.outer(1024 - offset)]
        let start = Int(floor) - 1
        let inside = (start..<start + 4).filter { (0..<length).contains($0) }
        guard let low = inside.first else { return add(min(max(start, 0), length - 1), [0]) }
        var values = inside.map { all[$0 - start] }
        // Added in the order of all four, of which some are zero.
        let sum = values.reduce(0, +)
        if abs(sum) >= 1000 * Float.leastNormalMagnitude { values = values.map { $0 * (1 / sum) } }
        add(low, values)
    }

    private static func inner(_ step: Int) -> Float {
        let x = Double(Float(Double(step) / 1024))
        return Float(((-0.5 + 2) * x - (-0.5 + 3)) * x * x + 1)
    }

    private static func outer(_ step: Int) -> Float {
        let x = Double(Float(Double(step) / 1024) + 1)
        return Float(((-0.5 * x - 5 * -0.5) * x + 8 * -0.5) * x - 4 * -0.5)
    }

    /// How much of each pixel is between two borders, as a share of the whole.
    private mutating func addArea(_ start: Float, _ end: Float, _ scale: Float, _ length: Int) {
        let low = Int(start.rounded(.down)), high = Int(end.rounded(.up))
        var values: [Float] = []
        for pixel in low..<max(high, low + 1) {
            let left = Float(pixel)
            let share: Float
            if left < start {
                share = left + 1 > end ? scale : left + 1 - start
            } else {
                share = left + 1 > end ? end - left : 1
            }
            // Rounding may leave the picture: the last pixel counts then.
            if pixel < length { values.append(share * (1 / scale)) } else if !values.isEmpty { values[values.count - 1] += share * (1 / scale) }
        }
        add(min(low, length - 1), values.isEmpty ? [1] : values)
    }

    /// The kernels of `scale_and_translate`.
    private struct Kernel {
        let method: TensorFlowResizing
        let radius: Float

        init(_ method: TensorFlowResizing) {
            self.method = method
            radius =
                switch method {
                case .lanczos3: 3
                case .lanczos5: 5
                case .gaussian: 1.5
                default: 2
                }
        }

        func weight(_ x: Float) -> Float {
            let x = abs(x)
            switch method {
            case .gaussian:
                let sigma = radius / 3
                return x >= radius ? 0 : exp(-x * x / (2 * sigma * sigma))
            case .mitchellcubic:
                if x >= 2 { return 0 }
                if x >= 1 { return ((-7 / 18 * x + 2) * x - 10 / 3) * x + 16 / 9 }
                return (7 / 6 * x - 2) * x * x + 16 / 18
            default:
                if x > radius { return 0 }
                if x <= 1e-3 { return 1 }
                return radius * sin(Float.pi * x) * sin(Float.pi * x / radius) / (Float.pi * Float.pi * x * x)
            }
        }
    }
}
