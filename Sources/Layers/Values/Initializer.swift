public import KerasSpec
package import Tensors

/// How a weight gets its first values, in Keras 3's serialized form.
///
/// What a file says is kept as it stands: an initializer that nobody knows stops a model only when fresh weights are wanted.
public struct Initializer: Hashable, Sendable {
    /// `{"module": "keras.initializers", "class_name": "GlorotUniform", "config": {"seed": null, …}, …}`.
    public let config: ConfigValue

    public init(config: ConfigValue) { self.config = config }

    private init(_ className: String, _ config: ConfigObject = [:]) {
        self.init(config: Serialized.value("keras.initializers", className, config))
    }

    public static let zeros = Initializer("Zeros")
    public static let ones = Initializer("Ones")

    public static func constant(_ value: Double = 0) -> Initializer { Initializer("Constant", ["value": .float(value)]) }

    /// The waves of a Fourier transform through a window: Keras's `STFT`.
    ///
    /// - Parameter side: `real` or `imag`.
    public static func stft(
        side: String, window: String? = "hann", scaling: String? = "density", periodic: Bool = false
    ) -> Initializer {
        Initializer(
            "STFT",
            [
                "side": .string(side), "window": window.map(ConfigValue.string) ?? .null, "periodic": .bool(periodic),
                "scaling": scaling.map(ConfigValue.string) ?? .null,
            ])
    }

    /// A vector of these values.
    package static func values(_ values: [Double]) -> Initializer {
        Initializer("Constant", ["value": .array(values.map(ConfigValue.float))])
    }

    public static func randomNormal(mean: Double = 0, stddev: Double = 0.05, seed: Int? = nil) -> Initializer {
        Initializer("RandomNormal", ["seed": Self.seed(seed), "mean": .float(mean), "stddev": .float(stddev)])
    }

    public static func randomUniform(minval: Double = -0.05, maxval: Double = 0.05, seed: Int? = nil) -> Initializer {
        Initializer("RandomUniform", ["seed": Self.seed(seed), "minval": .float(minval), "maxval": .float(maxval)])
    }

    /// Normal, drawn again until it is within two standard deviations.
    public static func truncatedNormal(mean: Double = 0, stddev: Double = 0.05, seed: Int? = nil) -> Initializer {
        Initializer("TruncatedNormal", ["seed": Self.seed(seed), "mean": .float(mean), "stddev": .float(stddev)])
    }

    /// What the fan is: the number of a unit's inputs, its outputs, or their mean.
    public enum FanMode: String, Sendable, CaseIterable {
        case fanIn = "fan_in"
        case fanOut = "fan_out"
        case fanAverage = "fan_avg"
    }

    /// How the values of `varianceScaling` are spread.
    public enum Distribution: String, Sendable, CaseIterable {
        /// Within two standard deviations, widened so that the variance is what was asked for.
        case truncatedNormal = "truncated_normal"
        case untruncatedNormal = "untruncated_normal"
        case uniform
    }

    /// Values of variance `scale` / fan.
    public static func varianceScaling(
        scale: Double = 1, mode: FanMode = .fanIn, distribution: Distribution = .truncatedNormal, seed: Int? = nil
    ) -> Initializer {
        Initializer(
            "VarianceScaling",
            [
                "seed": Self.seed(seed), "scale": .float(scale), "mode": .string(mode.rawValue),
                "distribution": .string(distribution.rawValue), "input_axes": nil, "output_axes": nil,
            ])
    }

    /// Uniform within ±√(6 / (fan in + fan out)).
    public static func glorotUniform(seed: Int? = nil) -> Initializer { family("GlorotUniform", seed) }
    /// Truncated normal of variance 2 / (fan in + fan out).
    public static func glorotNormal(seed: Int? = nil) -> Initializer { family("GlorotNormal", seed) }
    /// Uniform within ±√(6 / fan in).
    public static func heUniform(seed: Int? = nil) -> Initializer { family("HeUniform", seed) }
    /// Truncated normal of variance 2 / fan in.
    public static func heNormal(seed: Int? = nil) -> Initializer { family("HeNormal", seed) }
    /// Uniform within ±√(3 / fan in).
    public static func lecunUniform(seed: Int? = nil) -> Initializer { family("LecunUniform", seed) }
    /// Truncated normal of variance 1 / fan in.
    public static func lecunNormal(seed: Int? = nil) -> Initializer { family("LecunNormal", seed) }

    /// Orthogonal rows or columns, whichever are fewer, times `gain`.
    public static func orthogonal(gain: Double = 1, seed: Int? = nil) -> Initializer {
        Initializer("Orthogonal", ["seed": Self.seed(seed), "gain": .float(gain)])
    }

    /// Ones on the diagonal, times `gain`; for matrices.
    public static func identity(gain: Double = 1) -> Initializer {
        Initializer("Identity", gain == 1 ? [:] : ["gain": .float(gain)])
    }

    /// With the axes that count as a kernel's inputs and outputs told to an initializer that looks at them and wasn't told.
    func config(inputAxes: [Int], outputAxes: [Int]) -> ConfigValue {
        guard var object = config.object, var settings = object["config"]?.object, let name = object["class_name"]?.string,
            Self.scaling.contains(name), settings["input_axes"]?.isNull ?? true, settings["output_axes"]?.isNull ?? true
        else {
            guard let name = config.string, Self.scaling.contains(name) else { return config }
            return ["class_name": .string(name), "config": ["input_axes": .integers(inputAxes), "output_axes": .integers(outputAxes)]]
        }
        settings["input_axes"] = .integers(inputAxes)
        settings["output_axes"] = .integers(outputAxes)
        object["config"] = .object(settings)
        return .object(object)
    }

    /// What gives the roots of a constant's values; any other initializer as it is.
    var squareRoot: Initializer {
        guard let serialized = Serialized(config), ["Constant", "constant"].contains(serialized.className),
            let value = serialized.config["value"]?.number, value >= 0
        else { return self }
        return .constant(value.squareRoot())
    }

    private static let scaling: Set<String> = [
        "VarianceScaling", "GlorotUniform", "GlorotNormal", "HeUniform", "HeNormal", "LecunUniform", "LecunNormal",
        "variance_scaling", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_uniform", "lecun_normal",
    ]

    private static func family(_ className: String, _ seed: Int?) -> Initializer {
        Initializer(className, ["seed": Self.seed(seed), "input_axes": nil, "output_axes": nil])
    }

    private static func seed(_ seed: Int?) -> ConfigValue { seed.map(ConfigValue.integer) ?? .null }
}

extension ConfigReader {
    /// An initializer, kept as it stands; the default for null or an absent key.
    package mutating func initializer(_ key: String, default fallback: Initializer) throws(LocatedError) -> Initializer {
        guard let value = serialized(key) else { return fallback }
        guard value.string != nil || value.object != nil else {
            throw wrong(key, "an initializer's name or settings", value)
        }
        return Initializer(config: value)
    }
}
