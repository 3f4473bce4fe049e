public import Tensors

/// How far one array is from another.
public struct Comparison: Sendable {
    /// What was compared: an output's or a layer's name.
    public var name: String
    public var shape: Shape
    /// The largest |got − expected|.
    public var maxAbsoluteError: Double
    /// The largest |got − expected| / |expected|, where expected is not 0.
    public var maxRelativeError: Double
    /// Where the absolute error is largest, and the two values there.
    public var worst: (index: [Int], expected: Double, got: Double)?
    /// The share of rows whose largest element stands at the same place; nil for arrays without a last axis.
    public var argmaxAgreement: Double?
    /// Every element satisfies |got − expected| ≤ atol + rtol·|expected|. NaN equals NaN, infinity equals itself.
    public var passed: Bool

    /// Compares element by element in double precision.
    ///
    /// - Throws: `.mismatch` when the shapes differ.
    public init(
        name: String, got: Tensor, expected: Tensor, relativeTolerance rtol: Double, absoluteTolerance atol: Double
    ) throws(LocatedError) {
        guard got.shape == expected.shape else {
            throw LocatedError(
                .mismatch, "verify.shape", "expected the shape \(expected.shape), got \(got.shape)", at: [name])
        }
        self.name = name
        shape = got.shape
        maxAbsoluteError = 0
        maxRelativeError = 0
        passed = true
        if got.dtype == .string || expected.dtype == .string {
            // Text is the same or it isn't.
            let (a, b) = (got.byteStrings, expected.byteStrings)
            passed = a == b
            if let place = a.indices.first(where: { a[$0] != b[$0] }) {
                maxAbsoluteError = .infinity
                worst = (Self.position(of: place, in: got.shape), .nan, .nan)
            }
            return
        }
        let a = got.asType(.float64)
        let b = expected.asType(.float64)
        var worstIndex: Int?
        a.withUnsafeElements(as: Double.self) { a in
            b.withUnsafeElements(as: Double.self) { b in
                for index in a.indices {
                    if a[index] == b[index] || (a[index].isNaN && b[index].isNaN) { continue }
                    var difference = abs(a[index] - b[index])
                    if difference.isNaN { difference = .infinity }
                    if !(difference <= atol + rtol * abs(b[index])) { passed = false }
                    if difference > maxAbsoluteError {
                        maxAbsoluteError = difference
                        worstIndex = index
                    }
                    if b[index] != 0 { maxRelativeError = max(maxRelativeError, difference / abs(b[index])) }
                }
                if let index = worstIndex {
                    worst = (Self.position(of: index, in: got.shape), b[index], a[index])
                }
                argmaxAgreement = Self.argmaxAgreement(a, b, width: got.shape.dims.last ?? 0)
            }
        }
    }

    private static func position(of index: Int, in shape: Shape) -> [Int] {
        var rest = index
        return shape.strides.map { stride in
            let (quotient, remainder) = rest.quotientAndRemainder(dividingBy: max(stride, 1))
            rest = remainder
            return quotient
        }
    }

    private static func argmaxAgreement(
        _ a: UnsafeBufferPointer<Double>, _ b: UnsafeBufferPointer<Double>, width: Int
    ) -> Double? {
        guard width > 0, a.count > 0 else { return nil }
        func argmax(_ values: UnsafeBufferPointer<Double>, _ row: Int) -> Int {
            var best = row * width
            for index in row * width..<(row + 1) * width where values[index] > values[best] { best = index }
            return best
        }
        let rows = a.count / width
        return Double((0..<rows).count { argmax(a, $0) == argmax(b, $0) }) / Double(rows)
    }
}
