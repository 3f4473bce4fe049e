internal import KerasSpec
internal import Tensors

/// The table that Keras 3's `model.summary()` prints without colour.
///
/// Keras hands the table to the library rich: columns are given widths, rich shrinks them evenly to the line's length, wraps
/// cells at spaces and cuts a word that is too long with an ellipsis.
/// Source: keras/src/utils/summary_utils.py (3.15), rich/table.py, rich/_wrap.py.
struct Keras3Summary {
    private let table: SummaryTable
    private let widths: [Int]
    private let expandNested: Bool

    init(_ table: SummaryTable, lineLength: Int?, expandNested: Bool) {
        self.table = table
        self.expandNested = expandNested
        let length = lineLength ?? 76
        let fractions = table.isStraight ? [0.45, 0.80, 1] : [0.3, 0.56, 0.74, 1]
        var current = 0
        var padded: [Int] = []
        for fraction in fractions {
            let width = Int(fraction * Double(length)) - current
            padded.append(width + 2)
            current += width
        }
        widths = Self.shrink(padded, to: length - padded.count - 1).map { max($0 - 2, 1) }
    }

    var text: String {
        var header = ["Layer (type)", "Output Shape", "Param #"]
        if !table.isStraight { header.append("Connected to") }
        var lines = ["Model: \"\(table.modelName)\""]
        lines.append(rule("┏", "━", "┳", "┓"))
        lines += cells(header, edge: "┃")
        lines.append(rule("┡", "━", "╇", "┩"))
        let rows = table.rows.flatMap { fields(of: $0, depth: 0) }
        for (index, fields) in rows.enumerated() {
            lines += cells(fields, edge: "│")
            lines.append(index == rows.count - 1 ? rule("└", "─", "┴", "┘") : rule("├", "─", "┼", "┤"))
        }
        lines.append(count(" Total params", table.trainable + table.nonTrainable))
        lines.append(count(" Trainable params", table.trainable))
        lines.append(count(" Non-trainable params", table.nonTrainable))
        return lines.joined(separator: "\n") + "\n"
    }

    private func count(_ label: String, _ parameters: Int) -> String {
        "\(label): \(parameters.grouped) (\(Self.readable(bytes: parameters * 4)))"
    }

    private static func readable(bytes: Int) -> String {
        var size = Double(bytes)
        for unit in ["B", "KB", "MB", "GB", "TB"] {
            if size < 1024 { return "\(fixed(size)) \(unit)" }
            size /= 1024
        }
        return "\(fixed(size)) PB"
    }

    /// Two decimals.
    private static func fixed(_ number: Double) -> String {
        let hundredths = Int((number * 100).rounded(.toNearestOrEven))
        let rest = hundredths % 100
        return "\(hundredths / 100).\(rest < 10 ? "0" : "")\(rest)"
    }

    private func fields(of layer: SummaryRow, depth: Int) -> [[String]] {
        let prefix = depth == 0 ? "" : String(repeating: "   ", count: depth) + "└ "
        let shapes = layer.outputs.map { shapes in
            shapes.count == 1 ? Self.tuple(shapes[0]) : "[\(shapes.map(Self.tuple).joined(separator: ", "))]"
        }
        var fields = ["\(prefix)\(layer.name) (\(layer.className))", shapes ?? "?", layer.parameters.grouped]
        if !table.isStraight {
            fields.append(layer.connections.isEmpty ? "-" : layer.connections.joined(separator: ", "))
        }
        return [fields] + (expandNested ? layer.nested.flatMap { self.fields(of: $0, depth: depth + 1) } : [])
    }

    /// As Keras joins extents: no comma after a single one.
    private static func tuple(_ shape: PartialShape) -> String {
        "(\(shape.dims.map { $0.map(String.init) ?? "None" }.joined(separator: ", ")))"
    }

    // MARK: rich's table

    private func rule(_ left: String, _ line: String, _ middle: String, _ right: String) -> String {
        left + widths.map { String(repeating: line, count: $0 + 2) }.joined(separator: middle) + right
    }

    /// One row: as many lines as its tallest cell.
    private func cells(_ fields: [String], edge: String) -> [String] {
        let wrapped = zip(fields, widths).map { Self.wrap($0, width: $1) }
        let height = wrapped.map(\.count).max() ?? 1
        return (0..<height).map { line in
            let columns = wrapped.enumerated().map { column, lines -> String in
                let text = line < lines.count ? lines[line] : ""
                let space = String(repeating: " ", count: widths[column] - text.unicodeScalars.count)
                return column == 2 ? " \(space)\(text) " : " \(text)\(space) "
            }
            return edge + columns.joined(separator: edge) + edge
        }
    }

    /// Breaks at spaces; a longer word stands on a line of its own, cut with an ellipsis.
    private static func wrap(_ text: String, width: Int) -> [String] {
        var lines: [String] = []
        var line = ""
        for word in words(text) {
            let length = trimmingEnd(word).unicodeScalars.count
            if line.unicodeScalars.count + length > width, !line.isEmpty {
                lines.append(line)
                line = word
            } else {
                line += word
            }
        }
        lines.append(line)
        return lines.map { line in
            let line = trimmingEnd(line)
            return line.unicodeScalars.count <= width ? line : String(line.unicodeScalars.prefix(width - 1)) + "…"
        }
    }

    private static func trimmingEnd(_ text: String) -> String {
        var text = text
        while text.last == " " { text.removeLast() }
        return text
    }

    /// Words with the spaces before the first and after each, as rich splits them.
    private static func words(_ text: String) -> [String] {
        var words: [String] = []
        var word = ""
        var hasLetters = false
        var ended = false
        for character in text {
            if character == " " {
                ended = hasLetters
            } else if ended {
                words.append(word)
                word = ""
                ended = false
            }
            if character != " " { hasLetters = true }
            word.append(character)
        }
        if !word.isEmpty { words.append(word) }
        return words
    }

    /// Takes the excess from the columns, as evenly as whole characters allow (`ratio_reduce` in rich/_ratio.py).
    private static func shrink(_ widths: [Int], to available: Int) -> [Int] {
        var excess = widths.reduce(0, +) - available
        guard excess > 0 else { return widths }
        var left = widths.count
        return widths.map { width in
            let share = min(width, Int((Double(excess) / Double(left)).rounded(.toNearestOrEven)))
            excess -= share
            left -= 1
            return width - share
        }
    }
}
