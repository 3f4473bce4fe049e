package import Graphs
import Kernels
package import Tensors

/// Matrices (the last two axes) with zeros above or below a diagonal: NumPy's `tril` and `triu`. Elements of 1 or 4 bytes.
package struct Triangle: Op {
    /// Keeps what stands on and below the diagonal, else what stands on and above it.
    package var keepsLower: Bool
    /// 0 is the main diagonal, above it is positive.
    package var diagonal: Int

    package init(lower: Bool, diagonal: Int = 0) {
        keepsLower = lower
        self.diagonal = diagonal
    }

    package var name: String { keepsLower ? "tril" : "triu" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        guard inputs[0].shape.rank >= 2 else {
            throw mismatch(name, expected: "an input of at least two axes", got: "\(inputs[0].shape)")
        }
        guard [1, 4].contains(inputs[0].dtype.byteCount) else {
            throw mismatch(name, "dtype", expected: "elements of 1 or 4 bytes", got: inputs[0].dtype.rawValue)
        }
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        let shape = site.inputs[0].shape
        return BoundTriangle(
            keepsLower: keepsLower, diagonal: min(max(diagonal, -1 << 40), 1 << 40), height: shape[shape.rank - 2],
            width: shape[shape.rank - 1], bytes: site.inputs[0].dtype.byteCount, isFloat: site.inputs[0].dtype == .float32,
            rows: TileCut(
                shape.dims.dropLast().reduce(1, *), nanosecondsPerUnit: 0.3 * Double(shape[shape.rank - 1]) + 5))
    }
}

private struct BoundTriangle: BoundOp {
    let keepsLower: Bool
    let diagonal: Int
    let height: Int
    let width: Int
    let bytes: Int
    let isFloat: Bool
    let rows: TileCut

    var cost: Double { Double(rows.extent * width) }
    var inPlaceInputs: [Int] { [0] }

    /// The columns of a row that stay.
    private func kept(_ row: Int) -> Range<Int> {
        let i = row % max(height, 1)
        if keepsLower { return 0..<min(max(i + diagonal + 1, 0), width) }
        return min(max(i + diagonal, 0), width)..<width
    }

    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        for row in rows.range(tile) {
            let stays = kept(row), start = row * width
            let from = frame.inputs[0] + start * bytes, to = frame.outputs[0] + start * bytes
            if from != to {
                (to + stays.lowerBound * bytes).copyMemory(from: from + stays.lowerBound * bytes, byteCount: stays.count * bytes)
            }
            (to).initializeMemory(as: UInt8.self, repeating: 0, count: stays.lowerBound * bytes)
            (to + stays.upperBound * bytes).initializeMemory(
                as: UInt8.self, repeating: 0, count: (width - stays.upperBound) * bytes)
        }
    }

    var backwardStages: [Int] { isFloat ? [rows.count] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let target = frame.inputGradient(0) else { return }
        let range = rows.range(tile)
        frame.noGradient(0, range.lowerBound * width..<range.upperBound * width)
        guard let gradient = frame.outputGradient() else { return }
        for row in range {
            let stays = kept(row), start = row * width + stays.lowerBound
            transfer(gradient + start, to: target + start, count: stays.count, accumulate: true)
        }
    }
}
