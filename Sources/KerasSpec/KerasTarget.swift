/// For which Keras a file is written: a dialect, and a version of it.
public struct KerasTarget: Hashable, Sendable, CustomStringConvertible {
    public var dialect: Dialect
    /// What files name as their Keras: `2.3.1`. Files use no word that this version lacks.
    public var version: String

    public init(_ dialect: Dialect, version: String) {
        self.dialect = dialect
        self.version = version
    }

    /// The newest version of a dialect that was held against genuine Keras.
    public init(_ dialect: Dialect) {
        self.dialect = dialect
        version =
            switch dialect {
            case .keras1: "1.2.2"
            case .keras2: "2.3.1"
            case .tfKeras: "2.21.0"
            case .keras3: "3.15.1"
            }
    }

    public static let keras1 = KerasTarget(.keras1)
    public static let keras2 = KerasTarget(.keras2)
    public static let tfKeras = KerasTarget(.tfKeras)
    public static let keras3 = KerasTarget(.keras3)

    /// As the command line names it: `keras-1.2`, `keras-2.3`, `tf-keras`, `keras-3`, `keras-3.0` to `keras-3.15`; nil for
    /// anything else.
    public init?(name: String) {
        switch name {
        case "keras-1.2": self.init(.keras1)
        case "keras-2.3": self.init(.keras2)
        case "tf-keras": self.init(.tfKeras)
        case "keras-3": self.init(.keras3)
        default:
            guard name.hasPrefix("keras-3."), let minor = Int(name.dropFirst("keras-3.".count)), String(minor) == name.dropFirst("keras-3.".count),
                (0...Self.newestMinor).contains(minor)
            else { return nil }
            // 3.0.5 and 3.15.1 are the releases that were run; of the others the first.
            self.init(.keras3, version: minor == 0 ? "3.0.5" : minor == Self.newestMinor ? "3.15.1" : "3.\(minor).0")
        }
    }

    /// Names for help and errors.
    public static let names = "keras-1.2, keras-2.3, tf-keras, keras-3, keras-3.0 … keras-3.\(newestMinor)"

    /// The second number of the version: 15 of 3.15.1.
    public var minor: Int {
        let parts = version.split(separator: ".")
        return parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    }

    public var description: String {
        switch dialect {
        case .keras1: "keras-1.2"
        case .keras2: "keras-2.3"
        case .tfKeras: "tf-keras"
        case .keras3: "keras-3.\(minor)"
        }
    }

    /// From which 3.N on Keras 3 leaves alone what files say is frozen. Before, it trains such layers, lists their weights as
    /// trained ones and keeps optimizer state for them, until their `trainable` is set again.
    ///
    /// Source: `_track_variable` of `keras/src/layers/layer.py`, 3.1.1 and 3.2.0.
    package static let respectsFrozen = 2

    /// Whether the files' frozen layers are as others to it.
    package var ignoresFrozen: Bool { dialect == .keras3 && minor < Self.respectsFrozen }

    private static let newestMinor = 15
}
