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
        let checked = try stored.weights.map { (weights) throws(LocatedError) in
            try check(weights, stored.spec, &notes)
        }
        switch (kind, stored.spec, checked) {
        case (.json, nil, _):
            throw LocatedError(
                .mismatch, "convert.architecture", "expected an architecture to write \(output), got weights alone", at: [input])
        case (.json, let spec?, _):
            let text = try KerasWriter.architecture(spec)
            if checked != nil, weightsOutput == nil {
                notes.append("wrote the architecture alone; --weights-out FILE writes the weights beside it")
            }
            try AtomicFile.write(text, to: output) { () throws(LocatedError) in
                guard let weightsOutput else { return }
                guard let checked else { throw noWeights(for: weightsOutput) }
                try KerasWriter.writeWeights(checked, to: weightsOutput)
            }
        case (.hdf5, let spec?, let checked?):
            try KerasWriter.writeWholeModel(of: spec, weights: checked, training: stored.training, to: output)
        case (.hdf5, nil, let checked?): try KerasWriter.writeWeights(checked, to: output)
        case (.hdf5, _, nil): throw noWeights(for: output)
        }
        return notes
    }

    private func noWeights(for path: String) -> LocatedError {
        LocatedError(
            .mismatch, "convert.weights", "expected weights to write \(path), got an architecture alone", at: [input],
            hint: "Name them with --weights FILE.")
    }

    /// The weights in the writer's names and order, each held against its layer. Where layers aren't computed (or no shape is
    /// known) nobody can check, and the weights go through as they are.
    private func check(
        _ weights: StoredWeights, _ spec: ModelSpec?, _ notes: inout [String]
    ) throws(LocatedError) -> StoredWeights {
        guard let spec else { return weights }
        do throws(LocatedError) {
            let model = Model(spec: spec)
            let program = try model.program()
            let slots = program.layerSlots(in: try model.parameterTable())
            let values = try locating(self.weights ?? input) { () throws(LocatedError) in
                try WeightBinding.bind(weights, to: slots, in: spec)
            }
            var tensors: [String: Tensor] = [:]
            for (path, tensor) in values { tensors[path] = try tensor.load() }
            return try KerasWriter.stored(slots, of: spec) { tensors[$0] }
        } catch {
            guard error.category == .unsupported || error.code == "model.unbuilt" else { throw error }
            notes.append("weights copied under their own names, not held against the layers (\(error.message))")
            return weights
        }
    }
}
