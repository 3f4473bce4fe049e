internal import Graphs
public import KerasOps
public import KerasSpec
public import Tensors

/// A layer of one's own, written in Swift: configuration in and out, weights, and what it computes in terms of `ops`.
///
/// Gradients come with the operations; saving and loading with the configuration. Register the type
/// (`CustomObjects.register`), or name it in `customObjects:` where a file is read.
///
/// ```swift
/// struct Scale: CustomLayer {
///     static let className = "Scale"
///     var common: LayerCommon
///     var factor: Double
///
///     init(factor: Double, name: String? = nil) {
///         common = LayerCommon(name: name)
///         self.factor = factor
///     }
///     init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
///         self.common = common
///         factor = try config.number("factor")
///     }
///     func encode(into config: inout ConfigObject) { config["factor"] = .float(factor) }
///     func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot] {
///         [WeightSlot("bias", shape: [try inputShapes.extent(-1)], initializer: .zeros)]
///     }
///     func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol] {
///         [try inputs[0] * factor + context.weight("bias")]
///     }
/// }
/// ```
public protocol CustomLayer: Layer {
    /// Keras's `from_config`: takes every key out of the configuration; one that nobody takes is refused.
    ///
    /// - Parameter common: name, trainable and dtype, already taken.
    init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError)

    /// Keras's `get_config`: adds this class's own keys after the common ones. What is written here comes back to `init(config:)`.
    func encode(into config: inout ConfigObject)

    /// Keras's `build`: the weights in the order in which the Python class adds them, for inputs of these shapes (with the
    /// batch). Those of parts that `call` calls by `context.call` aren't among them.
    func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot]

    /// Keras's `call`: the outputs, of operations on the inputs and on `context.weight(…)`.
    func call(_ inputs: [Symbol], _ context: CallContext) throws(LocatedError) -> [Symbol]

    /// Whether the mask of the first input goes on to the outputs.
    var supportsMasking: Bool { get }
}

extension CustomLayer {
    public func encode(into config: inout ConfigObject) {}
    public func build(_ inputShapes: [PartialShape]) throws(LocatedError) -> [WeightSlot] { [] }
    public var supportsMasking: Bool { false }
}

/// What a custom layer may do while it is called: take its weights, call its parts, know whether this is training.
public struct CallContext {
    let lowering: LoweringContext

    /// Whether the graph is one for training: dropout drops, statistics are taken.
    public var training: Bool { lowering.training }

    /// One of the weights that `build` declared, by its path.
    public func weight(_ path: String...) throws(LocatedError) -> Symbol {
        guard let value = lowering.declaredWeight(path) else {
            throw LocatedError(
                .usage, "layer.weight",
                "expected the name of a weight that build() declares, got \"\(path.joined(separator: "/"))\"", at: [lowering.label])
        }
        return Symbol(value, in: lowering)
    }

    /// What a weight that runs change is by now: after an earlier call of the layer in this graph, if there was one.
    public func state(_ name: String) throws(LocatedError) -> Symbol {
        _ = try weight(name)
        return Symbol(lowering.state(name), in: lowering)
    }

    /// Gives a weight (a moving statistic, a counter) a new value at the end of the run.
    public func update(_ name: String, with value: Symbol) throws(LocatedError) {
        let old = try weight(name)
        guard old.shape == value.shape, old.dtype == value.dtype else {
            throw LocatedError(
                .mismatch, "layer.update", "expected a new value of shape \(old.shape) for \(name), got \(value.shape)",
                at: [lowering.label])
        }
        lowering.update(name, with: value.value)
    }

    /// A layer within this one: a Python attribute that is a layer. Its weights stand under `name`, as the attribute is called.
    public func call(_ layer: any Layer, named name: String, on inputs: Symbol...) throws(LocatedError) -> [Symbol] {
        guard let layer = layer.computed else {
            throw LocatedError(
                .unsupported, "layer.custom", "expected a built-in layer or a CustomLayer, got \(type(of: layer).className)")
        }
        let signals = inputs.map { Signal($0.value, mask: $0.maskValue) }
        let outputs = try lowering.within(part: name, of: layer, inputs: signals) { () throws(LocatedError) in
            try layer.lower(signals, lowering)
        }
        return outputs.map { Symbol($0.value, mask: $0.mask, in: lowering) }
    }

    /// Sets a share of the elements to zero while training, and scales the others up; gives `x` otherwise.
    public func dropout(_ x: Symbol, rate: Double) throws(LocatedError) -> Symbol {
        guard training else { return x }
        return try ops.dropout(x, rate: rate, stream: lowering.randomStream())
    }
}

extension [PartialShape] {
    /// The extent of an axis of the first input (negative: from the end), which a weight's shape needs.
    public func extent(_ axis: Int) throws(LocatedError) -> Int {
        guard let shape = first else { throw LocatedError(.mismatch, "layer.inputCount", "expected an input, got none") }
        return try ValueInfo(shape).knownExtent(axis, "axis \(axis)")
    }
}

extension WeightSlot {
    /// Keras's `add_weight`.
    ///
    /// - Parameters:
    ///   - name: as the Python class names it.
    ///   - trainable: false for statistics, which training leaves to `context.update`.
    public init(
        _ name: String, shape: Shape, initializer: Initializer = .glorotUniform(), trainable: Bool = true,
        regularizer: Regularizer? = nil, constraint: Constraint? = nil
    ) {
        self.init(
            name, shape, trainable: trainable, initializer: initializer.config, regularizer: regularizer.config,
            constraint: constraint.config)
    }
}
