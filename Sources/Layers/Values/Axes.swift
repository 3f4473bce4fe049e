internal import Graphs
internal import KerasSpec
internal import Tensors

extension ConfigReader {
    /// An axis or a list of them; whether it was a list.
    mutating func axes(_ key: String, default fallback: Int) throws(LocatedError) -> (axes: [Int], isList: Bool) {
        guard let value = value(key), !value.isNull else { return ([fallback], false) }
        guard let items = value.array else {
            guard let axis = value.integer else { throw wrong(key, "an axis or a list of axes", value) }
            return ([try checked(axis, key)], false)
        }
        var axes: [Int] = []
        for item in items {
            guard let axis = item.integer else { throw wrong(key, "an axis or a list of axes", value) }
            axes.append(try checked(axis, key))
        }
        guard !axes.isEmpty else { throw wrong(key, "at least one axis", value) }
        return (axes, true)
    }

    /// The same, nil for null or an absent key.
    mutating func optionalAxes(_ key: String) throws(LocatedError) -> [Int]? {
        guard let value = value(key), !value.isNull else { return nil }
        let items = value.array ?? [value]
        var axes: [Int] = []
        for item in items {
            // Keras 1 writes `[null]` for none.
            if item.isNull, items.count == 1 { return nil }
            guard let axis = item.integer else { throw wrong(key, "a list of axes or null", value) }
            axes.append(try checked(axis, key))
        }
        return axes
    }

    /// No array has so many axes; keeps sums with ranks in `Int`.
    private func checked(_ axis: Int, _ key: String) throws(LocatedError) -> Int {
        guard (-255...255).contains(axis) else { throw wrong(key, "an axis", .integer(axis)) }
        return axis
    }
}

extension ConfigObject {
    /// A list where it was one, or has not one item.
    mutating func setAxes(_ key: String, _ axes: [Int], isList: Bool) {
        self[key] = axes.count == 1 && !isList ? .integer(axes[0]) : .integers(axes)
    }
}

extension ValueInfo {
    /// The shape of one sample, with 1 for the axes (counted from the batch's, 0) that share a weight.
    func sampleShape(sharing axes: [Int]) throws(LocatedError) -> Shape {
        var dims: [Int] = []
        for axis in axes where !(1..<max(shape.rank, 1)).contains(axis < 0 ? axis + shape.rank : axis) {
            throw LocatedError(
                .mismatch, "layer.axis", "expected shared axes from 1 to \(shape.rank - 1), got \(axis)", at: ["config/shared_axes"])
        }
        let shared = Set(axes.map { $0 < 0 ? $0 + shape.rank : $0 })
        for axis in shape.dims.indices.dropFirst() {
            dims.append(shared.contains(axis) ? 1 : try knownExtent(axis, "axis \(axis) (one weight for each place)"))
        }
        return Shape(dims)
    }
}
