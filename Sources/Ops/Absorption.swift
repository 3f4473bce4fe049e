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
