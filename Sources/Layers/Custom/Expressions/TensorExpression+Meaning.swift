internal import Tensors

// What an expression is called by a layer of Keras's own.

extension TensorExpression {
    /// The numbers of scale · x + offset, where the expression of one input is that; nil else.
    package var affine: (scale: Double, offset: Double)? { Self.affine(root) }

    /// The activation that the expression is, of its input as it stands: `relu` of `relu(x)`; `linear` of `x`.
    package var activation: String? {
        if Self.isInput(root) { return "linear" }
        guard case .call(let name, let positional, let keywords) = root, positional.count == 1, keywords.isEmpty,
            Self.isInput(positional[0])
        else { return nil }
        return ["exp": "exponential", "silu": "silu"][name] ?? (Self.plainActivations.contains(name) ? name : nil)
    }

    private static let plainActivations: Set<String> = [
        "relu", "relu6", "sigmoid", "hard_sigmoid", "tanh", "softplus", "softsign", "selu", "elu", "softmax", "leaky_relu", "swish",
    ]

    private static func isInput(_ node: Node) -> Bool { node == .input(nil) || node == .input(0) }

    private static func affine(_ node: Node) -> (scale: Double, offset: Double)? {
        switch node {
        case .number(let number, _): return (0, number)
        case .input(nil), .input(0): return (1, 0)
        case .call("negative", let items, _):
            guard items.count == 1, let x = affine(items[0]) else { return nil }
            return (-x.scale, -x.offset)
        case .call(let name, let items, let keywords):
            guard items.count == 2, keywords.isEmpty, let x = affine(items[0]), let y = affine(items[1]) else { return nil }
            switch name {
            case "add": return (x.scale + y.scale, x.offset + y.offset)
            case "subtract": return (x.scale - y.scale, x.offset - y.offset)
            case "multiply" where x.scale == 0: return (x.offset * y.scale, x.offset * y.offset)
            case "multiply" where y.scale == 0: return (x.scale * y.offset, x.offset * y.offset)
            case "divide" where y.scale == 0: return (x.scale / y.offset, x.offset / y.offset)
            default: return nil
            }
        default: return nil
        }
    }
}
