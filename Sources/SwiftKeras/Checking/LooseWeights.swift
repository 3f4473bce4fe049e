internal import KerasSpec
internal import OrderedCollections
internal import Tensors

/// The layers of two weights files that arrange weights differently, paired where names or shapes tell which is which.
///
/// Lists bear names of layers; groups by objects bear them from Keras 3.6 on, and else the names of classes, numbered in the
/// model's order.
struct LooseWeights {
    struct Layer {
        /// What the model calls it; nil where the file doesn't say.
        var name: String?
        /// For showing.
        var label: String
        /// The class in snake case, where the file has that.
        var base: String?
        var weights: [StoredWeights.Weight]
        /// How many objects hold the arrays: order among several is another one in the other file.
        var objects: Int

        /// What layers of one kind have in common.
        var shapes: [String] { weights.map { "\($0.tensor.shape)" }.sorted() }
    }

    var layers: [Layer] = []

    init(_ stored: StoredWeights) {
        switch stored.scheme {
        case .layers:
            layers = stored.layers.filter { !$0.weights.isEmpty }.map {
                Layer(name: $0.name, label: $0.name, weights: $0.weights, objects: Set($0.weights.map { Self.owner($0.name) }).count)
            }
        case .list:
            var groups: OrderedDictionary<String, [StoredWeights.Weight]> = [:]
            for weight in stored.layers.flatMap(\.weights) {
                groups[String(weight.name.prefix { $0 != "/" }), default: []].append(weight)
            }
            layers = groups.map { name, weights in
                Layer(name: name, label: name, weights: weights, objects: Set(weights.map { Self.owner($0.name) }).count)
            }
        case .objects:
            var groups: OrderedDictionary<String, Layer> = [:]
            for object in stored.layers {
                let parts = object.name.split(separator: "/").map(String.init)
                let top = parts.prefix(2).joined(separator: "/")
                var layer = groups[top] ?? Layer(name: nil, label: top, base: parts.count > 1 ? Self.base(parts[1]) : nil, weights: [], objects: 0)
                if parts.count <= 2, let name = object.label { (layer.name, layer.label) = (name, name) }
                // Where random numbers stand is in no list.
                if !object.weights.isEmpty, parts.last?.hasPrefix("seed_generator") != true {
                    layer.weights += object.weights
                    layer.objects += 1
                }
                groups[top] = layer
            }
            layers = groups.values.filter { !$0.weights.isEmpty }
        }
    }

    private static func owner(_ name: String) -> Substring { name.lastIndex(of: "/").map { name[..<$0] } ?? "" }

    private static func base(_ group: String) -> String {
        let parts = group.split(separator: "_")
        guard let last = parts.last, parts.count > 1, last.allSatisfy(\.isNumber) else { return group }
        return parts.dropLast().joined(separator: "_")
    }

    /// Which layers belong together. Throws 69 `compare.weights` where neither names nor shapes tell.
    static func pairs(_ a: [Layer], _ b: [Layer]) throws(LocatedError) -> [(a: Int, b: Int)] {
        var pairs: [(a: Int, b: Int)] = []
        let named = Dictionary(b.enumerated().compactMap { index, layer in layer.name.map { ($0, index) } }, uniquingKeysWith: { first, _ in first })
        let common = a.indices.compactMap { index in a[index].name.flatMap { named[$0] }.map { (a: index, b: $0) } }
        // Names that fit one another are names of layers, and no chance.
        if common.count == min(a.count, b.count) || common.allSatisfy({ a[$0.a].shapes == b[$0.b].shapes }) { pairs = common }
        let (takenA, takenB) = (Set(pairs.map(\.a)), Set(pairs.map(\.b)))
        var kinds: OrderedDictionary<[String], (a: [Int], b: [Int])> = [:]
        for index in a.indices where !takenA.contains(index) { kinds[a[index].shapes, default: ([], [])].a.append(index) }
        for index in b.indices where !takenB.contains(index) { kinds[b[index].shapes, default: ([], [])].b.append(index) }
        for kind in kinds.values {
            guard kind.a.count > 1 || kind.b.count > 1, !kind.a.isEmpty, !kind.b.isEmpty else {
                if let x = kind.a.first, let y = kind.b.first { pairs.append((x, y)) }
                continue
            }
            // Numbers within a class are in the model's order, as lists are.
            let bases = Set((kind.a.map { a[$0] } + kind.b.map { b[$0] }).compactMap(\.base))
            guard kind.a.count == kind.b.count, bases.count <= 1 else {
                let names = (kind.a.map { a[$0].label } + kind.b.map { b[$0].label }).prefix(8).joined(separator: ", ")
                throw LocatedError(
                    .unsupported, "compare.weights",
                    "expected names or shapes that tell which layers of both files belong together, got several of the same shapes: \(names)",
                    hint: "Give an architecture: compare MODEL.json B --weights-a A.")
            }
            for (x, y) in zip(kind.a, kind.b) { pairs.append((x, y)) }
        }
        return pairs.sorted { $0.a < $1.a }
    }
}
