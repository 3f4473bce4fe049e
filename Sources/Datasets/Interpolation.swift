import Foundation

/// How pictures are resized, named as Keras names Pillow's filters.
///
/// All but `nearest` are Pillow's antialiased filters: when a picture shrinks, the filter grows with it.
public enum Interpolation: String, Sendable, CaseIterable {
    case nearest, bilinear, bicubic, lanczos, box, hamming

    /// How far the filter reaches, in pixels.
    var support: Double {
        switch self {
        case .nearest: 0
        case .box: 0.5
        case .bilinear, .hamming: 1
        case .bicubic: 2
        case .lanczos: 3
        }
    }

    /// The filter's weight at distance `x`. The numbers and the order of operations are Pillow's (libImaging/Resample.c).
    func weight(_ x: Double) -> Double {
        let distance = abs(x)
        switch self {
        case .nearest: return 0
        case .box: return x > -0.5 && x <= 0.5 ? 1 : 0
        case .bilinear: return distance < 1 ? 1 - distance : 0
        case .hamming:
            if distance == 0 { return 1 }
            if distance >= 1 { return 0 }
            let angle = distance * .pi
            // Pillow's constants are of single precision.
            return sin(angle) / angle * (Double(Float(0.54)) + Double(Float(0.46)) * cos(angle))
        case .bicubic:
            let a = -0.5
            if distance < 1 { return ((a + 2) * distance - (a + 3)) * distance * distance + 1 }
            if distance < 2 { return (((distance - 5) * distance + 8) * distance - 4) * a }
            return 0
        case .lanczos: return x >= -3 && x < 3 ? Interpolation.sinc(x) * Interpolation.sinc(x / 3) : 0
        }
    }

    private static func sinc(_ x: Double) -> Double {
        if x == 0 { return 1 }
        let angle = x * .pi
        return sin(angle) / angle
    }
}

/// For every pixel of a resized line: which source pixels count, and how much. Weights sum to 1.
struct ResamplingWeights {
    /// First source pixel of each.
    private(set) var first: [Int] = []
    /// Number of source pixels of each.
    private(set) var count: [Int] = []
    /// `stride` weights for each, of which `count` are used.
    private(set) var weights: [Double] = []
    let stride: Int

    init(from length: Int, to newLength: Int, _ filter: Interpolation) {
        let scale = Double(length) / Double(newLength)
        let filterScale = max(scale, 1)
        let support = filter.support * filterScale
        stride = Int(support.rounded(.up)) * 2 + 1
        weights = [Double](repeating: 0, count: newLength * stride)
        for position in 0..<newLength {
            let center = (Double(position) + 0.5) * scale
            let low = max(0, Int(center - support + 0.5))
            let high = min(length, Int(center + support + 0.5))
            var sum = 0.0
            for index in 0..<high - low {
                let weight = filter.weight((Double(index + low) - center + 0.5) * (1 / filterScale))
                weights[position * stride + index] = weight
                sum += weight
            }
            if sum != 0 { for index in 0..<high - low { weights[position * stride + index] /= sum } }
            first.append(low)
            count.append(high - low)
        }
    }

    /// Bits after the binary point in `fixed`: 32 less 8 for the pixel and 2 for sign and overshoot.
    static let precision: Int32 = 32 - 8 - 2

    /// The weights in fixed-point numbers, rounded half away from zero.
    var fixed: [Int32] {
        weights.map { Int32($0 * Double(1 << ResamplingWeights.precision) + ($0 < 0 ? -0.5 : 0.5)) }
    }
}
