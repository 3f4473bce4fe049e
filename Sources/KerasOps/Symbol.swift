package import Graphs
internal import Ops
public import Tensors

/// A tensor that isn't computed yet: what a custom layer's `call`, an activation or a loss written in Swift gets and gives.
///
/// Functions in `ops`, named as in `keras.ops`, and the operators + − * / make new symbols of it. Each adds a node to the
/// graph of the model around it; gradients come with the nodes. A symbol is of use only within the call that it was given to.
public struct Symbol {
    package let value: Value
    package let scope: any SymbolScope
    /// What Keras carries beside the value: which time steps count.
    package var maskValue: Value?

    package init(_ value: Value, mask: Value? = nil, in scope: any SymbolScope) {
        self.value = value
        self.scope = scope
        self.maskValue = mask
    }

    /// The extents, nil where one isn't known while the model is only looked at.
    public var shape: PartialShape { scope.info(value).shape }
    /// The type of the elements.
    public var dtype: DType { scope.info(value).dtype }
    /// Which time steps count, as a symbol of type bool; nil where all do.
    public var mask: Symbol? {
        get { maskValue.map { Symbol($0, in: scope) } }
        set { maskValue = newValue?.value }
    }
}

/// Where symbols put their nodes: the graph of a model that is lowered.
package protocol SymbolScope: AnyObject {
    func apply(_ op: any Op, to inputs: [Value]) throws(LocatedError) -> [Value]
    func constant(_ tensor: Tensor) -> Value
    func info(_ value: Value) -> ValueInfo
}

extension Symbol {
    /// One node with one output, of this symbol and others.
    package func applying(_ op: any Op, _ others: Symbol...) throws(LocatedError) -> Symbol {
        try applying(op, to: others)
    }

    package func applying(_ op: any Op, to others: [Symbol]) throws(LocatedError) -> Symbol {
        let outputs = try scope.apply(op, to: [value] + others.map(\.value))
        guard outputs.count == 1 else { preconditionFailure("\(op.name) has \(outputs.count) outputs") }
        return Symbol(outputs[0], mask: maskValue, in: scope)
    }

    /// A number that goes with this symbol.
    package func number(_ number: Double) -> Symbol {
        Symbol(scope.constant(Tensor(scalar: Float(number))), in: scope)
    }

    /// A fixed tensor in the same graph: tables, filters, what is not learned. Elements become float32, or int32.
    public func constant(_ tensor: Tensor) -> Symbol {
        let isIndex = tensor.dtype == .int32 || tensor.dtype == .bool
        return Symbol(scope.constant(isIndex ? tensor : tensor.asType(.float32)), in: scope)
    }

    /// As float32, which arithmetic wants.
    package func floating() throws(LocatedError) -> Symbol {
        dtype == .float32 ? self : try applying(Cast(to: .float32))
    }

    /// An axis counted from the front.
    package func axis(_ axis: Int, _ function: String) throws(LocatedError) -> Int {
        let rank = shape.rank
        guard axis >= -rank, axis < rank else {
            throw LocatedError(
                .mismatch, "ops.axis", "\(function) expected an axis of an array of \(rank) axes, got \(axis)")
        }
        return axis < 0 ? axis + rank : axis
    }
}
