import KerasSpec

/// What each of Keras's optimizers is set by and keeps, in every generation: the tables by which files are read and written. The
/// optimizer need not be computed by anybody here.
///
/// Source: `keras/optimizers.py` of 1.2.2 and 2.3.1, `tf_keras/src/optimizers` and its `legacy` of 2.21,
/// `keras/src/optimizers` of 3.15; held against the files that they write.
struct OptimizerClass: Sendable {
    /// An array that is kept beside each weight.
    struct Slot: Sendable {
        /// When it is kept.
        enum Condition: Sendable {
            case always
            /// When a setting is above zero.
            case positive(String)
            /// When a setting is true.
            case flag(String)
        }

        /// Keras 3's name.
        var name: String
        var condition = Condition.always
        /// What older generations call it: Keras 2.3, OptimizerV2, tf.keras 2.11 and later.
        var words: (keras2: String, v2: String, keras211: String)
        /// Slots of one block are listed together for each weight by Keras 2.11 and later.
        var block = 0
    }

    let name: String
    /// Keys of `get_config` after those that all share, in order: Keras 1 and 2 (`""`: it has no such optimizer), OptimizerV2,
    /// and later.
    let standalone: [String]
    let v2: [String]
    let modern: [String]
    /// What leaving a key out means, in Keras 3.
    let defaults: ConfigObject
    /// Where an older generation meant something else: Keras 1 and 2, OptimizerV2.
    let standaloneDefaults: ConfigObject
    let slots: [Slot]
    /// The first Keras 3 that has it.
    let sinceKeras3: Int
    /// Whether tf-keras has it among its newer optimizers.
    let isInTfKeras: Bool

    init(
        _ name: String, standalone: String = "", v2: String = "", modern: String, defaults: ConfigObject,
        standaloneDefaults: ConfigObject = [:], slots: [Slot], sinceKeras3: Int = 0, isInTfKeras: Bool = true
    ) {
        func keys(_ text: String) -> [String] { text.split(separator: " ").map(String.init) }
        self.name = name
        self.standalone = keys(standalone)
        self.v2 = keys(v2)
        self.modern = keys(modern)
        self.defaults = defaults
        self.standaloneDefaults = standaloneDefaults
        self.slots = slots
        self.sinceKeras3 = sinceKeras3
        self.isInTfKeras = isInTfKeras
    }

    /// By class name, `Adam`; nil for a class that is none of Keras's.
    static func named(_ name: String) -> OptimizerClass? { all[name] }

    /// Of all classes, sorted.
    static let names: [String] = all.keys.sorted()

    /// By what stands in compile settings: a class's name, its registered name (`Custom>Adam`), or a word (`adam`).
    static func known(as name: String) -> OptimizerClass? {
        let plain = (name.hasPrefix("Custom>") ? String(name.dropFirst("Custom>".count)) : name).lowercased()
        return all.values.first { $0.name.lowercased() == plain }
    }

    /// Whether a generation has it.
    func exists(in generation: OptimizerGeneration) -> Bool {
        switch generation {
        case .keras1, .keras22, .keras23: !standalone.isEmpty
        case .optimizerV2: !v2.isEmpty
        case .keras211: isInTfKeras
        case .keras3: true
        }
    }

    /// The slots that an optimizer with these settings keeps.
    func slots(_ config: ConfigObject, in generation: OptimizerGeneration) -> [Slot] {
        slots.filter { slot in
            switch slot.condition {
            case .always: return true
            case .positive(let key):
                // SGD's moments are kept by standalone Keras, and from tf.keras 2.11 to tf-keras, even if nothing comes of them.
                if name == "SGD", generation.isStandalone || generation == .keras211 { return true }
                return (config[key]?.number ?? 0) != 0
            case .flag(let key): return config[key]?.bool ?? false
            }
        }
    }

    /// Whether an older Keras keeps a setting in a float32 variable, and writes what the variable holds.
    func keepsInVariable(_ key: String, _ generation: OptimizerGeneration) -> Bool {
        switch key {
        case "momentum", "beta_1", "beta_2", "learning_rate_power", "l1_regularization_strength",
            "l2_regularization_strength":
            true
        case "rho": generation == .optimizerV2 || name == "RMSprop"
        default: false
        }
    }

    private static let all: [String: OptimizerClass] = {
        let moments = [
            Slot(name: "momentum", words: ("m", "m", "m")), Slot(name: "velocity", words: ("v", "v", "v")),
        ]
        let adam = moments + [
            Slot(name: "velocity_hat", condition: .flag("amsgrad"), words: ("vhat", "vhat", "vhat"), block: 1)
        ]
        let betas: ConfigObject = ["learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.999, "epsilon": 1e-7]
        func and(_ more: ConfigObject) -> ConfigObject { betas.merging(more) { _, new in new } }
        let list = [
            OptimizerClass(
                "SGD", standalone: "learning_rate momentum decay nesterov",
                v2: "learning_rate decay momentum nesterov", modern: "momentum nesterov",
                defaults: ["learning_rate": 0.01, "momentum": 0.0, "nesterov": false],
                slots: [Slot(name: "momentum", condition: .positive("momentum"), words: ("moment", "momentum", "m"))]),
            OptimizerClass(
                "RMSprop", standalone: "learning_rate rho decay epsilon",
                v2: "learning_rate decay rho momentum epsilon centered", modern: "rho momentum epsilon centered",
                defaults: ["learning_rate": 0.001, "rho": 0.9, "momentum": 0.0, "epsilon": 1e-7, "centered": false],
                slots: [
                    Slot(name: "velocity", words: ("accumulator", "rms", "velocity")),
                    Slot(name: "momentum", condition: .positive("momentum"), words: ("", "momentum", "momentum"), block: 1),
                    Slot(
                        name: "average_gradient", condition: .flag("centered"), words: ("", "mg", "average_gradient"),
                        block: 2),
                ]),
            OptimizerClass(
                "Adagrad", standalone: "learning_rate decay epsilon",
                v2: "learning_rate decay initial_accumulator_value epsilon", modern: "initial_accumulator_value epsilon",
                defaults: ["learning_rate": 0.001, "initial_accumulator_value": 0.1, "epsilon": 1e-7],
                standaloneDefaults: ["learning_rate": 0.01, "initial_accumulator_value": 0.0],
                slots: [Slot(name: "accumulator", words: ("accumulator", "accumulator", "accumulator"))]),
            OptimizerClass(
                "Adadelta", standalone: "learning_rate rho decay epsilon", v2: "learning_rate decay rho epsilon",
                modern: "rho epsilon", defaults: ["learning_rate": 0.001, "rho": 0.95, "epsilon": 1e-7],
                standaloneDefaults: ["learning_rate": 1.0],
                slots: [
                    Slot(name: "accumulated_grad", words: ("accumulator", "accum_grad", "accumulated_grad")),
                    Slot(name: "accumulated_delta_var", words: ("delta_accumulator", "accum_var", "accumulated_delta_var")),
                ]),
            OptimizerClass(
                "Adam", standalone: "learning_rate beta_1 beta_2 decay epsilon amsgrad",
                v2: "learning_rate decay beta_1 beta_2 epsilon amsgrad", modern: "beta_1 beta_2 epsilon amsgrad",
                defaults: and(["amsgrad": false]), slots: adam),
            OptimizerClass(
                "AdamW", modern: "beta_1 beta_2 epsilon amsgrad",
                defaults: and(["amsgrad": false, "weight_decay": 0.004]), slots: adam),
            OptimizerClass(
                "Adamax", standalone: "learning_rate beta_1 beta_2 decay epsilon",
                v2: "learning_rate decay beta_1 beta_2 epsilon", modern: "beta_1 beta_2 epsilon", defaults: betas,
                standaloneDefaults: ["learning_rate": 0.002],
                slots: [
                    Slot(name: "momentum", words: ("m", "m", "m")), Slot(name: "norm", words: ("u", "v", "u")),
                ]),
            OptimizerClass(
                "Nadam", standalone: "learning_rate beta_1 beta_2 epsilon schedule_decay",
                v2: "learning_rate decay beta_1 beta_2 epsilon", modern: "beta_1 beta_2 epsilon", defaults: betas,
                standaloneDefaults: ["learning_rate": 0.002, "schedule_decay": 0.004], slots: moments),
            OptimizerClass(
                "Ftrl",
                v2: "learning_rate decay initial_accumulator_value learning_rate_power l1_regularization_strength "
                    + "l2_regularization_strength beta l2_shrinkage_regularization_strength",
                modern: "learning_rate_power initial_accumulator_value l1_regularization_strength "
                    + "l2_regularization_strength l2_shrinkage_regularization_strength beta",
                defaults: [
                    "learning_rate": 0.001, "learning_rate_power": -0.5, "initial_accumulator_value": 0.1,
                    "l1_regularization_strength": 0.0, "l2_regularization_strength": 0.0,
                    "l2_shrinkage_regularization_strength": 0.0, "beta": 0.0,
                ],
                slots: [
                    Slot(name: "accumulator", words: ("", "accumulator", "accumulator")),
                    Slot(name: "linear", words: ("", "linear", "linear")),
                ]),
            OptimizerClass(
                "Lion", modern: "beta_1 beta_2", defaults: ["learning_rate": 0.001, "beta_1": 0.9, "beta_2": 0.99],
                slots: [Slot(name: "momentum", words: ("", "", "m"))]),
            OptimizerClass(
                "Lamb", modern: "beta_1 beta_2 epsilon", defaults: betas, slots: moments, sinceKeras3: 4, isInTfKeras: false),
            OptimizerClass(
                "ScheduleFreeAdamW", modern: "beta_1 beta_2 epsilon warmup_steps",
                defaults: and(["learning_rate": 0.0025, "epsilon": 1e-8, "warmup_steps": 0]), slots: moments,
                sinceKeras3: 14, isInTfKeras: false),
            OptimizerClass(
                "Adafactor", modern: "beta_2_decay epsilon_1 epsilon_2 clip_threshold relative_step",
                defaults: [
                    "learning_rate": 0.001, "beta_2_decay": -0.8, "epsilon_1": 1e-30, "epsilon_2": 0.001,
                    "clip_threshold": 1.0, "relative_step": true,
                ],
                slots: [
                    Slot(name: Factor.rows, words: ("", "", "r")), Slot(name: Factor.columns, words: ("", "", "c")),
                    Slot(name: "velocity", words: ("", "", "v")),
                ]),
            OptimizerClass(
                "Muon",
                modern: "adam_beta_1 adam_beta_2 epsilon exclude_layers muon_a muon_b muon_c adam_lr_ratio momentum ns_steps "
                    + "nesterov exclude_embeddings adam_weight_decay rms_rate",
                defaults: ["learning_rate": 0.001, "weight_decay": 0.004, "epsilon": 1e-7, "exclude_embeddings": true],
                slots: moments, sinceKeras3: 10, isInTfKeras: false),
        ]
        return Dictionary(uniqueKeysWithValues: list.map { ($0.name, $0) })
    }()

    /// Adafactor's factors of a matrix's squares, which have shapes of their own.
    enum Factor {
        static let rows = "r"
        static let columns = "c"
    }
}
