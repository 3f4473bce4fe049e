internal import KerasOps
internal import KerasSpec
internal import Tensors

/// A user's activation; equal to itself and its copies only.
final class CustomActivation: Hashable, Sendable {
    let function: @Sendable ([Symbol]) throws(LocatedError) -> Symbol
    /// As a file names it: a name, or Keras 3's object of a function.
    let config: ConfigValue

    init(config: ConfigValue, function: @escaping @Sendable ([Symbol]) throws(LocatedError) -> Symbol) {
        self.config = config
        self.function = function
    }

    static func == (a: CustomActivation, b: CustomActivation) -> Bool { a === b }
    func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}

extension ActivationFunction {
    /// The function that a configuration's value means among the user's; nil when it means none.
    init?(custom value: ConfigValue) {
        var names: [String?] = [value.string]
        if let object = value.object {
            // The registered name of a function is the word "function".
            names = object["class_name"] == "function" ? [object["config"]?.string] : [
                object["registered_name"]?.string, object["class_name"]?.string,
            ]
        }
        for name in names {
            guard let name, case .function(let function)? = CustomObjects.current.object(named: name) else { continue }
            self.init(name: name, custom: CustomActivation(config: value, function: function))
            return
        }
        return nil
    }
}

extension CustomObjects {
    /// Takes up what a layer that a model is built of computes by a user's functions, so that it can be decoded again.
    package mutating func collectActivations(of layer: any BuiltInLayer) {
        // Layers name their activations differently; a property is an activation by its type.
        for property in Mirror(reflecting: layer).children {
            guard let function = property.value as? ActivationFunction, let custom = function.own else { continue }
            self[function.name] = .function(custom.function)
        }
    }
}
