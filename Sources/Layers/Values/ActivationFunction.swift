internal import Graphs
internal import Kernels
public import KerasOps
package import KerasSpec
internal import Ops
public import Tensors

/// An activation by Keras's name, as layers' `activation` takes it.
public struct ActivationFunction: Hashable, Sendable {
    /// As it stands in a configuration.
    public let name: String
    /// What a user's own function computes; nil for Keras's.
    let custom: CustomActivation?

    init(name: String, custom: CustomActivation? = nil) {
        self.name = name
        self.custom = custom
    }

    /// A function of one's own, written in terms of `ops`. Files call it by its name: register it for reading them.
    public static func custom(
        _ name: String, _ function: @escaping @Sendable (Symbol) throws(LocatedError) -> Symbol
    ) -> ActivationFunction {
        ActivationFunction(
            name: name,
            custom: CustomActivation(config: .string(name)) { (inputs) throws(LocatedError) in try function(inputs[0]) })
    }

    public static let linear = ActivationFunction(name: "linear")
    public static let elu = ActivationFunction(name: "elu")
    public static let exponential = ActivationFunction(name: "exponential")
    /// Clip(0.2·x + 0.5, 0, 1), as Keras 1 and 2 compute it.
    public static let hardSigmoid = ActivationFunction(name: LegacyName.hardSigmoid)
    public static let relu = ActivationFunction(name: "relu")
    public static let selu = ActivationFunction(name: "selu")
    public static let sigmoid = ActivationFunction(name: "sigmoid")
    public static let softmax = ActivationFunction(name: "softmax")
    public static let softplus = ActivationFunction(name: "softplus")
    public static let softsign = ActivationFunction(name: "softsign")
    public static let tanh = ActivationFunction(name: "tanh")

    /// The function that a name means, or nil.
    package init?(named name: String) {
        guard name == "softmax" || Self.elementwise[name] != nil else { return nil }
        self.init(name: name)
    }

    /// All names that are computed, sorted; those that only the spec uses, for older meanings, are left out.
    package static let names: [String] = (elementwise.keys.filter { !$0.contains(">") } + ["softmax"]).sorted()

    package var config: ConfigValue { custom?.config ?? .string(name) }

    /// The elementwise kernel; nil for softmax, which looks at a whole axis.
    var kernel: Kernels.Activation? { Self.elementwise[name] }

    private static let elementwise: [String: Kernels.Activation] = [
        "elu": .elu(),
        "exponential": .exponential,
        "hard_sigmoid": .hardSigmoid,
        LegacyName.hardSigmoid: .legacyHardSigmoid,
        "linear": .linear,
        "relu": .relu(),
        "selu": .selu,
        "sigmoid": .sigmoid,
        "softplus": .softplus,
        "softsign": .softsign,
        "tanh": .tanh,
    ]
}

extension ConfigReader {
    /// An activation: a name, or null for linear.
    package mutating func activation(
        _ key: String, default fallback: ActivationFunction = .linear
    ) throws(LocatedError) -> ActivationFunction {
        guard let value = value(key) else { return fallback }
        if value.isNull { return .linear }
        if let function = value.string.flatMap(ActivationFunction.init(named:)) { return function }
        // A user's own function, or an advanced activation, comes as an object.
        if let function = ActivationFunction(custom: value) { return function }
        guard value.string != nil || value.object != nil else { throw wrong(key, "an activation's name", value) }
        throw LocatedError(
            .unsupported, "activation.unknown", "expected an activation that is computed, got \(value.summary)",
            at: ["config/\(key)"])
    }
}

extension LoweringContext {
    /// Applies an activation; softmax over the last axis, as Keras's function does by default.
    func activate(_ value: Value, _ function: ActivationFunction) throws(LocatedError) -> Value {
        if let custom = function.custom {
            return try custom.function([Symbol(value, in: self)]).value
        }
        guard let kernel = function.kernel else { return try apply(Softmax(axis: -1), value) }
        return kernel == .linear ? value : try apply(Activate(kernel), value)
    }
}
