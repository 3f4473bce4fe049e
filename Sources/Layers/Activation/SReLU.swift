package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// A function of three straight pieces whose ends and slopes are learnt. Keras 1 alone has it.
///
/// Formula: with r = t_left + |t_right|, y = t_left + a_left·(x − t_left) for x < t_left, x up to r, r + a_right·(x − r) above.
/// As Theano has it, y is at most r for x < t_left, too.
/// Shapes: (batch, …) → the same. The mask goes on.
/// Weights: t_left, a_left, t_right, a_right, of the shape of one sample, with 1 for the axes that share them.
/// Config, in Keras 1's words: `t_left_init`, `a_left_init`, `t_right_init`, `a_right_init`, `shared_axes` (never written by
/// Keras 1 itself); `LegacyName.leakRule`.
/// Source: keras/layers/advanced_activations.py, `relu` of the backends (1.2.2).
public struct SReLU: BuiltInLayer {
    public static let className = "SReLU"
    public var common: LayerCommon
    public var tLeftInitializer: Initializer
    public var aLeftInitializer: Initializer
    public var tRightInitializer: Initializer
    public var aRightInitializer: Initializer
    public var sharedAxes: [Int]?
    package var leakRule = LeakRule.tensorflow

    /// Whether the limit of the middle piece is one of the left piece, too.
    package enum LeakRule: String, Sendable, CaseIterable {
        case tensorflow, theano
    }

    public init(
        tLeftInitializer: Initializer = .zeros, aLeftInitializer: Initializer = .glorotUniform(),
        tRightInitializer: Initializer = .glorotUniform(), aRightInitializer: Initializer = .ones, sharedAxes: [Int]? = nil,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.tLeftInitializer = tLeftInitializer
        self.aLeftInitializer = aLeftInitializer
        self.tRightInitializer = tRightInitializer
        self.aRightInitializer = aRightInitializer
        self.sharedAxes = sharedAxes
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        tLeftInitializer = try config.initializer("t_left_init", default: .zeros)
        aLeftInitializer = try config.initializer("a_left_init", default: .glorotUniform())
        tRightInitializer = try config.initializer("t_right_init", default: .glorotUniform())
        aRightInitializer = try config.initializer("a_right_init", default: .ones)
        sharedAxes = try config.optionalAxes("shared_axes")
        leakRule = try config.word(LegacyName.leakRule, default: .tensorflow)
    }

    package func encode(into config: inout ConfigObject) {
        config["t_left_init"] = tLeftInitializer.config
        config["a_left_init"] = aLeftInitializer.config
        config["t_right_init"] = tRightInitializer.config
        config["a_right_init"] = aRightInitializer.config
        if let sharedAxes { config["shared_axes"] = .integers(sharedAxes) }
        if leakRule != .tensorflow { config[LegacyName.leakRule] = .string(leakRule.rawValue) }
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let shape = try inputs.single().sampleShape(sharing: sharedAxes ?? [])
        return [
            WeightSlot("t_left", shape, initializer: tLeftInitializer.config),
            WeightSlot("a_left", shape, initializer: aLeftInitializer.config),
            WeightSlot("t_right", shape, initializer: tRightInitializer.config),
            WeightSlot("a_right", shape, initializer: aRightInitializer.config),
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let left = context.weight("t_left")
        let width = try context.apply(Unary(.absolute), context.weight("t_right"))
        let right = try context.apply(AddN(), left, width)
        // As Keras has it: the middle piece is cut off above, what lies below is a second rectifier's.
        let fromLeft = try context.apply(Binary(.subtract), input.value, left)
        let rising = try context.apply(Activate(.rectifier), fromLeft)
        let below = try context.apply(Activate(.rectifier), try context.apply(Scale(by: -1), fromLeft))
        let leak = try context.apply(Binary(.multiply), below, context.weight("a_left"))
        let fromRight = try context.apply(Binary(.subtract), input.value, right)
        let above = try context.apply(
            Binary(.multiply), try context.apply(Activate(.rectifier), fromRight), context.weight("a_right"))
        let bent =
            switch leakRule {
            case .tensorflow: try context.apply(Binary(.subtract), try context.apply(Binary(.minimum), rising, width), leak)
            case .theano: try context.apply(Binary(.minimum), try context.apply(Binary(.subtract), rising, leak), width)
            }
        return [Signal(try context.apply(AddN(), left, bent, above), mask: input.mask)]
    }
}
