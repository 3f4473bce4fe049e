public import KerasSpec
package import Tensors

/// A penalty on a weight's or an output's values that is added to the loss, in Keras 3's serialized form. What a file says
/// is kept as it stands.
public struct Regularizer: Hashable, Sendable {
    /// `{"module": "keras.regularizers", "class_name": "L2", "config": {"l2": 0.01}, …}`.
    public let config: ConfigValue

    public init(config: ConfigValue) { self.config = config }

    private init(_ className: String, _ config: ConfigObject) {
        self.init(config: Serialized.value("keras.regularizers", className, config))
    }

    /// `l1`·Σ|x|.
    public static func l1(_ l1: Double = 0.01) -> Regularizer { Regularizer("L1", ["l1": .float(l1)]) }

    /// `l2`·Σx².
    public static func l2(_ l2: Double = 0.01) -> Regularizer { Regularizer("L2", ["l2": .float(l2)]) }

    /// `l1`·Σ|x| + `l2`·Σx².
    public static func l1L2(l1: Double = 0, l2: Double = 0) -> Regularizer {
        Regularizer("L1L2", ["l1": .float(l1), "l2": .float(l2)])
    }

    /// Which vectors of a matrix are pushed apart.
    public enum Direction: String, Sendable, CaseIterable {
        case rows, columns
    }

    /// `factor` times the mean absolute cosine between a matrix's rows, or columns.
    public static func orthogonal(factor: Double = 0.01, mode: Direction = .rows) -> Regularizer {
        Regularizer("OrthogonalRegularizer", ["factor": .float(factor), "mode": .string(mode.rawValue)])
    }
}

extension Optional where Wrapped == Regularizer {
    /// Null when there is none.
    package var config: ConfigValue { self?.config ?? .null }
}

extension ConfigReader {
    /// A regularizer, kept as it stands; nil for null or an absent key.
    package mutating func regularizer(_ key: String) throws(LocatedError) -> Regularizer? {
        guard let value = serialized(key) else { return nil }
        guard value.string != nil || value.object != nil else {
            throw wrong(key, "a regularizer's name or settings, or null", value)
        }
        return Regularizer(config: value)
    }
}
