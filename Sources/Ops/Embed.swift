package import Graphs
import Kernels
package import Tensors

/// Rows of a table by index: inputs the table (V, D) and indices (…) of int32; output (…, D).
///
/// An index outside 0 ..< V gives a row of NaN and gets no gradient; whoever feeds a model checks indices before it runs.
///
/// A table's gradient is a sum over lookups. What else is to be known of them is told by ledgers: one more input each, which is
/// never read, and whose gradient is the ledger.
package struct Embed: Op {
    /// What a ledger holds of the gradients of all lookups of a row.
    package enum Ledger: Hashable, Sendable {
        /// The sums of their squares (V, D).
        case squares
        /// The sums of their magnitudes (V, D).
        case magnitudes
        /// How many there are (V).
        case count
    }

    /// Each lookup's gradient is limited to −limit … limit before it counts.
    package var limit: Float
    package var ledgers: [Ledger]

    package init(limit: Float = .infinity, ledgers: [Ledger] = []) {
        self.limit = limit
        self.ledgers = ledgers
    }

    package var name: String { "embed" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2 + ledgers.count...2 + ledgers.count)
        try require(name, inputs[0], is: .float32, "a table")
        try require(name, inputs[1], is: .int32, "indices")
        guard inputs[0].shape.rank == 2 else {
            throw mismatch(name, expected: "a table of two axes", got: "\(inputs[0].shape)")
        }
        return [ValueInfo(PartialShape(inputs[1].shape.dims + [inputs[0].shape[1]]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundEmbed(self, site) }
}

private struct BoundEmbed: BoundOp {
    let op: Embed
    let vocabulary: Int
    let width: Int
    let count: Int
    let rows: TileCut
    /// Rows of the table: backward's tile takes the gradients that fall among its own, in the order of the indices.
    let entries: TileCut

    init(_ op: Embed, _ site: Site) {
        self.op = op
        vocabulary = site.inputs[0].shape[0]
        width = site.inputs[0].shape[1]
        count = site.inputs[1].shape.count
        rows = TileCut(count, nanosecondsPerUnit: 0.2 * Double(width) + 5)
        // Every tile goes through all indices: so few tiles that this stays the smaller part.
        let parts = max(1, min(16, vocabulary * width / 32_768, vocabulary))
        entries = TileCut(
            vocabulary, nanosecondsPerUnit: TileCut.nanoseconds / Double(max((vocabulary + parts - 1) / parts, 1)))
    }

    var cost: Double { Double(count * width) }
    var retained: Retained { Retained(inputs: [1]) }

    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let table = frame.input(0), indices = frame.integers(1), output = frame.output()
        for row in rows.range(tile) {
            let index = Int(indices[row]), target = output + row * width
            if index >= 0 && index < vocabulary {
                target.update(from: table + index * width, count: width)
            } else {
                target.update(repeating: .nan, count: width)
            }
        }
    }

    var backwardStages: [Int] { [entries.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        let own = entries.range(tile)
        let elements = own.lowerBound * width..<own.upperBound * width
        let target = frame.inputGradient(0)
        if target != nil { frame.noGradient(0, elements) }
        for (place, ledger) in op.ledgers.enumerated() { frame.noGradient(2 + place, ledger == .count ? own : elements) }
        guard let gradient = frame.outputGradient() else { return }
        let indices = frame.integers(1)
        for row in 0..<count {
            let index = Int(indices[row])
            guard own.contains(index) else { continue }
            let source = gradient + row * width
            if let target { add(source, to: target + index * width) }
            for place in 0..<op.ledgers.count { enter(source, index, in: op.ledgers[place], frame.inputGradient(2 + place)) }
        }
    }

    private func add(_ source: UnsafePointer<Float>, to target: UnsafeMutablePointer<Float>) {
        guard op.limit < .infinity else { return transfer(source, to: target, count: width, accumulate: true) }
        for column in 0..<width { target[column] += limited(source[column]) }
    }

    private func enter(
        _ source: UnsafePointer<Float>, _ index: Int, in ledger: Embed.Ledger, _ target: UnsafeMutablePointer<Float>?
    ) {
        guard let target else { return }
        let row = target + index * width
        switch ledger {
        case .count: target[index] += 1
        case .squares:
            for column in 0..<width {
                let value = limited(source[column])
                row[column] += value * value
            }
        case .magnitudes: for column in 0..<width { row[column] += abs(limited(source[column])) }
        }
    }

    private func limited(_ value: Float) -> Float { value < -op.limit ? -op.limit : value > op.limit ? op.limit : value }
}
