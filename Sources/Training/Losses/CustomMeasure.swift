internal import Graphs
internal import KerasOps
internal import KerasSpec
internal import Layers
internal import Ops
internal import Tensors

/// A user's loss or metric: a function of true and predicted values, written in terms of `ops`. Equal to itself and its copies
/// only.
package final class CustomMeasure: Hashable, Sendable {
    typealias Function = @Sendable (_ yTrue: Symbol, _ yPred: Symbol) throws(LocatedError) -> Symbol

    /// As a file names it: a name, or an object of a function or class; written again as it was read.
    let config: ConfigValue
    private let function: Function

    init(config: ConfigValue, function: @escaping Function) {
        self.config = config
        self.function = function
    }

    /// What a configuration's value means among the user's objects; nil when it means none of them.
    convenience init?(named value: ConfigValue) {
        for name in Self.names(of: value) {
            switch CustomObjects.current.object(named: name) {
            case .loss(let function)?, .metric(let function)?:
                self.init(config: value, function: function)
                return
            default: continue
            }
        }
        return nil
    }

    /// The names by which a value may be registered: its package's first.
    static func names(of value: ConfigValue) -> [String] {
        guard let object = value.object else { return [value.string].compactMap(\.self) }
        // The registered name of a function is the word "function".
        if object["class_name"] == "function" { return [object["config"]?.string].compactMap(\.self) }
        return [object["registered_name"]?.string, object["class_name"]?.string].compactMap(\.self)
    }

    /// Adds the function's nodes: one number a sample, and place.
    func apply(
        to prediction: Value, targets: Value, in builder: inout GraphBuilder, label: String
    ) throws(LocatedError) -> Value {
        let scope = LoweringContext(continuing: builder, label: label)
        let result = try locating(label) { () throws(LocatedError) in
            let value = try function(Symbol(targets, in: scope), Symbol(prediction, in: scope))
            // A function that gives one number for all samples is its own mean.
            return try value.shape.rank == 0 ? ops.reshape(value.floating(), [1]) : value.floating()
        }
        builder = scope.builder
        return result.value
    }

    package static func == (a: CustomMeasure, b: CustomMeasure) -> Bool { a === b }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }
}
