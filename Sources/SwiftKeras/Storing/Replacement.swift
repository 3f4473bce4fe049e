internal import KerasOps
internal import KerasSpec
internal import Layers
internal import Tensors

/// A meaning for a layer whose code isn't run, written as a layer of Keras's own.
package struct Replacement: Sendable {
    /// The layer's.
    package let name: String
    package let expression: TensorExpression

    package init(_ name: String, _ expression: TensorExpression) {
        self.name = name
        self.expression = expression
    }

    /// Puts the layer of Keras's in the other's place. Throws 64 `layer.absent` for a layer that isn't there, 69
    /// `replace.inexpressible` for what no single layer computes.
    func rewrite(_ spec: inout ModelSpec?, _ notes: inout [UpgradeNote]) throws(LocatedError) {
        guard var model = spec else { throw absent }
        guard try rewrite(&model, &notes) else { throw absent }
        spec = model
    }

    private var absent: LocatedError {
        LocatedError(
            .usage, "layer.absent", "expected the name of a layer of the model to be replaced, got \"\(name)\"",
            hint: "swift-keras inspect lists them.")
    }

    /// Says whether the layer was there.
    private func rewrite(_ model: inout ModelSpec, _ notes: inout [UpgradeNote]) throws(LocatedError) -> Bool {
        var isFound = false
        for index in model.layers.indices {
            if var inner = model.layers[index].model?.value {
                guard try rewrite(&inner, &notes) else { continue }
                model.layers[index].model = Box(inner)
                isFound = true
            } else if model.layers[index].name == name {
                model.layers[index] = try replaced(model.layers[index], &notes)
                isFound = true
            }
        }
        return isFound
    }

    private func replaced(_ layer: LayerSpec, _ notes: inout [UpgradeNote]) throws(LocatedError) -> LayerSpec {
        var result = layer
        result.source = nil
        if LayerRegistry.builtIn.classNames.contains(layer.className), layer.config["activation"] != nil {
            guard let activation = expression.activation else { throw inexpressible("an activation of Keras's") }
            result.config["activation"] = .string(activation)
            notes.append(UpgradeNote(layer: name, text: "'\(expression)' is written as the activation \(activation)"))
            return result
        }
        var config: ConfigObject = [:]
        for key in ["name", "trainable", "dtype"] { config[key] = layer.config[key] }
        config["name"] = .string(name)
        if let activation = expression.activation {
            result.className = "Activation"
            config["activation"] = .string(activation)
        } else if let affine = expression.affine {
            result.className = "Rescaling"
            config["scale"] = .float(affine.scale)
            config["offset"] = .float(affine.offset)
        } else {
            throw inexpressible("an activation of Keras's, or a number times x plus a number,")
        }
        result.config = config
        notes.append(
            UpgradeNote(layer: name, text: "\(layer.className) is written as \(result.className), which computes '\(expression)'"))
        return result
    }

    private func inexpressible(_ what: String) -> LocatedError {
        LocatedError(
            .unsupported, "replace.inexpressible", "expected \(what) to be written for \(name), got '\(expression)'",
            hint: "Leave out --replace: the layer is kept as it stands.")
    }
}
