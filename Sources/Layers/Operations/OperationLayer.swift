internal import Graphs
package import KerasSpec
internal import OrderedCollections
package import Tensors

/// A node of a functional model that is a function of `keras.ops`, not a layer: `ops.numpy.Add` in a spec.
///
/// Masks: a function's result has none, as in Keras; where the result is the argument itself (a cast to its own type) its mask
/// stays.
/// Config: `name`, the function's settings. Kept as it was read.
/// Source: keras/src/ops (3.15).
package struct OperationLayer: BuiltInLayer {
    package static let className = "Operation"
    package var common: LayerCommon
    /// Kept for writing.
    package let config: ConfigObject
    private let operation: Operation

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        throw LocatedError(.unsupported, "layer.unknown", "expected a layer class that is computed, got Operation")
    }

    /// - Parameter className: as a spec has it: `ops.numpy.Add`. Throws for one that isn't computed, and for a setting that the
    ///   function doesn't have.
    package init(className: String, config: ConfigObject) throws(LocatedError) {
        guard let operation = Operation.all[className] else {
            throw LocatedError(.unsupported, "layer.unknown", "expected a function of keras.ops that is computed, got \(className)")
        }
        self.operation = operation
        self.config = config
        var reader = ConfigReader(config)
        for key in operation.attributes + operation.arguments { reader.ignore(key) }
        common = LayerCommon(name: try reader.optionalString("name"))
        // What tf.keras and newer Keras 3 write for every layer.
        reader.ignore("trainable", "dtype")
        try reader.finish()
    }

    /// Whether a spec's class name is that of an operation.
    package static func isOperation(_ className: String) -> Bool { className.hasPrefix(Operation.prefix) }

    /// Whether it is one that is computed.
    package static func isComputed(_ className: String) -> Bool { Operation.all[className] != nil }

    /// The class names of all operations that are computed, sorted, with the keys they are told by.
    package static let supported: [(className: String, keys: [String])] =
        Operation.all.map { ($0.key, $0.value.arguments + $0.value.attributes) }.sorted { $0.0 < $1.0 }

    /// The class names of operations that files may hold and that aren't computed, sorted, and why.
    package static let refused: [(className: String, reason: String)] = Operation.reasons.map { ($0.key, $0.value) }.sorted { $0.0 < $1.0 }

    /// Whether the shape of the result depends on what the inputs hold.
    var measuresInput: Bool { operation.name == "Bincount" }

    /// Its class in Keras: `Add`.
    var function: String { operation.name }

    /// The type of numbers that a call is told.
    func type(_ arguments: CallArguments) -> DType? {
        let order = operation.arguments + operation.attributes
        var told = arguments.keywords["dtype"]
        if told == nil, let place = order.firstIndex(of: "dtype"), place < arguments.positional.count { told = arguments.positional[place] }
        if case .constant(let value)? = told { return value.string.flatMap(DType.init) }
        return config["dtype"]?.string.flatMap(DType.init)
    }

    package var callKeywords: Set<String>? {
        operation.takesAnyKeyword ? nil : Set(operation.arguments + operation.attributes)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let call = OperationCall(operation: operation, config: config, context: context, arguments: context.call)
        let limit = operation.arguments.count + operation.attributes.count
        guard operation.isVariadic || context.call.positional.count <= limit else {
            throw LocatedError(
                .unsupported, "call.argument",
                "expected at most \(limit) arguments of \(operation.name), got \(context.call.positional.count)")
        }
        let outputs: [Value]
        do { outputs = try operation.lower(call) } catch let error as LocatedError {
            guard error.code.hasSuffix(".dtype"), inputs.contains(where: { context.dtype($0.value) == .string }) else { throw error }
            throw LocatedError(.unsupported, "operation.text", "expected numbers for \(operation.name), got text")
        } catch {
            throw LocatedError(.bug, "operation.error", "\(operation.name): \(error)")
        }
        guard operation.keepsMask else { return outputs.map { Signal($0) } }
        return outputs.map { output in inputs.first { $0.value == output } ?? Signal(output) }
    }
}
