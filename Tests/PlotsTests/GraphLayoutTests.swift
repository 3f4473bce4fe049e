import Tensors
import Testing

@testable import Plots

/// Layouts of graphs made at random, and of graphs that are hard.
@Suite struct GraphLayoutTests {
    /// A small generator, the same everywhere.
    private struct Dice {
        var state: UInt64

        mutating func roll(_ sides: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(sides))
        }
    }

    private static func box(_ name: String, rows: Int = 1) -> PlotGraph.Node {
        .box(
            PlotBox(
                title: name, subtitle: "Dense", rows: (0..<rows).map { PlotBox.Row("row \($0)", "(None, \($0))") },
                color: Color(hex: 0x336699)))
    }

    /// Layers that mostly read the last, sometimes others, sometimes nested graphs.
    private static func graph(_ dice: inout Dice, boxes: Int, depth: Int, name: String) -> PlotGraph {
        var graph = PlotGraph(name: name)
        for index in 0..<boxes {
            let isNested = depth > 0 && dice.roll(6) == 0
            let node = graph.add(
                isNested
                    ? .nested(Self.graph(&dice, boxes: 2 + dice.roll(6), depth: depth - 1, name: "\(name)_\(index)"))
                    : box("\(name)_layer_\(index)", rows: dice.roll(4)))
            guard index > 0 else { continue }
            for _ in 0...dice.roll(3) {
                let from = dice.roll(3) == 0 ? dice.roll(index) : max(index - 1 - dice.roll(3), 0)
                graph.connect(PlotGraph.End(from), PlotGraph.End(node))
            }
        }
        graph.entries = [PlotGraph.End(0)]
        graph.exits = [PlotGraph.End(boxes - 1)]
        return graph
    }

    private static func count(_ graph: PlotGraph) -> (boxes: Int, frames: Int) {
        graph.nodes.reduce((0, 0)) { count, node in
            switch node {
            case .box: (count.0 + 1, count.1)
            case .nested(let inner): (count.0 + Self.count(inner).boxes, count.1 + 1 + Self.count(inner).frames)
            }
        }
    }

    @Test(arguments: 0..<24, PlotGraph.Direction.allCases)
    func nothingOverlapsAndArrowsGoOneWay(_ seed: Int, _ direction: PlotGraph.Direction) throws {
        var dice = Dice(state: UInt64(seed) * 7919 + 13)
        let graph = Self.graph(&dice, boxes: 4 + dice.roll(28), depth: 2, name: "model")
        let layout = try GraphLayout(graph, direction: direction)
        let count = Self.count(graph)
        #expect(layout.boxes.count == count.boxes && layout.frames.count == count.frames)
        let paper = Rectangle(0, 0, layout.size.width, layout.size.height)
        for (index, box) in layout.boxes.enumerated() {
            #expect(paper.contains(box.rectangle))
            for other in layout.boxes[..<index] { #expect(!box.rectangle.overlaps(other.rectangle)) }
            // A box is within a frame, or outside it.
            for frame in layout.frames {
                #expect(frame.rectangle.contains(box.rectangle) || !frame.rectangle.overlaps(box.rectangle))
                #expect(!frame.label.overlaps(box.rectangle))
            }
        }
        for (index, frame) in layout.frames.enumerated() {
            for other in layout.frames[..<index] {
                #expect(
                    !frame.rectangle.overlaps(other.rectangle) || frame.rectangle.contains(other.rectangle)
                        || other.rectangle.contains(frame.rectangle))
            }
        }
        for arrow in layout.arrows {
            #expect(!arrow.goesBack)
            let points = arrow.path.flattened(tolerance: 0.5)
            for (from, to) in zip(points, points.dropFirst()) {
                switch direction {
                case .topToBottom: #expect(to.y >= from.y - 0.01)
                case .bottomToTop: #expect(to.y <= from.y + 0.01)
                case .leftToRight: #expect(to.x >= from.x - 0.01)
                case .rightToLeft: #expect(to.x <= from.x + 0.01)
                }
            }
            // No arrow runs behind a box.
            for point in points.dropFirst().dropLast() {
                for box in layout.boxes {
                    let inner = Rectangle(
                        box.rectangle.minX + 1, box.rectangle.minY + 1, box.rectangle.size.width - 2, box.rectangle.size.height - 2)
                    #expect(!inner.contains(Rectangle(point.x, point.y, 0, 0)))
                }
            }
        }
    }

    @Test func everyArrowIsThere() throws {
        var graph = PlotGraph(name: "model")
        let first = graph.add(Self.box("first")), second = graph.add(Self.box("second")), third = graph.add(Self.box("third"))
        for (from, to) in [(first, second), (second, third), (first, third), (first, second)] {
            graph.connect(PlotGraph.End(from), PlotGraph.End(to))
        }
        let layout = try GraphLayout(graph, direction: .topToBottom)
        #expect(layout.arrows.count == 3)
        let places = layout.boxes.map(\.rectangle)
        func arrows(_ from: Int, _ to: Int) -> Int {
            layout.arrows.count {
                abs($0.path.start.y - places[from].maxY) < 0.01 && abs($0.path.start.x - places[from].center.x) < 0.01
                    && abs($0.path.end.y - places[to].minY) < 0.01 && abs($0.path.end.x - places[to].center.x) < 0.01 && $0.hasHead
            }
        }
        #expect(arrows(first, second) == 1 && arrows(second, third) == 1 && arrows(first, third) == 1)
    }

    /// A layer called on what a later one makes, and one that reads itself.
    @Test func circles() throws {
        var graph = PlotGraph(name: "model")
        let nodes = ["input", "shared", "middle", "output"].map { graph.add(Self.box($0)) }
        for (from, to) in [(0, 1), (1, 2), (2, 1), (1, 3), (2, 2)] {
            graph.connect(PlotGraph.End(nodes[from]), PlotGraph.End(nodes[to]))
        }
        let layout = try GraphLayout(graph, direction: .topToBottom)
        #expect(layout.arrows.count == 5)
        #expect(layout.arrows.filter(\.goesBack).count == 2)
        for (index, box) in layout.boxes.enumerated() {
            for other in layout.boxes[..<index] { #expect(!box.rectangle.overlaps(other.rectangle)) }
        }
        for arrow in layout.arrows where !arrow.goesBack { #expect(arrow.path.start.y < arrow.path.end.y) }
    }

    /// What two inputs of one nested graph read comes in at two places of its frame.
    @Test func entriesAndExits() throws {
        var inner = PlotGraph(name: "inner")
        let boxes = ["a", "b", "sum"].map { inner.add(Self.box($0)) }
        inner.connect(PlotGraph.End(boxes[0]), PlotGraph.End(boxes[2]))
        inner.connect(PlotGraph.End(boxes[1]), PlotGraph.End(boxes[2]))
        inner.entries = [PlotGraph.End(boxes[0]), PlotGraph.End(boxes[1])]
        inner.exits = [PlotGraph.End(boxes[2]), PlotGraph.End(boxes[0])]
        var graph = PlotGraph(name: "outer")
        let left = graph.add(Self.box("left")), right = graph.add(Self.box("right")), nested = graph.add(.nested(inner))
        let end = graph.add(Self.box("end")), side = graph.add(Self.box("side"))
        graph.connect(PlotGraph.End(left), PlotGraph.End(nested, port: 0))
        graph.connect(PlotGraph.End(right), PlotGraph.End(nested, port: 1))
        graph.connect(PlotGraph.End(nested, port: 0), PlotGraph.End(end))
        graph.connect(PlotGraph.End(nested, port: 1), PlotGraph.End(side))
        let layout = try GraphLayout(graph, direction: .topToBottom)
        let frame = try #require(layout.frames.first).rectangle
        let entering = layout.arrows.filter { abs($0.path.end.y - frame.minY) < 0.01 }
        let leaving = layout.arrows.filter { abs($0.path.start.y - frame.maxY) < 0.01 }
        #expect(entering.count == 2 && leaving.count == 2)
        #expect(entering.allSatisfy { !$0.hasHead } && leaving.allSatisfy(\.hasHead))
        // Each goes on where it came in.
        for arrow in entering { #expect(layout.arrows.contains { $0.path.start == arrow.path.end }) }
        for arrow in leaving { #expect(layout.arrows.contains { $0.path.end == arrow.path.start }) }
    }

    @Test func emptyAndSingleGraphs() throws {
        #expect(try PlotGraph(name: "empty").drawing().svg.hasPrefix("<svg"))
        var graph = PlotGraph(name: "one")
        _ = graph.add(.nested(PlotGraph(name: "nothing within")))
        #expect(try GraphLayout(graph, direction: .leftToRight).frames.count == 1)
    }

    @Test func chainsAreStraight() throws {
        var graph = PlotGraph(name: "residual")
        var last = graph.add(Self.box("input"))
        for block in 0..<6 {
            let start = last
            for layer in 0..<5 {
                let next = graph.add(Self.box("block_\(block)_layer_\(layer)"))
                graph.connect(PlotGraph.End(last), PlotGraph.End(next))
                last = next
            }
            let sum = graph.add(Self.box("sum_\(block)"))
            graph.connect(PlotGraph.End(last), PlotGraph.End(sum))
            graph.connect(PlotGraph.End(start), PlotGraph.End(sum))
            last = sum
        }
        let layout = try GraphLayout(graph, direction: .topToBottom)
        let places = layout.boxes.map(\.rectangle.center.x)
        #expect((places.max() ?? 0) - (places.min() ?? 0) < 0.01)
    }

    @Test func graphsThatNobodyCouldLookAtAreRefused() throws {
        var graph = PlotGraph(name: "hostile")
        for index in 0..<2_000 {
            let node = graph.add(Self.box("n"))
            for from in stride(from: 0, to: index, by: 5) { graph.connect(PlotGraph.End(from), PlotGraph.End(node)) }
            if index > 0 { graph.connect(PlotGraph.End(index - 1), PlotGraph.End(node)) }
        }
        let error = #expect(throws: LocatedError.self) { try graph.drawing() }
        #expect(error?.code == "plot.tooLarge" && error?.category == .unsupported)
    }

    @Test func theSameEveryTime() throws {
        func draw() throws -> String {
            var dice = Dice(state: 5)
            return try Self.graph(&dice, boxes: 30, depth: 2, name: "model").drawing().svg
        }
        #expect(try draw() == (try draw()))
    }
}
