package import Graphs
package import Tensors

/// What stands at places of an array that may lie between its elements: x (batch, extents…, channels) and coordinates (batch,
/// axes, points…), a number for each axis between, give (batch, points…, channels).
///
/// Source: `map_coordinates` of Keras's TensorFlow backend 3.15, order 0 and 1. The coordinates get no gradient.
package struct MapCoordinates: Op {
    /// Else the nearest element counts.
    package var isLinear: Bool
    package var border: ImageBorder
    package var fill: Float

    package init(isLinear: Bool, border: ImageBorder, fill: Float = 0) {
        self.isLinear = isLinear
        self.border = border
        self.fill = fill
    }

    package var name: String { "map_coordinates" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 2...2)
        try require(name, inputs[0], is: .float32)
        try require(name, inputs[1], is: .float32, "coordinates")
        let (x, places) = (inputs[0].shape, inputs[1].shape)
        guard x.rank >= 3, x.rank <= 10, places.rank >= 2, places[1] == x.rank - 2, x[0] == nil || places[0] == nil || x[0] == places[0] else {
            throw mismatch(name, expected: "a coordinate for each axis of the array", got: "\(x) and \(places)")
        }
        return [ValueInfo(PartialShape([x[0] ?? places[0]] + places.dims[2...] + [x[x.rank - 1]]))]
    }

    package func bound(to site: Site) -> any BoundOp {
        let x = site.inputs[0].shape
        return BoundMapCoordinates(
            op: self, extents: Array(x.dims[1..<x.rank - 1]), channels: x[x.rank - 1], batch: x[0],
            points: site.inputs[1].shape.dims[2...].reduce(1, *), wantsGradient: site.wantsGradient.first ?? false)
    }
}

private struct BoundMapCoordinates: BoundOp {
    let op: MapCoordinates
    let extents: [Int]
    let channels: Int
    let batch: Int
    let points: Int
    let wantsGradient: Bool

    var cost: Double { 20 * Double(batch * points * channels) * Double(1 << extents.count) }
    var retained: Retained { Retained(inputs: [1]) }

    /// Brings an index into an axis; nil: the filling.
    @inline(__always) private func inside(_ index: Int, _ extent: Int) -> Int? {
        switch op.border {
        case .constant: return index >= 0 && index < extent ? index : nil
        case .nearest: return min(max(index, 0), extent - 1)
        case .wrap: return ((index % extent) + extent) % extent
        case .mirror, .reflect:
            let rest = abs(index) % (2 * extent)
            let place = rest < extent ? rest : 2 * extent - rest - (op.border == .reflect ? 1 : 0)
            // Keras leaves one place beyond the border here, which is read as the border.
            return min(place, extent - 1)
        }
    }

    /// Every corner of a point: its place in the array (nil: the filling) and its weight.
    @inline(__always) private func corners(_ coordinates: UnsafePointer<Float>, _ body: (Int?, Float) -> Void) {
        for corner in 0..<(op.isLinear ? 1 << extents.count : 1) {
            var place: Int? = 0
            var weight: Float = 1
            for (axis, extent) in extents.enumerated() {
                let given = coordinates[axis * points]
                let x = given.isFinite && abs(given) < 1e9 ? given : 0
                let index: Int
                if op.isLinear {
                    let low = x.rounded(.down), isUpper = corner >> axis & 1 == 1
                    weight *= isUpper ? x - low : 1 - (x - low)
                    index = Int(low) + (isUpper ? 1 : 0)
                } else {
                    index = Int(x.rounded(.toNearestOrEven))
                }
                if let before = place, let own = inside(index, extent) { place = before * extent + own } else { place = nil }
            }
            body(place, weight)
        }
    }

    var forwardStages: [Int] { [batch] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let size = extents.reduce(1, *) * channels
        let input = frame.input(0) + tile * size, output = frame.output() + tile * points * channels
        let coordinates = frame.input(1) + tile * extents.count * points
        for point in 0..<points {
            let target = output + point * channels
            target.update(repeating: 0, count: channels)
            corners(coordinates + point) { place, weight in
                for channel in 0..<channels { target[channel] += weight * (place.map { input[$0 * channels + channel] } ?? op.fill) }
            }
        }
    }

    var backwardStages: [Int] { wantsGradient ? [batch] : [] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        if tile == 0 { frame.noGradient(1, 0..<batch * extents.count * points) }
        guard let all = frame.inputGradient(0) else { return }
        let size = extents.reduce(1, *) * channels
        frame.noGradient(0, tile * size..<(tile + 1) * size)
        guard let gradients = frame.outputGradient() else { return }
        let target = all + tile * size, gradient = gradients + tile * points * channels
        let coordinates = frame.input(1) + tile * extents.count * points
        for point in 0..<points {
            corners(coordinates + point) { place, weight in
                guard let place else { return }
                for channel in 0..<channels { target[place * channels + channel] += weight * gradient[point * channels + channel] }
            }
        }
    }
}
