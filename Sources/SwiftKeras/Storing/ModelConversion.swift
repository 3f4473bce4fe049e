internal import KerasFormat
package import KerasSpec
internal import Layers
package import Tensors

/// Reads one kind of file and writes another.
package struct ModelConversion {
    private let input: String
    private let weights: String?
    private let destination: ModelDestination
    private let target: KerasTarget?
    private let dtype: DType?
    private let backend: String?
    private let loading: LoadingOptions
    private let replacements: [Replacement]

    /// - Parameters:
    ///   - input: architecture, weights or whole model.
    ///   - weights: weights for an architecture.
    ///   - output: `.json` for an architecture, `.keras` or `.h5` for a whole model (or weights, when there is no
    ///     architecture), `.weights.h5` for weights.
    ///   - weightsOutput: where the weights go beside a `.json`.
    ///   - target: for which Keras; nil keeps the input's own.
    ///   - dtype: of the weights that are written; nil keeps theirs.
    ///   - backend: `theano` or `tensorflow`: what trained a file that doesn't tell.
    ///   - maxShardSize: of each file of `.weights.json`, in GiB.
    ///   - loading: how weights are taken where they aren't all the model's; what isn't loaded keeps what the input holds, or
    ///     what its initializer makes.
    ///   - replacements: layers of Keras's for code that isn't run.
    package init(
        input: String, weights: String?, output: String, weightsOutput: String?, target: KerasTarget? = nil,
        dtype: DType? = nil, backend: String? = nil, maxShardSize: Double? = nil,
        loading: LoadingOptions = LoadingOptions(), replacements: [Replacement] = []
    ) throws(LocatedError) {
        self.loading = loading
        self.replacements = replacements
        self.input = input
        self.weights = weights
        self.target = target
        self.dtype = dtype
        self.backend = backend
        destination = try ModelDestination(output: output, weightsOutput: weightsOutput, maxShardSize: maxShardSize)
    }

    /// Converts, and gives what people should know. Nothing is written unless all of it can be.
    package func run() throws(LocatedError) -> [String] {
        var stored = try KerasFile.read(input, weights: weights, backend: backend)
        var notes = stored.spec?.provenance?.notes ?? []
        let original = stored.spec
        if let note = UntoldBackend.note(stored.weights, (stored.spec?.provenance ?? stored.weights?.provenance)?.dialect) { notes.append(note) }
        for replacement in replacements { try replacement.rewrite(&stored.spec, &notes) }
        let target = target ?? .own(stored.spec?.provenance ?? stored.weights?.provenance, for: destination, &notes)
        var model = WritableModel(spec: stored.spec, training: stored.training, target: target)
        (model.assets, model.largestShard) = (stored.assets, destination.largestShard)
        if let weights = stored.weights {
            if !loading.isStrict, original != nil {
                model.weights = try partlyLoaded(&notes)
            } else if let spec = stored.spec {
                model.weights = try resolved(weights, spec, &notes)
            } else {
                model.raw = weights
            }
        }
        if let list = stored.weights.flatMap(OptimizerArrayList.init) { try take(list, into: &model, stored.training, &notes) }
        if let dtype { try cast(&model, to: dtype) }
        if destination.kind == .architecture, destination.weightsOutput == nil, stored.weights != nil {
            notes.append(UpgradeNote(layer: "", text: "wrote the architecture alone; --weights-out FILE writes the weights beside it"))
        }
        let written = try locating(input) { () throws(LocatedError) in try model.write(to: destination) }
        return (notes + written).map(\.description)
    }

    /// The optimizer's state that stands beside the weights, as Keras loads it into a compiled model.
    private func take(
        _ list: OptimizerArrayList, into model: inout WritableModel, _ training: TrainingSpec?, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) {
        guard let spec = model.spec, let weights = model.weights else { return }
        guard let training else {
            model.state = list
            return
        }
        // The file's own state is in its training settings already.
        guard self.weights != nil else { return }
        if let own = try StateConversion.training(training, with: list, in: spec, weights: weights, notes: &notes) { model.training = own }
    }

    /// The weights of the input's model, with those over them that are found and fit. Its layers must be computed.
    private func partlyLoaded(_ notes: inout [UpgradeNote]) throws(LocatedError) -> ModelWeights {
        var objects = CustomObjects()
        for replacement in replacements { objects.replace(replacement.name, with: .expression(replacement.expression)) }
        let model = try Model(
            contentsOf: input, weights: weights, backend: backend, byName: loading.byName, skipMismatch: loading.skipMismatch,
            customObjects: objects)
        let weights = try model.currentWeights()
        if let report = model.loadingReport, !report.isComplete {
            notes += report.lines.map { UpgradeNote(layer: "", text: $0) }
        }
        return weights
    }

    /// The weights' meaning in the model. Where every layer is computed, shapes are held against theirs.
    private func resolved(
        _ weights: StoredWeights, _ spec: ModelSpec, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) -> ModelWeights {
        try locating(self.weights ?? input) { () throws(LocatedError) in
            let resolved = try WeightBinding.resolve(weights, in: spec)
            do throws(LocatedError) {
                let model = Model(spec: spec)
                let slots = try model.program().layerSlots(in: try model.parameterTable())
                _ = try WeightBinding.bind(weights, to: slots, in: spec)
            } catch {
                guard error.category == .unsupported || error.code == "model.unbuilt" else { throw error }
                notes.append(UpgradeNote(layer: "", text: "shapes of weights not held against the layers (\(error.message))"))
            }
            return resolved
        }
    }

    private func cast(_ model: inout WritableModel, to dtype: DType) throws(LocatedError) {
        if dtype == .bfloat16, destination.kind == .hdf5 || model.target.dialect == .keras1 || model.target.dialect == .keras2 {
            throw LocatedError(
                .unsupported, "convert.dtype", "expected a layout that has bfloat16 (.keras, .weights.h5), got \(destination.output)",
                hint: "float16 can be written there.")
        }
        model.weights?.cast(to: dtype)
        guard var raw = model.raw else { return }
        for layer in raw.layers.indices {
            for weight in raw.layers[layer].weights.indices { raw.layers[layer].weights[weight].tensor.cast(to: dtype) }
        }
        model.raw = raw
    }
}

extension ModelWeights {
    fileprivate mutating func cast(to dtype: DType) {
        for index in weights.indices { weights[index].tensor.cast(to: dtype) }
    }
}

extension LazyTensor {
    /// Floats become others; what counts or decides stays as it is.
    fileprivate mutating func cast(to dtype: DType) {
        guard self.dtype.isFloatingPoint, self.dtype != dtype else { return }
        self = map(shape: shape, dtype: dtype) { (tensor) throws(LocatedError) in tensor.asType(dtype) }
    }
}

extension StoredWeights {
    /// What weights alone tell of where they come from.
    fileprivate var provenance: Provenance? {
        switch scheme {
        case .objects: Provenance(dialect: .keras3)
        case .layers, .list:
            Provenance(dialect: kerasVersion.flatMap(KerasFile.dialect(ofVersion:)) ?? .keras1, kerasVersion: kerasVersion)
        }
    }
}
