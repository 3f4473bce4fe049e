internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Sounds as the strength of tones on the scale of hearing, over time.
///
/// Formula: |STFT|^`mag_exp` times triangles of equal width in mel, as decibels over `ref_power` of at most `top_db` below the
/// greatest.
/// Shapes: (batch, samples) → (batch, `num_mel_bins`, frames).
/// Config: `fft_length`, `sequence_stride`, `sequence_length`, `window` (hann, hamming), `sampling_rate`, `num_mel_bins`, `min_freq`,
/// `max_freq`, `power_to_db`, `top_db`, `mag_exp`, `min_power`, `ref_power`.
/// Source: keras/src/layers/preprocessing/mel_spectrogram.py (3.15).
public struct MelSpectrogram: BuiltInLayer {
    public static let className = "MelSpectrogram"
    public var common: LayerCommon
    public var fftLength: Int
    public var sequenceStride: Int
    public var sequenceLength: Int
    public var window: String
    public var samplingRate: Double
    public var numMelBins: Int
    public var minFreq: Double
    public var maxFreq: Double
    public var powerToDB: Bool
    public var topDB: Double
    public var magExp: Double
    public var minPower: Double
    public var refPower: Double
    /// Numbers as a configuration has them, whole or not.
    private var written: ConfigObject = [:]

    /// - Parameters:
    ///   - fftLength: samples of a transform.
    ///   - sequenceStride: samples from frame to frame.
    ///   - sequenceLength: samples of a frame; nil: `fftLength`.
    ///   - maxFreq: in hertz; nil: half of the sampling rate.
    public init(
        fftLength: Int = 2048, sequenceStride: Int = 512, sequenceLength: Int? = nil, window: String = "hann",
        samplingRate: Double = 16_000, numMelBins: Int = 128, minFreq: Double = 20, maxFreq: Double? = nil, powerToDB: Bool = true,
        topDB: Double = 80, magExp: Double = 2, minPower: Double = 1e-10, refPower: Double = 1, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.fftLength = fftLength
        self.sequenceStride = sequenceStride
        self.sequenceLength = sequenceLength ?? fftLength
        self.window = window
        self.samplingRate = samplingRate
        self.numMelBins = numMelBins
        self.minFreq = minFreq
        self.maxFreq = maxFreq ?? (samplingRate / 2).rounded(.down)
        self.powerToDB = powerToDB
        self.topDB = topDB
        self.magExp = magExp
        self.minPower = minPower
        self.refPower = refPower
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        var written: ConfigObject = [:]
        func number(_ key: String, _ fallback: Double, _ config: inout ConfigReader) throws(LocatedError) -> Double {
            guard let value = config.value(key), !value.isNull else { return fallback }
            guard let number = value.number, number.isFinite else { throw config.wrong(key, "a number", value) }
            written[key] = value
            return number
        }
        fftLength = try config.integer("fft_length", default: 2048, atLeast: 1)
        sequenceStride = try config.integer("sequence_stride", default: 512, atLeast: 1)
        sequenceLength = try config.optionalInteger("sequence_length", atLeast: 1) ?? fftLength
        guard sequenceLength <= fftLength, fftLength <= 1 << 16 else {
            throw config.wrong("fft_length", "at least sequence_length and at most 65536", .integer(fftLength))
        }
        window = try config.string("window", default: "hann")
        guard ["hann", "hamming"].contains(window) else { throw config.wrong("window", "hann or hamming", .string(window)) }
        samplingRate = try number("sampling_rate", 16_000, &config)
        numMelBins = try config.integer("num_mel_bins", default: 128, atLeast: 1)
        guard numMelBins <= 1 << 16 else { throw config.wrong("num_mel_bins", "at most 65536", .integer(numMelBins)) }
        minFreq = try number("min_freq", 20, &config)
        maxFreq = try number("max_freq", (samplingRate / 2).rounded(.down), &config)
        powerToDB = try config.bool("power_to_db", default: true)
        topDB = try number("top_db", 80, &config)
        magExp = try number("mag_exp", 2, &config)
        minPower = try number("min_power", 1e-10, &config)
        refPower = try number("ref_power", 1, &config)
        self.written = written
    }

    package func encode(into config: inout ConfigObject) {
        func number(_ key: String, _ value: Double) -> ConfigValue {
            if let own = written[key], own.number == value { return own }
            return Int(exactly: value).map(ConfigValue.integer) ?? .float(value)
        }
        config["fft_length"] = .integer(fftLength)
        config["sequence_stride"] = .integer(sequenceStride)
        config["sequence_length"] = .integer(sequenceLength)
        config["window"] = .string(window)
        config["sampling_rate"] = number("sampling_rate", samplingRate)
        config["num_mel_bins"] = .integer(numMelBins)
        config["min_freq"] = number("min_freq", minFreq)
        config["max_freq"] = number("max_freq", maxFreq)
        config["power_to_db"] = .bool(powerToDB)
        config["top_db"] = number("top_db", topDB)
        config["mag_exp"] = number("mag_exp", magExp)
        config["min_power"] = number("min_power", minPower)
        config["ref_power"] = number("ref_power", refPower)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try context.floats(try inputs.single().value)
        let window = STFTWindow.values(self.window, length: sequenceLength, periodic: true) ?? []
        let parts = try context.shortTimeFourier(
            input, length: sequenceLength, step: sequenceStride, transform: fftLength, window: window, centers: true)
        let power = try context.add(try context.unary(.square, parts[0]), try context.unary(.square, parts[1]))
        var strength = power
        if magExp != 2 { strength = try context.binary(.power, try context.unary(.sqrt, power), context.scalar(magExp)) }
        var result = try context.matmul(strength, context.constant(melMatrix()))
        if powerToDB {
            let least = context.scalar(minPower)
            let level = try context.scaled(try context.unary(.log10, try context.binary(.maximum, result, least)), by: 10)
            let reference = try context.unary(.log10, context.scalar(max(abs(refPower), minPower)))
            result = try context.subtract(level, try context.scaled(reference, by: 10))
            result = try context.binary(
                .maximum, result, try context.scaled(try context.reduce(.max, result), by: 1, offset: -topDB))
        }
        let rank = context.rank(result)
        return [Signal(try context.transposed(result, Array(0..<rank - 2) + [rank - 1, rank - 2]))]
    }

    /// The share of each frequency in each band: (fft / 2 + 1, bands).
    private func melMatrix() -> Tensor {
        let frequencies = fftLength / 2 + 1
        func mel(_ hertz: Float) -> Float { 1127 * Float(STFTWindow.logarithm(Double(1 + hertz / 700))) }
        let (low, high) = (mel(Float(minFreq)), mel(Float(maxFreq)))
        let edges = (0..<numMelBins + 2).map { low + (high - low) * Float($0) / Float(numMelBins + 1) }
        var matrix = [Float](repeating: 0, count: frequencies * numMelBins)
        for frequency in 1..<max(frequencies, 1) {
            let place = mel(Float(samplingRate) / 2 * Float(frequency) / Float(max(frequencies - 1, 1)))
            for band in 0..<numMelBins {
                let rise = (place - edges[band]) / (edges[band + 1] - edges[band])
                let fall = (edges[band + 2] - place) / (edges[band + 2] - edges[band + 1])
                matrix[frequency * numMelBins + band] = max(0, min(rise, fall))
            }
        }
        return Tensor(matrix, shape: [frequencies, numMelBins])
    }
}
