internal import KerasSpec
internal import Tensors

/// The table that Keras 2.3's `model.summary()` prints, byte for byte.
/// Source: `print_summary`, keras/utils/layer_utils.py (2.3.1).
struct Keras2Summary {
    private let table: SummaryTable
    private let lineLength: Int
    private let positions: [Int]
    private let expandNested: Bool

    init(_ table: SummaryTable, lineLength: Int?, expandNested: Bool) {
        self.table = table
        self.lineLength = lineLength ?? (table.isStraight ? 65 : 98)
        let fractions = table.isStraight ? [0.45, 0.85, 1] : [0.33, 0.55, 0.67, 1]
        positions = fractions.map { [length = self.lineLength] in Int(Double(length) * $0) }
        self.expandNested = expandNested
    }

    var text: String {
        let thin = String(repeating: "_", count: lineLength)
        let thick = String(repeating: "=", count: lineLength)
        var lines = ["Model: \"\(table.modelName)\"", thin]
        lines.append(row(["Layer (type)", "Output Shape", "Param #"] + (table.isStraight ? [] : ["Connected to"])))
        lines.append(thick)
        for (index, layer) in table.rows.enumerated() {
            lines += rows(of: layer, depth: 0)
            lines.append(index == table.rows.count - 1 ? thick : thin)
        }
        lines.append("Total params: \((table.trainable + table.nonTrainable).grouped)")
        lines.append("Trainable params: \(table.trainable.grouped)")
        lines.append("Non-trainable params: \(table.nonTrainable.grouped)")
        lines.append(thin)
        return lines.joined(separator: "\n") + "\n"
    }

    private func rows(of layer: SummaryRow, depth: Int) -> [String] {
        // Keras 2.3's functional models are of class Model.
        let className = layer.className == ModelSpec.Kind.functional.rawValue ? "Model" : layer.className
        let name = String(repeating: "  ", count: depth) + "\(layer.name) (\(className))"
        var fields = [name, Self.shapes(layer), String(layer.parameters)]
        if !table.isStraight { fields.append(layer.connections.first ?? "") }
        var lines = [row(fields)]
        if !table.isStraight { lines += layer.connections.dropFirst().map { row(["", "", "", $0]) } }
        if expandNested { lines += layer.nested.flatMap { rows(of: $0, depth: depth + 1) } }
        return lines
    }

    private static func shapes(_ layer: SummaryRow) -> String {
        guard layer.uniform else { return "multiple" }
        guard let outputs = layer.outputs else { return "multiple" }
        return outputs.count == 1 ? outputs[0].description : "[\(outputs.map(\.description).joined(separator: ", "))]"
    }

    /// Each field is cut at its column's end; all but the first lose the character before it to a space.
    private func row(_ fields: [String]) -> String {
        var line = ""
        for (index, field) in fields.enumerated() {
            if index > 0 { line = line.dropLast() + " " }
            line = String((line + field).unicodeScalars.prefix(positions[index]))
            line += String(repeating: " ", count: positions[index] - line.unicodeScalars.count)
        }
        return line
    }
}

extension Int {
    /// With commas between thousands, as Python's `{:,}`.
    var grouped: String {
        var digits = Array(String(magnitude))
        for position in stride(from: digits.count - 3, to: 0, by: -3) { digits.insert(",", at: position) }
        return (self < 0 ? "-" : "") + String(digits)
    }
}
