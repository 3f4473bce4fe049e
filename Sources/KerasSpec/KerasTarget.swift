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

    /// The Keras that a file comes from; what isn't known to be older is taken for the newest.
    package init(_ origin: Provenance) {
        self.init(origin.dialect, version: origin.kerasVersion ?? KerasTarget(origin.dialect).version)
    }

    public static let keras1 = KerasTarget(.keras1)
    public static let keras2 = KerasTarget(.keras2)
    public static let tfKeras = KerasTarget(.tfKeras)
    public static let keras3 = KerasTarget(.keras3)

    /// As the command line names it: `keras-1.2`, `keras-2.3`, `tf-keras`, `tf-keras-2.4` to `tf-keras-2.21` (TensorFlow's
    /// number), `keras-3`, `keras-3.0` to `keras-3.15`; nil for anything else.
    public init?(name: String) {
        switch name {
        case "keras-1.2": self.init(.keras1)
        case "keras-2.3": self.init(.keras2)
        case "tf-keras": self.init(.tfKeras)
        case "keras-3": self.init(.keras3)
        default:
            if let minor = Self.number(in: name, behind: "keras-3.", from: 0, to: Self.newestMinor) {
                self.init(.keras3, version: Self.releases[.keras3]?[minor] ?? "3.\(minor).0")
            } else if let minor = Self.number(in: name, behind: "tf-keras-2.", from: Self.oldestTfKeras, to: Self.newestTfKeras) {
                self.init(.tfKeras, version: Self.releases[.tfKeras]?[minor] ?? "2.\(minor).0")
            } else {
                return nil
            }
        }
    }

    /// Names for help and errors.
    public static let names = "keras-1.2, keras-2.3, tf-keras, tf-keras-2.\(oldestTfKeras) … tf-keras-2.\(newestTfKeras), keras-3, keras-3.0 … keras-3.\(newestMinor)"

    /// All of them, one by one.
    package static let allNames =
        ["keras-1.2", "keras-2.3", "tf-keras", "keras-3"] + (oldestTfKeras...newestTfKeras).map { "tf-keras-2.\($0)" }
        + (0...newestMinor).map { "keras-3.\($0)" }

    /// The second number of the version: 15 of 3.15.1.
    public var minor: Int {
        let parts = version.split(separator: ".")
        return parts.count > 1 ? Int(parts[1]) ?? 0 : 0
    }

    public var description: String {
        switch dialect {
        case .keras1: "keras-1.2"
        case .keras2: "keras-2.3"
        case .tfKeras: minor == Self.newestTfKeras ? "tf-keras" : "tf-keras-2.\(minor)"
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
    private static let oldestTfKeras = 4
    private static let newestTfKeras = 21
    /// The releases that were run, by their second numbers; of the others files name the first.
    private static let releases: [Dialect: [Int: String]] = [
        .keras3: [0: "3.0.5", newestMinor: "3.15.1"], .tfKeras: [13: "2.13.1"],
    ]

    private static func number(in name: String, behind prefix: String, from first: Int, to last: Int) -> Int? {
        guard name.hasPrefix(prefix) else { return nil }
        let digits = name.dropFirst(prefix.count)
        guard let number = Int(digits), String(number) == digits, (first...last).contains(number) else { return nil }
        return number
    }
}
