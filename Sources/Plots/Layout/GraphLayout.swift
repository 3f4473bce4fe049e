internal import Tensors

/// Where everything of a graph is, in points from its upper left corner.
///
/// Sugiyama's method: ranks by the longest path, an order with few crossings, places across. A nested graph is laid out first
/// and takes part as one large box, with places on its border where arrows come in and go out.
struct GraphLayout {
    struct PlacedBox {
        var box: PlotBox
        var rectangle: Rectangle
    }

    /// The frame of a nested graph.
    struct Frame {
        var name: String
        var rectangle: Rectangle
        /// Where the name is.
        var label: Rectangle
        /// 0: directly in the graph.
        var depth: Int
    }

    /// One arrow, or its part within one graph.
    struct Arrow {
        var path: Path
        /// Ends at a box.
        var hasHead: Bool
        /// Runs against the direction, where layers are called in circles.
        var goesBack: Bool

        func moved(by offset: Point) -> Arrow {
            Arrow(path: path.mapped { $0 + offset }, hasHead: hasHead, goesBack: goesBack)
        }
    }

    private(set) var size = Size(0, 0)
    private(set) var boxes: [PlacedBox] = []
    private(set) var frames: [Frame] = []
    private(set) var arrows: [Arrow] = []
    /// Where arrows come in and go out, on the border.
    private(set) var entries: [Point] = []
    private(set) var exits: [Point] = []

    /// More boxes and passages than this are refused: no eye follows them, and memory is finite.
    static let mostVertices = 300_000
    private static let framePadding = 12.0
    private static let labelHeight = 20.0

    /// The name of a nested graph as its frame shows it.
    static func label(_ name: String) -> Drawing.Text.Run {
        Drawing.Text.Run(
            FontMetrics.shortened(name, toCharacters: BoxStyle.mostCharacters), size: 11, isBold: true, color: Color(hex: 0x4a5568))
    }

    init(_ graph: PlotGraph, direction: PlotGraph.Direction) throws(LocatedError) {
        try self.init(graph, Axes(direction: direction), ports: nil, depth: 0)
    }

    /// - Parameter ports: of a nested graph: the entries and exits that arrows use.
    private init(_ graph: PlotGraph, _ axes: Axes, ports: PortUse?, depth: Int) throws(LocatedError) {
        let isNested = ports != nil
        var uses = [PortUse](repeating: PortUse(), count: graph.nodes.count)
        for edge in graph.edges {
            uses[edge.from.node].exits.insert(edge.from.port)
            uses[edge.to.node].entries.insert(edge.to.port)
        }
        for (port, end) in graph.entries.enumerated() where ports?.entries.contains(port) ?? false { uses[end.node].entries.insert(end.port) }
        for (port, end) in graph.exits.enumerated() where ports?.exits.contains(port) ?? false { uses[end.node].exits.insert(end.port) }
        var inner: [Int: GraphLayout] = [:]
        var sizes: [Size] = []
        for (index, node) in graph.nodes.enumerated() {
            switch node {
            case .box(let box): sizes.append(BoxStyle.size(of: box))
            case .nested(let nested):
                let layout = try GraphLayout(nested, axes, ports: uses[index], depth: depth + 1)
                inner[index] = layout
                sizes.append(layout.size)
            }
        }
        var plan = try RoutePlan(graph, axes, sizes, inner.mapValues { ($0.entries, $0.exits) }, ports)
        plan.layered.order()
        plan.layered.place()
        let routes = plan.routes()
        let extent = plan.extent
        let area = axes.size(extent)
        let label = isNested ? Self.label(graph.name) : nil
        let origin = isNested ? Point(Self.framePadding, Self.framePadding + Self.labelHeight) : Point(0, 0)
        func place(_ point: Point) -> Point { axes.point(point, extent) + origin }

        size = area
        if let label {
            size.width = max(area.width, label.width * BoxStyle.slack + 6) + 2 * Self.framePadding
            size.height = area.height + 2 * Self.framePadding + Self.labelHeight
        }
        for (index, node) in graph.nodes.enumerated() {
            let middle = plan.middle(index)
            let center = place(Point(middle.across, middle.along))
            let rectangle = Rectangle(
                center.x - sizes[index].width / 2, center.y - sizes[index].height / 2, sizes[index].width, sizes[index].height)
            switch node {
            case .box(let box): boxes.append(PlacedBox(box: box, rectangle: rectangle))
            case .nested(let nested):
                guard let layout = inner[index] else { continue }
                var label = Rectangle(
                    rectangle.minX + 6, rectangle.minY + 5,
                    Self.label(nested.name).width * BoxStyle.slack + 6, 16)
                // Out of the way of the arrows that come in or go out above.
                let crossing = (layout.entries + layout.exits).filter { $0.y == 0 }.map { $0.x + rectangle.minX }
                let right = label.moved(by: Point(rectangle.size.width - 12 - label.size.width, 0))
                func isCrossed(_ label: Rectangle) -> Bool { crossing.contains { $0 > label.minX - 2 && $0 < label.maxX + 2 } }
                if isCrossed(label), !isCrossed(right) { label = right }
                frames.append(Frame(name: nested.name, rectangle: rectangle, label: label, depth: depth))
                boxes += layout.boxes.map { PlacedBox(box: $0.box, rectangle: $0.rectangle.moved(by: rectangle.origin)) }
                frames += layout.frames.map {
                    Frame(
                        name: $0.name, rectangle: $0.rectangle.moved(by: rectangle.origin), label: $0.label.moved(by: rectangle.origin),
                        depth: $0.depth)
                }
                arrows += layout.arrows.map { $0.moved(by: rectangle.origin) }
            }
        }
        for route in routes {
            var path = route.path.mapped(place)
            if let port = route.entry {
                path = extend(path.reversed, to: axes.border(.entry, path.start, size)).reversed
                remember(port, path.start, &entries)
            }
            if let port = route.exit {
                path = extend(path, to: axes.border(.exit, path.end, size))
                remember(port, path.end, &exits)
            }
            let isHeaded = route.exit == nil && inner[route.to] == nil
            arrows.append(Arrow(path: route.goesBack ? path.reversed : path, hasHead: isHeaded, goesBack: route.goesBack))
        }
        for node in plan.loops { arrows.append(loopArrow(plan, node, place)) }
    }

    private func extend(_ path: Path, to point: Point) -> Path {
        var path = path
        path.line(to: point)
        return path
    }

    private func remember(_ port: Int, _ point: Point, _ ports: inout [Point]) {
        while ports.count <= port { ports.append(point) }
        ports[port] = point
    }

    /// What a box reads of itself, beside it.
    private func loopArrow(_ plan: RoutePlan, _ node: Int, _ place: (Point) -> Point) -> Arrow {
        let middle = plan.middle(node), vertex = plan.layered.vertices[node]
        let far = middle.across + vertex.breadth / 2
        let near = far - RoutePlan.loopReach
        let (low, high) = (middle.along - vertex.length / 4, middle.along + vertex.length / 4)
        var path = Path(from: Point(near, high))
        path.curve(Point(far + 4, high + 2), Point(far + 4, low - 2), to: Point(near, low))
        return Arrow(path: path.mapped(place), hasHead: true, goesBack: true)
    }
}

/// Which entries and exits of a nested graph arrows use.
struct PortUse {
    var entries: Set<Int> = []
    var exits: Set<Int> = []
}

/// How across and along lie on the paper.
struct Axes {
    enum Side { case entry, exit }

    var direction: PlotGraph.Direction
    var isVertical: Bool { direction == .topToBottom || direction == .bottomToTop }

    /// (across, along) of a size.
    func extent(_ size: Size) -> (across: Double, along: Double) {
        isVertical ? (size.width, size.height) : (size.height, size.width)
    }

    func size(_ extent: (across: Double, along: Double)) -> Size {
        isVertical ? Size(extent.across, extent.along) : Size(extent.along, extent.across)
    }

    /// A point whose x is across and whose y is along, on the paper.
    func point(_ point: Point, _ extent: (across: Double, along: Double)) -> Point {
        switch direction {
        case .topToBottom: point
        case .bottomToTop: Point(point.x, extent.along - point.y)
        case .leftToRight: Point(point.y, point.x)
        case .rightToLeft: Point(extent.along - point.y, point.x)
        }
    }

    /// How far a point of the paper is from the middle of a size, across.
    func offset(_ point: Point, in size: Size) -> Double {
        isVertical ? point.x - size.width / 2 : point.y - size.height / 2
    }

    /// The place on the border of a frame that is straight before, or behind, a point.
    func border(_ side: Side, _ point: Point, _ size: Size) -> Point {
        let atStart = (side == .entry) == (direction == .topToBottom || direction == .leftToRight)
        return isVertical ? Point(point.x, atStart ? 0 : size.height) : Point(atStart ? 0 : size.width, point.y)
    }
}
