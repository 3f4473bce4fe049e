extension PlotGraph {
    /// The graph in Graphviz's language, with the attributes that Keras's `model_to_dot` gives it.
    ///
    /// - Parameter dpi: dots an inch, for what Graphviz makes of it.
    package func dot(_ direction: Direction = .topToBottom, dpi: Int = 200) -> String {
        var writer = DOTWriter()
        writer.line("digraph G {")
        writer.line("rankdir=\(direction.rawValue);")
        writer.line("concentrate=true;")
        writer.line("dpi=\(dpi);")
        writer.line("splines=ortho;")
        writer.line("node [shape=record];")
        writer.put(self, path: "n")
        writer.line("}")
        return writer.text
    }
}

private struct DOTWriter {
    private(set) var text = ""
    private var depth = 0

    mutating func line(_ line: String) {
        if line.hasPrefix("}") { depth -= 1 }
        text += String(repeating: "  ", count: depth) + line + "\n"
        if line.hasSuffix("{") { depth += 1 }
    }

    mutating func put(_ graph: PlotGraph, path: String) {
        for (index, node) in graph.nodes.enumerated() {
            switch node {
            case .box(let box):
                line("\(path)_\(index) [label=\(Self.label(of: box)), fontname=\"Helvetica\", border=0, margin=0];")
            case .nested(let inner):
                line("subgraph cluster_\(path)_\(index) {")
                line("label=\(Self.quoted(inner.name));")
                line("labeljust=l;")
                line("style=dashed;")
                put(inner, path: "\(path)_\(index)")
                line("}")
            }
        }
        for edge in graph.edges {
            let from = Self.box(edge.from, of: graph, path, \.exits), to = Self.box(edge.to, of: graph, path, \.entries)
            guard let from, let to else { continue }
            line("\(from) -> \(to) [penwidth=2];")
        }
    }

    /// The box within nested graphs that an arrow comes from or goes to.
    private static func box(
        _ end: PlotGraph.End, of graph: PlotGraph, _ path: String, _ ports: (PlotGraph) -> [PlotGraph.End]
    ) -> String? {
        guard case .nested(let inner) = graph.nodes[end.node] else { return "\(path)_\(end.node)" }
        let list = ports(inner)
        guard list.indices.contains(end.port) else { return nil }
        return box(list[end.port], of: inner, "\(path)_\(end.node)", ports)
    }

    private static func label(of box: PlotBox) -> String {
        var table = "<<table border=\"0\" cellborder=\"1\" bgcolor=\"black\" cellpadding=\"10\">"
        let subtitle = box.subtitle.map { " (\(escaped($0)))" } ?? ""
        table += "<tr><td bgcolor=\"\(box.color.hex)\"><font point-size=\"16\" color=\"white\"><b>\(escaped(box.title))</b>\(subtitle)</font></td></tr>"
        for row in box.rows {
            let color = row.color.map { ("\($0.hex)", " color=\"white\"") } ?? ("white", "")
            let label = row.label.isEmpty ? "" : "\(escaped(row.label)): "
            table += "<tr><td bgcolor=\"\(color.0)\"><font point-size=\"14\"\(color.1)>\(label)<b>\(escaped(row.value))</b></font></td></tr>"
        }
        return table + "</table>>"
    }

    private static func escaped(_ string: String) -> String {
        string.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "&": text += "&amp;"
            case "<": text += "&lt;"
            case ">": text += "&gt;"
            case "\"": text += "&quot;"
            default: text.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
            }
        }
    }

    private static func quoted(_ string: String) -> String {
        "\"" + string.unicodeScalars.reduce(into: "") { text, scalar in
            switch scalar {
            case "\\", "\"": text += "\\" + String(scalar)
            default: text.unicodeScalars.append(scalar.value < 0x20 ? " " : scalar)
            }
        } + "\""
    }
}
