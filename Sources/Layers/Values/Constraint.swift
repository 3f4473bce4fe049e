public import KerasSpec
package import Tensors

/// A projection of a weight after each training step, in Keras 3's serialized form. What a file says is kept as it stands.
public struct Constraint: Hashable, Sendable {
    /// `{"module": "keras.constraints", "class_name": "MaxNorm", "config": {"max_value": 2, "axis": 0}, …}`.
    public let config: ConfigValue

    public init(config: ConfigValue) { self.config = config }

    private init(_ className: String, _ config: ConfigObject = [:]) {
        self.init(config: Serialized.value("keras.constraints", className, config))
    }

    /// Norms along `axis` (for a convolution's kernel `[0, 1, 2]`) at most `maxValue`.
    public static func maxNorm(_ maxValue: Double = 2, axis: [Int] = [0]) -> Constraint {
        Constraint("MaxNorm", ["max_value": number(maxValue), "axis": axes(axis)])
    }

    /// Negative values become zero.
    public static let nonNeg = Constraint("NonNeg")

    /// Norms along `axis` equal to 1.
    public static func unitNorm(axis: [Int] = [0]) -> Constraint { Constraint("UnitNorm", ["axis": axes(axis)]) }

    /// Norms along `axis` moved by the share `rate` towards the range.
    public static func minMaxNorm(
        minValue: Double = 0, maxValue: Double = 1, rate: Double = 1, axis: [Int] = [0]
    ) -> Constraint {
        Constraint(
            "MinMaxNorm",
            ["min_value": .float(minValue), "max_value": .float(maxValue), "rate": .float(rate), "axis": axes(axis)])
    }

    /// As Python would have been given it: `2`, not `2.0`.
    private static func number(_ value: Double) -> ConfigValue { Int(exactly: value).map(ConfigValue.integer) ?? .float(value) }

    private static func axes(_ axes: [Int]) -> ConfigValue { axes.count == 1 ? .integer(axes[0]) : .integers(axes) }
}

extension Optional where Wrapped == Constraint {
    /// Null when there is none.
    package var config: ConfigValue { self?.config ?? .null }
}

extension ConfigReader {
    /// A constraint, kept as it stands; nil for null or an absent key.
    package mutating func constraint(_ key: String) throws(LocatedError) -> Constraint? {
        guard let value = serialized(key) else { return nil }
        guard value.string != nil || value.object != nil else {
            throw wrong(key, "a constraint's name or settings, or null", value)
        }
        return Constraint(config: value)
    }
}
