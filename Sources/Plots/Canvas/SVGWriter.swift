extension Drawing {
    /// The drawing as an SVG 1.1 document, the same bytes for the same drawing.
    ///
    /// Text is text, in Helvetica or what stands in for it; `textLength` holds it to the width that the layout counted on.
    package var svg: String {
        var writer = SVGWriter()
        let (width, height) = (SVGWriter.number(size.width), SVGWriter.number(size.height))
        writer.line("<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"\(width)pt\" height=\"\(height)pt\" viewBox=\"0 0 \(width) \(height)\" font-family=\"Helvetica, Arial, 'Liberation Sans', sans-serif\">")
        writer.line("<rect width=\"100%\" height=\"100%\" fill=\"\(background.hex)\"/>")
        for mark in marks { writer.put(mark) }
        writer.line("</svg>")
        return writer.text
    }
}

/// Writes marks as SVG elements, one a line.
private struct SVGWriter {
    private(set) var text = ""

    mutating func line(_ line: String) {
        text += line
        text += "\n"
    }

    mutating func put(_ mark: Drawing.Mark) {
        switch mark {
        case .rectangle(let rectangle, let corner, let fill, let stroke):
            let round = corner > 0 ? " rx=\"\(Self.number(corner))\"" : ""
            line("<rect x=\"\(Self.number(rectangle.minX))\" y=\"\(Self.number(rectangle.minY))\" width=\"\(Self.number(rectangle.size.width))\" height=\"\(Self.number(rectangle.size.height))\"\(round) fill=\"\(fill?.hex ?? "none")\"\(Self.attributes(of: stroke))/>")
        case .path(let path, let stroke):
            line("<path d=\"\(Self.data(of: path))\" fill=\"none\"\(Self.attributes(of: stroke))/>")
        case .polygon(let points, let fill):
            let list = points.map { "\(Self.number($0.x)),\(Self.number($0.y))" }.joined(separator: " ")
            line("<polygon points=\"\(list)\" fill=\"\(fill.hex)\"/>")
        case .text(let text): put(text)
        case .group(let marks, let title):
            line("<g>")
            line("<title>\(Self.escaped(title))</title>")
            for mark in marks { put(mark) }
            line("</g>")
        }
    }

    private mutating func put(_ text: Drawing.Text) {
        let runs = text.runs.filter { !$0.string.isEmpty }
        guard let first = runs.first else { return }
        let (x, y) = (Self.number(text.origin.x), Self.number(text.origin.y))
        var attributes = "x=\"\(x)\" y=\"\(y)\""
        if text.anchor != .start { attributes += " text-anchor=\"\(text.anchor.rawValue)\"" }
        if text.rotation != 0 { attributes += " transform=\"rotate(\(-text.rotation) \(x) \(y))\"" }
        attributes += " textLength=\"\(Self.number(text.width))\" lengthAdjust=\"spacingAndGlyphs\" xml:space=\"preserve\""
        guard runs.count > 1 else {
            line("<text \(attributes)\(Self.attributes(of: first))>\(Self.escaped(first.string))</text>")
            return
        }
        let pieces = runs.map { "<tspan\(Self.attributes(of: $0))>\(Self.escaped($0.string))</tspan>" }
        line("<text \(attributes)>\(pieces.joined())</text>")
    }

    private static func attributes(of run: Drawing.Text.Run) -> String {
        " font-size=\"\(number(run.size))\" fill=\"\(run.color.hex)\"" + (run.isBold ? " font-weight=\"bold\"" : "")
    }

    private static func attributes(of stroke: Drawing.Stroke?) -> String {
        guard let stroke else { return "" }
        var result = " stroke=\"\(stroke.color.hex)\" stroke-width=\"\(number(stroke.width))\""
        if let dash = stroke.dash { result += " stroke-dasharray=\"\(dash.map(number).joined(separator: " "))\"" }
        return result
    }

    private static func data(of path: Path) -> String {
        func place(_ point: Point) -> String { "\(number(point.x)) \(number(point.y))" }
        return path.elements.reduce("M\(place(path.start))") { data, element in
            switch element {
            case .line(let end): "\(data) L\(place(end))"
            case .curve(let first, let second, let end): "\(data) C\(place(first)) \(place(second)) \(place(end))"
            }
        }
    }

    /// At most two decimals, none where none is needed.
    static func number(_ value: Double) -> String {
        let hundredths = Int((value * 100).rounded())
        let (whole, rest) = (hundredths.magnitude / 100, hundredths.magnitude % 100)
        let sign = hundredths < 0 ? "-" : ""
        if rest == 0 { return "\(sign)\(whole)" }
        if rest % 10 == 0 { return "\(sign)\(whole).\(rest / 10)" }
        return "\(sign)\(whole).\(rest < 10 ? "0" : "")\(rest)"
    }

    /// Text for XML 1.0: marks that mean something are written as entities, characters that XML can't hold as U+FFFD.
    static func escaped(_ string: String) -> String {
        var result = ""
        for scalar in string.unicodeScalars {
            switch scalar {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            case "\t", "\n", "\r": result += " "
            default:
                let isHeld = scalar.value >= 0x20 && scalar.value != 0xfffe && scalar.value != 0xffff
                result.unicodeScalars.append(isHeld ? scalar : "\u{fffd}")
            }
        }
        return result
    }
}
