import KerasSpec

/// How Keras 1.2.2 and Keras 2.3 write the configuration of one class. Read forwards it upgrades, backwards it downgrades.
///
/// Sources: `get_config` and `__init__` of the class in `keras/layers` of 1.2.2; `keras/legacy/interfaces.py` of 2.3.1.
struct Keras1Rule: Sendable {
    /// In Keras 1.
    let className: String
    /// In Keras 2.3.
    let keras2: String
    /// The class's own keys, in the order of 1.2.2's `get_config()`.
    let keys: [Key]
    /// Keys of Keras 2.3 that Keras 1 has no word for, and what Keras 1 means without one.
    let fixed: ConfigObject
    /// Keys of Keras 2.3 that say where random numbers come from or what a cell was made for: never refused.
    let free: Set<String>
    /// How `input_dim` and `input_length` make a shape.
    let input: Input

    /// The shape that a layer tells beside `batch_input_shape`.
    enum Input: Sendable {
        case none
        /// `input_dim`: (batch, input_dim).
        case vector
        /// `input_length` and `input_dim`: (batch, input_length, input_dim).
        case sequence
        /// `input_length`: (batch, input_length).
        case indices
    }

    /// One key of Keras 1.
    struct Key: Sendable {
        let name: String
        /// Keras 2.3's key.
        let keras2: String
        let kind: Kind
        /// What leaving it out means, in Keras 1's words; nil where Keras 1 demands it.
        let fallback: ConfigValue?
        /// Keras 1 takes it, but doesn't write it.
        let isUnwritten: Bool
    }

    /// How a value changes.
    enum Kind: Sendable {
        case plain
        case activation
        /// A function's name; an object in Keras 2.3.
        case initializer
        case regularizer
        /// `axes` says how a kernel's axes were numbered.
        case constraint(Keras1Values.Axes)
        /// `dim_ordering`.
        case ordering
        /// A number, which Keras 2.3 writes as a list of one.
        case single
        /// The first of several keys of numbers that Keras 2.3 writes as one list; the others follow it.
        case list([String])
        /// `forget_bias_init`: whether forget gates begin with ones.
        case forgetBias
        /// `consume_less`.
        case consumption
        case padding
        /// Numbers that need not be there for what is computed: kept beside the configuration.
        case kept
    }

    init(
        _ className: String, _ keras2: String, _ keys: [Key] = [], fixed: ConfigObject = [:], free: Set<String> = [],
        input: Input = .none
    ) {
        self.className = className
        self.keras2 = keras2
        self.keys = keys
        self.fixed = fixed
        self.free = free
        self.input = input
    }

    /// The rules of all classes of Keras 1.2.2 whose configuration has an equivalent, by Keras 1's name.
    static let all: [String: Keras1Rule] = {
        let rules = core + advancedActivations + convolution + reshaping + pooling + recurrent
        return Dictionary(uniqueKeysWithValues: rules.map { ($0.className, $0) })
    }()

    /// Other names under which Keras 1.2.2 finds a class.
    static let aliases: [String: String] = [
        "Conv1D": "Convolution1D", "Conv2D": "Convolution2D", "Conv3D": "Convolution3D", "Deconv2D": "Deconvolution2D",
        "AtrousConv1D": "AtrousConvolution1D", "AtrousConv2D": "AtrousConvolution2D",
        "SeparableConv2D": "SeparableConvolution2D",
    ]

    static func rule(for className: String) -> Keras1Rule? { all[aliases[className] ?? className] }

    /// Keras 2.3's class → the rule that writes it. Where two classes of Keras 1 became one, the plain one is it.
    static let byKeras2: [String: Keras1Rule] = {
        var result: [String: Keras1Rule] = [:]
        for rule in all.values where !rule.className.hasPrefix("Atrous") && rule.className != "TimeDistributedDense" {
            result[rule.keras2] = rule
        }
        return result
    }()
}

extension Keras1Rule.Key {
    init(
        _ name: String, _ keras2: String? = nil, _ kind: Keras1Rule.Kind = .plain, or fallback: ConfigValue? = nil,
        isUnwritten: Bool = false
    ) {
        self.name = name
        self.keras2 = keras2 ?? name
        self.kind = kind
        self.fallback = fallback
        self.isUnwritten = isUnwritten
    }

    static func initializer(_ name: String = "init", _ keras2: String = "kernel_initializer", or fallback: ConfigValue = "glorot_uniform") -> Self {
        Self(name, keras2, .initializer, or: fallback)
    }

    static func regularizer(_ name: String, _ keras2: String) -> Self { Self(name, keras2, .regularizer, or: nil as ConfigValue) }

    static func constraint(_ name: String, _ keras2: String, _ axes: Keras1Values.Axes = .same) -> Self {
        Self(name, keras2, .constraint(axes), or: nil as ConfigValue)
    }

    static let activation = Self("activation", "activation", .activation, or: "linear")
    static let bias = Self("bias", "use_bias", or: true)
    static let padding = Self("border_mode", "padding", or: "valid")
    static let ordering = Self("dim_ordering", "data_format", .ordering, or: "default")
    /// Classes that don't write what they were told.
    static let unwrittenOrdering = Self("dim_ordering", "data_format", .ordering, or: "default", isUnwritten: true)
    static func kept(_ name: String, or fallback: ConfigValue = .null) -> Self { Self(name, name, .kept, or: fallback) }
}
