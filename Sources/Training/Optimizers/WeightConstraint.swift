package import KerasSpec
package import Tensors

/// A projection of a weight after each step.
///
/// Source: keras/constraints.py (2.3.1), keras/src/constraints/constraints.py (3.15), tf_keras/src/constraints.py (2.21).
package final class WeightConstraint {
    package enum Kind: Hashable, Sendable {
        /// Norms are brought to clip(norm, low, high), by the share `rate`.
        case norms(low: Float, high: Float, rate: Float)
        case unitNorms
        case nonNegative
        /// Each ring of a square kernel has one value (tf.keras).
        case rings
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
        if kind == .rings {
            guard shape.rank == 4, shape[0] == shape[1], shape[0] > 1 else {
                throw LocatedError(
                    .mismatch, "constraint.shape",
                    "expected a square kernel (rows, columns, depth, filters) for a RadialConstraint, got the shape \(shape)")
            }
            groups = Self.ringSources(shape)
            norms = .allocate(capacity: shape.count)
            norms.initialize(repeating: 0)
            return
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
        case "radialconstraint": kind = .rings
        default:
            throw LocatedError(
                .unsupported, "constraint.unsupported",
                "expected MaxNorm, MinMaxNorm, UnitNorm, NonNeg or RadialConstraint, got \"\(name)\"")
        }
        var axes = [0]
        if kind != .nonNegative, kind != .rings, let axis = reader.value("axis"), !axis.isNull {
            guard let list = axis.integer.map({ [$0] }) ?? axis.array?.compactMap(\.integer), axis.array.map({ $0.count == list.count }) ?? true
            else { throw reader.wrong("axis", "an axis or a list of axes", axis) }
            axes = list
        }
        reader.ignore("name")
        try reader.finish()
        try self.init(kind, axes: axes, shape: shape)
    }

    /// By element of a square kernel: the one on the diagonal whose value its ring takes. The innermost ring takes that above the
    /// middle, others that below: so it is in Keras.
    private static func ringSources(_ shape: Shape) -> [Int32] {
        let (side, start, strides) = (shape[0], shape[0] / 2, shape.strides)
        return (0..<shape.count).map { element in
            let (row, column) = (element / strides[0], element / strides[1] % side)
            let ring = min(row, column, side - 1 - row, side - 1 - column)
            let source = ring == (side - 1) / 2 ? start - 1 : 2 * start - 1 - ring
            return Int32(clamping: source * (strides[0] + strides[1]) + element % strides[1])
        }
    }

    /// Projects a weight of the shape this was made for.
    package func apply(_ weight: UnsafeMutablePointer<Float>) {
        if kind == .nonNegative {
            for element in 0..<count where !(weight[element] >= 0) { weight[element] *= 0 }
            return
        }
        if kind == .rings {
            for element in 0..<count { norms[element] = weight[Int(groups[element])] }
            for element in 0..<count { weight[element] = norms[element] }
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
            case .nonNegative, .rings: break
            }
        }
        for element in 0..<count { weight[element] *= norms[Int(groups[element])] }
    }
}
