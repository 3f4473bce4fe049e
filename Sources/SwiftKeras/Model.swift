package import Graphs
package import KerasSpec
package import Layers
internal import Synchronization
public import Tensors

/// A Keras model: its architecture, its weights, and the means to run it.
///
/// Safe to share: several threads may predict with one model at the same time. Weights are snapshots: a prediction that has
/// begun ends with the weights that it began with.
public class Model: @unchecked Sendable {
    /// Everything that changes, behind one lock. Held for moments only, never while a plan runs.
    struct State {
        var spec: ModelSpec
        /// The decoded layers; nil until something wants them, so that models with unknown layers can be converted.
        var program: ModelProgram?
        /// Declared and given values once the input's shape is known.
        var weights: WeightValues? {
            mutating get {
                settle()
                return settledWeights
            }
            set {
                steps = nil
                settledWeights = newValue
            }
        }
        private var settledWeights: WeightValues?
        /// What stateful layers carry on from the last prediction, by the parameter's index.
        var carried: [Int: Tensor] = [:]
        /// What a file held for the weights, until the input's shape is known and they are bound.
        var stored: StoredWeights?
        /// How it is to be bound.
        var loading = LoadingOptions()
        /// What became of the weights that were loaded last.
        var report: LoadingReport?
        /// What people should know of how the file was read.
        var loadingNotes: [String] = []
        /// Compile settings and optimizer state as they were read, until something changes them.
        var training: TrainingSpec?
        /// Compile settings and optimizer state as they are since.
        var compiled: Compiled? {
            mutating get {
                settle()
                return settledCompiled
            }
            set {
                settle()
                steps = nil
                settledCompiled = newValue
            }
        }
        private var settledCompiled: Compiled?
        /// A training by single batches that goes on.
        var steps: SingleSteps?
        /// Vocabularies and the like, as they were read.
        var assets: [StoredAsset] = []
        /// Seed of the initializers.
        var seed: UInt64
        /// What names mean that Keras doesn't have.
        var customObjects: CustomObjects

        init(spec: ModelSpec, training: TrainingSpec?, seed: UInt64, customObjects: CustomObjects) {
            self.spec = spec
            self.training = training
            self.seed = seed
            self.customObjects = customObjects
        }

        /// Takes over what training by single batches made since the weights were last asked for.
        private mutating func settle() {
            guard let left = steps?.takeChanges() else { return }
            (settledWeights, settledCompiled, training, carried) = (left.weights, left.compiled, nil, [:])
        }
    }

    let state: Mutex<State>
    let plans = PlanCache()

    init(spec: ModelSpec, training: TrainingSpec? = nil, seed: UInt64 = 0, customObjects: CustomObjects = CustomObjects()) {
        state = Mutex(
            State(spec: spec, training: training, seed: seed, customObjects: customObjects))
    }

    /// A functional model between symbolic tensors.
    ///
    /// - Parameters:
    ///   - inputs: made by `Input`.
    ///   - outputs: made by calling layers.
    ///   - seed: of the initial weights.
    public convenience init(
        inputs: [KerasTensor], outputs: [KerasTensor], name: String = "model_1", seed: UInt64 = 0
    ) throws(LocatedError) {
        var objects = CustomObjects()
        let spec = try FunctionalBuilder.spec(inputs: inputs, outputs: outputs, name: name, &objects)
        self.init(spec: spec, seed: seed, customObjects: objects)
        _ = try program()
    }

    /// The model's name.
    public var name: String { state.withLock { $0.spec.name } }

    /// The architecture, as it was read or built.
    package var spec: ModelSpec { state.withLock { $0.spec } }

    /// The decoded layers. Throws `.unsupported` with every layer that isn't computed.
    package func program() throws(LocatedError) -> ModelProgram {
        let result = state.withLock { state -> Result<ModelProgram, LocatedError> in
            if let program = state.program { return .success(program) }
            do throws(LocatedError) {
                let program = try ModelProgram(state.spec, registry: LayerRegistry.all(with: state.customObjects))
                state.program = program
                return .success(program)
            } catch { return .failure(error) }
        }
        return try result.get()
    }

    /// The declared weights with their values: loaded, or made by the initializers if nothing was. Needs the input's shape, from the model or
    /// from `inputs`.
    package func weights(for inputs: [ValueInfo]? = nil) throws(LocatedError) -> WeightValues {
        if let weights = state.withLock({ $0.weights }) { return weights }
        let (stored, seed, options) = state.withLock { ($0.stored, $0.seed, $0.loading) }
        var values: WeightValues
        var report: LoadingReport?
        if let stored, options.isStrict {
            (values, report) = try bound(stored, for: inputs)
        } else {
            values = try WeightValues(initialising: try parameterTable(for: inputs), seed: seed)
            if let stored { (values, report) = try overlaid(stored, options, on: values) }
        }
        return state.withLock { state in
            if let weights = state.weights { return weights }
            state.weights = values
            state.report = report
            return values
        }
    }

    /// The weights that the model declares, without values.
    package func parameterTable(for inputs: [ValueInfo]? = nil) throws(LocatedError) -> ParameterTable {
        if let weights = state.withLock({ $0.weights }) { return weights.table }
        let program = try program()
        guard let declared = inputs ?? program.declaredInputs else {
            throw LocatedError(
                .mismatch, "model.unbuilt", "expected a model that knows its input's shape, got one that doesn't",
                at: [program.spec.name], hint: "Give it one with --input-shape, or inputShape: on the first layer.")
        }
        return try program.lower(inputs: declared, training: false).parameters
    }

    /// What names mean that Keras doesn't have, as this model was given them.
    var customObjects: CustomObjects { state.withLock { $0.customObjects } }

    /// Puts other values in place of the weights.
    ///
    /// - Parameter report: what loading them did; nil where they weren't loaded.
    func setWeights(_ weights: WeightValues, _ report: LoadingReport? = nil) {
        state.withLock { state in
            state.weights = weights
            state.carried = [:]
            if let report { state.report = report }
        }
    }
}
