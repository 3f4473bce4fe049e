internal import Graphs
internal import Kernels
public import KerasOps
package import KerasSpec
internal import Ops
public import Tensors

/// An activation as layers' `activation` takes it: one of Keras's functions by name, or an activation layer with its settings.
public struct ActivationFunction: Hashable, Sendable {
    /// Keras's name of the function; the class of a layer.
    public let name: String
    /// As it stands in a configuration: the name, or the layer in Keras 3's serialized form.
    package let config: ConfigValue
    let form: Form

    /// What is computed.
    enum Form: Hashable, Sendable {
        case elementwise(Kernels.Activation)
        /// Over these axes together; negative ones count from the end.
        case softmax(axes: [Int])
        case logSoftmax
        case sparsemax
        /// The first half of the last axis times the sigmoid of the second.
        case gatedLinear
        /// A user's own.
        case custom(CustomActivation)
    }

    private init(name: String, config: ConfigValue, form: Form) {
        self.name = name
        self.config = config
        self.form = form
    }

    /// A user's own function.
    init(name: String, custom: CustomActivation) {
        self.init(name: name, config: custom.config, form: .custom(custom))
    }

    /// A function of one's own, written in terms of `ops`. Files call it by its name: register it for reading them.
    public static func custom(
        _ name: String, _ function: @escaping @Sendable (Symbol) throws(LocatedError) -> Symbol
    ) -> ActivationFunction {
        ActivationFunction(
            name: name,
            custom: CustomActivation(config: .string(name)) { (inputs) throws(LocatedError) in try function(inputs[0]) })
    }

    /// One of Keras's functions.
    private init(_ name: String, _ form: Form) { self.init(name: name, config: .string(name), form: form) }

    /// A layer's function, which isn't written by itself.
    init(layer: String, _ form: Form) { self.init(name: layer, config: .null, form: form) }

    public static let celu = known("celu")
    public static let elu = known("elu")
    public static let exponential = known("exponential")
    /// x·Φ(x), with Φ the normal distribution function.
    public static let gelu = known("gelu")
    /// The first half of the last axis times the sigmoid of the second: that axis comes out half as long.
    public static let glu = known("glu")
    public static let hardShrink = known("hard_shrink")
    /// Clip(0.2·x + 0.5, 0, 1), as Keras 1 and 2 compute it.
    public static let hardSigmoid = known(LegacyName.hardSigmoid)
    public static let hardSilu = known("hard_silu")
    public static let hardTanh = known("hard_tanh")
    /// x above 0, 0.2·x below.
    public static let leakyReLU = known("leaky_relu")
    public static let linear = known("linear")
    public static let logSigmoid = known("log_sigmoid")
    public static let logSoftmax = known("log_softmax")
    public static let mish = known("mish")
    public static let relu = known("relu")
    public static let relu6 = known("relu6")
    public static let selu = known("selu")
    public static let sigmoid = known("sigmoid")
    /// x·sigmoid(x), also called swish.
    public static let silu = known("silu")
    public static let softShrink = known("soft_shrink")
    public static let softmax = known("softmax")
    public static let softplus = known("softplus")
    public static let softsign = known("softsign")
    public static let sparsePlus = known("sparse_plus")
    public static let sparseSigmoid = known("sparse_sigmoid")
    public static let sparsemax = known("sparsemax")
    public static let squareplus = known("squareplus")
    public static let tanh = known("tanh")
    public static let tanhShrink = known("tanh_shrink")

    /// An activation layer with its settings, such as `.layer(LeakyReLU(0.1))`; nil for a layer that has weights or is no
    /// activation.
    public static func layer(_ layer: any Layer) -> ActivationFunction? {
        guard let layer = layer as? any ActivationLayer else { return nil }
        return ActivationFunction(
            name: type(of: layer).className,
            config: Serialized.value("keras.layers", type(of: layer).className, layer.config), form: layer.function.form)
    }

    /// The function that a name means, or nil.
    package init?(named name: String) {
        guard let form = Self.functions[name] else { return nil }
        self.init(name, form)
    }

    private static func known(_ name: String) -> ActivationFunction { ActivationFunction(name, functions[name]!) }

    /// All names that are computed, sorted; those that only the spec uses, for older meanings, are left out.
    package static let names: [String] = functions.keys.filter { !$0.contains(">") }.sorted()

    /// What a user's own function computes; nil for Keras's.
    var own: CustomActivation? { if case .custom(let custom) = form { custom } else { nil } }

    /// The elementwise kernel; nil for those that look at a whole axis.
    var kernel: Kernels.Activation? { if case .elementwise(let kernel) = form { kernel } else { nil } }

    /// keras/src/activations/activations.py (3.15). `threshold` isn't among them: its settings have no default, so that no file
    /// names it.
    private static let functions: [String: Form] = {
        let elementwise: [String: Kernels.Activation] = [
            "celu": .celu(), "elu": .elu(), "exponential": .exponential, "gelu": .gelu(), "hard_shrink": .hardShrink(),
            "hard_sigmoid": .hardSigmoid, LegacyName.hardSigmoid: .legacyHardSigmoid, "hard_silu": .hardSilu,
            "hard_swish": .hardSilu, "hard_tanh": .hardTanh, "leaky_relu": .relu(negativeSlope: 0.2), "linear": .linear,
            "log_sigmoid": .logSigmoid, "mish": .mish, "relu": .relu(), "relu6": .relu(maxValue: 6), "selu": .selu,
            "sigmoid": .sigmoid, "silu": .silu, "soft_shrink": .softShrink(), "softplus": .softplus, "softsign": .softsign,
            "sparse_plus": .sparsePlus, "sparse_sigmoid": .sparseSigmoid, "squareplus": .squareplus(), "swish": .silu,
            "tanh": .tanh, "tanh_shrink": .tanhShrink,
        ]
        var functions = elementwise.mapValues(Form.elementwise)
        functions["softmax"] = .softmax(axes: [-1])
        functions["log_softmax"] = .logSoftmax
        functions["sparsemax"] = .sparsemax
        functions["glu"] = .gatedLinear
        return functions
    }()

    /// What an object in a configuration means: an activation layer, or one of Keras's functions written as an object.
    package init?(serialized value: ConfigValue) throws(LocatedError) {
        guard let object = value.object else { return nil }
        if object["class_name"] == "function", let name = object["config"]?.string, object["registered_name"]?.string ?? name == name,
            object["module"]?.string.map({ $0 == "builtins" || $0.hasPrefix("keras.") }) ?? true,
            let function = ActivationFunction(named: name)
        {
            self.init(name: name, config: value, form: function.form)
            return
        }
        guard let serialized = Serialized(value), LayerRegistry.builtIn.isActivation(serialized.className) else { return nil }
        let spec = LayerSpec(className: serialized.className, name: "", config: serialized.config)
        guard let layer = try LayerRegistry.builtIn.decode(spec) as? any ActivationLayer else { return nil }
        self.init(name: serialized.className, config: value, form: layer.function.form)
    }
}

/// A layer that is an activation function and nothing more.
package protocol ActivationLayer: BuiltInLayer {
    var function: ActivationFunction { get }
}

extension ActivationLayer {
    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        return [Signal(try context.activate(input.value, function), mask: input.mask)]
    }
}

extension ConfigReader {
    /// An activation: a name, an activation layer, or null for linear.
    package mutating func activation(
        _ key: String, default fallback: ActivationFunction = .linear
    ) throws(LocatedError) -> ActivationFunction {
        guard let value = value(key) else { return fallback }
        if value.isNull { return .linear }
        if let function = value.string.flatMap(ActivationFunction.init(named:)) { return function }
        if let function = try locating("config/\(key)", { () throws(LocatedError) in try ActivationFunction(serialized: value) }) {
            return function
        }
        // A user's own function comes as a name or as an object.
        if let function = ActivationFunction(custom: value) { return function }
        guard value.string != nil || value.object != nil else { throw wrong(key, "an activation's name", value) }
        throw LocatedError(
            .unsupported, "activation.unknown", "expected an activation that is computed, got \(value.summary)",
            at: ["config/\(key)"])
    }
}

extension LoweringContext {
    /// Applies an activation; softmax and its like over the last axis, as Keras's functions do by default.
    func activate(_ value: Value, _ function: ActivationFunction) throws(LocatedError) -> Value {
        switch function.form {
        case .elementwise(.linear): return value
        case .elementwise(let kernel): return try apply(Activate(kernel), value)
        case .softmax(let axes): return try softmax(value, axes: axes)
        case .logSoftmax: return try apply(RowMap(.logSoftmax), value)
        case .sparsemax: return try apply(RowMap(.sparsemax), value)
        case .gatedLinear: return try apply(RowMap(.gatedLinear), value)
        case .custom(let custom): return try custom.function([Symbol(value, in: self)]).value
        }
    }

    /// Softmax over several axes together.
    func softmax(_ value: Value, axes: [Int]) throws(LocatedError) -> Value {
        if axes.count == 1 { return try apply(Ops.Softmax(axis: axes[0]), value) }
        return try lastAxes(axes, of: value) { (value) throws(LocatedError) in try apply(Ops.Softmax(), value) }
    }

    /// Runs `body` on a value whose `axes` were made one, the last, and gives the result in the value's own arrangement. Axes
    /// are ordered as they stand in the array.
    func lastAxes(
        _ axes: [Int], of value: Value, _ body: (Value) throws(LocatedError) -> Value
    ) throws(LocatedError) -> Value {
        let original = shape(value)
        let rank = original.rank
        let inner = try settled(axes, rank: rank)
        if inner == [rank - 1] { return try body(value) }
        let outer = (0..<rank).filter { !inner.contains($0) }
        let order = outer + inner
        let moved = order == Array(0..<rank) ? value : try apply(Transpose(order), value)
        let arranged = shape(moved)
        var merged: Value = moved
        if inner.count != 1 {
            let extents = inner.map { original[$0] }
            let product = extents.contains(nil) ? nil : extents.reduce(1) { $0 * $1! }
            merged = try apply(Ops.Reshape(to: PartialShape(outer.map { original[$0] } + [product])), moved)
        }
        var result = try body(merged)
        if inner.count != 1 { result = try apply(Ops.Reshape(to: arranged), result) }
        if order == Array(0..<rank) { return result }
        var back = [Int](repeating: 0, count: rank)
        for (place, axis) in order.enumerated() { back[axis] = place }
        return try apply(Transpose(back), result)
    }

    /// Axes counted from the front, in the array's order, each once.
    func settled(_ axes: [Int], rank: Int) throws(LocatedError) -> [Int] {
        var settled: Set<Int> = []
        for axis in axes {
            let place = axis < 0 ? axis + rank : axis
            guard (0..<rank).contains(place) else {
                throw LocatedError(
                    .mismatch, "layer.axis", "expected axes of an input of \(rank) axes, got \(axis)", at: [label, "config/axis"])
            }
            settled.insert(place)
        }
        guard !settled.isEmpty else {
            throw LocatedError(.invalid, "layer.axis", "expected at least one axis, got none", at: [label, "config/axis"])
        }
        return settled.sorted()
    }
}
