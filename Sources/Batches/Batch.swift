public import Tensors

/// Samples that are trained on, measured or predicted together.
public struct Batch: Sendable {
    /// One array for each input of the model, in its order; the first axis counts the samples.
    public var x: [Tensor]
    /// One array for each output, as the losses want them; empty where there are no targets.
    public var y: [Tensor]
    /// What samples count for, by output; nil: all the same.
    public var sampleWeight: [Tensor]?

    public init(x: [Tensor], y: [Tensor] = [], sampleWeight: [Tensor]? = nil) {
        self.x = x
        self.y = y
        self.sampleWeight = sampleWeight
    }

    /// For models with one input and one output.
    public init(_ x: Tensor, _ y: Tensor, sampleWeight: Tensor? = nil) {
        self.init(x: [x], y: [y], sampleWeight: sampleWeight.map { [$0] })
    }
}
