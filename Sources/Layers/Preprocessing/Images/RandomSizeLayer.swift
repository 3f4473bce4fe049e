internal import Graphs
import KerasSpec
import Tensors

/// tf.keras's layers that give images another size in every step of training. Training is refused, inference changes nothing.
protocol RandomSizeLayer: BuiltInLayer {
    /// Which extent is random, for errors.
    static var size: String { get }

    var factor: FactorRange { get set }
    var interpolation: String { get set }
    var seed: Int? { get set }

    init(_ factor: FactorRange, interpolation: String, seed: Int?, name: String?)
}

extension RandomSizeLayer {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.init(
            try FactorRange("factor", &config), interpolation: try config.string("interpolation", default: "bilinear"),
            seed: try config.optionalInteger("seed"), name: nil)
        self.common = common
    }

    package func encode(into config: inout ConfigObject) {
        config["factor"] = factor.config
        config["interpolation"] = .string(interpolation)
        config["seed"] = seed.map(ConfigValue.integer) ?? .null
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        guard !context.training else {
            throw LocatedError(
                .unsupported, "layer.randomSize",
                "expected images of a size that is known in training, got a random \(Self.size)", at: [context.label])
        }
        return [Signal(try context.floats(input.value))]
    }
}
