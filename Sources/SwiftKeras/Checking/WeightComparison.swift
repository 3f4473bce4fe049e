internal import KerasSpec
internal import OrderedCollections
internal import Tensors

/// The weights of two models, pair by pair.
struct WeightComparison {
    private(set) var differences: [ModelComparison.Difference] = []
    private(set) var compared = 0
    /// How pairs were found, where that isn't plain.
    private(set) var notes: [String] = []
    private let tolerance: ModelComparison.Tolerance

    init(tolerance: ModelComparison.Tolerance) { self.tolerance = tolerance }

    /// Weights with a meaning. Those of layers that only one of the models has are told with the layers.
    mutating func run(_ a: ModelWeights, _ b: ModelWeights, _ pairing: LayerPairing) throws(LocatedError) {
        var others: OrderedDictionary<String, ModelWeights.Weight> = [:]
        for weight in b.weights where weight.outline.role != .seed {
            others[Self.key(LayerPairing.key(weight.outline.layerPath), weight)] = weight
        }
        var owners: Set<String> = []
        for weight in a.weights where weight.outline.role != .seed {
            guard let partner = pairing.partner(of: weight.outline.layerPath) else { continue }
            owners.insert(partner)
            guard let other = others.removeValue(forKey: Self.key(partner, weight)) else {
                differences.append(ModelComparison.Difference(.weight, weight.outline.name, a: "\(weight.tensor.shape)"))
                continue
            }
            try compare(weight.outline.name, weight.tensor, other.tensor)
        }
        let paired = owners.union(pairing.partners)
        for weight in others.values where paired.contains(LayerPairing.key(weight.outline.layerPath)) {
            differences.append(ModelComparison.Difference(.weight, weight.outline.name, b: "\(weight.tensor.shape)"))
        }
    }

    /// Weights without a model around them: layer by layer as the files call these, in the files' order within a layer.
    mutating func run(_ a: StoredWeights, _ b: StoredWeights) throws(LocatedError) {
        guard a.scheme == b.scheme else { return try run(LooseWeights(a).layers, LooseWeights(b).layers) }
        var others: OrderedDictionary<String, StoredWeights.Layer> = [:]
        for layer in b.layers where !layer.weights.isEmpty { others[layer.name] = layer }
        for layer in a.layers where !layer.weights.isEmpty {
            guard let other = others.removeValue(forKey: layer.name) else {
                differences.append(ModelComparison.Difference(.layer, layer.name, a: Self.count(layer)))
                continue
            }
            for (x, y) in zip(layer.weights, other.weights) { try compare("\(layer.name)/\(x.name)", x.tensor, y.tensor) }
            for weight in layer.weights.dropFirst(other.weights.count) {
                differences.append(ModelComparison.Difference(.weight, "\(layer.name)/\(weight.name)", a: "\(weight.tensor.shape)"))
            }
            for weight in other.weights.dropFirst(layer.weights.count) {
                differences.append(ModelComparison.Difference(.weight, "\(layer.name)/\(weight.name)", b: "\(weight.tensor.shape)"))
            }
        }
        for layer in others.values {
            differences.append(ModelComparison.Difference(.layer, layer.name, b: Self.count(layer)))
        }
    }

    /// Weights of files that arrange them differently: layers by names and shapes, arrays within by order, or by shapes and
    /// values where several objects of a layer hold them.
    private mutating func run(_ a: [LooseWeights.Layer], _ b: [LooseWeights.Layer]) throws(LocatedError) {
        let pairs = try LooseWeights.pairs(a, b)
        let byName = pairs.count { a[$0.a].name != nil && a[$0.a].name == b[$0.b].name }
        if byName < pairs.count {
            notes.append("the files arrange weights differently: \(pairs.count - byName) of \(pairs.count) layers were paired by their arrays' shapes and order, the others by name")
        }
        for (x, y) in pairs {
            let (layer, other) = (a[x], b[y])
            guard layer.objects > 1 || other.objects > 1 else {
                for (p, q) in zip(layer.weights, other.weights) { try compare("\(layer.label)/\(p.name)", p.tensor, q.tensor) }
                tellRest(layer, other, layer.weights.dropFirst(other.weights.count), other.weights.dropFirst(layer.weights.count))
                continue
            }
            var rest = other.weights
            var unequal: [StoredWeights.Weight] = []
            for weight in layer.weights {
                var found: Int?
                for index in rest.indices where found == nil && rest[index].tensor.shape == weight.tensor.shape {
                    let (p, q) = (weight.tensor, rest[index].tensor)
                    let isSame = try locating(weight.name) { () throws(LocatedError) in Self.worst(try p.load(), try q.load(), tolerance) == nil }
                    if isSame { found = index }
                }
                if let found { rest.remove(at: found) } else { unequal.append(weight) }
            }
            compared += layer.weights.count - unequal.count
            for weight in unequal {
                guard let index = rest.firstIndex(where: { $0.tensor.shape == weight.tensor.shape }) else {
                    tellRest(layer, other, [weight], [])
                    continue
                }
                try compare("\(layer.label)/\(weight.name)", weight.tensor, rest.remove(at: index).tensor)
            }
            tellRest(layer, other, [], rest[...])
        }
        let (takenA, takenB) = (Set(pairs.map(\.a)), Set(pairs.map(\.b)))
        func count(_ layer: LooseWeights.Layer) -> String { layer.weights.count == 1 ? "1 weight" : "\(layer.weights.count) weights" }
        for index in a.indices where !takenA.contains(index) {
            differences.append(ModelComparison.Difference(.layer, a[index].label, a: count(a[index])))
        }
        for index in b.indices where !takenB.contains(index) {
            differences.append(ModelComparison.Difference(.layer, b[index].label, b: count(b[index])))
        }
    }

    private mutating func tellRest(
        _ layer: LooseWeights.Layer, _ other: LooseWeights.Layer, _ own: ArraySlice<StoredWeights.Weight>,
        _ others: ArraySlice<StoredWeights.Weight>
    ) {
        for weight in own {
            differences.append(ModelComparison.Difference(.weight, "\(layer.label)/\(weight.name)", a: "\(weight.tensor.shape)"))
        }
        for weight in others {
            differences.append(ModelComparison.Difference(.weight, "\(other.label)/\(weight.name)", b: "\(weight.tensor.shape)"))
        }
    }

    /// One pair: shape, type, values.
    mutating func compare(
        _ name: String, _ a: LazyTensor, _ b: LazyTensor, as part: ModelComparison.Difference.Part = .weight
    ) throws(LocatedError) {
        compared += 1
        guard a.shape == b.shape else {
            differences.append(ModelComparison.Difference(part, name, "shape", a: "\(a.shape)", b: "\(b.shape)"))
            return
        }
        if a.dtype != b.dtype {
            differences.append(ModelComparison.Difference(part, name, "dtype", a: a.dtype.rawValue, b: b.dtype.rawValue))
        }
        let (x, y) = try locating(name) { () throws(LocatedError) in (try a.load(), try b.load()) }
        guard let worst = Self.worst(x, y, tolerance) else { return }
        // The shortest digits that tell a float32.
        let isSingle = a.dtype != .float64 && b.dtype != .float64
        func text(_ value: Double) -> String { isSingle ? "\(Float(value))" : "\(value)" }
        var difference = ModelComparison.Difference(part, name, "values", a: text(worst.a), b: text(worst.b))
        difference.maxAbsoluteDifference = worst.difference
        difference.index = Self.position(of: worst.index, in: a.shape)
        differences.append(difference)
    }

    // MARK: - Values

    private struct Worst {
        var index = 0
        var difference = 0.0
        var a = 0.0
        var b = 0.0
    }

    /// Where two arrays are furthest apart; nil when all elements are within tolerance. NaN equals NaN.
    private static func worst(_ a: Tensor, _ b: Tensor, _ tolerance: ModelComparison.Tolerance) -> Worst? {
        if a.dtype == b.dtype {
            let isSame = a.withUnsafeBytes { x in b.withUnsafeBytes { y in x.elementsEqual(y) } }
            if isSame { return nil }
        }
        // Most arrays are of this type, and large ones need no copy then.
        if a.dtype == .float32, b.dtype == .float32 {
            return a.withUnsafeElements(as: Float.self) { x in
                b.withUnsafeElements(as: Float.self) { y in worst(x, y, tolerance) { Double($0) } }
            }
        }
        return a.asType(.float64).withUnsafeElements(as: Double.self) { x in
            b.asType(.float64).withUnsafeElements(as: Double.self) { y in worst(x, y, tolerance) { $0 } }
        }
    }

    @inline(__always)
    private static func worst<Element: BinaryFloatingPoint>(
        _ a: UnsafeBufferPointer<Element>, _ b: UnsafeBufferPointer<Element>, _ tolerance: ModelComparison.Tolerance,
        _ double: (Element) -> Double
    ) -> Worst? {
        var worst = Worst()
        var isWithin = true
        for index in a.indices where !(a[index] == b[index]) {
            let (x, y) = (double(a[index]), double(b[index]))
            if x.isNaN && y.isNaN { continue }
            var difference = abs(x - y)
            if difference.isNaN { difference = .infinity }
            if !(difference <= tolerance.absolute + tolerance.relative * abs(y)) { isWithin = false }
            if difference > worst.difference { worst = Worst(index: index, difference: difference, a: x, b: y) }
        }
        return isWithin ? nil : worst
    }

    private static func position(of index: Int, in shape: Shape) -> [Int] {
        var rest = index
        return shape.strides.map { stride in
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: max(stride, 1))
            rest = remainder
            return quotient
        }
    }

    private static func key(_ layer: String, _ weight: ModelWeights.Weight) -> String {
        layer + "\u{0}\u{0}" + weight.outline.path.joined(separator: "\u{0}")
    }

    private static func count(_ layer: StoredWeights.Layer) -> String {
        layer.weights.count == 1 ? "1 weight" : "\(layer.weights.count) weights"
    }
}
