internal import Files
internal import KerasFormat
internal import KerasSpec
internal import Layers
public import Tensors

extension Model {
    /// The text of Keras 2.3's `to_json()`. What was read from such a file and not changed comes out byte for byte.
    ///
    /// - Throws: `.unsupported` with every layer that Keras 2.3 can't say.
    public func toJSON() throws(LocatedError) -> String { try KerasWriter.architecture(spec, for: KerasTarget(.keras2)) }

    /// Writes what Keras 2.3's `save_weights` writes.
    ///
    /// - Parameter overwrite: whether a file that is there may be replaced.
    public func saveWeights(_ path: String, overwrite: Bool = true) throws(LocatedError) {
        try Self.refuseOverwriting(path, overwrite)
        try KerasWriter.writeWeights(try currentWeights(), of: spec, for: KerasTarget(.keras2), to: path)
    }

    /// Writes the whole model as Keras 2.3's `save` does: architecture, weights, compile settings and the optimizer's state.
    ///
    /// - Parameter overwrite: whether a file that is there may be replaced.
    public func save(_ path: String, overwrite: Bool = true) throws(LocatedError) {
        try Self.refuseOverwriting(path, overwrite)
        try KerasWriter.writeWholeModel(
            try currentWeights(), of: spec, training: try trainingSpec(), for: KerasTarget(.keras2), to: path)
    }

    /// Writes the model to one file or to two.
    ///
    /// - Parameter companion: a text and where it belongs; when one file can't be written, none is.
    package func write(
        to destination: ModelDestination, with companion: (text: String, path: String)? = nil
    ) throws(LocatedError) {
        if let companion {
            return try AtomicFile.write(companion.text, to: companion.path) { () throws(LocatedError) in
                try write(to: destination)
            }
        }
        switch destination {
        case .whole(let path): try save(path)
        case .pair(let architecture, let weights):
            try AtomicFile.write(try toJSON(), to: architecture) { () throws(LocatedError) in try saveWeights(weights) }
        }
    }

    /// Throws `.unsupported` when Keras 2.3 has no words for what would be written, so that long work isn't begun in vain.
    package func requireExpressible(in destination: ModelDestination) throws(LocatedError) {
        _ = try toJSON()
        if case .whole = destination { _ = try compileSettings()?.config(for: .keras2) }
    }

    /// The weights as they are now.
    private func currentWeights() throws(LocatedError) -> ModelWeights { ModelWeights(try weights()) }

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
                    tensor: LazyTensor(tensor))
            })
    }
}

extension String {
    /// Writes the text to a file, whole or not at all.
    public func write(to path: String) throws(LocatedError) { try AtomicFile.write(self, to: path) }
}
