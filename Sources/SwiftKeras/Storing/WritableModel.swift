internal import Files
internal import KerasFormat
internal import KerasSpec
internal import OrderedCollections
internal import Tensors

/// All of a model that files can hold, ready to be written for one Keras.
struct WritableModel {
    /// nil: weights alone.
    var spec: ModelSpec?
    /// By what they are, where there is a spec.
    var weights: ModelWeights?
    /// As a file had them, where there is none.
    var raw: StoredWeights?
    /// In any dialect.
    var training: TrainingSpec?
    /// The optimizer's state of a file of weights, where nothing says how the model is trained.
    var state: OptimizerArrayList?
    /// Vocabularies and the like.
    var assets: [StoredAsset] = []
    var target: KerasTarget
    /// How many bytes of arrays each file of sharded weights may hold.
    var largestShard = 5 << 30

    /// Writes all that the destination has a place for, or nothing. Gives what people should know of it.
    ///
    /// - Parameter companion: a text and where it belongs; when one file can't be written, none is.
    func write(
        to destination: ModelDestination, with companion: (text: String, path: String)? = nil
    ) throws(LocatedError) -> [UpgradeNote] {
        var notes: [UpgradeNote] = []
        if let companion {
            try AtomicFile.write(companion.text, to: companion.path) { () throws(LocatedError) in
                notes = try write(to: destination)
            }
            return notes
        }
        try destination.kind.require(target, for: destination.output)
        if destination.kind == .hdf5 || destination.kind == .architecture { try requireNoAssets(for: destination.output) }
        switch destination.kind {
        case .architecture:
            let text = try KerasWriter.architecture(try requireSpec(destination.output), for: target, &notes)
            try AtomicFile.write(text, to: destination.output) { () throws(LocatedError) in
                if let path = destination.weightsOutput { try writeWeights(to: path, &notes) }
            }
        case .weights, .shards: try writeWeights(to: destination.output, &notes)
        case .hdf5 where spec == nil: try writeWeights(to: destination.output, &notes)
        case .hdf5, .archive:
            let spec = try requireSpec(destination.output)
            guard let weights else { throw Self.noWeights(for: destination.output) }
            if training == nil, state != nil {
                notes.append(UpgradeNote(layer: "", text: "the optimizer's state was left out: nothing tells how the model is trained"))
            }
            if destination.kind == .hdf5 {
                try KerasWriter.writeWholeModel(
                    weights, of: spec, training: training, for: target, to: destination.output, &notes)
            } else {
                try KerasWriter.writeArchive(
                    weights, of: spec, training: training, assets: assets, for: target, to: destination.output, &notes)
            }
        }
        return notes
    }

    /// In the layout that the name and the target ask for.
    func writeWeights(to path: String, _ notes: inout [UpgradeNote]) throws(LocatedError) {
        let kind = try OutputKind(of: path)
        let isObjects = kind == .shards || (kind == .weights && (target.dialect == .keras3 || target.dialect == .tfKeras))
        guard let spec else {
            guard let raw else { throw Self.noWeights(for: path) }
            try write(raw, asObjects: isObjects, kind, to: path, &notes)
            return
        }
        guard let weights else { throw Self.noWeights(for: path) }
        guard isObjects else {
            if state != nil { notes.append(UpgradeNote(layer: "", text: Self.noPlaceForState)) }
            return try KerasWriter.writeWeights(weights, of: spec, for: target, to: path)
        }
        var optimizer: OptimizerArrayList?
        if let training {
            optimizer = try StateConversion.list(of: training, in: spec, weights: weights, for: target, notes: &notes)
        } else if let state {
            optimizer = try StateConversion.list(state, in: spec, weights: weights, for: target, notes: &notes)
        }
        if kind == .shards {
            try KerasWriter.writeShards(weights, of: spec, optimizer: optimizer, for: target, largest: largestShard, to: path)
        } else {
            try KerasWriter.writeObjectWeights(weights, of: spec, optimizer: optimizer, for: target, to: path)
        }
    }

    private static let noPlaceForState = "the optimizer's state was left out: weights alone have no place for it in this layout"

    /// Weights that no architecture gives a meaning, in the layout that they have.
    private func write(
        _ raw: StoredWeights, asObjects isObjects: Bool, _ kind: OutputKind, to path: String, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) {
        var raw = raw
        if let list = OptimizerArrayList(in: raw) {
            let kept = isObjects ? try StateConversion.list(list, in: nil, weights: nil, for: target, notes: &notes) : nil
            if !isObjects { notes.append(UpgradeNote(layer: "", text: Self.noPlaceForState)) }
            raw.optimizer = kept?.arrays ?? []
        }
        if kind == .shards { return try KerasWriter.writeShards(raw, for: target, largest: largestShard, to: path) }
        guard raw.scheme == (isObjects ? .objects : .layers) else {
            throw LocatedError(
                .mismatch, "convert.layout", "expected an architecture, which tells how weights are laid out anew, got weights alone",
                at: [path], hint: "Give the architecture as IN and the weights with --weights.")
        }
        return isObjects
            ? try KerasWriter.writeObjectWeights(raw, for: target, to: path)
            : try KerasWriter.writeWeights(raw, for: target, to: path)
    }

    /// Refuses to leave a layer without the vocabulary that it has from its archive alone.
    private func requireNoAssets(for path: String) throws(LocatedError) {
        guard let spec else { return }
        let missing = OrderedSet(assets.filter { spec.layer($0.layerPath)?.config["vocabulary"]?.isNull != false }.map { $0.layerPath.joined(separator: "/") })
        guard missing.isEmpty else {
            throw LocatedError(
                .unsupported, "output.assets",
                "expected a file with a place for vocabularies, which are all that \(missing.joined(separator: ", ")) have, got \(path)",
                hint: "Write .keras.")
        }
    }

    private func requireSpec(_ path: String) throws(LocatedError) -> ModelSpec {
        guard let spec else {
            throw LocatedError(
                .mismatch, "convert.architecture", "expected an architecture to write \(path), got weights alone")
        }
        return spec
    }

    private static func noWeights(for path: String) -> LocatedError {
        LocatedError(
            .mismatch, "convert.weights", "expected weights to write \(path), got an architecture alone",
            hint: "Name them with --weights FILE.")
    }
}

extension ModelSpec {
    /// The layer at the end of a path of names.
    fileprivate func layer(_ path: [String]) -> LayerSpec? {
        guard let first = path.first, let layer = layers.first(where: { $0.name == first }) else { return nil }
        return path.count == 1 ? layer : layer.model?.value.layer(Array(path.dropFirst()))
    }
}

extension KerasTarget {
    /// The origin's own; Keras 2.3 for a model built in Swift.
    init(of origin: Provenance?) {
        guard let origin else {
            self.init(.keras2)
            return
        }
        self = origin.kerasVersion.map { KerasTarget(origin.dialect, version: $0) } ?? KerasTarget(origin.dialect)
    }

    /// Whose file this is to be when nobody says: the origin's own, but for kinds of files that it doesn't have.
    ///
    /// - Parameter origin: nil for a model built in Swift, which speaks Keras 2.3 and writes `.keras` files for Keras 3.
    static func own(_ origin: Provenance?, for destination: ModelDestination, _ notes: inout [UpgradeNote]) -> KerasTarget {
        let target = KerasTarget(of: origin)
        if destination.kind == .shards, target.dialect != .keras3 { return KerasTarget(.keras3) }
        guard destination.kind == .archive, target.dialect == .keras1 || target.dialect == .keras2 else { return target }
        if let origin { notes.append(UpgradeNote(layer: "", text: "a .keras file is Keras 3's; \(origin.dialect.rawValue) has none")) }
        return KerasTarget(.keras3)
    }
}
