/// Which rank each node stands in.
enum Ranking {
    /// - Parameters:
    ///   - count: nodes are 0..<count.
    ///   - edges: pairs of nodes; none from a node to itself.
    /// - Returns: a rank for each node by the longest path, sources moved near to what reads them; and which edges go back, in
    ///   graphs with circles.
    static func ranks(count: Int, edges: [(from: Int, to: Int)]) -> (ranks: [Int], goesBack: [Bool]) {
        var outgoing = [[Int]](repeating: [], count: count)
        for (index, edge) in edges.enumerated() { outgoing[edge.from].append(index) }
        let (order, goesBack) = sorted(count, edges, outgoing)
        func ends(_ index: Int) -> (from: Int, to: Int) {
            goesBack[index] ? (edges[index].to, edges[index].from) : edges[index]
        }
        var readers = [[Int]](repeating: [], count: count)
        var reads = [Int](repeating: 0, count: count)
        for index in edges.indices {
            readers[ends(index).from].append(ends(index).to)
            reads[ends(index).to] += 1
        }
        var ranks = [Int](repeating: 0, count: count)
        for node in order { for reader in readers[node] { ranks[reader] = max(ranks[reader], ranks[node] + 1) } }
        // What has more readers than it reads comes near to them.
        for node in order.reversed() where readers[node].count > reads[node] {
            if let next = readers[node].map({ ranks[$0] }).min() { ranks[node] = max(next - 1, ranks[node]) }
        }
        return (ranks, goesBack)
    }

    /// An order in which every edge goes forward but those that go back: in depth, in the order of the nodes, without recursion.
    private static func sorted(
        _ count: Int, _ edges: [(from: Int, to: Int)], _ outgoing: [[Int]]
    ) -> (order: [Int], goesBack: [Bool]) {
        enum State { case new, open, done }
        var states = [State](repeating: .new, count: count)
        var goesBack = [Bool](repeating: false, count: edges.count)
        var finished: [Int] = []
        var isRead = [Bool](repeating: false, count: count)
        for edge in edges { isRead[edge.to] = true }
        for root in (0..<count).filter({ !isRead[$0] }) + Array(0..<count) where states[root] == .new {
            var stack = [(node: root, next: 0)]
            states[root] = .open
            while let top = stack.last {
                guard top.next < outgoing[top.node].count else {
                    states[top.node] = .done
                    finished.append(top.node)
                    stack.removeLast()
                    continue
                }
                stack[stack.count - 1].next += 1
                let edge = outgoing[top.node][top.next]
                switch states[edges[edge].to] {
                case .new:
                    states[edges[edge].to] = .open
                    stack.append((edges[edge].to, 0))
                case .open: goesBack[edge] = true
                case .done: break
                }
            }
        }
        return (finished.reversed(), goesBack)
    }
}
