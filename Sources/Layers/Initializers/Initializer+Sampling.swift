internal import KerasSpec
package import Tensors

extension Initializer {
    /// First values for a weight, distributed exactly as Keras's.
    ///
    /// Differs from Keras: the numbers come from `RandomStream`, so a seed gives the same weights on every machine, but not
    /// those that TensorFlow draws. Source: keras/src/initializers/ (3.15).
    ///
    /// - Parameters:
    ///   - seed: the model's; an initializer that has a seed of its own uses that one, and gives the same values whatever the
    ///     stream, as in Keras 3.
    ///   - stream: tells weights of one model apart.
    /// - Throws: `.unsupported` for an initializer that isn't Keras's, `.invalid` for impossible settings or sizes.
    package func sample(_ shape: Shape, seed: UInt64, stream: UInt64 = 0) throws(LocatedError) -> Tensor {
        guard Memory.holds(shape) else {
            throw LocatedError(.invalid, "weights.size", "expected a weight that fits in memory, got one of shape \(shape)")
        }
        guard let serialized = Serialized(config) else { throw unknown }
        var settings = ConfigReader(serialized.config, at: "\(serialized.className)/config")
        let own = try settings.seed()
        var random = own.map { RandomStream(seed: $0) } ?? RandomStream(seed: seed, stream: stream)
        let kind = try Kind(serialized.className, &settings, otherwise: unknown)
        return try kind.sample(shape, &random, seed: seed, stream: stream)
    }

    private var unknown: LocatedError {
        let name = config.string ?? config.object?["class_name"]?.string
        return LocatedError(
            .unsupported, "initializer.unknown",
            "expected an initializer of Keras, got \(name.map { "\"\($0)\"" } ?? config.summary)",
            hint: "Load weights, or give the layer another initializer.")
    }
}

extension ConfigReader {
    /// The seed that an initializer was given: a number, or Keras 3's generator with one.
    fileprivate mutating func seed() throws(LocatedError) -> UInt64? {
        guard let value = value("seed"), !value.isNull else { return nil }
        let number = value.object?["config"]?.object?["seed"] ?? value
        if number.isNull { return nil }
        guard let seed = number.integer else { throw wrong("seed", "an integer or null", value) }
        return UInt64(bitPattern: Int64(seed))
    }

    /// Axes of a weight that count as inputs or outputs.
    fileprivate mutating func axes(_ key: String) throws(LocatedError) -> [Int]? {
        guard let value = value(key), !value.isNull else { return nil }
        let items = value.array ?? [value]
        var axes: [Int] = []
        for item in items {
            guard let axis = item.integer else { throw wrong(key, "a list of axes or null", value) }
            axes.append(axis)
        }
        return axes
    }
}

/// An initializer with its settings read.
private enum Kind {
    case constant(Double)
    case values([Double])
    case stft(real: Bool, window: String?, scaling: String?, periodic: Bool)
    case normal(mean: Double, stddev: Double)
    case truncatedNormal(mean: Double, stddev: Double)
    case uniform(low: Double, high: Double)
    case varianceScaling(
        scale: Double, mode: Initializer.FanMode, distribution: Initializer.Distribution, inputAxes: [Int]?,
        outputAxes: [Int]?)
    case orthogonal(gain: Double)
    case identity(gain: Double)
    case recurrentIdentity(gain: Double)
    case unitForgetBias(Initializer)

    init(_ className: String, _ settings: inout ConfigReader, otherwise unknown: LocatedError) throws(LocatedError) {
        switch className {
        case "Zeros", "zeros", "zero": self = .constant(0)
        case "Ones", "ones", "one": self = .constant(1)
        case "Constant", "constant":
            let value = settings.value("value") ?? 0
            if case .array(let items) = value {
                self = .values(items.compactMap(\.number))
            } else if let number = value.number {
                self = .constant(number)
            } else {
                throw settings.wrong("value", "a number or a list of numbers", value)
            }
        case "RandomNormal", "random_normal", "normal":
            self = .normal(
                mean: try settings.number("mean", default: 0), stddev: try settings.number("stddev", default: 0.05))
        case "TruncatedNormal", "truncated_normal":
            self = .truncatedNormal(
                mean: try settings.number("mean", default: 0), stddev: try settings.number("stddev", default: 0.05))
        case "RandomUniform", "random_uniform", "uniform":
            self = .uniform(
                low: try settings.number("minval", default: -0.05), high: try settings.number("maxval", default: 0.05))
        case "VarianceScaling", "variance_scaling": self = try Self.varianceScaling(&settings)
        case "GlorotUniform", "glorot_uniform": self = try Self.family(1, .fanAverage, .uniform, &settings)
        case "GlorotNormal", "glorot_normal": self = try Self.family(1, .fanAverage, .truncatedNormal, &settings)
        case "HeUniform", "he_uniform": self = try Self.family(2, .fanIn, .uniform, &settings)
        case "HeNormal", "he_normal": self = try Self.family(2, .fanIn, .truncatedNormal, &settings)
        case "LecunUniform", "lecun_uniform": self = try Self.family(1, .fanIn, .uniform, &settings)
        case "LecunNormal", "lecun_normal": self = try Self.family(1, .fanIn, .truncatedNormal, &settings)
        case "Orthogonal", "OrthogonalInitializer", "orthogonal":
            self = .orthogonal(gain: try settings.number("gain", default: 1))
        case "Identity", "IdentityInitializer", "identity":
            self = .identity(gain: try settings.number("gain", default: 1))
        case "STFT", "stft", "STFTInitializer":
            self = .stft(
                real: try settings.string("side", default: "real") == "real",
                window: settings.has("window") ? try settings.optionalString("window") : "hann",
                scaling: settings.has("scaling") ? try settings.optionalString("scaling") : "density",
                periodic: try settings.bool("periodic", default: false))
        case GateInitializer.recurrentIdentity:
            self = .recurrentIdentity(gain: try settings.number("gain", default: 1))
        case GateInitializer.unitForgetBias:
            self = .unitForgetBias(Initializer(config: settings.value("initializer") ?? .null))
        default: throw unknown
        }
    }

    private static func varianceScaling(_ settings: inout ConfigReader) throws(LocatedError) -> Kind {
        let scale = try settings.number("scale", default: 1)
        guard scale > 0 else { throw settings.wrong("scale", "a number above 0", .float(scale)) }
        let mode: Initializer.FanMode = try settings.word("mode", default: .fanIn)
        var distribution = Initializer.Distribution.truncatedNormal
        // The older name of the truncated one.
        if let value = settings.value("distribution"), !value.isNull, value != "normal" {
            guard let known = value.string.flatMap(Initializer.Distribution.init) else {
                throw settings.wrong("distribution", "a distribution of VarianceScaling", value)
            }
            distribution = known
        }
        return try family(scale, mode, distribution, &settings)
    }

    private static func family(
        _ scale: Double, _ mode: Initializer.FanMode, _ distribution: Initializer.Distribution,
        _ settings: inout ConfigReader
    ) throws(LocatedError) -> Kind {
        .varianceScaling(
            scale: scale, mode: mode, distribution: distribution, inputAxes: try settings.axes("input_axes"),
            outputAxes: try settings.axes("output_axes"))
    }

    func sample(
        _ shape: Shape, _ random: inout RandomStream, seed: UInt64, stream: UInt64
    ) throws(LocatedError) -> Tensor {
        switch self {
        case .constant(let value): return Self.fill(shape) { Float(value) }
        case .stft(let real, let window, let scaling, let periodic):
            guard shape.rank == 3, shape[1] == 1 else { throw Self.wrongRank("STFT", "three axes, the second of extent 1", shape) }
            var values: [Double]?
            if let window {
                values = STFTWindow.values(window, length: shape[0], periodic: periodic)
                guard values != nil else {
                    throw LocatedError(.unsupported, "initializer.window", "expected a window that is known, got \(window)")
                }
            }
            return Tensor(
                STFTWindow.kernel(frames: shape[0], frequencies: shape[2], real: real, window: values, scaling: scaling), shape: shape)
        case .values(let values):
            guard shape.rank == 1, shape[0] == values.count else { throw Self.wrongRank("Constant", "\(values.count) elements", shape) }
            return Tensor(values.map { Float($0) }, shape: shape)
        case .normal(let mean, let stddev): return Self.fill(shape) { Float(mean + stddev * random.normal()) }
        case .truncatedNormal(let mean, let stddev):
            return Self.fill(shape) { Float(mean + stddev * random.truncatedNormal()) }
        case .uniform(let low, let high):
            let width = high - low
            return Self.fill(shape) { Float(low + width * Double(random.uniform())) }
        case .varianceScaling(let scale, let mode, let distribution, let inputAxes, let outputAxes):
            let fans = try Self.fans(shape, inputAxes, outputAxes)
            let fan: Double =
                switch mode {
                case .fanIn: fans.fanIn
                case .fanOut: fans.fanOut
                case .fanAverage: (fans.fanIn + fans.fanOut) / 2
                }
            let variance = scale / max(1, fan)
            switch distribution {
            case .truncatedNormal:
                // The standard deviation of a normal distribution cut at two standard deviations.
                let stddev = variance.squareRoot() / 0.87962566103423978
                return Self.fill(shape) { Float(stddev * random.truncatedNormal()) }
            case .untruncatedNormal:
                let stddev = variance.squareRoot()
                return Self.fill(shape) { Float(stddev * random.normal()) }
            case .uniform:
                let limit = (3 * variance).squareRoot()
                return Self.fill(shape) { Float(limit * (2 * Double(random.uniform()) - 1)) }
            }
        case .orthogonal(let gain):
            guard shape.rank >= 2 else { throw Self.wrongRank("Orthogonal", "at least two axes", shape) }
            let columns = shape[shape.rank - 1]
            guard shape.count > 0 else { return Tensor(zeros: shape) }
            let matrix = OrthogonalMatrix(rows: shape.count / columns, columns: columns, random: &random)
            return Tensor(matrix.values.map { Float(gain * $0) }, shape: shape)
        case .identity(let gain):
            guard shape.rank == 2 else { throw Self.wrongRank("Identity", "two axes", shape) }
            return Self.matrix(shape) { row, column in row == column ? Float(gain) : 0 }
        case .recurrentIdentity(let gain):
            guard shape.rank == 2, shape[0] > 0 else { throw Self.wrongRank("Identity", "two axes", shape) }
            return Self.matrix(shape) { row, column in row == column % shape[0] ? Float(gain) : 0 }
        case .unitForgetBias(let inner):
            guard shape.rank == 1, shape[0] % 4 == 0 else {
                throw Self.wrongRank("unit_forget_bias", "four equal gates", shape)
            }
            let units = shape[0] / 4
            let input = try inner.sample([units], seed: seed, stream: stream).floats
            let rest = try inner.sample([2 * units], seed: seed, stream: stream &+ 1 << 32).floats
            return Tensor(input + [Float](repeating: 1, count: units) + rest, shape: shape)
        }
    }

    private static func fans(_ shape: Shape, _ inputAxes: [Int]?, _ outputAxes: [Int]?) throws(LocatedError) -> Fans {
        guard let inputAxes, let outputAxes else { return Fans(shape) }
        func settled(_ axes: [Int]) throws(LocatedError) -> [Int] {
            let settled = axes.map { $0 < 0 ? $0 + shape.rank : $0 }
            guard settled.allSatisfy(shape.dims.indices.contains) else {
                throw LocatedError(
                    .invalid, "initializer.axes", "expected axes of a weight of shape \(shape), got \(axes)")
            }
            return settled
        }
        return Fans(shape, inputAxes: try settled(inputAxes), outputAxes: try settled(outputAxes))
    }

    private static func wrongRank(_ name: String, _ expected: String, _ shape: Shape) -> LocatedError {
        LocatedError(.invalid, "initializer.shape", "expected a weight of \(expected) for \(name), got one of shape \(shape)")
    }

    private static func fill(_ shape: Shape, _ next: () -> Float) -> Tensor {
        var tensor = Tensor(uninitialized: shape)
        tensor.withUnsafeMutableElements(as: Float.self) { elements in
            for index in elements.indices { elements[index] = next() }
        }
        return tensor
    }

    private static func matrix(_ shape: Shape, _ element: (_ row: Int, _ column: Int) -> Float) -> Tensor {
        var tensor = Tensor(uninitialized: shape)
        tensor.withUnsafeMutableElements(as: Float.self) { elements in
            for row in 0..<shape[0] {
                for column in 0..<shape[1] { elements[row * shape[1] + column] = element(row, column) }
            }
        }
        return tensor
    }
}
