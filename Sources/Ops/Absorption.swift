package import Graphs
package import Kernels

/// An op that applies an activation to each element of its only input, and does nothing else: what a matrix product or a
/// convolution can do on its way.
package protocol ElementwiseActivation: Op {
    var activation: Activation { get }
}

/// An op that, in inference, is y = scale[c]·x + shift[c] over the last axis of its first input, with scale and shift computed
/// from its other inputs: batch normalization with its moving statistics. A matrix product or a convolution before it takes
/// it into its weights.
package protocol ChannelAffine: Op {
    /// Whether it is that, when the inputs after the first are `others`. Called in inference only.
    func isChannelAffine(others: [ValueInfo]) -> Bool

    /// Writes `channels` scales and shifts. `others` points to the inputs after the first.
    func channelAffine(
        others: UnsafePointer<UnsafeMutableRawPointer>, channels: Int, scale: UnsafeMutablePointer<Float>,
        shift: UnsafeMutablePointer<Float>)
}

/// What follows a product of x and weights in the same op: bias, affine, the sum with another array, activation, in this order.
///
/// The op's inputs are x, weights, then the bias, then what `affine` reads, then the other array.
struct Epilogue: Sendable {
    var hasBias: Bool
    var activation: Activation
    var affine: (any ChannelAffine)?
    /// The input that is added, an array like the output.
    var addend: Int?

    var firstAffineInput: Int { hasBias ? 3 : 2 }
    /// How many inputs there may be.
    var inputCounts: ClosedRange<Int> {
        if let addend { return addend + 1...addend + 1 }
        return affine == nil ? firstAffineInput...firstAffineInput : firstAffineInput...Int.max - 1
    }

    /// This and `consumer` in one, or nil.
    func absorbing(_ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase) -> Epilogue? {
        guard position == 0, activation == .linear else { return nil }
        var both = self
        if let consumer = consumer as? any ElementwiseActivation {
            // Backward has the output only.
            guard phase == .inference || !consumer.activation.gradientReadsInput else { return nil }
            both.activation = consumer.activation
            return both
        }
        if let consumer = consumer as? any ChannelAffine {
            guard phase == .inference, affine == nil, addend == nil, othersAreConstant, consumer.isChannelAffine(others: others) else {
                return nil
            }
            both.affine = consumer
            return both
        }
        return nil
    }

    /// Writes what each output channel is multiplied by, and what is added then, bias included.
    func fold(
        _ frame: Frame, channels: Int, scale: UnsafeMutablePointer<Float>, shift: UnsafeMutablePointer<Float>
    ) {
        guard let affine else { return }
        affine.channelAffine(others: frame.inputs + firstAffineInput, channels: channels, scale: scale, shift: shift)
        guard hasBias else { return }
        let bias = frame.input(2)
        for channel in 0..<channels { shift[channel] += bias[channel] * scale[channel] }
    }

    /// Applies the activation to what was computed without it; plain rectification is done by the product.
    func activateInPlace(_ y: UnsafeMutablePointer<Float>, count: Int) {
        if activation != .linear && activation != .rectifier { activate(activation, y, y, count: count) }
    }
}
