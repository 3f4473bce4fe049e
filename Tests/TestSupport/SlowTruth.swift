package import Tensors

/// An array in Double, for references made of plain loops.
package struct Doubles: Hashable, Sendable {
    package var shape: Shape
    package var values: [Double]

    package init(_ values: [Double], _ shape: Shape) {
        precondition(values.count == shape.count)
        self.shape = shape
        self.values = values
    }

    package init(zeros shape: Shape) { self.init([Double](repeating: 0, count: shape.count), shape) }
    package init(_ tensor: Tensor) { self.init(tensor.floats.map(Double.init), tensor.shape) }

    /// The place of an element in row-major order.
    package func offset(_ index: [Int]) -> Int {
        var offset = 0
        for (axis, place) in index.enumerated() {
            precondition(place >= 0 && place < shape[axis])
            offset = offset * shape[axis] + place
        }
        return offset
    }

    package subscript(index: Int...) -> Double {
        get { values[offset(index)] }
        set { values[offset(index)] = newValue }
    }

    package subscript(at index: [Int]) -> Double {
        get { values[offset(index)] }
        set { values[offset(index)] = newValue }
    }
}

/// The gradient of Σ f(inputs)·weights by central differences, for a reference `f` in Double.
///
/// - Parameters:
///   - weights: what each output element counts for: the gradient that arrives at the outputs.
///   - step: half the distance of the two evaluations.
package func centralDifferences(
    of f: ([Doubles]) -> [Doubles], at inputs: [Doubles], weights: [Doubles], step: Double = 1e-5
) -> [Doubles] {
    func total(_ inputs: [Doubles]) -> Double {
        zip(f(inputs), weights).reduce(0) { sum, pair in
            zip(pair.0.values, pair.1.values).reduce(sum) { $0 + $1.0 * $1.1 }
        }
    }
    var moved = inputs
    return inputs.indices.map { input in
        var gradient = Doubles(zeros: inputs[input].shape)
        for index in gradient.values.indices {
            let middle = inputs[input].values[index]
            moved[input].values[index] = middle + step
            let above = total(moved)
            moved[input].values[index] = middle - step
            let below = total(moved)
            moved[input].values[index] = middle
            gradient.values[index] = (above - below) / (2 * step)
        }
        return gradient
    }
}

/// Where `actual` departs most from `expected`, or nil when |actual − expected| ≤ absolute + relative·|expected| everywhere.
/// NaN equals NaN only.
package func mismatch(
    _ actual: Tensor, _ expected: [Double], relative: Double = 1e-4, absolute: Double = 1e-5
) -> String? {
    let actual = actual.floats
    guard actual.count == expected.count else { return "\(actual.count) elements, expected \(expected.count)" }
    var worst = (index: -1, excess: 0.0)
    for (index, (a, e)) in zip(actual, expected).enumerated() {
        let a = Double(a)
        if a == e || (a.isNaN && e.isNaN) { continue }
        let excess = abs(a - e) / (absolute + relative * abs(e))
        if !(excess <= 1), !(excess <= worst.excess) { worst = (index, excess.isNaN ? .infinity : excess) }
    }
    return worst.index < 0
        ? nil : "element \(worst.index) is \(actual[worst.index]), expected \(expected[worst.index])"
}

package func mismatch(
    _ actual: Tensor, _ expected: Doubles, relative: Double = 1e-4, absolute: Double = 1e-5
) -> String? {
    guard actual.shape == expected.shape else { return "shape \(actual.shape), expected \(expected.shape)" }
    return mismatch(actual, expected.values, relative: relative, absolute: absolute)
}

package func mismatch(
    _ actual: Tensor, _ expected: Tensor, relative: Double = 1e-4, absolute: Double = 1e-5
) -> String? {
    mismatch(actual, Doubles(expected), relative: relative, absolute: absolute)
}

/// Reproducible random numbers (SplitMix64).
package struct TestRandom: RandomNumberGenerator {
    private var state: UInt64

    package init(_ seed: UInt64) { state = seed }

    package mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z >> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z >> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z >> 31)
    }

    /// float32, uniform in `range`.
    package mutating func tensor(_ shape: Shape, in range: ClosedRange<Float> = -1...1) -> Tensor {
        var values: [Float] = []
        values.reserveCapacity(shape.count)
        for _ in 0..<shape.count {
            values.append(range.lowerBound + (range.upperBound - range.lowerBound) * Float(next() >> 40) / 16_777_216)
        }
        return Tensor(values, shape: shape)
    }

    /// int32, uniform in `range`.
    package mutating func integers(_ shape: Shape, in range: Range<Int32>) -> Tensor {
        Tensor((0..<shape.count).map { _ in Int32.random(in: range, using: &self) }, shape: shape)
    }
}
