/// A graph on the way to its layout (Sugiyama's method): vertices in ranks, links from each rank to the next only.
///
/// Coordinates are *along* the ranks' succession and *across* it; which is up or right is decided at the end.
struct LayeredGraph {
    /// One end of a link, seen from the other.
    struct Link {
        /// The vertex at the other end.
        var other: Int
        /// Where the link meets this vertex and the other, across, from their middles.
        var offset: Double
        var otherOffset: Double
        /// How much it should be straight.
        var weight: Double
    }

    struct Vertex {
        /// Across and along.
        var breadth: Double
        var length: Double
        var rank: Int
        /// A place where a long edge passes a rank.
        var isPassage: Bool
        /// The middle, across.
        var place: Double = 0
        /// Links to the rank before and to the rank after.
        var before: [Link] = []
        var after: [Link] = []
    }

    var vertices: [Vertex] = []
    /// The vertices of each rank in their order.
    var ranks: [[Int]] = []

    mutating func link(_ from: Int, _ to: Int, _ fromOffset: Double, _ toOffset: Double, weight: Double) {
        vertices[from].after.append(Link(other: to, offset: fromOffset, otherOffset: toOffset, weight: weight))
        vertices[to].before.append(Link(other: from, offset: toOffset, otherOffset: fromOffset, weight: weight))
    }

    /// Vertices that follow each other with nothing else before or after, in the order of the ranks: what can be drawn as one
    /// straight line.
    func chains() -> [[Int]] {
        func next(_ vertex: Int) -> Int? {
            guard vertices[vertex].after.count == 1, let link = vertices[vertex].after.first, link.offset == 0,
                link.otherOffset == 0, vertices[link.other].before.count == 1
            else { return nil }
            return link.other
        }
        var isStart = [Bool](repeating: true, count: vertices.count)
        for vertex in vertices.indices { if let next = next(vertex) { isStart[next] = false } }
        return vertices.indices.filter { isStart[$0] }.map { start in
            var chain = [start]
            while let next = next(chain[chain.count - 1]) { chain.append(next) }
            return chain
        }
    }
}
