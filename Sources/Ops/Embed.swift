package import Graphs
import Kernels
package import Tensors

/// Rows of a table by index: inputs the table (V, D) and indices (…) of int32; output (…, D).
///
/// An index outside 0 ..< V gives a row of NaN and gets no gradient; whoever feeds a model checks indices before it runs.
package struct Embed: Op {
    package init() {}

    package var name: String { "embed" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[0], is: .float32, "a table")
        try require(name, inputs[1], is: .int32, "indices")
        guard inputs[0].shape.rank == 2 else {
            throw mismatch(name, expected: "a table of two axes", got: "\(inputs[0].shape)")
        }
        return [ValueInfo(PartialShape(inputs[1].shape.dims + [inputs[0].shape[1]]))]
    }

    package func bound(to site: Site) -> any BoundOp { BoundEmbed(site) }
}

private struct BoundEmbed: BoundOp {
    let vocabulary: Int
    let width: Int
    let count: Int
    let rows: TileCut
    /// Rows of the table: backward's tile takes the gradients that fall among its own, in the order of the indices.
    let entries: TileCut

    init(_ site: Site) {
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
        guard let target = frame.inputGradient(0) else { return }
        let own = entries.range(tile)
        frame.noGradient(0, own.lowerBound * width..<own.upperBound * width)
        guard let gradient = frame.outputGradient() else { return }
        let indices = frame.integers(1)
        for row in 0..<count {
            let index = Int(indices[row])
            guard own.contains(index) else { continue }
            transfer(gradient + row * width, to: target + index * width, count: width, accumulate: true)
        }
    }
}
