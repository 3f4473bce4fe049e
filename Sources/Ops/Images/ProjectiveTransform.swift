package import Graphs
package import Tensors

/// Images seen through a projection: images (batch, rows, columns, channels) and transforms (batch or 1, 8) give images of the
/// same size, in which the point (x, y) shows what stood at ((a0·x + a1·y + a2) / k, (b0·x + b1·y + b2) / k), k = c0·x + c1·y + 1.
///
/// Source: `ImageProjectiveTransformV3` of TensorFlow 2.21, borders included. The transforms get no gradient.
package struct ProjectiveTransform: Op {
    /// Else the nearest point counts.
    package var isBilinear: Bool
    /// All but `mirror`.
    package var border: ImageBorder
    /// What is beyond, for a constant border; and where k is 0.
    package var fill: Float

    package init(isBilinear: Bool, border: ImageBorder, fill: Float = 0) {
        self.isBilinear = isBilinear
        self.border = border
        self.fill = fill
    }

    package var name: String { "projective_transform" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[0], is: .float32, "images")
        try require(name, inputs[1], is: .float32, "transforms")
        guard inputs[0].shape.rank == 4, inputs[1].shape.rank == 2, inputs[1].shape[1] == 8 else {
            throw mismatch(name, expected: "images of four axes and transforms of eight numbers", got: "\(inputs[0].shape) and \(inputs[1].shape)")
        }
        if let count = inputs[1].shape[0], count != 1, let batch = inputs[0].shape[0], batch != count {
            throw mismatch(name, expected: "a transform for each image, or one", got: "\(count) for \(batch)")
        }
        return [inputs[0]]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundProjection(
            shape: site.inputs[0].shape, count: site.inputs[1].shape[0], isBilinear: isBilinear, border: border, fill: fill,
            wantsGradient: site.wantsGradient.first ?? false)
    }
}

private struct BoundProjection: BoundOp {
    let shape: Shape
    let count: Int
    let isBilinear: Bool
    let border: ImageBorder
    let fill: Float
    let wantsGradient: Bool

    private var rows: Int { shape[1] }
    private var columns: Int { shape[2] }
    private var channels: Int { shape[3] }
    var cost: Double { 20 * Double(shape.count) }
    var retained: Retained { Retained(inputs: [1]) }

    /// Where a point of the result comes from, brought into the image as the border says; nil: the filling.
    @inline(__always) private func source(_ t: UnsafePointer<Float>, _ x: Int, _ y: Int) -> (x: Float, y: Float)? {
        let (x, y) = (Float(x), Float(y))
        let k = t[6] * x + t[7] * y + 1
        guard k != 0 else { return nil }
        let sx = inside((t[0] * x + t[1] * y + t[2]) / k, columns), sy = inside((t[3] * x + t[4] * y + t[5]) / k, rows)
        // Far enough outside that no neighbour is inside; NaN, too.
        guard abs(sx) < 1e9, abs(sy) < 1e9 else { return nil }
        return (sx, sy)
    }

    @inline(__always) private func inside(_ place: Float, _ extent: Int) -> Float {
        guard place.isFinite, abs(place) < 1e9 else { return border == .constant ? place : 0 }
        let length = Float(extent)
        var x = place
        switch border {
        case .constant: return x
        case .nearest: break
        case .reflect, .mirror:
            if x < 0 {
                if extent <= 1 {
                    x = 0
                } else {
                    let twice = 2 * length
                    if x < twice { x = twice * Float(Int(-x / twice)) + x }
                    x = x < -length ? x + twice : -x - 1
                }
            } else if x > length - 1 {
                if extent <= 1 {
                    x = 0
                } else {
                    let twice = 2 * length
                    x -= twice * Float(Int(x / twice))
                    if x >= length { x = twice - x - 1 }
                }
            }
        case .wrap:
            if x < 0 {
                x = extent <= 1 ? 0 : x + length * Float(Int(-x / (length - 1)) + 1)
            } else if x > length - 1 {
                x = extent <= 1 ? 0 : x - length * Float(Int(x / (length - 1)))
            }
        }
        return min(max(x, 0), length - 1)
    }

    /// The neighbours of a point with their weights, as (row, column, weight); those outside are the filling's.
    @inline(__always) private func neighbours(_ p: (x: Float, y: Float), _ body: (Int?, Float) -> Void) {
        func place(_ row: Int, _ column: Int) -> Int? {
            row >= 0 && row < rows && column >= 0 && column < columns ? (row * columns + column) * channels : nil
        }
        guard isBilinear else { return body(place(Int(p.y.rounded()), Int(p.x.rounded())), 1) }
        let (x0, y0) = (p.x.rounded(.down), p.y.rounded(.down))
        let (x1, y1) = (x0 + 1, y0 + 1)
        body(place(Int(y0), Int(x0)), (y1 - p.y) * (x1 - p.x))
        body(place(Int(y0), Int(x1)), (y1 - p.y) * (p.x - x0))
        body(place(Int(y1), Int(x0)), (p.y - y0) * (x1 - p.x))
        body(place(Int(y1), Int(x1)), (p.y - y0) * (p.x - x0))
    }

    var forwardStages: [Int] { [shape[0] * rows] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let (image, row) = (tile / max(rows, 1), tile % max(rows, 1))
        let input = frame.input(0) + image * rows * columns * channels
        let output = frame.output() + tile * columns * channels
        let transform = frame.input(1) + (count == 1 ? 0 : image * 8)
        for column in 0..<columns {
            let target = output + column * channels
            guard let point = source(transform, column, row) else {
                target.update(repeating: fill, count: channels)
                continue
            }
            target.update(repeating: 0, count: channels)
            neighbours(point) { place, weight in
                for channel in 0..<channels { target[channel] += weight * (place.map { input[$0 + channel] } ?? fill) }
            }
        }
    }

    var backwardStages: [Int] { wantsGradient ? [shape[0]] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        if tile == 0 { frame.noGradient(1, 0..<count * 8) }
        guard let all = frame.inputGradient(0) else { return }
        let size = rows * columns * channels
        frame.noGradient(0, tile * size..<(tile + 1) * size)
        guard let gradients = frame.outputGradient() else { return }
        let target = all + tile * size, gradient = gradients + tile * size
        let transform = frame.input(1) + (count == 1 ? 0 : tile * 8)
        for row in 0..<rows {
            for column in 0..<columns {
                guard let point = source(transform, column, row) else { continue }
                let own = gradient + (row * columns + column) * channels
                neighbours(point) { place, weight in
                    guard let place else { return }
                    for channel in 0..<channels { target[place + channel] += weight * own[channel] }
                }
            }
        }
    }
}

/// The projections that bring four points to four others: (batch, 4, 2) twice, from and to, gives (batch, 8) for
/// `ProjectiveTransform`. No gradient.
package struct Homography: Op {
    package init() {}

    package var name: String { "homography" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        for input in inputs {
            try require(name, input, is: .float32, "points")
            guard input.shape.rank == 3, input.shape[1] == 4, input.shape[2] == 2 else {
                throw mismatch(name, expected: "points of the shape (batch, 4, 2)", got: "\(input.shape)")
            }
        }
        return [ValueInfo([inputs[0].shape[0] ?? inputs[1].shape[0], 8])]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundHomography(counts: site.inputs.map { $0.shape[0] }, batch: site.outputs[0].shape[0])
    }
}

private struct BoundHomography: BoundOp {
    let counts: [Int]
    let batch: Int

    /// Eight equations, and what they equal.
    var memory: WorkingMemory { WorkingMemory(workerScratch: 72 * MemoryLayout<Double>.size) }
    var cost: Double { 500 * Double(batch) }
    var forwardStages: [Int] { [batch] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let start = frame.input(0) + (counts[0] == 1 ? 0 : tile * 8), end = frame.input(1) + (counts[1] == 1 ? 0 : tile * 8)
        let m = frame.workerScratch.bindMemory(to: Double.self, capacity: 72)
        m.update(repeating: 0, count: 72)
        for point in 0..<4 {
            let (sx, sy) = (Double(start[2 * point]), Double(start[2 * point + 1]))
            let (ex, ey) = (Double(end[2 * point]), Double(end[2 * point + 1]))
            let (a, b) = (m + 18 * point, m + 18 * point + 9)
            (a[0], a[1], a[2], a[6], a[7], a[8]) = (ex, ey, 1, -sx * ex, -sx * ey, sx)
            (b[3], b[4], b[5], b[6], b[7], b[8]) = (ex, ey, 1, -sy * ex, -sy * ey, sy)
        }
        // Gauss, with the largest pivot of each column.
        for column in 0..<8 {
            var best = column
            for row in column..<8 where abs(m[9 * row + column]) > abs(m[9 * best + column]) { best = row }
            if best != column { for place in 0..<9 { (m[9 * best + place], m[9 * column + place]) = (m[9 * column + place], m[9 * best + place]) } }
            for row in 0..<8 where row != column {
                let factor = m[9 * row + column] / m[9 * column + column]
                for place in column..<9 { m[9 * row + place] -= factor * m[9 * column + place] }
            }
        }
        for row in 0..<8 { frame.output()[8 * tile + row] = Float(m[9 * row + 8] / m[9 * row + row]) }
    }
}
