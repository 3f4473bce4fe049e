internal import Graphs
internal import KerasSpec
internal import Tensors

/// A function of `keras.ops` that can stand as a node of a functional model: its name, what it is told, and how it is lowered.
///
/// What a call is told may stand in the node's configuration (Keras keeps there what isn't a tensor) or among the call's
/// arguments: both are looked at, so `arguments` and `attributes` differ only in that the former may be told by position.
struct Operation: Sendable {
    /// Module and class: `numpy.Add`.
    let name: String
    /// Names of the call's arguments, in order; none where there may be any number of them.
    let arguments: [String]
    /// Whether a call may have any number of arguments, none of which has a name: Python's `*operands`.
    let isVariadic: Bool
    /// Whether a call may have keywords of any name: Python's `**lengths`.
    let takesAnyKeyword: Bool
    /// Keys of the configuration.
    let attributes: [String]
    /// Whether the result may be the argument itself, so that its mask stays.
    let keepsMask: Bool
    let lower: @Sendable (OperationCall) throws -> [Value]

    /// An operation with one result.
    init(
        _ name: String, _ arguments: String, _ attributes: String = "", keepsMask: Bool = false, takesAnyKeyword: Bool = false,
        _ lower: @escaping @Sendable (OperationCall) throws -> Value
    ) {
        self.init(several: name, arguments, attributes, keepsMask: keepsMask, takesAnyKeyword: takesAnyKeyword) { [try lower($0)] }
    }

    /// An operation with any number of results.
    ///
    /// - Parameter arguments: names with spaces between, or `*`.
    init(
        several name: String, _ arguments: String, _ attributes: String = "", keepsMask: Bool = false, takesAnyKeyword: Bool = false,
        _ lower: @escaping @Sendable (OperationCall) throws -> [Value]
    ) {
        self.name = name
        isVariadic = arguments == "*"
        self.arguments = isVariadic ? [] : arguments.split(separator: " ").map(String.init)
        self.attributes = attributes.split(separator: " ").map(String.init)
        self.keepsMask = keepsMask
        self.takesAnyKeyword = takesAnyKeyword
        self.lower = lower
    }

    /// A spec's class names of operations begin with this: `ops.numpy.Add`.
    static let prefix = "ops."

    /// Every operation that is computed, by the class name that a spec gives it.
    static let all: [String: Operation] = {
        let modules: [(String, [Operation])] = [
            ("core", core), ("numpy", numpyElementwise + numpyReductions + numpyArrangement + numpyCopies + numpyComposed + numpyOrder),
            ("nn", nn + nnComposed), ("math", math), ("linalg", linalg + linalgFactorizations), ("image", image + imageComposed),
            ("einops", einops),
        ]
        var all: [String: Operation] = [:]
        for (module, operations) in modules { for operation in operations { all["\(prefix)\(module).\(operation.name)"] = operation } }
        return all
    }()
}
