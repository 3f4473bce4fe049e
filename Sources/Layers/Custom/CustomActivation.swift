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
        let object = value.object
        let names = [
            value.string, object?["registered_name"]?.string,
            object?["class_name"] == "function" ? object?["config"]?.string : object?["class_name"]?.string,
        ].compactMap(\.self)
        for name in names {
            guard case .function(let function)? = CustomObjects.current.object(named: name) else { continue }
            self.init(name: name, custom: CustomActivation(config: value, function: function))
            return
        }
        return nil
    }
}
