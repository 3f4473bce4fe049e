/// What training on another runtime's data showed, step by step.
public struct TrainingVerification: Sendable {
    /// The loss of one step.
    public struct Loss: Sendable {
        /// Counted from 1.
        public var step: Int
        public var expected: Double
        public var got: Double
        public var passed: Bool

        public var absoluteError: Double { expected == got || (expected.isNaN && got.isNaN) ? 0 : abs(expected - got) }
    }

    /// The weights after some steps.
    public struct Weights: Sendable {
        public var steps: Int
        public var arrays: [ArrayDistance]
        public var passed: Bool { arrays.allSatisfy(\.passed) }
    }

    public var batchSize: Int
    /// Steps made.
    public var steps: Int
    public var losses: [Loss] = []
    /// Of the first batch, by the weights as they are in the file.
    public var gradients: [ArrayDistance] = []
    public var weights: [Weights] = []
    /// Whether the model draws random numbers in training (dropout, noise), which no two runtimes draw alike.
    public var isRandom: Bool

    public var passed: Bool {
        losses.allSatisfy(\.passed) && gradients.allSatisfy(\.passed) && weights.allSatisfy(\.passed)
    }
}
