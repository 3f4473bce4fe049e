internal import Tensors

/// Rescales, centres and scales numbers in place, as Keras's `standardize` does.
struct PictureStandardizer<Number: PictureNumber> {
    /// nil: left as they are.
    var rescale: Number?
    var centersSamples: Bool
    var scalesSamples: Bool
    /// By channel.
    var mean: [Double]?
    /// By channel, with Keras's 1e-6 added.
    var std: [Double]?

    /// What Keras adds to deviations.
    static var epsilon: Double { 1e-6 }

    /// - Parameters:
    ///   - layout: of a picture, or of a batch as if it were one.
    ///   - memory: how NumPy holds the picture.
    func standardize(_ x: UnsafeMutableBufferPointer<Number>, _ layout: PictureLayout, _ memory: MemoryOrder) {
        if let rescale { for index in x.indices { x[index] *= rescale } }
        if centersSamples || scalesSamples { standardizeSample(x, layout, memory) }
        if let mean { combine(x, layout, mean, -) }
        if let std { combine(x, layout, std, /) }
    }

    private func standardizeSample(
        _ x: UnsafeMutableBufferPointer<Number>, _ layout: PictureLayout, _ memory: MemoryOrder
    ) {
        let count = Number(x.count)
        withUnsafeTemporaryAllocation(of: Number.self, capacity: x.count) { ordered in
            layout.copy(x, inOrderOf: memory, to: ordered)
            if centersSamples {
                let mean = NumPySums.sum(count: x.count) { ordered[$0] } / count
                for index in x.indices {
                    x[index] -= mean
                    ordered[index] -= mean
                }
            }
            if scalesSamples {
                let mean = NumPySums.sum(count: x.count) { ordered[$0] } / count
                let squares = NumPySums.sum(count: x.count) { place in
                    let difference = ordered[place] - mean
                    return difference * difference
                }
                let deviation = (squares / count).squareRoot() + Number(Self.epsilon)
                for index in x.indices { x[index] /= deviation }
            }
        }
    }

    /// In double precision and rounded once, which is what single precision gives, too.
    private func combine(
        _ x: UnsafeMutableBufferPointer<Number>, _ layout: PictureLayout, _ numbers: [Double], _ operation: (Double, Double) -> Double
    ) {
        let (channels, distance) = (numbers.count, layout.channel)
        var (channel, run) = (0, 0)
        for index in x.indices {
            x[index] = Number(operation(Double(x[index]), numbers[channel]))
            run += 1
            if run == distance {
                run = 0
                channel = channel + 1 == channels ? 0 : channel + 1
            }
        }
    }
}

extension PictureLayout {
    /// The elements in the order in which NumPy holds them.
    func copy<Number>(
        _ x: UnsafeMutableBufferPointer<Number>, inOrderOf memory: MemoryOrder, to ordered: UnsafeMutableBufferPointer<Number>
    ) {
        let loops =
            memory.channelsApart
            ? [(channels, channel), (height, row), (width, column)] : [(height, row), (width, column), (channels, channel)]
        var place = 0
        for first in 0..<loops[0].0 {
            for second in 0..<loops[1].0 {
                for third in 0..<loops[2].0 {
                    ordered[place] = x[first * loops[0].1 + second * loops[1].1 + third * loops[2].1]
                    place += 1
                }
            }
        }
    }
}
