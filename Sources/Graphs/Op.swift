package import Tensors

/// A primitive: its shape rule, and how it is bound to concrete shapes.
///
/// An op is a small value that holds attributes (strides, an axis, an activation's kind), never arrays. One file of `Ops`
/// holds the op, its `BoundOp` with forward and backward, and its rules of absorption.
package protocol Op: Sendable {
    /// Lower-case and stable, for profiles: `convolution`, `max_pool`.
    var name: String { get }

    /// Shapes and types of the outputs. The only place of an op that may fail; unknown extents go through as unknown.
    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo]

    /// The op with geometry, tiles and memory decided for one place in a plan.
    func bound(to site: Site) -> any BoundOp

    /// Whether, along axis 0 of the outputs and of all inputs that aren't weights, each element is computed from its own inputs
    /// alone, and by the same rule for any number of them. Weights are never added to the whole batch.
    func isSampleWise(inputs: [ValueInfo]) -> Bool

    /// Whether the output is the sum of all inputs and nothing else.
    var isSum: Bool { get }

    /// The op that also adds one more input, number `input`, whose shape and type are those of its output; or nil. For inference.
    func adding(input: Int) -> (any Op)?

    /// Which cells of input 0 are read, where all others are skipped; nil when any may be. For inference.
    func skipping(inputs: [ValueInfo]) -> Skipping?

    /// How only every `strides`-th cell of the output is computed, from the first one on; nil when that can't be. For inference.
    func thinned(by strides: [Int], inputs: [ValueInfo]) -> Thinned?

    /// The op that reads all inputs of `producer`, a concatenation, in the place of its only output; nil when none does. For inference.
    ///
    /// - Parameters:
    ///   - place: which of this op's inputs that output is.
    ///   - parts: what the producer's inputs are.
    ///   - inputs: what this op's inputs are.
    ///   - othersAreConstant: of this op's inputs.
    func flattened(
        over producer: any Op, at place: Int, parts: [ValueInfo], inputs: [ValueInfo], othersAreConstant: Bool
    ) -> (any Op)?

    /// The op that does this op's work and `consumer`'s in one, or nil.
    ///
    /// Asked by the fusion pass when this op's only output is read by `consumer` alone, as input number `position`. The fused
    /// op takes this op's inputs followed by the consumer's other inputs in order (whose infos are `others`; constants only
    /// where `othersAreConstant`).
    func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)?
}

extension Op {
    package var isSum: Bool { false }
    package func adding(input: Int) -> (any Op)? { nil }
    package func isSampleWise(inputs: [ValueInfo]) -> Bool { false }
    package func skipping(inputs: [ValueInfo]) -> Skipping? { nil }
    package func flattened(
        over producer: any Op, at place: Int, parts: [ValueInfo], inputs: [ValueInfo], othersAreConstant: Bool
    ) -> (any Op)? { nil }
    package func thinned(by strides: [Int], inputs: [ValueInfo]) -> Thinned? { nil }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? { nil }
}

/// An op that reads every `strides`-th cell of its input 0 along the axes between the first and the last, and the op that does the same on
/// an array of those cells alone.
package struct Skipping: Sendable {
    package var strides: [Int]
    package var op: any Op

    package init(strides: [Int], op: any Op) {
        self.strides = strides
        self.op = op
    }
}

/// An op that gives some cells of another's output, and what must be done first to inputs that lie beside those cells.
package struct Thinned: Sendable {
    package var op: any Op
    package var before: [(input: Int, op: any Op)]

    package init(op: any Op, before: [(input: Int, op: any Op)]) {
        self.op = op
        self.before = before
    }
}

/// What a plan is for.
package enum Phase: Hashable, Sendable {
    /// Forward only: constants may be prepared, neighbours absorbed, memory reused at once.
    case inference
    /// Forward, then backward.
    case training
}

/// An array with all extents known.
package struct ConcreteInfo: Hashable, Sendable {
    package var shape: Shape
    package var dtype: DType
    package var byteCount: Int { shape.count * dtype.byteCount }

    package init(_ shape: Shape, _ dtype: DType = .float32) {
        self.shape = shape
        self.dtype = dtype
    }
}

/// The place of a node in a plan.
package struct Site: Sendable {
    package var phase: Phase
    package var inputs: [ConcreteInfo]
    package var outputs: [ConcreteInfo]
    /// Inputs that are the same in every run with the same weights: `prepare` may read them (inference only).
    package var constantInputs: [Bool]
    /// Inputs whose gradient somebody wants (training only).
    package var wantsGradient: [Bool]

    package init(
        phase: Phase, inputs: [ConcreteInfo], outputs: [ConcreteInfo], constantInputs: [Bool], wantsGradient: [Bool]
    ) {
        self.phase = phase
        self.inputs = inputs
        self.outputs = outputs
        self.constantInputs = constantInputs
        self.wantsGradient = wantsGradient
    }
}

/// An op bound to concrete shapes: says what memory it needs, and computes. Shared by all sessions of a plan, so it holds no
/// array and no state. Nothing here throws or allocates.
///
/// Work is cut into *stages*, run one after another, each of so many *tiles*, which may run in any order on any worker. The
/// cut depends on shapes alone, never on the number of threads, and tiles of one stage write disjoint memory: hence the same
/// bits for every thread count.
package protocol BoundOp: Sendable {
    var memory: WorkingMemory { get }

    /// Floating-point operations of forward (or elements moved): below a threshold the plan doesn't wake other threads.
    var cost: Double { get }

    /// How forward is computed, for profiles, where an op has a choice.
    var algorithm: String? { get }

    /// The number of tiles of each stage of forward.
    var forwardStages: [Int] { get }
    func forward(_ frame: Frame, stage: Int, tile: Int)

    /// The number of tiles of each stage of backward; empty when nothing can be differentiated.
    var backwardStages: [Int] { get }
    /// Adds to or overwrites (`frame.accumulates`) the gradients of the inputs that are wanted.
    func backward(_ frame: Frame, stage: Int, tile: Int)

    /// Turns constant inputs into `frame.prepared` (folded, packed), once for each version of the weights; inference only.
    func prepare(_ frame: Frame)

    /// Which inputs' and outputs' values backward reads.
    var retained: Retained { get }

    /// The input whose bytes output 0 simply is, under another shape (no stages then), or nil.
    var alias: Int? { get }

    /// The inputs in whose memory output 0 may be written, if nobody else reads them afterwards.
    var inPlaceInputs: [Int] { get }

    /// How rows of the output are computed apart, or nil: for one sample, one output, in inference.
    var rowWise: (any RowWise)? { get }
}

/// A bound op whose output's rows (places along axis 1) can be computed apart from a range of input 0's rows and the same rows of all other
/// inputs that aren't weights.
package protocol RowWise: Sendable {
    /// The rows of input 0 that are read for rows of the output; not empty where those aren't, and later for later ones.
    func rowsRead(for rows: Range<Int>) -> Range<Int>

    /// - Parameter frame: its addresses are those of row 0, whether that row is there or not.
    func forward(_ frame: Frame, rows: Range<Int>)
}

extension BoundOp {
    package var algorithm: String? { nil }
    package var memory: WorkingMemory { WorkingMemory() }
    package var backwardStages: [Int] { [] }
    package func backward(_ frame: Frame, stage: Int, tile: Int) {}
    package func prepare(_ frame: Frame) {}
    package var retained: Retained { Retained() }
    package var alias: Int? { nil }
    package var inPlaceInputs: [Int] { [] }
    package var rowWise: (any RowWise)? { nil }
}

/// Bytes that a bound op wants besides its inputs and outputs; each area is 64-byte aligned.
package struct WorkingMemory: Hashable, Sendable {
    /// What forward leaves for backward.
    package var saved = 0
    /// What `prepare` leaves for forward.
    package var prepared = 0
    /// Shared by all tiles of all stages of one forward.
    package var forwardScratch = 0
    /// Shared by all tiles of all stages of one backward.
    package var backwardScratch = 0
    /// Each worker's own, during one tile.
    package var workerScratch = 0

    package init(
        saved: Int = 0, prepared: Int = 0, forwardScratch: Int = 0, backwardScratch: Int = 0, workerScratch: Int = 0
    ) {
        self.saved = saved
        self.prepared = prepared
        self.forwardScratch = forwardScratch
        self.backwardScratch = backwardScratch
        self.workerScratch = workerScratch
    }
}

/// The values that backward reads, by index.
package struct Retained: Hashable, Sendable {
    package var inputs: [Int]
    package var outputs: [Int]

    package init(inputs: [Int] = [], outputs: [Int] = []) {
        self.inputs = inputs
        self.outputs = outputs
    }
}

/// The memory of one node during one run: pointers and nothing else. The third narrow waist.
package struct Frame: @unchecked Sendable {
    package var inputs: UnsafePointer<UnsafeMutableRawPointer>
    package var outputs: UnsafePointer<UnsafeMutableRawPointer>
    /// Where the gradient of input i goes; nil when nobody wants it.
    package var inputGradients: UnsafePointer<UnsafeMutableRawPointer?>
    /// The gradient of output i; nil means zero.
    package var outputGradients: UnsafePointer<UnsafeMutableRawPointer?>
    /// Whether the gradient of input i is added to what is there (true) or overwrites it.
    package var accumulates: UnsafePointer<Bool>
    package var saved: UnsafeMutableRawPointer
    package var prepared: UnsafeMutableRawPointer
    package var scratch: UnsafeMutableRawPointer
    package var workerScratch: UnsafeMutableRawPointer
    /// The key of counter-based random numbers: the run's seed and the training step.
    package var seed: UInt64
    package var step: UInt64

    package init(
        inputs: UnsafePointer<UnsafeMutableRawPointer>, outputs: UnsafePointer<UnsafeMutableRawPointer>,
        inputGradients: UnsafePointer<UnsafeMutableRawPointer?>,
        outputGradients: UnsafePointer<UnsafeMutableRawPointer?>, accumulates: UnsafePointer<Bool>,
        saved: UnsafeMutableRawPointer, prepared: UnsafeMutableRawPointer, scratch: UnsafeMutableRawPointer,
        workerScratch: UnsafeMutableRawPointer, seed: UInt64, step: UInt64
    ) {
        self.inputs = inputs
        self.outputs = outputs
        self.inputGradients = inputGradients
        self.outputGradients = outputGradients
        self.accumulates = accumulates
        self.saved = saved
        self.prepared = prepared
        self.scratch = scratch
        self.workerScratch = workerScratch
        self.seed = seed
        self.step = step
    }
}

extension Frame {
    /// Input `index` as float32.
    @inline(__always) package func input(_ index: Int) -> UnsafePointer<Float> {
        UnsafePointer(inputs[index].assumingMemoryBound(to: Float.self))
    }

    /// Input `index` as int32.
    @inline(__always) package func integers(_ index: Int) -> UnsafePointer<Int32> {
        UnsafePointer(inputs[index].assumingMemoryBound(to: Int32.self))
    }

    /// Input `index` as bytes of a mask: 0 or 1.
    @inline(__always) package func mask(_ index: Int) -> UnsafePointer<UInt8> {
        UnsafePointer(inputs[index].assumingMemoryBound(to: UInt8.self))
    }

    /// Output `index` as float32.
    @inline(__always) package func output(_ index: Int = 0) -> UnsafeMutablePointer<Float> {
        outputs[index].assumingMemoryBound(to: Float.self)
    }

    @inline(__always) package func outputGradient(_ index: Int = 0) -> UnsafePointer<Float>? {
        outputGradients[index].map { UnsafePointer($0.assumingMemoryBound(to: Float.self)) }
    }

    @inline(__always) package func inputGradient(_ index: Int) -> UnsafeMutablePointer<Float>? {
        inputGradients[index]?.assumingMemoryBound(to: Float.self)
    }
}
