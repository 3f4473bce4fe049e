#if canImport(Glibc)
internal import Glibc
#elseif canImport(Musl)
internal import Musl
#else
internal import Darwin
#endif
internal import Graphs
internal import Ops
internal import Tensors

/// Windows that sounds are seen through, as SciPy names and computes them.
enum STFTWindow {
    /// The values of a window; nil for a name that isn't known.
    ///
    /// - Parameter periodic: the window's period is its length, instead of one less.
    static func values(_ name: String, length: Int, periodic: Bool) -> [Double]? {
        let span = Double(periodic ? length : length - 1)
        func cosines(_ factors: [Double]) -> [Double] {
            (0..<length).map { place in
                factors.enumerated().reduce(0.0) { sum, term in
                    let wave = cos(2 * .pi * Double(term.offset * place) / span)
                    return sum + (term.offset % 2 == 0 ? term.element : -term.element) * wave
                }
            }
        }
        guard length > 1 else { return names.contains(name) ? [1] : nil }
        switch name {
        case "hann", "hanning", "han": return cosines([0.5, 0.5])
        case "hamming", "hamm", "ham": return cosines([0.54, 0.46])
        case "blackman", "black", "blk": return cosines([0.42, 0.5, 0.08])
        case "nuttall", "nutl", "nut": return cosines([0.3635819, 0.4891775, 0.1365995, 0.0106411])
        case "blackmanharris", "blackharr", "bkh": return cosines([0.35875, 0.48829, 0.14128, 0.01168])
        case "boxcar", "box", "ones", "rect", "rectangular": return [Double](repeating: 1, count: length)
        case "cosine", "halfcosine":
            let whole = Double(periodic ? length + 1 : length)
            return (0..<length).map { sin(.pi * (Double($0) + 0.5) / whole) }
        case "bartlett", "bart", "brt": return (0..<length).map { 1 - abs(2 * Double($0) / span - 1) }
        default: return nil
        }
    }

    private static let names: Set<String> = [
        "hann", "hanning", "han", "hamming", "hamm", "ham", "blackman", "black", "blk", "nuttall", "nutl", "nut", "blackmanharris",
        "blackharr", "bkh", "boxcar", "box", "ones", "rect", "rectangular", "cosine", "halfcosine", "bartlett", "bart", "brt",
    ]

    static func logarithm(_ x: Double) -> Double { log(x) }

    /// Cosines or sines of a Fourier transform through a window, as the kernel of a convolution: (frames, 1, frequencies).
    static func kernel(frames: Int, frequencies: Int, real: Bool, window: [Double]?, scaling: String?) -> [Float] {
        var scale = 1.0
        if let window, scaling == "density" { scale = window.reduce(0) { $0 + $1 * $1 }.squareRoot() }
        if let window, scaling == "spectrum" { scale = window.reduce(0) { $0 + abs($1) } }
        let length = max((frequencies - 1) * 2, 1)
        var kernel: [Float] = []
        kernel.reserveCapacity(frames * frequencies)
        for time in 0..<frames {
            for frequency in 0..<frequencies {
                // The turn without its whole rounds, for precision.
                let turn = -2 * Double.pi * Double(time * frequency % length) / Double(length)
                let wave = real ? cos(turn) : sin(turn)
                kernel.append(Float(window.map { wave * $0[time] / scale } ?? wave))
            }
        }
        return kernel
    }
}

extension LoweringContext {
    /// The Fourier transforms of frames of the last axis: real and imaginary parts (…, frames, transform / 2 + 1).
    ///
    /// - Parameters:
    ///   - window: as long as a frame; empty: none.
    ///   - centers: the samples are mirrored around, so that each frame stands about its place.
    func shortTimeFourier(
        _ x: Value, length: Int, step: Int, transform: Int, window: [Double], centers: Bool
    ) throws(LocatedError) -> [Value] {
        var x = x
        let last = rank(x) - 1
        if centers {
            guard let count = shape(x)[last], count > transform / 2 else {
                throw LocatedError(
                    .mismatch, "layer.inputShape", "expected more than \(transform / 2) samples, got the shape \(shape(x))", at: [label])
            }
            x = try apply(
                Rearrange(.pad(.reflect, before: transform / 2, after: transform / 2), axis: last, rank: rank(x)), x)
        }
        var framed = try frames(x, length: transform, step: step)
        let before = (transform - length) / 2
        if !window.isEmpty {
            let weights = [Float](repeating: 0, count: before) + window.map { Float($0) }
            framed = try multiply(
                framed, constant(Tensor(weights + [Float](repeating: 0, count: transform - weights.count))))
        }
        return try realFourier(framed)
    }
}
