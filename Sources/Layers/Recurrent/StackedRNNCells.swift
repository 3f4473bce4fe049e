package import Graphs
package import KerasSpec
package import Tensors

/// Cells one on top of the other, as one cell: each reads the output of the one before.
///
/// Shapes: (batch, inputs), and the states of all cells → the last cell's output, then the states.
/// Weights: the cells', under `cells` and the class's name in snake case, numbered: `cells/lstm_cell`, `cells/lstm_cell_1`.
/// Config: `cells`. Differs from Keras: sequences go through one cell after the other, which gives the same.
/// Source: keras/src/layers/rnn/stacked_rnn_cells.py (3.15).
public struct StackedRNNCells: RecurrentCell {
    public static let className = "StackedRNNCells"
    public var common: LayerCommon
    package let cells: [any RecurrentCell]
    /// As weights' paths name the cells.
    private let names: [String]

    public init(_ cells: [any Layer], name: String? = nil, trainable: Bool = true) throws {
        common = LayerCommon(name: name, trainable: trainable)
        let cells = try Self.cells(cells)
        guard !cells.isEmpty else { throw LocatedError(.usage, "recurrent.cell", "expected one cell or more, got none") }
        self.cells = cells
        names = Self.names(cells)
    }

    static func cells(_ layers: [any Layer]) throws(LocatedError) -> [any RecurrentCell] {
        var cells: [any RecurrentCell] = []
        for layer in layers {
            guard let layer = layer as? any BuiltInLayer else {
                throw LocatedError(.unsupported, "recurrent.cell", "expected a recurrent cell, got \(type(of: layer).className)")
            }
            var cell = try InnerLayer.cell(layer, "cells")
            cell.common.name = cell.common.name ?? SnakeCase.name(type(of: cell).className)
            cells.append(cell)
        }
        return cells
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        guard let value = config.value("cells") else {
            throw LocatedError(.invalid, "config.missing", "expected a list of cells, got nothing", at: ["config/cells"])
        }
        guard let items = value.array, !items.isEmpty else { throw config.wrong("cells", "a list of cells", value) }
        var cells: [any RecurrentCell] = []
        for (index, item) in items.enumerated() {
            cells.append(try InnerLayer.cell(try InnerLayer.decode(item, "cells/\(index)"), "cells/\(index)"))
        }
        self.cells = cells
        names = Self.names(cells)
    }

    package func encode(into config: inout ConfigObject) { config["cells"] = .array(cells.map(InnerLayer.encode)) }

    private static func names(_ cells: [any RecurrentCell]) -> [String] {
        var counts: [String: Int] = [:]
        return cells.map { cell in
            let base = SnakeCase.name(type(of: cell).className)
            let number = counts[base, default: 0]
            counts[base] = number + 1
            return number == 0 ? base : "\(base)_\(number)"
        }
    }

    package var stateNames: [String] { zip(names, cells).flatMap { name, cell in cell.stateNames.map { "\(name)_\($0)" } } }

    package func stateShapes(for step: ValueInfo) throws(LocatedError) -> [PartialShape] {
        var (shapes, step) = ([] as [PartialShape], step)
        for cell in cells {
            shapes += try cell.stateShapes(for: step)
            step = try Self.output(of: cell, step)
        }
        return shapes
    }

    /// What a cell gives to the one above.
    private static func output(of cell: any RecurrentCell, _ step: ValueInfo) throws(LocatedError) -> ValueInfo {
        if let stack = cell as? StackedRNNCells {
            var step = step
            for cell in stack.cells { step = try output(of: cell, step) }
            return step
        }
        return ValueInfo(try cell.stateShapes(for: step)[0])
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        var (slots, step) = ([] as [WeightSlot], inputs[0])
        for (name, cell) in zip(names, cells) {
            slots += try cell.weights(for: [step]).within("cells", name, trainable: cell.common.trainable)
            step = try Self.output(of: cell, step)
        }
        return slots
    }

    package func run(_ recurrence: Recurrence, _ context: LoweringContext) throws(LocatedError) -> RecurrenceResult {
        var rest = recurrence
        var states: [Value] = []
        var given = recurrence.states[...]
        for (index, cell) in cells.enumerated() {
            let isLast = index == cells.count - 1
            rest.states = Array(given.prefix(cell.stateNames.count))
            given = given.dropFirst(cell.stateNames.count)
            rest.returnsSequences = isLast ? recurrence.returnsSequences : true
            rest.zeroesMasked = isLast ? recurrence.zeroesMasked : false
            // The steps are turned round once.
            rest.goesBackwards = index == 0 ? recurrence.goesBackwards : false
            if index > 0, recurrence.goesBackwards { rest.mask = try recurrence.mask.map { (mask) throws(LocatedError) in
                try context.flipped(mask, axis: 1)
            } }
            let result = try context.within(attribute: "cells") { () throws(LocatedError) in
                try context.within(attribute: names[index]) { () throws(LocatedError) in try cell.run(rest, context) }
            }
            states += result.states
            rest.input = result.output
        }
        return RecurrenceResult(output: rest.input, states: states)
    }
}

/// Keras's `to_snake_case` for the names of its classes: `lstm_cell`, `simple_rnn_cell`.
enum SnakeCase {
    static func name(_ className: String) -> String {
        let letters = Array(className)
        var result = ""
        for (index, letter) in letters.enumerated() {
            if index > 0, letter.isUppercase {
                let afterSmall = !letters[index - 1].isUppercase && !letters[index - 1].isNumber
                let beforeSmall = index + 1 < letters.count && letters[index + 1].isLowercase
                if afterSmall || beforeSmall { result += "_" }
            }
            result += letter.lowercased()
        }
        return result
    }
}
