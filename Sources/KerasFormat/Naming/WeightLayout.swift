package import KerasSpec

/// Which arrays a layer has, told by its class and configuration alone: for reading and writing layers that nobody here
/// computes. Shapes come from files.
package struct WeightLayout: Sendable {
    /// An array of the layer's own.
    package struct Variable: Hashable, Sendable {
        package var name: String
        package var role: WeightOutline.Role
    }

    /// A layer within, by the attributes that lead to it.
    package struct Part: Sendable {
        package var path: [String]
        package var className: String
        package var config: ConfigObject
        package var layout: WeightLayout
    }

    /// In creation order, trained before others.
    package var variables: [Variable]
    /// In creation order.
    package var parts: [Part]
    /// Weights of parts that this layer, too, calls its own: files by objects hold them once more in front of its variables.
    package var repeated: [[String]] = []

    init(_ trained: String = "", others: String = "", seeds: Bool = false, parts: [Part] = []) {
        func variables(_ names: String, _ role: WeightOutline.Role) -> [Variable] {
            names.split(separator: " ").map { Variable(name: String($0), role: role) }
        }
        self.variables = variables(trained, .trained) + variables(others, .other)
        self.parts = parts
        if seeds { self.parts.append(Self.seedGenerator) }
    }

    /// The array of a lookup that counts words by their weights.
    static let tokenWeights = "idf_weights"

    /// Own arrays, then those of the parts, each with its path within the layer.
    package var outlines: [(path: [String], role: WeightOutline.Role)] {
        variables.map { ([$0.name], $0.role) }
            + parts.flatMap { part in part.layout.outlines.map { (part.path + $0.path, $0.role) } }
    }

    private static var seedGenerator: Part {
        var layout = WeightLayout()
        layout.variables = [Variable(name: "seed_generator_state", role: .seed)]
        return Part(path: ["seed_generator"], className: "SeedGenerator", config: [:], layout: layout)
    }
}

extension WeightLayout {
    /// The arrays of a layer in Keras 3's words; nil for a class that Keras doesn't have and for a quantized layer: their
    /// arrays are whatever a file holds.
    package init?(of className: String, config: ConfigObject) {
        func flag(_ key: String, default fallback: Bool = true) -> Bool { config[key]?.bool ?? fallback }
        let bias = flag("use_bias") ? " bias" : ""
        // Whole numbers with scales beside them: how many arrays, and of what, is each quantization's own.
        if QuantizationPolicy.isQuantized(config["dtype"]) {
            self.init(quantized: className, config: config)
            return
        }
        switch className {
        case "Dense", "Conv1D", "Conv2D", "Conv3D", "Conv1DTranspose", "Conv2DTranspose", "Conv3DTranspose",
            "DepthwiseConv1D", "DepthwiseConv2D", "LocallyConnected1D", "LocallyConnected2D":
            self.init("kernel" + bias)
        case "EinsumDense": self.init("kernel" + (config["bias_axes"]?.isNull ?? true ? "" : " bias"))
        case "SeparableConv1D", "SeparableConv2D": self.init("depthwise_kernel pointwise_kernel" + bias)
        case "Embedding": self.init("embeddings")
        case "ReversibleEmbedding": self.init("embeddings" + (flag("tie_weights") ? "" : " reverse_embeddings"))
        case "PReLU": self.init("alpha")
        case "BatchNormalization":
            self.init(
                (flag("scale") ? "gamma " : "") + (flag("center") ? "beta" : ""), others: "moving_mean moving_variance"
                    + (flag("renorm", default: false) ? " moving_stddev renorm_mean renorm_stddev" : ""))
        case "LayerNormalization":
            let isScaled = flag("rms_scaling", default: false)
            self.init((flag("scale") || isScaled ? "gamma " : "") + (flag("center") && !isScaled ? "beta" : ""))
        case "GroupNormalization":
            self.init((flag("scale") ? "gamma " : "") + (flag("center") ? "beta" : ""))
        case "LayerScale": self.init("gamma")
        case "RMSNormalization": self.init("scale")
        case "Normalization":
            self.init(others: config["mean"]?.isNull ?? true ? "mean variance count" : "")
        case "StringLookup", "IntegerLookup", "TextVectorization":
            self.init(others: config["output_mode"] == "tf_idf" || config["output_mode"] == "tf-idf" ? Self.tokenWeights : "")
        case "Discretization": self.init(others: config[AdaptedBoundaries.summary] == nil ? "" : "summary")
        case "STFTSpectrogram":
            self.init((config["mode"] == "imag" ? "" : "real_kernel ") + (config["mode"] == "real" ? "" : "imag_kernel"))
        case "SpectralNormalization":
            self.init(others: "vector_u", parts: Self.parts("layer", of: config))
            let own = Set(parts.first?.layout.variables.map(\.name) ?? [])
            repeated = (own.contains("kernel") ? ["kernel"] : own.contains("embeddings") ? ["embeddings"] : []).map { ["layer", $0] }
        case "Attention":
            self.init(
                (flag("use_scale", default: false) ? "scale " : "")
                    + (config["score_mode"] == "concat" ? "concat_score_weight" : ""),
                seeds: Self.hasRate(config, "dropout"))
        case "AdditiveAttention": self.init(flag("use_scale") ? "scale" : "", seeds: Self.hasRate(config, "dropout"))
        case "MultiHeadAttention", "GroupQueryAttention", "GroupedQueryAttention": self.init(attention: config, bias)
        case "SimpleRNN", "LSTM", "GRU", "ConvLSTM1D", "ConvLSTM2D", "ConvLSTM3D":
            // The cell's seed generator is kept by the cell and, under another name, by nobody else.
            self.init(parts: [
                Part(
                    path: ["cell"], className: className + "Cell", config: config,
                    layout: WeightLayout(cellOf: config))
            ])
        case "SimpleRNNCell", "LSTMCell", "GRUCell", "ConvLSTM1DCell", "ConvLSTM2DCell", "ConvLSTM3DCell": self.init(cellOf: config)
        case "CuDNNLSTM", "CuDNNGRU": self.init("kernel recurrent_kernel bias")
        case "RNN": self.init(parts: Self.parts("cell", of: config))
        case "StackedRNNCells": self.init(list: config["cells"]?.array ?? [], under: "cells")
        case "Pipeline": self.init(list: config["layers"]?.array ?? [], under: "layers")
        case "TimeDistributed", "Wrapper": self.init(parts: Self.parts("layer", of: config))
        case "Bidirectional":
            self.init(
                parts: Self.parts("layer", as: "forward_layer", of: config)
                    // Where a file doesn't tell it, it is the mirror image.
                    + Self.parts(config["backward_layer"]?.object == nil ? "layer" : "backward_layer", as: "backward_layer", of: config))
        case "Highway": self.init("W W_carry" + (flag("bias") ? " b b_carry" : ""))
        case "MaxoutDense": self.init("W" + (flag("bias") ? " b" : ""))
        case "SReLU": self.init("t_left a_left t_right a_right")
        case "ParametricSoftplus": self.init("alpha beta")
        case "Dropout", "AlphaDropout", "GaussianDropout", "GaussianNoise", "SpatialDropout1D", "SpatialDropout2D",
            "SpatialDropout3D":
            self.init(seeds: Self.hasRate(config, className == "GaussianNoise" ? "stddev" : "rate"))
        case _ where Self.withSeeds.contains(className): self.init(seeds: true)
        case _ where Self.withoutWeights.contains(className) || className.hasPrefix(OperationName.prefix): self.init()
        default: return nil
        }
    }

    /// In the order in which files by objects hold them. Source: `variable_serialization_spec` of each class.
    private init?(quantized className: String, config: ConfigObject) {
        guard let policy = QuantizationPolicy(dtype: config["dtype"], settings: config["quantization_config"]) else { return nil }
        func named(_ names: [String]) -> [Variable] {
            names.map { Variable(name: $0, role: $0 == "bias" ? .trained : .other) }
        }
        let bias: [String]
        switch className {
        case "Dense": bias = config["use_bias"]?.bool ?? true ? ["bias"] : []
        case "EinsumDense": bias = config["bias_axes"]?.isNull ?? true ? [] : ["bias"]
        case "Embedding", "ReversibleEmbedding":
            var names = ["embeddings", "embeddings_scale"], isGrouped = false
            switch policy {
            case .int8: break
            case .int4(let blockSize): isGrouped = blockSize != nil
            default: return nil
            }
            if isGrouped { names += ["embeddings_zero", "g_idx"] }
            if className == "ReversibleEmbedding", config["tie_weights"]?.bool == false {
                names += ["reverse_embeddings", "reverse_embeddings_scale"] + (isGrouped ? ["reverse_embeddings_zero"] : [])
            }
            self.init()
            variables = named(names)
            return
        default: return nil
        }
        self.init()
        switch policy {
        case .int8: variables = named(["kernel"] + bias + ["kernel_scale"])
        case .int4(let blockSize):
            variables = named(["kernel"] + bias + ["kernel_scale"] + (blockSize == nil ? [] : ["kernel_zero", "g_idx"]))
        case .float8:
            variables = named(["kernel"] + bias + WeightLayout.float8Scales)
            variables[0].role = .trained
        case .gptq: variables = named(bias + ["quantized_kernel", "kernel_scale", "kernel_zero", "g_idx"])
        case .awq: variables = named(bias + ["quantized_kernel", "kernel_scale", "kernel_zero", "awq_scales", "g_idx"])
        }
    }

    private static let float8Scales = [
        "inputs_scale", "inputs_amax_history", "kernel_scale", "kernel_amax_history", "outputs_grad_scale",
        "outputs_grad_amax_history",
    ]

    /// The policy of a quantized layer.
    private static func quantization(of config: ConfigObject) -> String? {
        QuantizationPolicy.isQuantized(config["dtype"]) ? config["dtype"]?.object?["class_name"]?.string : nil
    }

    /// The policy by which a layer of Keras is quantized; nil for a layer that isn't, and for classes that Keras doesn't have.
    static func quantization(of className: String, _ config: ConfigObject) -> String? {
        guard let policy = quantization(of: config) else { return nil }
        var plain = config
        plain["dtype"] = "float32"
        return WeightLayout(of: className, config: plain) == nil ? nil : policy
    }

    private init(cellOf config: ConfigObject) {
        self.init(
            "kernel recurrent_kernel" + (config["use_bias"]?.bool ?? true ? " bias" : ""), seeds: true)
    }

    private init(list: [ConfigValue], under attribute: String) {
        self.init()
        var counts: [String: Int] = [:]
        for cell in list {
            guard let className = cell.object?["class_name"]?.string else { continue }
            let base = Keras2Names.snakeCase(className)
            let number = counts[base, default: 0]
            counts[base] = number + 1
            let config = cell.object?["config"]?.object ?? [:]
            parts.append(
                Part(
                    path: [attribute, number == 0 ? base : "\(base)_\(number)"], className: className, config: config,
                    layout: WeightLayout(of: className, config: config) ?? WeightLayout()))
        }
    }

    private init(attention config: ConfigObject, _ bias: String) {
        let gate = config["use_gate"]?.bool == true ? ["gate_dense"] : []
        self.init(
            parts: (["query_dense", "key_dense"] + gate + ["value_dense", "output_dense"]).map { name in
                Part(path: [name], className: "EinsumDense", config: [:], layout: WeightLayout("kernel" + bias))
            })
    }

    /// The layer that a wrapper's configuration holds, in Keras 3's serialized form.
    private static func parts(_ key: String, as attribute: String? = nil, of config: ConfigObject) -> [Part] {
        guard let layer = config[key]?.object, let className = layer["class_name"]?.string else { return [] }
        let inner = layer["config"]?.object ?? [:]
        if let model = InnerModel.spec(of: .object(layer)) { return parts(of: model, under: attribute ?? key) }
        return [
            Part(
                path: [attribute ?? key], className: className, config: inner,
                layout: WeightLayout(of: className, config: inner) ?? WeightLayout())
        ]
    }

    /// The layers of a model within a wrapper, by the attributes that lead to them: Keras numbers them by class.
    private static func parts(of model: ModelSpec, under attribute: String) -> [Part] {
        var counts: [String: Int] = [:]
        return ObjectNaming.counted(model).flatMap { layer -> [Part] in
            let base = ObjectNaming.snakeCase(layer.model?.value.kind.rawValue ?? layer.className)
            let number = counts[base, default: 0]
            counts[base] = number + 1
            let place = [attribute, "layers", ObjectNaming.numbered(base, number)]
            if let inner = layer.model?.value {
                return parts(of: inner, under: "").map { part in
                    var part = part
                    part.path = place + part.path.dropFirst()
                    return part
                }
            }
            return [
                Part(
                    path: place, className: layer.className, config: layer.config,
                    layout: WeightLayout(of: layer.className, config: layer.config) ?? WeightLayout())
            ]
        }
    }

    private static func hasRate(_ config: ConfigObject, _ key: String) -> Bool { (config[key]?.number ?? 0) > 0 }

    private static let withSeeds: Set<String> = [
        "RandomFlip", "RandomRotation", "RandomZoom", "RandomTranslation", "RandomCrop", "RandomContrast",
        "RandomBrightness", "RandomHeight", "RandomWidth", "RandomHue", "RandomSaturation", "RandomSharpness",
        "RandomShear", "RandomGrayscale", "RandomPosterization", "RandomColorDegeneration", "RandomColorJitter",
        "RandomErasing", "RandomGaussianBlur", "RandomInvert", "RandomPerspective", "RandomElasticTransform", "Solarization",
        "MixUp", "CutMix", "RandAugment", "AugMix",
    ]

    /// Classes of any Keras that have no weights.
    private static let withoutWeights: Set<String> = [
        "InputLayer", "Activation", "ELU", "LeakyReLU", "ReLU", "Softmax", "ThresholdedReLU", "Identity", "Lambda",
        "Masking", "Add", "Average", "Concatenate", "Dot", "Maximum", "Minimum", "Multiply", "Subtract", "Merge",
        "UnitNormalization", "AveragePooling1D", "AveragePooling2D", "AveragePooling3D", "MaxPooling1D", "MaxPooling2D",
        "MaxPooling3D", "GlobalAveragePooling1D", "GlobalAveragePooling2D", "GlobalAveragePooling3D",
        "GlobalMaxPooling1D", "GlobalMaxPooling2D", "GlobalMaxPooling3D", "AdaptiveAveragePooling1D",
        "AdaptiveAveragePooling2D", "AdaptiveAveragePooling3D", "AdaptiveMaxPooling1D", "AdaptiveMaxPooling2D",
        "AdaptiveMaxPooling3D", "ActivityRegularization", "Cropping1D", "Cropping2D", "Cropping3D", "Flatten", "Permute",
        "RepeatVector", "Reshape", "UpSampling1D", "UpSampling2D", "UpSampling3D", "ZeroPadding1D", "ZeroPadding2D",
        "ZeroPadding3D", "CategoryEncoding", "CenterCrop", "HashedCrossing", "Hashing", "Rescaling",
        "Resizing", "MelSpectrogram", "MaxNumBoundingBoxes", "AutoContrast", "Equalization",
        "ContrastLimitedAdaptiveHistogramEqualization", "CustomScaleLayer", "TFDConcat", "TFDIdentity",
    ]
}

/// Nodes of a functional graph that are operations, not layers: `keras.ops.add` and its like.
enum OperationName {
    /// Their class names in a spec begin with this: `ops.numpy.Add`, `ops.nn.Relu`, as Keras 3's `keras.src.ops.numpy`, `Add`.
    static let prefix = "ops."
}
