internal import Graphs
internal import Kernels
internal import Ops
public import Tensors

// Activation functions. Source: keras/src/ops/nn.py, keras/src/activations/activations.py (3.15).

extension ops {
    /// 0 below 0, else x.
    public static func relu(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .relu()) }
    /// x within 0 and 6.
    public static func relu6(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .relu(maxValue: 6)) }
    /// x, below 0 times the slope.
    public static func leakyRelu(_ x: Symbol, negativeSlope: Double = 0.2) throws(LocatedError) -> Symbol {
        try activate(x, .relu(negativeSlope: Float(negativeSlope)))
    }
    /// 1 / (1 + exp(−x)).
    public static func sigmoid(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .sigmoid) }
    /// relu6(x + 3) / 6.
    public static func hardSigmoid(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .hardSigmoid) }
    /// The hyperbolic tangent.
    public static func tanh(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .tanh) }
    /// x · sigmoid(x).
    public static func silu(_ x: Symbol) throws(LocatedError) -> Symbol { try multiply(x, try sigmoid(x)) }
    /// exp(x).
    public static func exp(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .exponential) }
    /// log(1 + exp(x)).
    public static func softplus(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .softplus) }
    /// x / (1 + |x|).
    public static func softsign(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .softsign) }
    /// x, below 0 alpha·(exp(x) − 1).
    public static func elu(_ x: Symbol, alpha: Double = 1) throws(LocatedError) -> Symbol { try activate(x, .elu(alpha: Float(alpha))) }
    /// A scaled elu: Klambauer et al. 2017.
    public static func selu(_ x: Symbol) throws(LocatedError) -> Symbol { try activate(x, .selu) }
    /// exp(x) / Σ exp(x) along an axis.
    public static func softmax(_ x: Symbol, axis: Int = -1) throws(LocatedError) -> Symbol {
        try x.floating().applying(Softmax(axis: axis))
    }

    private static func activate(_ x: Symbol, _ activation: Activation) throws(LocatedError) -> Symbol {
        try x.floating().applying(Activate(activation))
    }
}
