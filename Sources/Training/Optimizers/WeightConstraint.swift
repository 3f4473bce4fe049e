package import KerasSpec
package import Tensors

/// A projection of a weight after each step.
///
/// Source: keras/constraints.py (2.3.1), keras/src/constraints/constraints.py (3.15).
package final class WeightConstraint {
    package enum Kind: Hashable, Sendable {
        /// Norms are brought to clip(norm, low, high), by the share `rate`.
        case norms(low: Float, high: Float, rate: Float)
        case unitNorms
        case nonNegative
    }

    package let kind: Kind
    private let count: Int
    /// By element: which norm it belongs to.
    private let groups: [Int32]
    private let norms: UnsafeMutableBufferPointer<Float>

    /// - Parameter axes: over which norms are taken; negative ones count from the end.
    package init(_ kind: Kind, axes: [Int], shape: Shape) throws(LocatedError) {
        self.kind = kind
        count = shape.count
        var summed: Set<Int> = []
        for axis in axes {
            let resolved = axis < 0 ? axis + shape.rank : axis
            guard shape.dims.indices.contains(resolved) else {
                throw LocatedError(
                    .invalid, "constraint.axis", "expected an axis of the shape \(shape), got \(axis)", at: ["config/axis"])
            }
            summed.insert(resolved)
        }
        guard kind != .nonNegative else {
            groups = []
            norms = .allocate(capacity: 0)
            return
        }
        let kept = Shape(shape.dims.enumerated().map { summed.contains($0.offset) ? 1 : $0.element })
        guard kept.count <= Int32.max else {
            throw LocatedError(.unsupported, "constraint.size", "expected at most \(Int32.max) norms, got \(kept.count)")
        }
        let (strides, keptStrides) = (shape.strides, kept.strides)
        groups = (0..<shape.count).map { element in
            var group = 0
            for axis in shape.dims.indices where !summed.contains(axis) {
                group += element / strides[axis] % shape[axis] * keptStrides[axis]
            }
            return Int32(group)
        }
        norms = .allocate(capacity: kept.count)
        norms.initialize(repeating: 0)
    }

    deinit { norms.deallocate() }

    /// From Keras's serialized form; nil for null.
    package convenience init?(config value: ConfigValue, shape: Shape) throws(LocatedError) {
        if value.isNull { return nil }
        guard let name = value.string ?? value.object?["class_name"]?.string else {
            throw LocatedError(
                .invalid, "constraint.config", "expected a constraint's name or its settings, got \(value.summary)")
        }
        var reader = ConfigReader(value.object?["config"]?.object ?? [:])
        let kind: Kind
        switch name.lowercased().filter({ $0 != "_" }) {
        case "maxnorm":
            // Keras 1 called it `m`.
            let old = try reader.optionalNumber("m")
            let high = try reader.number("max_value", default: old ?? 2)
            kind = .norms(low: 0, high: Float(high), rate: 1)
        case "minmaxnorm":
            kind = .norms(
                low: Float(try reader.number("min_value", default: 0)), high: Float(try reader.number("max_value", default: 1)),
                rate: Float(try reader.number("rate", default: 1)))
        case "unitnorm": kind = .unitNorms
        case "nonneg": kind = .nonNegative
        default:
            throw LocatedError(
                .unsupported, "constraint.unsupported",
                "expected MaxNorm, MinMaxNorm, UnitNorm or NonNeg, got \"\(name)\"")
        }
        var axes = [0]
        if kind != .nonNegative, let axis = reader.value("axis"), !axis.isNull {
            guard let list = axis.integer.map({ [$0] }) ?? axis.array?.compactMap(\.integer), axis.array.map({ $0.count == list.count }) ?? true
            else { throw reader.wrong("axis", "an axis or a list of axes", axis) }
            axes = list
        }
        reader.ignore("name")
        try reader.finish()
        try self.init(kind, axes: axes, shape: shape)
    }

    /// Projects a weight of the shape this was made for.
    package func apply(_ weight: UnsafeMutablePointer<Float>) {
        if kind == .nonNegative {
            for element in 0..<count where !(weight[element] >= 0) { weight[element] *= 0 }
            return
        }
        norms.update(repeating: 0)
        for element in 0..<count { norms[Int(groups[element])] += weight[element] * weight[element] }
        let epsilon: Float = 1e-7
        for group in 0..<norms.count {
            let norm = norms[group].squareRoot()
            switch kind {
            case .norms(let low, let high, let rate):
                let wanted = rate * min(max(norm, low), high) + (1 - rate) * norm
                norms[group] = wanted / (epsilon + norm)
            case .unitNorms: norms[group] = 1 / (epsilon + norm)
            case .nonNegative: break
            }
        }
        for element in 0..<count { weight[element] *= norms[Int(groups[element])] }
    }
}
