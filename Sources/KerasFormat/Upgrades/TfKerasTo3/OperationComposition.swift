import KerasSpec
import OrderedCollections

/// Functions of TensorFlow that no single operation of Keras 3 computes, as several; and those whose arguments are told apart in
/// a way that a table can't say.
///
/// Source: `tensorflow/python/ops` of 2.21, run beside Keras 3.15.1.
struct OperationComposition {
    /// One operation; an argument of the layer "" is the result of an earlier step, which `node` counts.
    struct Step {
        var className: String
        var arguments: [Nest]
        var config: ConfigObject
    }

    private(set) var steps: [Step] = []

    /// Which results the function gives, in its order, each as the tensor of a step; empty where they are those of the last step.
    var outputs: [TensorReference] = []

    /// nil where nothing computes the same.
    ///
    /// - Parameters:
    ///   - input: the first argument.
    ///   - keywords: all others, by name.
    init?(_ function: String, _ input: Nest, _ keywords: OrderedDictionary<String, Nest>) {
        var arguments = Arguments(keywords)
        guard let write = Self.functions[function], write(&self, input, &arguments) != nil, arguments.isDone, !steps.isEmpty else { return nil }
    }

    private init() {}

    /// What a function is told, until it was looked at.
    struct Arguments {
        private var keywords: OrderedDictionary<String, Nest>

        init(_ keywords: OrderedDictionary<String, Nest>) {
            self.keywords = keywords
            self.keywords.removeValue(forKey: "name")
        }

        /// A tensor or a constant; nil for nothing.
        mutating func take(_ key: String) -> Nest? {
            guard let nest = keywords.removeValue(forKey: key), nest != .constant(.null) else { return nil }
            return nest
        }

        /// A constant; the fallback for nothing; nil for a tensor.
        mutating func value(_ key: String, _ fallback: ConfigValue = .null) -> ConfigValue? {
            switch take(key) {
            case nil: fallback
            case .constant(let value)?: value
            default: nil
            }
        }

        /// Leaves out what changes nothing that is computed.
        mutating func pass(_ keys: String...) { for key in keys { keywords.removeValue(forKey: key) } }

        /// Whether nothing is left that says something.
        var isDone: Bool { keywords.values.allSatisfy { $0 == .constant(.null) || $0 == .constant(false) } }
    }

    typealias Write = @Sendable (inout OperationComposition, Nest, inout Arguments) -> Nest?

    // MARK: - Words

    mutating func add(_ className: String, _ arguments: [Nest], _ config: ConfigObject = [:]) -> Nest {
        steps.append(Step(className: OperationName.prefix + className, arguments: arguments, config: config))
        return .tensor(TensorReference(layer: "", node: steps.count - 1))
    }

    mutating func reduce(_ name: String, _ x: Nest, _ axis: ConfigValue, _ keepdims: ConfigValue) -> Nest {
        var config: ConfigObject = ["axis": axis, "keepdims": keepdims]
        if name == "Max" || name == "Min" { config["initial"] = .null }
        return add("numpy." + name, [x], config)
    }

    mutating func euclidean(_ x: Nest, _ axis: ConfigValue, _ keepdims: ConfigValue) -> Nest {
        let square = add("numpy.Square", [x])
        let sum = reduce("Sum", square, axis, keepdims)
        return add("numpy.Sqrt", [sum])
    }

    mutating func transposed(_ x: Nest) -> Nest { add("numpy.Swapaxes", [x], ["axis1": -2, "axis2": -1]) }

    /// One of several results of a step.
    func output(_ number: Int, of step: Nest) -> Nest {
        guard case .tensor(var reference) = step else { return step }
        reference.tensor = number
        return .tensor(reference)
    }

    mutating func flipped(_ x: Nest, _ axis: ConfigValue) -> Nest { add("numpy.Flip", [x], ["axis": axis]) }

    mutating func indexed(_ x: Nest, _ items: [ConfigValue]) -> Nest { add("numpy.GetItem", [x, .constant(.array(items))]) }

    static func slice(_ start: ConfigValue, _ stop: ConfigValue, _ step: ConfigValue = .null) -> ConfigValue {
        ["class_name": "__slice__", "config": ["start": start, "stop": stop, "step": step]]
    }

    static func integers(_ value: ConfigValue?) -> [Int]? {
        guard let items = value?.array else { return nil }
        let numbers = items.compactMap(\.integer)
        return numbers.count == items.count && numbers.count <= 32 && numbers.allSatisfy { abs($0) < 1 << 40 } ? numbers : nil
    }

    // MARK: - The functions

    private static let functions: [String: Write] = {
        var functions: [String: Write] = [:]
        for table in [mathFunctions, linalgFunctions, imageFunctions, networkFunctions, signalFunctions] {
            functions.merge(table) { _, _ in preconditionFailure("a function stands in two tables") }
        }
        for (alias, name) in [
            ("compat.v1.norm", "norm"), ("compat.v1.nn.crelu", "nn.crelu"), ("compat.v1.nn.sigmoid_cross_entropy_with_logits", "nn.sigmoid_cross_entropy_with_logits"),
            ("compat.v1.nn.softmax_cross_entropy_with_logits_v2", "nn.softmax_cross_entropy_with_logits"),
            ("compat.v1.nn.sparse_softmax_cross_entropy_with_logits", "nn.sparse_softmax_cross_entropy_with_logits"),
            ("math.accumulate_n", "math.add_n"), ("compat.v1.nn.bias_add", "nn.bias_add"), ("image.flip_horizontal", "image.flip_left_right"),
        ] { functions[alias] = functions[name] }
        return functions
    }()

    static func isChannelsLast(_ value: ConfigValue?) -> Bool {
        guard let value else { return false }
        return value.isNull || value.string.map { $0.hasPrefix("N") && $0.hasSuffix("C") && $0 != "NC" } ?? false
    }

    /// `[1, 2, 2, 1]` is 2 by 2 between samples and channels.
    static func inner(_ value: ConfigValue?) -> ConfigValue? {
        guard let value else { return nil }
        if value.integer != nil { return value }
        guard let numbers = integers(value) else { return nil }
        if numbers.count >= 3, numbers.first == 1, numbers.last == 1 { return .array(numbers.dropFirst().dropLast().map { .integer($0) }) }
        return numbers.count <= 3 ? value : nil
    }
}
