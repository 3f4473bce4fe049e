package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// Sounds as the strength of their frequencies, over time, by convolutions whose kernels are trained.
///
/// Formula: frames of `frame_length` through a window, times cosines and sines: the logarithm of the magnitude, the magnitude, the
/// power of both sides, one of the parts, the angle, or both parts.
/// Shapes: (batch, samples, channels) → (batch, frames, frequencies·channels); with `expand_dims` (batch, frames, frequencies,
/// channels); with the channels first (batch, channels, samples) → (batch, channels·frequencies, frames) or (batch, channels, frames,
/// frequencies).
/// Weights: real_kernel, imag_kernel (`frame_length`, 1, frequencies), as far as the mode has them.
/// Config: `mode`, `frame_length`, `frame_step`, `fft_length`, `window`, `periodic`, `scaling`, `padding`, `expand_dims`, `data_format`.
/// Differs from Keras: windows are hann, hamming, blackman, nuttall, blackmanharris, boxcar, cosine, bartlett or null.
/// Source: keras/src/layers/preprocessing/stft_spectrogram.py, keras/src/initializers/constant_initializers.py (3.15).
public struct STFTSpectrogram: BuiltInLayer {
    /// What is told of each frequency.
    public enum Mode: String, Sendable, CaseIterable {
        case log, magnitude, psd, real, imag, angle, stft
    }

    public static let className = "STFTSpectrogram"
    public var common: LayerCommon
    public var mode: Mode
    public var frameLength: Int
    public var frameStep: Int?
    public var fftLength: Int?
    public var window: String?
    public var periodic: Bool
    public var scaling: String?
    public var padding: Padding
    public var expandDims: Bool
    public var dataFormat: DataFormat

    public init(
        mode: Mode = .log, frameLength: Int = 256, frameStep: Int? = nil, fftLength: Int? = nil, window: String? = "hann",
        periodic: Bool = false, scaling: String? = "density", padding: Padding = .valid, expandDims: Bool = false,
        dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.mode = mode
        self.frameLength = frameLength
        self.frameStep = frameStep
        self.fftLength = fftLength
        self.window = window
        self.periodic = periodic
        self.scaling = scaling
        self.padding = padding
        self.expandDims = expandDims
        self.dataFormat = dataFormat
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        mode = try config.word("mode", default: .log)
        frameLength = try config.integer("frame_length", default: 256, atLeast: 1)
        frameStep = try config.optionalInteger("frame_step", atLeast: 1)
        fftLength = try config.optionalInteger("fft_length", atLeast: 1)
        window = config.has("window") ? try config.optionalString("window") : "hann"
        periodic = try config.bool("periodic", default: false)
        scaling = config.has("scaling") ? try config.optionalString("scaling") : "density"
        padding = try config.word("padding", default: .valid)
        expandDims = try config.bool("expand_dims", default: false)
        dataFormat = try config.word("data_format", default: .channelsLast)
        guard frameLength <= 1 << 16, (fftLength ?? 1) <= 1 << 16, (fftLength ?? frameLength) >= frameLength else {
            throw config.wrong("fft_length", "at least frame_length and at most 65536", fftLength.map(ConfigValue.integer) ?? .null)
        }
        guard (frameStep ?? 1) <= frameLength else { throw config.wrong("frame_step", "at most frame_length", .integer(frameStep ?? 0)) }
        guard [nil, "density", "spectrum"].contains(scaling) else { throw config.wrong("scaling", "density, spectrum or null", .string(scaling ?? "")) }
        guard window == nil || STFTWindow.values(window ?? "", length: 4, periodic: false) != nil else {
            throw LocatedError(
                .unsupported, "layer.window", "expected hann, hamming, blackman, nuttall, blackmanharris, boxcar, cosine or bartlett, got \(window ?? "")",
                at: ["config/window"])
        }
    }

    package func encode(into config: inout ConfigObject) {
        config["mode"] = .string(mode.rawValue)
        config["frame_length"] = .integer(frameLength)
        config["frame_step"] = frameStep.map(ConfigValue.integer) ?? .null
        config["fft_length"] = fftLength.map(ConfigValue.integer) ?? .null
        config["window"] = window.map(ConfigValue.string) ?? .null
        config["periodic"] = .bool(periodic)
        config["scaling"] = scaling.map(ConfigValue.string) ?? .null
        config["padding"] = .string(padding.rawValue)
        config["data_format"] = .string(dataFormat.rawValue)
        config["expand_dims"] = .bool(expandDims)
    }

    private var step: Int { frameStep ?? max(frameLength / 2, 1) }

    private var frequencies: Int {
        var power = 1
        while power < frameLength { power *= 2 }
        return (fftLength ?? power) / 2 + 1
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        _ = try inputs.single(rank: 3)
        return [("real", mode != .imag), ("imag", mode != .real)].filter(\.1).map { side, _ in
            WeightSlot(
                "\(side)_kernel", [frameLength, 1, frequencies],
                initializer: Initializer.stft(side: side, window: window, scaling: scaling, periodic: periodic).config)
        }
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single(rank: 3, context).value
        // Each channel is a sound of its own: (batch, channels, samples).
        let rows = dataFormat == .channelsLast ? try context.transposed(input, [0, 2, 1]) : input
        let shape = context.shape(rows)
        guard let channels = shape[1], let samples = shape[2] else {
            throw LocatedError(.mismatch, "layer.unknownExtent", "expected a known number of samples, got \(context.shape(input))", at: [context.label])
        }
        let flat = try context.reshaped(rows, to: [shape[0].map { $0 * channels }, samples, 1])
        /// (batch, channels, frames, frequencies)
        func part(_ name: String) throws(LocatedError) -> Value {
            let kernel = context.weight(name)
            // A convolution along one axis is one of two whose other extent is 1.
            let image = try context.expanded(flat, axes: [1]), wide = try context.expanded(kernel, axes: [0])
            let result = try context.apply(Convolution(strides: [1, step], padding: padding == .same ? .same : .valid, hasBias: false), image, wide)
            let frames = context.shape(result)[2]
            return try context.reshaped(result, to: [shape[0], channels, frames, frequencies])
        }
        var real: Value?, imaginary: Value?
        if mode != .imag { real = try part("real_kernel") }
        if mode != .real { imaginary = try part("imag_kernel") }
        guard let real, let imaginary else { return [Signal(try arranged(real ?? imaginary ?? flat, context))] }
        if mode == .angle { return [Signal(try arranged(try context.floatBinary(.atan2, imaginary, real), context))] }
        if mode == .stft { return [Signal(try arranged(try context.concatenated([real, imaginary], axis: 3), context))] }
        let power = try context.add(try context.unary(.square, real), try context.unary(.square, imaginary))
        if mode == .psd {
            // What both sides have counts twice.
            let factor = Tensor((0..<frequencies).map { $0 == 0 || $0 == frequencies - 1 ? Float(1) : 2 })
            return [Signal(try arranged(try context.multiply(power, context.constant(factor)), context))]
        }
        let epsilon = context.scalar(1e-7)
        let magnitude = try context.unary(.sqrt, try context.binary(.maximum, power, epsilon))
        if mode == .magnitude { return [Signal(try arranged(magnitude, context))] }
        return [Signal(try arranged(try context.unary(.log, try context.binary(.maximum, magnitude, epsilon)), context))]
    }

    /// From (batch, channels, frames, frequencies) to what the layer gives.
    private func arranged(_ x: Value, _ context: LoweringContext) throws(LocatedError) -> Value {
        let shape = context.shape(x)
        guard let channels = shape[1], let frequencies = shape[3] else { return x }
        switch (dataFormat, expandDims) {
        case (.channelsFirst, true): return x
        case (.channelsLast, true): return try context.transposed(x, [0, 2, 3, 1])
        case (.channelsFirst, false):
            return try context.reshaped(try context.transposed(x, [0, 1, 3, 2]), to: [shape[0], channels * frequencies, shape[2]])
        case (.channelsLast, false):
            return try context.reshaped(try context.transposed(x, [0, 2, 1, 3]), to: [shape[0], shape[2], channels * frequencies])
        }
    }
}
