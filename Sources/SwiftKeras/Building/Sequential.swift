internal import Graphs
internal import KerasSpec
public import Layers
internal import Synchronization
public import Tensors

/// A stack of layers, each called on its predecessor's output.
public final class Sequential: Model, @unchecked Sendable {
    private let names = Mutex(LayerNames())

    /// - Parameters:
    ///   - layers: the first layers; more with `add`.
    ///   - name: Keras 2.3's default unless given.
    ///   - seed: of the initial weights.
    public init(_ layers: [any Layer] = [], name: String = "sequential_1", seed: UInt64 = 0) throws(LocatedError) {
        super.init(spec: ModelSpec(kind: .sequential, name: name), seed: seed)
        for layer in layers { try add(layer) }
    }

    /// An empty stack.
    public convenience init() {
        self.init(named: "sequential_1")
    }

    private init(named name: String) {
        super.init(spec: ModelSpec(kind: .sequential, name: name))
    }

    /// Puts a layer on top.
    ///
    /// - Throws: `.mismatch` when the layer can't take what the model gives so far; the model is unchanged then.
    public func add(_ layer: any Layer) throws(LocatedError) {
        guard var layer = layer.computed else {
            throw LocatedError(
                .unsupported, "layer.custom", "expected a built-in layer or a CustomLayer, got \(type(of: layer).className)")
        }
        let taken = names.withLock { names in
            Result { () throws(LocatedError) -> String in try names.name(for: layer) }
        }
        let name = try taken.get()
        layer.common.name = name
        var spec = self.spec
        if spec.layers.isEmpty, let shape = layer.common.batchShape, !(layer is InputLayer) {
            var input = InputLayer(
                inputShape: Array(shape.dims.dropFirst()), dtype: layer is Embedding ? "int32" : layer is TextVectorization ? "string" : layer.common.dtype)
            input.common.name = name + "_input"
            spec.layers.append(LayerSpec(className: InputLayer.className, name: name + "_input", config: input.config))
        }
        spec.layers.append(LayerSpec(className: layer.specClassName, name: name, config: layer.config))
        var objects = customObjects
        objects.collect(layer)
        let program = try ModelProgram(spec, registry: LayerRegistry.all(with: objects))
        if let inputs = program.declaredInputs { _ = try program.lower(inputs: inputs, training: false) }
        state.withLock { state in
            state.spec = spec
            state.program = program
            state.customObjects = objects
            state.weights = nil
        }
    }
}
