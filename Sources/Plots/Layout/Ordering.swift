extension LayeredGraph {
    /// Puts the vertices of each rank in an order with few crossings: sweeps up and down, each vertex going to the barycenter of
    /// its neighbours, then exchanges of neighbours; the best order is kept.
    mutating func order() {
        var best = ranks
        var fewest = crossings()
        guard fewest > 0 else { return }
        var idle = 0
        for round in 0..<24 {
            if round % 2 == 0 {
                for rank in ranks.indices.dropFirst() { sort(rank, by: \.before) }
            } else {
                for rank in ranks.indices.dropLast().reversed() { sort(rank, by: \.after) }
            }
            if vertices.count < 5_000 { exchange() }
            let count = crossings()
            if count < fewest {
                (best, fewest, idle) = (ranks, count, 0)
                if count == 0 { break }
            } else {
                idle += 1
                if idle == 6 { break }
            }
        }
        ranks = best
    }

    private func positions() -> [Double] {
        var positions = [Double](repeating: 0, count: vertices.count)
        for rank in ranks { for (index, vertex) in rank.enumerated() { positions[vertex] = Double(index) } }
        return positions
    }

    /// Where a link meets its other end, in places of that rank.
    private func place(_ link: Link, _ positions: [Double]) -> Double {
        positions[link.other] + (link.otherOffset == 0 ? 0 : link.otherOffset / vertices[link.other].breadth * 0.9)
    }

    private mutating func sort(_ rank: Int, by neighbours: KeyPath<Vertex, [Link]>) {
        let positions = positions()
        let keys = ranks[rank].map { vertex -> Double in
            let links = vertices[vertex][keyPath: neighbours]
            guard !links.isEmpty else { return positions[vertex] }
            return links.reduce(0) { $0 + place($1, positions) } / Double(links.count)
        }
        let order = ranks[rank].indices.sorted { keys[$0] != keys[$1] ? keys[$0] < keys[$1] : $0 < $1 }
        ranks[rank] = order.map { ranks[rank][$0] }
    }

    /// Exchanges neighbours in a rank where that takes crossings away.
    private mutating func exchange() {
        var positions = positions()
        for rank in ranks.indices where ranks[rank].count < 200 {
            var improved = true
            var rounds = 0
            while improved, rounds < 4 {
                improved = false
                rounds += 1
                for index in ranks[rank].indices.dropLast() {
                    let (left, right) = (ranks[rank][index], ranks[rank][index + 1])
                    let now = crossings(left, right, positions), then = crossings(right, left, positions)
                    guard then < now else { continue }
                    ranks[rank].swapAt(index, index + 1)
                    positions.swapAt(left, right)
                    improved = true
                }
            }
        }
    }

    /// Crossings of the links of two vertices, the first left of the second.
    private func crossings(_ left: Int, _ right: Int, _ positions: [Double]) -> Int {
        var count = 0
        for (a, b) in [(vertices[left].before, vertices[right].before), (vertices[left].after, vertices[right].after)] {
            // Where so many meet, sorting has to do.
            guard a.count * b.count < 10_000 else { continue }
            for one in a { for other in b where place(one, positions) > place(other, positions) { count += 1 } }
        }
        return count
    }

    /// All crossings of links.
    func crossings() -> Int {
        let positions = positions()
        var total = 0
        for rank in ranks.dropLast() {
            var ends: [(from: Double, to: Double)] = []
            for vertex in rank {
                for link in vertices[vertex].after {
                    let from = positions[vertex] + (link.offset == 0 ? 0 : link.offset / vertices[vertex].breadth * 0.9)
                    ends.append((from, place(link, positions)))
                }
            }
            ends.sort { $0.from != $1.from ? $0.from < $1.from : $0.to < $1.to }
            total += Self.inversions(ends.map(\.to))
        }
        return total
    }

    /// Pairs in the wrong order, counted while merging.
    private static func inversions(_ values: [Double]) -> Int {
        var values = values, merged = values
        var count = 0, width = 1
        while width < values.count {
            for start in stride(from: 0, to: values.count, by: 2 * width) {
                let middle = min(start + width, values.count), end = min(start + 2 * width, values.count)
                var (left, right) = (start, middle)
                for index in start..<end {
                    if left < middle, right == end || values[left] <= values[right] {
                        merged[index] = values[left]
                        left += 1
                    } else {
                        merged[index] = values[right]
                        right += 1
                        count += middle - left
                    }
                }
            }
            swap(&values, &merged)
            width *= 2
        }
        return count
    }
}
