internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// The product of two inputs, sample by sample, summed along one axis of each.
///
/// Formula: y[b, i…, j…] = Σₖ x₀[b, i…, k, …]·x₁[b, k, j…], with k at `axes` of x₀ and of x₁; `normalize` divides by the
/// vectors' lengths first, which gives cosines.
/// Shapes: (batch, …) and (batch, …) → x₀'s other axes, then x₁'s; two vectors give (batch, 1). No mask goes on.
/// Config: `axes` (a number or two, the batch's axis is 0), `normalize`.
/// Source: keras/layers/merge.py (2.3.1), keras/src/layers/merging/dot.py (3.15).
public struct Dot: BuiltInLayer {
    public static let className = "Dot"
    public var common: LayerCommon
    /// Negative ones count from the end.
    public var axes: (Int, Int)
    public var normalize: Bool
    private var isList: Bool

    public init(axes: Int, normalize: Bool = false, name: String? = nil) {
        common = LayerCommon(name: name)
        self.axes = (axes, axes)
        self.normalize = normalize
        isList = false
    }

    public init(axes: (Int, Int), normalize: Bool = false, name: String? = nil) {
        common = LayerCommon(name: name)
        self.axes = axes
        self.normalize = normalize
        isList = true
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard config.has("axes") else {
            throw LocatedError(.invalid, "config.missing", "expected an axis or two, got nothing", at: ["config/axes"])
        }
        let axes = try config.axes("axes", default: -1)
        guard axes.axes.count == (axes.isList ? 2 : 1) else {
            throw config.wrong("axes", "an axis or two", .integers(axes.axes))
        }
        self.axes = (axes.axes[0], axes.axes[axes.axes.count - 1])
        isList = axes.isList
        normalize = try config.bool("normalize", default: false)
    }

    package func encode(into config: inout ConfigObject) {
        config["axes"] = isList ? [.integer(axes.0), .integer(axes.1)] : .integer(axes.0)
        config["normalize"] = .bool(normalize)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let inputs = try inputs.several(context)
        guard inputs.count == 2 else {
            throw LocatedError(
                .mismatch, "layer.inputCount", "expected two inputs, got \(inputs.count)", at: [context.label])
        }
        var (x, y) = (inputs[0].value, inputs[1].value)
        let (xRank, yRank) = (context.shape(x).rank, context.shape(y).rank)
        let (a, b) = try (axis(axes.0, xRank, context), axis(axes.1, yRank, context))
        if normalize {
            (x, y) = try (context.unitVectors(x, axis: a), context.unitVectors(y, axis: b))
        }
        // Letters: a for the batch, b for the axis that is summed, then one for each other axis.
        let letters = Array("acdefghijklmnopqrstuvwxyz")
        var next = 1
        func labels(_ rank: Int, _ summed: Int) -> [Character] {
            (0..<rank).map { place in
                if place == 0 { return "a" }
                if place == summed { return "b" }
                next += 1
                return letters[next - 1]
            }
        }
        guard xRank + yRank <= letters.count else {
            throw LocatedError(.unsupported, "dot.rank", "expected fewer axes, got \(xRank) and \(yRank)", at: [context.label])
        }
        let first = labels(xRank, a), second = labels(yRank, b)
        let result = first.filter { $0 != "b" } + second.dropFirst().filter { $0 != "b" }
        var product = try context.einsum("\(String(first)),\(String(second))->\(String(result))", x, y)
        if result.count == 1 { product = try context.expanded(product, at: 1) }
        return [Signal(product)]
    }

    private func axis(_ axis: Int, _ rank: Int, _ context: LoweringContext) throws(LocatedError) -> Int {
        let place = axis < 0 ? axis + rank : axis
        guard (1..<max(rank, 1)).contains(place) else {
            throw LocatedError(
                .mismatch, "dot.axes", "expected an axis from 1 to \(rank - 1), got \(axis)", at: [context.label, "config/axes"])
        }
        return place
    }
}

extension LoweringContext {
    /// Vectors along an axis divided by their lengths; at least 1e-7.
    fileprivate func unitVectors(_ value: Value, axis: Int) throws(LocatedError) -> Value {
        try lastAxes([axis], of: value) { (value) throws(LocatedError) in
            try apply(RowNormalize(.unit, epsilon: 1e-7), value)
        }
    }
}
