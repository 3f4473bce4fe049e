extension LayeredGraph {
    /// The room between two neighbours of a rank.
    private func gap(_ left: Int, _ right: Int) -> Double {
        let between: Double =
            switch (vertices[left].isPassage, vertices[right].isPassage) {
            case (true, true): 10
            case (false, false): 24
            default: 14
            }
        return (vertices[left].breadth + vertices[right].breadth) / 2 + between
    }

    /// Gives every vertex its place across, in the order of its rank: as straight below its neighbours as the others allow.
    mutating func place() {
        for rank in ranks {
            var edge = 0.0
            for (index, vertex) in rank.enumerated() {
                if index > 0 { edge += gap(rank[index - 1], vertex) }
                vertices[vertex].place = edge
            }
            for vertex in rank { vertices[vertex].place -= edge / 2 }
        }
        for _ in 0..<10 {
            for rank in ranks.indices.dropFirst() { settle(rank) { $0.before } }
            for rank in ranks.indices.dropLast().reversed() { settle(rank) { $0.after } }
        }
        let chains = chains()
        for _ in 0..<6 {
            for rank in ranks.indices { settle(rank) { $0.before + $0.after } }
            straighten(chains)
            for rank in ranks.indices.reversed() { settle(rank) { $0.before + $0.after } }
        }
        straighten(chains)
        straighten(chains)
        let left = vertices.map { $0.place - $0.breadth / 2 }.min() ?? 0
        // To half points, so that equal places stay equal.
        for vertex in vertices.indices { vertices[vertex].place = ((vertices[vertex].place - left) * 2).rounded() / 2 }
    }

    /// Moves the vertices of a rank to where their neighbours want them, keeping their order and the gaps: what would overlap is
    /// pooled, and a pool stands where most of its weight wants it.
    private mutating func settle(_ rank: Int, by neighbours: (Vertex) -> [Link]) {
        let row = ranks[rank]
        guard !row.isEmpty else { return }
        var pools: [Pool] = []
        var shift = 0.0
        var shifts: [Double] = []
        for (index, vertex) in row.enumerated() {
            if index > 0 { shift += gap(row[index - 1], vertex) }
            shifts.append(shift)
            let links = neighbours(vertices[vertex])
            let wanted = median(links) ?? vertices[vertex].place
            let weight = links.isEmpty ? 0.01 : links.reduce(0) { $0 + $1.weight }
            pools.append(Pool(wanted - shift, weight))
            while pools.count > 1, pools[pools.count - 2].place >= pools[pools.count - 1].place {
                let last = pools.removeLast()
                pools[pools.count - 1].merge(last)
            }
        }
        var index = 0
        for pool in pools {
            for _ in 0..<pool.count {
                vertices[row[index]].place = pool.place + shifts[index]
                index += 1
            }
        }
    }

    /// Neighbours that touch, and where each wants the first to be.
    private struct Pool {
        private(set) var count = 1
        private(set) var place: Double
        private var sum: Double
        private var weight: Double
        /// Empty in large pools, which stand at their mean.
        private var wishes: [(place: Double, weight: Double)]

        init(_ place: Double, _ weight: Double) {
            self.place = place
            self.weight = weight
            sum = place * weight
            wishes = [(place, weight)]
        }

        mutating func merge(_ other: Pool) {
            let isSmall = count == wishes.count && other.count == other.wishes.count && count + other.count <= 64
            wishes = isSmall ? wishes + other.wishes : []
            count += other.count
            sum += other.sum
            weight += other.weight
            place = isSmall ? LayeredGraph.median(&wishes) : sum / weight
        }
    }

    /// Where these links would have a vertex: the weighted median, the middle of both when it is between two.
    private func median(_ links: [Link]) -> Double? {
        guard !links.isEmpty else { return nil }
        var wishes = links.map { (place: vertices[$0.other].place + $0.otherOffset - $0.offset, weight: $0.weight) }
        return Self.median(&wishes)
    }

    /// The weighted median of at least one place; the middle of two when it is between them.
    private static func median(_ wishes: inout [(place: Double, weight: Double)]) -> Double {
        wishes.sort { $0.place != $1.place ? $0.place < $1.place : $0.weight < $1.weight }
        let half = wishes.reduce(0) { $0 + $1.weight } / 2
        var sum = 0.0
        for (index, wish) in wishes.enumerated() {
            sum += wish.weight
            if sum > half { return wish.place }
            if sum == half { return (wish.place + wishes[min(index + 1, wishes.count - 1)].place) / 2 }
        }
        return wishes[wishes.count - 1].place
    }

    /// Makes chains straight: runs of vertices that have room for one common place get it, below or above what they come from
    /// or lead to where that is near.
    private mutating func straighten(_ chains: [[Int]]) {
        var index = [Int](repeating: 0, count: vertices.count)
        for rank in ranks { for (place, vertex) in rank.enumerated() { index[vertex] = place } }
        func room(_ vertex: Int) -> (low: Double, high: Double) {
            let row = ranks[vertices[vertex].rank]
            let place = index[vertex]
            let low = place == 0 ? -Double.infinity : vertices[row[place - 1]].place + gap(row[place - 1], vertex)
            let high = place == row.count - 1 ? .infinity : vertices[row[place + 1]].place - gap(vertex, row[place + 1])
            // Rounding may leave less than nothing.
            return (min(low, vertices[vertex].place), max(high, vertices[vertex].place))
        }
        for chain in chains {
            var start = 0
            while start < chain.count {
                var (low, high) = room(chain[start])
                var end = start + 1
                while end < chain.count {
                    let next = room(chain[end])
                    guard max(low, next.low) <= min(high, next.high) else { break }
                    (low, high) = (max(low, next.low), min(high, next.high))
                    end += 1
                }
                let run = chain[start..<end]
                let common = min(max(wish(of: run), low), high)
                for vertex in run { vertices[vertex].place = common }
                start = end
            }
        }
    }

    /// Where a run of a chain would be: where it is in the middle, or before one of its ends if that makes a bend less.
    private func wish(of run: ArraySlice<Int>) -> Double {
        guard let first = run.first, let last = run.last else { return 0 }
        let ends = [median(vertices[first].before), median(vertices[last].after)].compactMap(\.self)
        if run.count == 1, let wish = median(vertices[first].before + vertices[first].after) { return wish }
        let middle = run.map { vertices[$0].place }.sorted()[run.count / 2]
        // Boxes stay between what they come from and lead to; lines may go a way for a bend less.
        let reach = run.allSatisfy { vertices[$0].isPassage } ? Double.infinity : 15
        return ends.filter { abs($0 - middle) < reach }.min { abs($0 - middle) < abs($1 - middle) } ?? middle
    }
}
