internal import Tensors

/// The layered form of one graph: its nodes first, then entries and exits, then passages; and the way of each arrow through it.
struct RoutePlan {
    /// One arrow's way. Across is x, along is y.
    struct Route {
        var path: Path
        /// The node that it goes to.
        var to: Int
        /// Comes from this entry, or goes to this exit.
        var entry: Int?
        var exit: Int?
        var goesBack: Bool
    }

    private struct Way {
        var vertices: [Int]
        var fromOffset: Double
        var toOffset: Double
        var to: Int
        var entry: Int?
        var exit: Int?
        var goesBack: Bool
    }

    var layered = LayeredGraph()
    /// Nodes that read themselves: their breadth has room for a loop.
    private(set) var loops: [Int] = []
    static let loopReach = 22.0
    private var ways: [Way] = []
    /// Where each rank begins and ends, along.
    private var bands: [(start: Double, end: Double)] = []
    private let isVertical: Bool

    init(
        _ graph: PlotGraph, _ axes: Axes, _ sizes: [Size], _ ports: [Int: (entries: [Point], exits: [Point])], _ own: PortUse?
    ) throws(LocatedError) {
        isVertical = axes.isVertical
        var looping: Set<Int> = []
        for edge in graph.edges where edge.from.node == edge.to.node { looping.insert(edge.from.node) }
        for (index, size) in sizes.enumerated() {
            let extent = axes.extent(size)
            let isLooping = looping.contains(index)
            if isLooping { loops.append(index) }
            layered.vertices.append(
                LayeredGraph.Vertex(
                    breadth: extent.across + (isLooping ? 2 * Self.loopReach : 0), length: extent.along, rank: 0,
                    isPassage: false))
        }
        var links: [(from: Int, to: Int)] = []
        func offset(_ end: PlotGraph.End, _ points: [Point]?) -> Double {
            guard let points, points.indices.contains(end.port) else { return 0 }
            return axes.offset(points[end.port], in: sizes[end.node])
        }
        for edge in graph.edges where edge.from.node != edge.to.node {
            links.append((edge.from.node, edge.to.node))
            ways.append(
                Way(
                    vertices: [], fromOffset: offset(edge.from, ports[edge.from.node]?.exits),
                    toOffset: offset(edge.to, ports[edge.to.node]?.entries), to: edge.to.node, goesBack: false))
        }
        if let own {
            for (port, end) in graph.entries.enumerated() where own.entries.contains(port) {
                links.append((layered.vertices.count, end.node))
                ways.append(
                    Way(
                        vertices: [], fromOffset: 0, toOffset: offset(end, ports[end.node]?.entries), to: end.node, entry: port,
                        goesBack: false))
                layered.vertices.append(LayeredGraph.Vertex(breadth: 0, length: 0, rank: 0, isPassage: true))
            }
            for (port, end) in graph.exits.enumerated() where own.exits.contains(port) {
                links.append((end.node, layered.vertices.count))
                ways.append(
                    Way(
                        vertices: [], fromOffset: offset(end, ports[end.node]?.exits), toOffset: 0, to: layered.vertices.count,
                        exit: port, goesBack: false))
                layered.vertices.append(LayeredGraph.Vertex(breadth: 0, length: 0, rank: 0, isPassage: true))
            }
        }
        var (ranks, goesBack) = Ranking.ranks(count: layered.vertices.count, edges: links)
        // Entries come before everything else, exits after.
        let first = (ranks.prefix(graph.nodes.count).min() ?? 0) - 1, last = (ranks.prefix(graph.nodes.count).max() ?? 0) + 1
        for (index, way) in ways.enumerated() {
            if way.entry != nil { ranks[links[index].from] = first }
            if way.exit != nil { ranks[links[index].to] = last }
        }
        let lowest = ranks.min() ?? 0
        for index in ranks.indices { ranks[index] -= lowest }
        try Self.check(vertices: layered.vertices.count, spans: links.map { abs(ranks[$0.to] - ranks[$0.from]) })
        for index in ranks.indices { layered.vertices[index].rank = ranks[index] }
        // What leaves a box beside other arrows and arrives beside others only passes by; what has an end of its own is a branch.
        var leaving = [Int](repeating: 0, count: layered.vertices.count), arriving = leaving
        for link in links {
            leaving[link.from] += 1
            arriving[link.to] += 1
        }
        for (index, link) in links.enumerated() {
            let isBranch = leaving[link.from] == 1 || arriving[link.to] == 1
            route(index, link.from, link.to, goesBack[index], weight: isBranch ? 8 : 1.5)
        }
        layered.ranks = Self.firstOrder(of: layered)
    }

    private static func check(vertices: Int, spans: [Int]) throws(LocatedError) {
        var total = vertices
        for span in spans {
            total += span
            if total > GraphLayout.mostVertices {
                throw LocatedError(
                    .unsupported, "plot.tooLarge",
                    "expected a graph of at most \(GraphLayout.mostVertices) boxes and passages of arrows, got more",
                    hint: "Write DOT, which isn't laid out here, or plot without nested models.")
            }
        }
    }

    /// Links the ends of an arrow through a passage in each rank between them. `weight`: of the links at both ends of a long one.
    private mutating func route(_ index: Int, _ from: Int, _ to: Int, _ goesBack: Bool, weight: Double) {
        let (first, last) = goesBack ? (to, from) : (from, to)
        let way = ways[index]
        let (firstOffset, lastOffset) = goesBack ? (way.toOffset, way.fromOffset) : (way.fromOffset, way.toOffset)
        var vertices = [first]
        let ranks = layered.vertices[first].rank + 1..<max(layered.vertices[last].rank, layered.vertices[first].rank + 1)
        for rank in ranks {
            vertices.append(layered.vertices.count)
            layered.vertices.append(LayeredGraph.Vertex(breadth: 0, length: 0, rank: rank, isPassage: true))
        }
        vertices.append(last)
        for (place, pair) in zip(vertices, vertices.dropFirst()).enumerated() {
            let passages = (layered.vertices[pair.0].isPassage ? 1 : 0) + (layered.vertices[pair.1].isPassage ? 1 : 0)
            layered.link(
                pair.0, pair.1, place == 0 ? firstOffset : 0, place == vertices.count - 2 ? lastOffset : 0,
                weight: [8, weight, 6][passages])
        }
        ways[index].vertices = vertices
        ways[index].goesBack = goesBack
        ways[index].fromOffset = firstOffset
        ways[index].toOffset = lastOffset
    }

    /// Vertices in the order in which a walk from the first meets them.
    private static func firstOrder(of layered: LayeredGraph) -> [[Int]] {
        var ranks = [[Int]](repeating: [], count: (layered.vertices.map(\.rank).max() ?? -1) + 1)
        var seen = [Bool](repeating: false, count: layered.vertices.count)
        let starts = layered.vertices.indices.filter { layered.vertices[$0].before.isEmpty }
        for start in starts {
            var stack = [start]
            while let vertex = stack.popLast() {
                guard !seen[vertex] else { continue }
                seen[vertex] = true
                ranks[layered.vertices[vertex].rank].append(vertex)
                for link in layered.vertices[vertex].after.reversed() where !seen[link.other] { stack.append(link.other) }
            }
        }
        return ranks
    }

    // MARK: after the layout

    /// The room that everything takes.
    var extent: (across: Double, along: Double) {
        (layered.vertices.map { $0.place + $0.breadth / 2 }.max() ?? 0, bands.last?.end ?? 0)
    }

    /// The middle of a node.
    func middle(_ node: Int) -> (across: Double, along: Double) {
        let vertex = layered.vertices[node]
        let band = bands[vertex.rank]
        return (vertex.place, (band.start + band.end) / 2)
    }

    /// Settles where the ranks are along, and gives every arrow its path.
    mutating func routes() -> [Route] {
        layBands()
        return ways.map { way in
            let first = way.vertices[0]
            var path = Path(from: Point(layered.vertices[first].place + way.fromOffset, end(of: first)))
            for (index, vertex) in way.vertices.enumerated().dropFirst() {
                let band = bands[layered.vertices[vertex].rank - 1].end
                let offset = index == way.vertices.count - 1 ? way.toOffset : 0
                let target = Point(layered.vertices[vertex].place + offset, bands[layered.vertices[vertex].rank].start)
                path.line(to: Point(path.end.x, band))
                if abs(target.x - path.end.x) < 0.01 {
                    path.line(to: Point(path.end.x, target.y))
                } else {
                    let middle = (band + target.y) / 2
                    path.curve(Point(path.end.x, middle), Point(target.x, middle), to: target)
                }
                let isLast = index == way.vertices.count - 1
                path.line(to: Point(path.end.x, isLast ? start(of: vertex) : bands[layered.vertices[vertex].rank].end))
            }
            return Route(path: path, to: way.to, entry: way.entry, exit: way.exit, goesBack: way.goesBack)
        }
    }

    private func start(of vertex: Int) -> Double {
        let band = bands[layered.vertices[vertex].rank]
        return (band.start + band.end - layered.vertices[vertex].length) / 2
    }

    private func end(of vertex: Int) -> Double { start(of: vertex) + layered.vertices[vertex].length }

    private mutating func layBands() {
        bands = []
        var position = 0.0
        for rank in layered.ranks {
            if let previous = layered.ranks.indices.contains(bands.count - 1) ? layered.ranks[bands.count - 1] : nil {
                // The farther arrows go aside, the more room they need to look like arrows.
                var farthest = 0.0
                for vertex in previous {
                    for link in layered.vertices[vertex].after {
                        let aside = layered.vertices[link.other].place + link.otherOffset - layered.vertices[vertex].place - link.offset
                        farthest = max(farthest, abs(aside))
                    }
                }
                position += (isVertical ? 22 : 34) + min(farthest * 0.07, 40).rounded()
            }
            let length = rank.map { layered.vertices[$0].length }.max() ?? 0
            bands.append((position, position + length))
            position += length
        }
    }
}
