internal import Graphs
internal import KerasOps
package import KerasSpec
package import Tensors

/// A Lambda layer, or one of an unknown class, that computes a function which the user gave in place of code that isn't run.
/// Its configuration is kept as it was read.
package struct FunctionLayer: BuiltInLayer {
    package static let className = "Lambda"
    package var common: LayerCommon
    private let function: @Sendable ([Symbol]) throws(LocatedError) -> Symbol
    private let original: ConfigObject

    init(
        _ original: ConfigObject, common: LayerCommon, function: @escaping @Sendable ([Symbol]) throws(LocatedError) -> Symbol
    ) {
        self.common = common
        self.original = original
        self.function = function
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        throw LocatedError(.bug, "layer.custom", "expected a function for a Lambda layer, got none")
    }

    package func encode(into config: inout ConfigObject) { config = original }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let output = try function(inputs.map { Symbol($0.value, mask: $0.mask, in: context) })
        // Keras's Lambda has no mask unless it is told to make one.
        return [Signal(output.value)]
    }

    /// The name of the function that a Lambda layer calls; nil where it carries code instead.
    static func functionName(_ config: ConfigObject) -> String? {
        switch config["function"] {
        case .string(let name)? where config["function_type"] == nil || config["function_type"] == "function": name
        case .object(let object)? where object["class_name"] == "function":
            // Its registered name is the word "function".
            object["config"]?.string
        default: nil
        }
    }
}
