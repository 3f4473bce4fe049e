import KerasSpec

/// How an older Keras and Keras 3 write the configuration of one class: the same settings under other keys, in another order,
/// with other ways of writing initializers, activations and the like. Read forwards it upgrades, backwards it downgrades.
struct ClassRule: Sendable {
    /// The class's name in both generations.
    let className: String
    /// Whose words the older side are.
    let generation: Generation
    /// Keys in the order of `get_config()` of the older Keras: 2.3.1, or tf-keras 2.21.
    let keras2: [String]
    /// Keys in the order of Keras 3.15's `get_config()`.
    let keras3: [String]
    /// Keras 2.3's name → Keras 3's name, where they differ.
    let renamed: [String: String]
    /// Keys that only Keras 3 has, and the value that means what Keras 2.3 does.
    let added: [String: ConfigValue]
    /// Keys that only the older Keras has, and what it writes unless told otherwise. They don't change what is computed.
    let dropped: [String: ConfigValue]
    /// Keys that only the older Keras has, and the value that changes nothing; with any other they are passed on.
    let neutral: [String: ConfigValue]
    /// Keys that Keras 3 leaves out when they are null.
    let omitted: Set<String>
    /// Keys that Keras 2.3 takes and never writes.
    let unwritten: Set<String>
    /// Settings whose default differs between the generations: what leaving the key out means in each.
    let defaults: [String: Defaults]
    /// What the table can't say.
    let special: Special?

    /// The older Keras that a rule is about.
    enum Generation: Sendable {
        /// Standalone Keras 2.0 to 2.3.
        case keras2
        /// tf.keras and tf-keras.
        case tfKeras
    }

    /// What leaving a key out means. In Keras 3's words.
    struct Defaults: Sendable {
        var keras2: ConfigValue
        var keras3: ConfigValue
    }

    /// A rule that needs code.
    enum Special: Sendable {
        /// Writes one direction in Keras 2.3 and both in Keras 3.
        case bidirectional
        /// Always tells `batch_input_shape`.
        case embedding
        /// Keras 3 has three variance rules' worth of meaning and no word for Keras 2.3's.
        case batchNormalization
        /// Keras 3 joins masks by another rule.
        case merge
    }

    /// - Parameters:
    ///   - keras2: own keys in order, separated by blanks; `name`, `trainable`, `batch_input_shape`, `dtype` come first.
    ///   - keras3: own keys in order; `name`, `trainable`, `dtype` come first, unless the list begins with `=`.
    init(
        _ className: String, keras2: String, keras3: String, renamed: [String: String] = [:],
        added: [String: ConfigValue] = [:], dropped: [String: ConfigValue] = [:], neutral: [String: ConfigValue] = [:],
        omitted: Set<String> = [], unwritten: Set<String> = [], defaults: [String: Defaults] = [:], special: Special? = nil,
        base: String = "name trainable batch_input_shape dtype ", generation: Generation = .keras2
    ) {
        self.className = className
        self.generation = generation
        self.keras2 = (base + keras2).split(separator: " ").map(String.init)
        let keras3 = keras3.hasPrefix("=") ? String(keras3.dropFirst()) : "name trainable dtype " + keras3
        self.keras3 = keras3.split(separator: " ").map(String.init)
        self.renamed = renamed
        self.added = added
        self.dropped = dropped
        self.neutral = neutral
        self.omitted = omitted
        self.unwritten = unwritten
        self.defaults = defaults
        self.special = special
    }

    /// A class whose own keys are the same in both.
    init(_ className: String, _ keys: String = "") { self.init(className, keras2: keys, keras3: keys) }

    /// The rules of all classes of Keras 2.3.1, by name.
    static let all: [String: ClassRule] = {
        let rules = core + noise + advancedActivations + convolution + reshaping + pooling + normalization + merging + recurrent
        return Dictionary(uniqueKeysWithValues: rules.map { ($0.className, $0) })
    }()

    /// Classes that Keras 2.3.1 knows and whose configuration is kept as it is: base and Keras 1 classes, and Lambda,
    /// whose code is never run.
    static let keptClasses: Set<String> = [
        "Lambda", "Layer", "Wrapper", "Recurrent", "ConvRecurrent2D", "Highway", "MaxoutDense",
    ]

    /// Other names under which Keras 2.3.1 finds a class.
    static let aliases: [String: String] = [
        "Convolution1D": "Conv1D", "Convolution2D": "Conv2D", "Convolution3D": "Conv3D",
        "Deconvolution2D": "Conv2DTranspose", "Deconvolution3D": "Conv3DTranspose",
        "SeparableConvolution1D": "SeparableConv1D", "SeparableConvolution2D": "SeparableConv2D",
        "MaxPool1D": "MaxPooling1D", "MaxPool2D": "MaxPooling2D", "MaxPool3D": "MaxPooling3D",
        "AvgPool1D": "AveragePooling1D", "AvgPool2D": "AveragePooling2D", "AvgPool3D": "AveragePooling3D",
        "GlobalMaxPool1D": "GlobalMaxPooling1D", "GlobalMaxPool2D": "GlobalMaxPooling2D",
        "GlobalMaxPool3D": "GlobalMaxPooling3D", "GlobalAvgPool1D": "GlobalAveragePooling1D",
        "GlobalAvgPool2D": "GlobalAveragePooling2D", "GlobalAvgPool3D": "GlobalAveragePooling3D",
    ]

    /// The rule of a class, also under another of its names.
    static func rule(for className: String, in generation: Generation = .keras2) -> ClassRule? {
        switch generation {
        case .keras2: all[aliases[className] ?? className]
        case .tfKeras: tfKeras[tfKerasAliases[className] ?? aliases[className] ?? className]
        }
    }
}
