internal import Files
internal import KerasFormat
public import KerasSpec
internal import Layers
internal import Synchronization
public import Tensors

extension Model {
    /// The text of `to_json()`. What was read from such a file and not changed comes out byte for byte.
    ///
    /// - Parameter target: for which Keras; nil: the one that the model comes from, Keras 2.3 for a model built in Swift.
    /// - Throws: `.unsupported` with every layer that the target can't say.
    public func toJSON(for target: KerasTarget? = nil) throws(LocatedError) -> String {
        let spec = spec
        var notes: [UpgradeNote] = []
        return try KerasWriter.architecture(spec, for: target ?? KerasTarget(of: spec.provenance), &notes)
    }

    /// Writes what `save_weights` writes: Keras 3's layout to `.weights.h5` for Keras 3 and tf-keras, else the older one.
    ///
    /// - Parameters:
    ///   - overwrite: whether a file that is there may be replaced.
    ///   - target: for which Keras; nil: the one that the model comes from, Keras 2.3 for a model built in Swift.
    ///   - maxShardSize: of each file that stands beside a `.weights.json` of Keras 3.10 or later, in GiB; 5 by default.
    public func saveWeights(
        _ path: String, overwrite: Bool = true, for target: KerasTarget? = nil, maxShardSize: Double? = nil
    ) throws(LocatedError) {
        try Self.refuseOverwriting(path, overwrite)
        let spec = spec
        var notes: [UpgradeNote] = []
        let destination = try ModelDestination(output: path, weightsOutput: nil, maxShardSize: maxShardSize)
        let own = destination.kind == .shards ? .own(spec.provenance, for: destination, &notes) : KerasTarget(of: spec.provenance)
        // State that no file can hold doesn't keep the weights from being written.
        let training = (try? trainingSpec()) ?? nil
        var model = WritableModel(spec: spec, weights: try currentWeights(), training: training, target: target ?? own)
        model.largestShard = destination.largestShard
        try model.writeWeights(to: path, &notes)
    }

    /// Writes the whole model as Keras's `save` does: architecture, weights, compile settings and the optimizer's state, to `.h5`
    /// or `.keras`.
    ///
    /// - Parameters:
    ///   - overwrite: whether a file that is there may be replaced.
    ///   - target: for which Keras; nil: the one that the model comes from. A model built in Swift is Keras 2.3's in `.h5`,
    ///     Keras 3's in `.keras`.
    /// - Returns: what people should know of how the target says it.
    @discardableResult
    public func save(
        _ path: String, overwrite: Bool = true, for target: KerasTarget? = nil
    ) throws(LocatedError) -> [UpgradeNote] {
        try Self.refuseOverwriting(path, overwrite)
        let destination = try ModelDestination(output: path, weightsOutput: nil)
        guard destination.kind.isWhole else {
            throw LocatedError(
                .usage, "output.kind", "expected a name that ends in .h5 or .keras, got \"\(path)\"",
                hint: "toJSON() and saveWeights() write a model's parts.")
        }
        return try write(to: destination, for: target)
    }

    /// Writes the model to one file or to two. Gives what people should know of it.
    ///
    /// - Parameter companion: a text and where it belongs; when one file can't be written, none is.
    @discardableResult
    package func write(
        to destination: ModelDestination, for target: KerasTarget? = nil, with companion: (text: String, path: String)? = nil
    ) throws(LocatedError) -> [UpgradeNote] {
        let spec = spec
        var notes: [UpgradeNote] = []
        let target = target ?? .own(spec.provenance, for: destination, &notes)
        var model = WritableModel(
            spec: spec, weights: try currentWeights(), training: try trainingSpec(), target: target)
        model.assets = state.withLock { $0.assets }
        return notes + (try model.write(to: destination, with: companion))
    }

    /// Throws `.unsupported` when the target has no words for what would be written, so that long work isn't begun in vain.
    package func requireExpressible(in destination: ModelDestination, for target: KerasTarget? = nil) throws(LocatedError) {
        try destination.requirePlaceForWeights()
        var notes: [UpgradeNote] = []
        let target = target ?? .own(spec.provenance, for: destination, &notes)
        _ = try toJSON(for: target)
        guard destination.kind.isWhole, let training = try trainingSpec() else { return }
        _ = try TrainingConversion.converted(
            training, of: spec, weights: try currentWeights(), to: target, notes: &notes)
    }

    /// The weights as they are now.
    func currentWeights() throws(LocatedError) -> ModelWeights { ModelWeights(try weights()) }

    private static func refuseOverwriting(_ path: String, _ overwrite: Bool) throws(LocatedError) {
        guard overwrite || !InputFile.exists(path) else {
            throw LocatedError(
                .cannotCreate, "output.exists", "expected no file there (overwrite: false), got one", at: [path])
        }
    }
}

extension ModelWeights {
    /// What files hold of a snapshot.
    fileprivate init(_ values: WeightValues) {
        self.init(
            zip(values.table.slots, values.tensors).filter(\.0.slot.isSaved).map { slot, tensor in
                Weight(
                    outline: WeightOutline(
                        layerPath: slot.layerPath, path: slot.slot.path, role: slot.slot.trainable ? .trained : .other),
                    tensor: LazyTensor(slot.slot.dtype == .float32 ? tensor : tensor.asType(slot.slot.dtype)))
            })
    }
}

extension String {
    /// Writes the text to a file, whole or not at all.
    public func write(to path: String) throws(LocatedError) { try AtomicFile.write(self, to: path) }
}
