internal import Graphs
internal import KerasFormat
internal import KerasSpec
internal import Layers
internal import Synchronization
public import Tensors

extension Model {
    /// Reads a model: a whole-model file, or an architecture with weights beside it. What a file is, its content tells.
    ///
    /// Layers that aren't computed don't stop this; they stop running the model.
    ///
    /// - Parameters:
    ///   - path: architecture JSON, or a whole model.
    ///   - weights: a weights file or a whole model, of which the weights are taken.
    ///   - inputShape: of one sample, for a Sequential model that doesn't tell.
    ///   - backend: `theano` or `tensorflow`: what trained a file of Keras 1, which doesn't tell.
    /// - Throws: `.notFound`, `.invalid` for a broken file, `.mismatch` when weights and architecture disagree.
    public convenience init(
        contentsOf path: String, weights: String? = nil, inputShape: [Int]? = nil, backend: String? = nil
    ) throws(LocatedError) {
        let stored = try KerasFile.readModel(path, backend: backend)
        guard var spec = stored.spec else { preconditionFailure("readModel gives an architecture") }
        if let inputShape { try spec.declareInput(inputShape) }
        self.init(spec: spec, training: stored.training)
        let values = try weights.map { (path) throws(LocatedError) in try KerasFile.readWeights(path, backend: backend) } ?? stored.weights
        guard let values else { return }
        state.withLock { $0.stored = values }
        try locating(weights ?? path) { () throws(LocatedError) in try bindIfPossible() }
    }

    /// Reads a whole model, such as `cifar10_model.h5`.
    public convenience init(_ path: String) throws(LocatedError) {
        try self.init(contentsOf: path)
    }

    /// Reads the pair that `to_json()` and `save_weights()` make.
    public convenience init(json: String, weights: String? = nil) throws(LocatedError) {
        try self.init(contentsOf: json, weights: weights)
    }

    /// Puts the weights of a file in place of the model's: Keras's `load_weights`.
    ///
    /// - Parameter byName: take the layers that both have, by name, and leave the others as they are.
    /// - Throws: `.mismatch` with every disagreement; the model is unchanged then.
    public func loadWeights(_ path: String, byName: Bool = false) throws(LocatedError) {
        let stored = try KerasFile.readWeights(path)
        let values = try locating(path) { () throws(LocatedError) -> WeightValues in
            guard byName else { return try bound(stored, for: nil) }
            let current = try weights()
            let program = try program()
            let found = try WeightBinding.bindByName(
                stored, to: program.layerSlots(in: current.table), in: program.spec)
            var tensors = current.tensors
            for (index, slot) in current.table.slots.enumerated() {
                if let lazy = found[slot.path] { tensors[index] = try lazy.load().asType(.float32) }
            }
            return WeightValues(table: current.table, tensors: tensors)
        }
        setWeights(values)
    }

    /// Whether values were read for the weights, rather than made by initializers.
    public var hasWeights: Bool { state.withLock { $0.stored != nil || $0.weights != nil } }

    /// Values for the declared weights from what a file holds.
    func bound(_ stored: StoredWeights, for inputs: [ValueInfo]?) throws(LocatedError) -> WeightValues {
        let program = try program()
        let table = try parameterTable(for: inputs)
        let values = try WeightBinding.bind(stored, to: program.layerSlots(in: table), in: program.spec)
        return try WeightValues(loading: values, into: table)
    }

    /// Loads the weights now, unless the model has layers that aren't computed or doesn't tell its input's shape: then they
    /// wait, for a conversion or for the first inputs.
    private func bindIfPossible() throws(LocatedError) {
        do throws(LocatedError) { _ = try weights() } catch {
            guard error.category == .unsupported || error.code == "model.unbuilt" else { throw error }
        }
    }
}

extension ModelSpec {
    /// Puts an input layer in front of a Sequential model that has none.
    fileprivate mutating func declareInput(_ shape: [Int]) throws(LocatedError) {
        guard kind == .sequential, layers.first?.className != "InputLayer", layers.first?.model == nil else {
            throw LocatedError(
                .usage, "model.inputShape", "expected no input shape for a model that tells its own, got \(Shape(shape))",
                at: [name])
        }
        var input = InputLayer(inputShape: shape)
        let inputName = (layers.first?.name ?? name) + "_input"
        input.common.name = inputName
        layers.insert(LayerSpec(className: InputLayer.className, name: inputName, config: input.config), at: 0)
    }
}
