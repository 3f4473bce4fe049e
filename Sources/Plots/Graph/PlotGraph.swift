/// A graph to be drawn: boxes and nested graphs, and the arrows between them.
package struct PlotGraph: Sendable {
    /// Which way arrows go: Graphviz's `rankdir`.
    package enum Direction: String, Sendable, CaseIterable {
        case topToBottom = "TB"
        case bottomToTop = "BT"
        case leftToRight = "LR"
        case rightToLeft = "RL"
    }

    /// What stands at a place of the graph.
    package indirect enum Node: Sendable {
        case box(PlotBox)
        /// A graph in a frame of its own, with its name.
        case nested(PlotGraph)
    }

    /// One end of an arrow: a node, and which entry or exit of it when it is a nested graph (0 for boxes).
    package struct End: Hashable, Sendable {
        package var node: Int
        package var port: Int

        package init(_ node: Int, port: Int = 0) {
            self.node = node
            self.port = port
        }
    }

    /// An arrow.
    package struct Edge: Hashable, Sendable {
        package var from: End
        package var to: End

        package init(from: End, to: End) {
            self.from = from
            self.to = to
        }
    }

    package var name: String
    package var nodes: [Node]
    /// Each at most once.
    package private(set) var edges: [Edge]
    /// Of a nested graph: where arrows go that come from outside, by entry.
    package var entries: [End]
    /// Of a nested graph: where arrows come from that go outside, by exit.
    package var exits: [End]
    private var known: Set<Edge> = []

    package init(name: String) {
        self.name = name
        nodes = []
        edges = []
        entries = []
        exits = []
    }

    /// Adds a node and tells its number.
    package mutating func add(_ node: Node) -> Int {
        nodes.append(node)
        return nodes.count - 1
    }

    /// Adds an arrow that isn't there yet. Both nodes must be.
    package mutating func connect(_ from: End, _ to: End) {
        precondition(nodes.indices.contains(from.node) && nodes.indices.contains(to.node))
        let edge = Edge(from: from, to: to)
        if known.insert(edge).inserted { edges.append(edge) }
    }
}

/// What a box says.
package struct PlotBox: Hashable, Sendable {
    /// A line below the heading: what it is, and its value.
    package struct Row: Hashable, Sendable {
        package var label: String
        package var value: String
        /// The row's own background, with white text; nil: as the box.
        package var color: Color?

        package init(_ label: String, _ value: String, color: Color? = nil) {
            self.label = label
            self.value = value
            self.color = color
        }
    }

    /// Bold.
    package var title: String
    /// After the title.
    package var subtitle: String?
    package var rows: [Row]
    /// Of the heading.
    package var color: Color
    /// Told on hovering, and by nothing but SVG.
    package var hint: String

    package init(title: String, subtitle: String? = nil, rows: [Row] = [], color: Color, hint: String = "") {
        self.title = title
        self.subtitle = subtitle
        self.rows = rows
        self.color = color
        self.hint = hint
    }
}
