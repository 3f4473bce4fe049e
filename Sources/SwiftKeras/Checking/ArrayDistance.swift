public import Tensors

/// How far one array is from another, by the size of its elements: for gradients and weights, whose small elements mean nothing.
public struct ArrayDistance: Sendable {
    public var name: String
    public var shape: Shape
    /// The largest |got − expected|.
    public var maxAbsoluteError: Double
    /// The largest |expected|.
    public var scale: Double
    /// Where the error is largest, and the two values there.
    public var worst: (index: [Int], expected: Double, got: Double)?
    /// The largest |repeated − expected|, where the other runtime computed the array twice.
    public var repeatedError: Double?
    /// How large the error may be.
    public var limit: Double

    /// The error by the scale.
    public var relativeError: Double { maxAbsoluteError == 0 ? 0 : maxAbsoluteError / scale }
    public var passed: Bool { maxAbsoluteError <= limit }
    /// The error by what is allowed.
    public var severity: Double { maxAbsoluteError == 0 ? 0 : maxAbsoluteError / limit }

    /// - Parameters:
    ///   - repeated: the expected array, computed once more by who computed it: the error may be twice its distance.
    ///   - limit: of the error, by the scale.
    /// - Throws: `.mismatch` when shapes differ.
    init(
        name: String, got: Tensor, expected: Tensor, repeated: Tensor? = nil, limit: (_ scale: Double) -> Double
    ) throws(LocatedError) {
        func largest(_ other: Tensor) throws(LocatedError) -> Comparison {
            try Comparison(name: name, got: other, expected: expected, relativeTolerance: 0, absoluteTolerance: 0)
        }
        let comparison = try largest(got)
        self.name = name
        shape = comparison.shape
        maxAbsoluteError = comparison.maxAbsoluteError
        worst = comparison.worst
        scale = Self.scale(of: expected)
        repeatedError = try repeated.map { (other) throws(LocatedError) in try largest(other).maxAbsoluteError }
        self.limit = max(limit(scale), 2 * (repeatedError ?? 0))
    }

    /// The largest finite |element|.
    static func scale(of tensor: Tensor) -> Double {
        tensor.asType(.float64).withUnsafeElements(as: Double.self) { values in
            values.reduce(0) { $1.isFinite ? max($0, abs($1)) : $0 }
        }
    }
}
