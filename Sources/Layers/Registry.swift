package import KerasSpec
package import Tensors

/// Keras class names and the types that compute them.
package struct LayerRegistry: Sendable {
    private var types: [String: any BuiltInLayer.Type]
    /// The user's.
    private var custom = CustomObjects()

    /// Every layer of the house, alphabetically.
    package static let builtIn = LayerRegistry(types: [
        Activation.self,
        ActivityRegularization.self,
        AdaptiveAveragePooling1D.self,
        AdaptiveAveragePooling2D.self,
        AdaptiveAveragePooling3D.self,
        AdaptiveMaxPooling1D.self,
        AdaptiveMaxPooling2D.self,
        AdaptiveMaxPooling3D.self,
        Add.self,
        AdditiveAttention.self,
        AlphaDropout.self,
        Attention.self,
        AugMix.self,
        AutoContrast.self,
        Average.self,
        AveragePooling1D.self,
        AveragePooling2D.self,
        AveragePooling3D.self,
        BatchNormalization.self,
        Bidirectional.self,
        CategoryEncoding.self,
        CenterCrop.self,
        Concatenate.self,
        ContrastLimitedAdaptiveHistogramEqualization.self,
        Conv1D.self,
        Conv1DTranspose.self,
        Conv2D.self,
        Conv2DTranspose.self,
        Conv3D.self,
        Conv3DTranspose.self,
        ConvLSTM1D.self,
        ConvLSTM2D.self,
        ConvLSTM3D.self,
        Cropping1D.self,
        Cropping2D.self,
        Cropping3D.self,
        CustomScaleLayer.self,
        CutMix.self,
        Dense.self,
        DepthwiseConv1D.self,
        DepthwiseConv2D.self,
        Discretization.self,
        Dot.self,
        Dropout.self,
        ELU.self,
        EinsumDense.self,
        Embedding.self,
        Equalization.self,
        Flatten.self,
        GRU.self,
        GRUCell.self,
        GaussianDropout.self,
        GaussianNoise.self,
        GlobalAveragePooling1D.self,
        GlobalAveragePooling2D.self,
        GlobalAveragePooling3D.self,
        GlobalMaxPooling1D.self,
        GlobalMaxPooling2D.self,
        GlobalMaxPooling3D.self,
        GroupNormalization.self,
        GroupQueryAttention.self,
        HashedCrossing.self,
        Hashing.self,
        Highway.self,
        Identity.self,
        InputLayer.self,
        IntegerLookup.self,
        LSTM.self,
        LSTMCell.self,
        LayerNormalization.self,
        LayerScale.self,
        LeakyReLU.self,
        LocallyConnected1D.self,
        LocallyConnected2D.self,
        Masking.self,
        MaxNumBoundingBoxes.self,
        MaxPooling1D.self,
        MaxPooling2D.self,
        MaxPooling3D.self,
        Maximum.self,
        MaxoutDense.self,
        MelSpectrogram.self,
        Minimum.self,
        MixUp.self,
        MultiHeadAttention.self,
        Multiply.self,
        Normalization.self,
        PReLU.self,
        ParametricSoftplus.self,
        Permute.self,
        Pipeline.self,
        RMSNormalization.self,
        RNN.self,
        RandAugment.self,
        RandomBrightness.self,
        RandomColorDegeneration.self,
        RandomColorJitter.self,
        RandomContrast.self,
        RandomCrop.self,
        RandomElasticTransform.self,
        RandomErasing.self,
        RandomFlip.self,
        RandomGaussianBlur.self,
        RandomGrayscale.self,
        RandomHeight.self,
        RandomHue.self,
        RandomInvert.self,
        RandomPerspective.self,
        RandomPosterization.self,
        RandomRotation.self,
        RandomSaturation.self,
        RandomSharpness.self,
        RandomShear.self,
        RandomTranslation.self,
        RandomWidth.self,
        RandomZoom.self,
        ReLU.self,
        RepeatVector.self,
        Rescaling.self,
        Reshape.self,
        Resizing.self,
        ReversibleEmbedding.self,
        SReLU.self,
        STFTSpectrogram.self,
        SeparableConv1D.self,
        SeparableConv2D.self,
        SimpleRNN.self,
        SimpleRNNCell.self,
        Softmax.self,
        Solarization.self,
        SpatialDropout1D.self,
        SpatialDropout2D.self,
        SpatialDropout3D.self,
        SpectralNormalization.self,
        StackedRNNCells.self,
        StringLookup.self,
        Subtract.self,
        TFDConcat.self,
        TFDIdentity.self,
        TextVectorization.self,
        ThresholdedReLU.self,
        TimeDistributed.self,
        UnitNormalization.self,
        UpSampling1D.self,
        UpSampling2D.self,
        UpSampling3D.self,
        ZeroPadding1D.self,
        ZeroPadding2D.self,
        ZeroPadding3D.self,
    ])

    init(types: [any BuiltInLayer.Type]) {
        self.types = [:]
        for type in types { self.types[type.className] = type }
    }

    /// With a user's layers and functions.
    package func adding(_ objects: CustomObjects) -> LayerRegistry {
        var registry = self
        registry.custom = custom.merging(objects)
        return registry
    }

    /// Class names that are computed, sorted.
    package var classNames: [String] { types.keys.sorted() }

    /// Whether a layer's class, or a function of `keras.ops`, is computed.
    package func isKnown(_ className: String) -> Bool {
        types[className] != nil || OperationLayer.isComputed(className) || className == TensorFlowOpLayer.className
    }

    /// Whether a class is an activation function that another layer may have as its `activation`.
    func isActivation(_ className: String) -> Bool { types[className] is any ActivationLayer.Type }

    /// The layers of a model, nested ones included, whose class isn't known: `lambda_1 (Lambda)`.
    package func unknownLayers(in spec: ModelSpec) -> [String] {
        spec.layers.flatMap { layer -> [String] in
            if let model = layer.model { return unknownLayers(in: model.value).map { "\(layer.name)/\($0)" } }
            if isKnown(layer.className) || customLayer(for: layer) != nil { return [] }
            let reason = Operation.reason(against: layer.className).map { ": \($0)" } ?? ""
            let function = layer.className.hasSuffix("OpLambda") ? layer.config["function"]?.string : nil
            let of = function.map { " of TensorFlow's \($0)" + (Self.reason(againstFunction: $0).map { ": \($0)" } ?? "") } ?? ""
            return ["\(layer.name) (\(layer.className)\(of)\(reason))"]
        }
    }

    /// Why nothing of Keras 3 computes what a function of TensorFlow gives; nil where it is only that nobody has written it.
    private static func reason(againstFunction name: String) -> String? {
        if ["where", "boolean_mask", "unique"].contains(where: { name == $0 || name == "compat.v1." + $0 }) {
            return "the shape of its result depends on values"
        }
        if ["fft", "stft", "complex"].contains(where: name.hasSuffix), name != "signal.irfft" { return "complex numbers aren't computed with" }
        if name == "shape" || name == "compat.v1.shape" { return "a computed shape is known to reshape alone" }
        return nil
    }

    /// What the user brings for a layer: a class, a function for a Lambda, or a function for the layer of this name.
    private func customLayer(for spec: LayerSpec) -> CustomObject? {
        if case .function(let function)? = custom.replacements[spec.name] { return .function(function) }
        // Some files tell the registered name beside the class's own.
        let registered = spec.source?.json.object?["registered_name"]?.string
        for name in [registered, spec.className] {
            if let name, case .layer(let type)? = custom.object(named: name) { return .layer(type) }
        }
        guard spec.className == "Lambda", let name = FunctionLayer.functionName(spec.config),
            case .function(let function)? = custom.object(named: name)
        else { return nil }
        return .function(function)
    }

    /// The layer that a spec describes; every key of its configuration honoured or refused.
    package func decode(_ spec: LayerSpec) throws(LocatedError) -> any BuiltInLayer {
        try custom.scope { () throws(LocatedError) in try decodeInScope(spec) }
    }

    private func decodeInScope(_ spec: LayerSpec) throws(LocatedError) -> any BuiltInLayer {
        if OperationLayer.isComputed(spec.className) {
            return try OperationLayer(className: spec.className, config: spec.config)
        }
        if spec.className == TensorFlowOpLayer.className { return try TensorFlowOpLayer(config: spec.config) }
        if types[spec.className] == nil { return try decodeCustom(spec) }
        guard let type = types[spec.className] else {
            throw LocatedError(.unsupported, "layer.unknown", "expected a layer class that is computed, got \(spec.className)")
        }
        var settings = spec.config
        let models = spec.innerModels
        if let replacement = custom.replacements[spec.name] {
            guard settings["activation"] != nil else {
                throw LocatedError(
                    .usage, "layer.replacement",
                    "expected a Lambda layer, one of an unknown class, or one with an activation to be replaced, got \(spec.className)")
            }
            let name = "activation of \(spec.name)"
            settings["activation"] = .string(name)
            var scope = CustomObjects()
            scope[name] = replacement
            return try custom.merging(scope).scope { () throws(LocatedError) in try Self.decode(settings, models, as: type) }
        }
        var layer = try Self.decode(settings, models, as: type)
        if var reader = layer as? any VocabularyLayer, let vocabulary = spec.assets.first(where: { $0.path.last == "vocabulary.txt" }) {
            try reader.read(vocabulary: try vocabulary.load())
            layer = reader
        }
        return layer
    }

    private static func decode(
        _ settings: ConfigObject, _ models: [String: Box<ModelSpec>], as type: any BuiltInLayer.Type
    ) throws(LocatedError) -> any BuiltInLayer {
        var config = ConfigReader(settings, models: models.mapValues(\.value))
        let common = try LayerCommon(&config)
        if let policy = common.quantizedPolicy, !(type is any QuantizableLayer.Type) {
            throw LocatedError(
                .unsupported, "layer.quantized", "expected a layer of floats, got a quantized \(type.className) (\(policy.summary))",
                at: ["config", "dtype"], hint: "inspect and convert to keras-3 work all the same.")
        }
        let layer = try type.init(config: &config, common: common)
        try config.finish()
        return layer
    }

    private func decodeCustom(_ spec: LayerSpec) throws(LocatedError) -> any BuiltInLayer {
        var config = ConfigReader(spec.config)
        switch customLayer(for: spec) {
        case .layer(let type)?:
            let common = try LayerCommon(&config)
            let layer = try type.init(config: &config, common: common)
            // Arguments of Keras 3's own `Layer.__init__`, which the configuration of a class without one of its own names.
            let regularizer = try config.regularizer("activity_regularizer")
            _ = try config.bool("autocast", default: true)
            try config.finish()
            return CustomLayerAdapter(layer, registeredName: spec.className, activityRegularizer: regularizer)
        case .function(let function)?:
            return FunctionLayer(spec.config, common: try LayerCommon(&config), function: function)
        default:
            throw LocatedError(.unsupported, "layer.unknown", "expected a layer class that is computed, got \(spec.className)")
        }
    }
}
