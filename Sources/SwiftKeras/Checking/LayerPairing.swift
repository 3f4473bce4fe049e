internal import KerasSpec

/// Which layer of one model is which of another, by paths within the models.
struct LayerPairing {
    private var names: [String: String] = [:]

    /// Pairs of layers.
    var count: Int { names.count }

    init() {}

    /// Every layer with itself.
    init(identical spec: ModelSpec) { add(spec, []) }

    private mutating func add(_ spec: ModelSpec, _ path: [String]) {
        for layer in spec.layers {
            let path = path + [layer.name]
            pair(path, path)
            if let model = layer.model { add(model.value, path) }
        }
    }

    mutating func pair(_ a: [String], _ b: [String]) { names[Self.key(a)] = Self.key(b) }

    /// Paths in B that have a partner.
    var partners: some Sequence<String> { names.values }

    /// The path in B of a layer of A; nil when B has none.
    func partner(of path: [String]) -> String? { names[Self.key(path)] }

    /// Names of layers may hold slashes: the path as one text that no other path has.
    static func key(_ path: [String]) -> String { path.joined(separator: "\u{0}") }
}

extension LayerPairing {
    /// Which layers of two lists belong together, by index.
    ///
    /// Lists with the same classes in the same order are paired in that order, unless both have the same names in another one.
    /// Else layers of one name belong together, then what is left, in the longest common order of classes; names that cross
    /// are taken for numbers that Keras gave (`conv2d_2`), which tell nothing once a layer was put between.
    static func match(_ a: [LayerSpec], _ b: [LayerSpec]) -> [(a: Int, b: Int)] {
        let (namesA, namesB) = (a.map(\.name), b.map(\.name))
        if a.map(\.className) == b.map(\.className), namesA == namesB || Set(namesA) != Set(namesB) {
            return a.indices.map { ($0, $0) }
        }
        let byName = Dictionary(namesB.enumerated().map { ($1, $0) }, uniquingKeysWith: { first, _ in first })
        var pairs: [(a: Int, b: Int)] = []
        for (index, name) in namesA.enumerated() { if let other = byName[name] { pairs.append((index, other)) } }
        if Set(namesA) != Set(namesB), zip(pairs, pairs.dropFirst()).contains(where: { $0.b > $1.b }) {
            return commonOrder(a.map(\.className), b.map(\.className)).map { ($0, $1) }
        }
        let (takenA, takenB) = (Set(pairs.map(\.a)), Set(pairs.map(\.b)))
        let restA = a.indices.filter { !takenA.contains($0) }
        let restB = b.indices.filter { !takenB.contains($0) }
        for (x, y) in commonOrder(restA.map { a[$0].className }, restB.map { b[$0].className }) {
            pairs.append((restA[x], restB[y]))
        }
        return pairs.sorted { $0.a < $1.a }
    }

    /// The longest sequence of equal words in both lists.
    private static func commonOrder(_ a: [String], _ b: [String]) -> [(Int, Int)] {
        // The table has a cell for every pair.
        guard !a.isEmpty, !b.isEmpty, a.count <= 4_000_000 / b.count else { return [] }
        let width = b.count + 1
        var lengths = [Int32](repeating: 0, count: (a.count + 1) * width)
        for x in a.indices.reversed() {
            for y in b.indices.reversed() {
                lengths[x * width + y] =
                    a[x] == b[y]
                    ? lengths[(x + 1) * width + y + 1] + 1
                    : max(lengths[(x + 1) * width + y], lengths[x * width + y + 1])
            }
        }
        var pairs: [(Int, Int)] = []
        var (x, y) = (0, 0)
        while x < a.count, y < b.count {
            if a[x] == b[y] {
                pairs.append((x, y))
                (x, y) = (x + 1, y + 1)
            } else if lengths[(x + 1) * width + y] >= lengths[x * width + y + 1] {
                x += 1
            } else {
                y += 1
            }
        }
        return pairs
    }
}
