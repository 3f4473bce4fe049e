internal import Files
internal import KerasFormat
internal import KerasSpec
internal import Layers
internal import Tensors

/// Reads one kind of file and writes another.
package struct ModelConversion {
    private let input: String
    private let weights: String?
    private let output: String
    private let weightsOutput: String?

    /// - Parameters:
    ///   - input: architecture, weights or whole model.
    ///   - weights: weights for an architecture.
    ///   - output: `.json` for an architecture, `.h5` for a whole model (or weights, when there is no architecture).
    ///   - weightsOutput: where the weights go beside a `.json`.
    package init(input: String, weights: String?, output: String, weightsOutput: String?) {
        self.input = input
        self.weights = weights
        self.output = output
        self.weightsOutput = weightsOutput
    }

    /// Converts, and gives what people should know. Nothing is written unless all of it can be.
    package func run() throws(LocatedError) -> [String] {
        var stored = try KerasFile.read(input)
        if let weights { stored.weights = try KerasFile.readWeights(weights) }
        var notes = stored.spec?.provenance?.notes.map(\.description) ?? []
        let kind = try OutputKind(of: output)
        if kind == .hdf5, weightsOutput != nil {
            throw LocatedError(
                .usage, "output.weights", "expected --weights-out only beside an OUT that ends in .json, got \(output)")
        }
        let target = KerasTarget(.keras2)
        switch (kind, stored.spec, stored.weights) {
        case (.json, nil, _):
            throw LocatedError(
                .mismatch, "convert.architecture", "expected an architecture to write \(output), got weights alone", at: [input])
        case (.json, let spec?, let weights):
            let text = try KerasWriter.architecture(spec, for: target)
            if weights != nil, weightsOutput == nil {
                notes.append("wrote the architecture alone; --weights-out FILE writes the weights beside it")
            }
            try AtomicFile.write(text, to: output) { () throws(LocatedError) in
                guard let weightsOutput else { return }
                guard let weights else { throw noWeights(for: weightsOutput) }
                try KerasWriter.writeWeights(try checked(weights, spec, &notes), of: spec, for: target, to: weightsOutput)
            }
        case (.hdf5, let spec?, let weights?):
            try KerasWriter.writeWholeModel(
                try checked(weights, spec, &notes), of: spec, training: stored.training, for: target, to: output)
        case (.hdf5, nil, let weights?): try KerasWriter.writeWeights(weights, for: target, to: output)
        case (.hdf5, _, nil): throw noWeights(for: output)
        }
        return notes
    }

    private func noWeights(for path: String) -> LocatedError {
        LocatedError(
            .mismatch, "convert.weights", "expected weights to write \(path), got an architecture alone", at: [input],
            hint: "Name them with --weights FILE.")
    }

    /// The weights' meaning in the model. Where every layer is computed, shapes are held against theirs.
    private func checked(
        _ weights: StoredWeights, _ spec: ModelSpec, _ notes: inout [String]
    ) throws(LocatedError) -> ModelWeights {
        let resolved = try locating(self.weights ?? input) { () throws(LocatedError) in
            try WeightBinding.resolve(weights, in: spec)
        }
        do throws(LocatedError) {
            let model = Model(spec: spec)
            let slots = try model.program().layerSlots(in: try model.parameterTable())
            _ = try locating(self.weights ?? input) { () throws(LocatedError) in
                try WeightBinding.bind(weights, to: slots, in: spec)
            }
        } catch {
            guard error.category == .unsupported || error.code == "model.unbuilt" else { throw error }
            notes.append("shapes of weights not held against the layers (\(error.message))")
        }
        return resolved
    }
}
