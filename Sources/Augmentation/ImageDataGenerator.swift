import Synchronization
public import Tensors

/// Keras's `ImageDataGenerator`: pictures varied at random while they are trained on.
///
/// Given the same seed it draws the numbers that Keras 2.3.1 (keras_preprocessing 1.1.2, NumPy's legacy generator) draws, in the
/// same order, and warps as SciPy 1.5.4 does. See docs/augmentation.md for how exact each step is.
public final class ImageDataGenerator: Sendable {
    public let featurewiseCenter: Bool
    public let samplewiseCenter: Bool
    public let featurewiseStdNormalization: Bool
    public let samplewiseStdNormalization: Bool
    public let zcaWhitening: Bool
    public let zcaEpsilon: Double
    /// Degrees.
    public let rotationRange: Double
    public let widthShiftRange: ShiftRange
    public let heightShiftRange: ShiftRange
    public let brightnessRange: (Double, Double)?
    /// Degrees.
    public let shearRange: Double
    /// The lower and the upper factor.
    public let zoomRange: (Double, Double)
    public let channelShiftRange: Double
    public let fillMode: FillMode
    public let cval: Double
    public let horizontalFlip: Bool
    public let verticalFlip: Bool
    public let rescale: Double?
    /// Called with each picture after it was transformed and before it is standardized, in the order of the samples.
    public let preprocessingFunction: (@Sendable (Tensor) throws -> Tensor)?
    public let dataFormat: DataFormat
    public let validationSplit: Double
    public let interpolationOrder: Int
    /// Of what `fit` computes with.
    public let dtype: DType

    /// What numbers are drawn from; Keras knows only the global one.
    public let random: RandomState
    /// Threads that pictures are warped and read on; nil: one for each processor. Results don't depend on it.
    public let threads: Int?

    private let learned = Mutex(Statistics())
    private let notes: Mutex<[String]>

    /// What `fit` finds, in `dtype`.
    struct Statistics {
        /// One number for each channel.
        var mean: Tensor?
        var std: Tensor?
        /// Square.
        var principalComponents: Tensor?
    }

    /// - Parameters:
    ///   - rotationRange: degrees; pictures are turned by -range to range.
    ///   - widthShiftRange: `0.2` is a part of the width, `3.0` and above pixels, `3` whole pixels below 3, `[…]` one of these.
    ///   - brightnessRange: the lower and the upper factor.
    ///   - shearRange: degrees.
    ///   - zoomRange: `0.2` is from 0.8 to 1.2; `[lower, upper]`.
    ///   - channelShiftRange: in the pictures' units.
    ///   - interpolationOrder: of the spline, 0 to 5.
    ///   - dtype: float32 or float64.
    ///   - random: Keras's global generator unless given.
    ///
    /// Throws 64 `augment.…` for what Keras refuses and for numbers that are not finite.
    public init(
        featurewiseCenter: Bool = false, samplewiseCenter: Bool = false, featurewiseStdNormalization: Bool = false,
        samplewiseStdNormalization: Bool = false, zcaWhitening: Bool = false, zcaEpsilon: Double = 1e-6, rotationRange: Double = 0,
        widthShiftRange: ShiftRange = 0, heightShiftRange: ShiftRange = 0, brightnessRange: (Double, Double)? = nil,
        shearRange: Double = 0, zoomRange: ZoomRange = 0, channelShiftRange: Double = 0, fillMode: FillMode = .nearest,
        cval: Double = 0, horizontalFlip: Bool = false, verticalFlip: Bool = false, rescale: Double? = nil,
        preprocessingFunction: (@Sendable (Tensor) throws -> Tensor)? = nil, dataFormat: DataFormat = .channelsLast,
        validationSplit: Double = 0, interpolationOrder: Int = 1, dtype: DType = .float32, random: RandomState = .global,
        threads: Int? = nil
    ) throws(LocatedError) {
        func require(_ isFine: Bool, _ option: String, _ expected: String, _ got: Any) throws(LocatedError) {
            guard isFine else {
                throw LocatedError(.usage, "augment.\(option)", "expected \(expected), got \(got)", at: [option])
            }
        }
        try require(validationSplit >= 0 && validationSplit < 1, "validation_split", "a number strictly between 0 and 1", validationSplit)
        let zoom: (Double, Double)
        switch zoomRange {
        case .value(let value): zoom = (1 - value, 1 + value)
        case .range(let low, let high): zoom = (low, high)
        case .other(let list):
            throw LocatedError(
                .usage, "augment.zoom_range", "expected a number or a list of two numbers, got \(list)", at: ["zoom_range"])
        }
        let numbers: [(String, [Double])] = [
            ("rotation_range", [rotationRange]), ("width_shift_range", widthShiftRange.numbers),
            ("height_shift_range", heightShiftRange.numbers), ("shear_range", [shearRange]), ("zoom_range", [zoom.0, zoom.1]),
            ("channel_shift_range", [channelShiftRange]), ("cval", [cval]), ("rescale", [rescale ?? 1]), ("zca_epsilon", [zcaEpsilon]),
            ("brightness_range", brightnessRange.map { [$0.0, $0.1] } ?? []),
        ]
        for (option, values) in numbers {
            // A range's width must be finite, too.
            try require(values.allSatisfy { (2 * $0).isFinite }, option, "finite numbers", values)
        }
        try require((0...5).contains(interpolationOrder), "interpolation_order", "an order from 0 to 5", interpolationOrder)
        try require(dtype == .float32 || dtype == .float64, "dtype", "float32 or float64", dtype.rawValue)
        if let threads { try require((1...1024).contains(threads), "threads", "1 to 1024 threads", threads) }

        var notes: [String] = []
        func overrides(_ option: String, _ other: String) {
            notes.append("This ImageDataGenerator specifies `\(option)`, which overrides setting of `\(other)`.")
        }
        if zcaWhitening, !featurewiseCenter { overrides("zca_whitening", "featurewise_center") }
        if zcaWhitening, featurewiseStdNormalization { overrides("zca_whitening", "featurewise_std_normalization") }
        if featurewiseStdNormalization, !featurewiseCenter { overrides("featurewise_std_normalization", "featurewise_center") }
        if samplewiseStdNormalization, !samplewiseCenter { overrides("samplewise_std_normalization", "samplewise_center") }

        self.featurewiseCenter = featurewiseCenter || zcaWhitening || featurewiseStdNormalization
        self.samplewiseCenter = samplewiseCenter || samplewiseStdNormalization
        self.featurewiseStdNormalization = featurewiseStdNormalization && !zcaWhitening
        self.samplewiseStdNormalization = samplewiseStdNormalization
        self.zcaWhitening = zcaWhitening
        self.zcaEpsilon = zcaEpsilon
        self.rotationRange = rotationRange
        self.widthShiftRange = widthShiftRange
        self.heightShiftRange = heightShiftRange
        self.brightnessRange = brightnessRange
        self.shearRange = shearRange
        self.zoomRange = zoom
        self.channelShiftRange = channelShiftRange
        self.fillMode = fillMode
        self.cval = cval
        self.horizontalFlip = horizontalFlip
        self.verticalFlip = verticalFlip
        self.rescale = rescale
        self.preprocessingFunction = preprocessingFunction
        self.dataFormat = dataFormat
        self.validationSplit = validationSplit
        self.interpolationOrder = interpolationOrder
        self.dtype = dtype
        self.random = random
        self.threads = threads
        self.notes = Mutex(notes)
    }

    // MARK: - What was learned

    /// What `fit` found; nil before. Shape (1, 1, channels), or (channels, 1, 1) with channels first.
    public var mean: Tensor? { statistics.mean.map(broadcast) }
    /// As `mean`.
    public var std: Tensor? { statistics.std.map(broadcast) }
    /// Shape (elements of a picture, the same).
    public var principalComponents: Tensor? { statistics.principalComponents }

    private func broadcast(_ channels: Tensor) -> Tensor {
        channels.reshaped(to: dataFormat == .channelsLast ? [1, 1, channels.count] : [channels.count, 1, 1])
    }

    var statistics: Statistics {
        get { learned.withLock { $0 } }
        set { learned.withLock { $0 = newValue } }
    }

    // MARK: - Warnings

    /// What Keras would have warned of so far, each once.
    public var warnings: [String] { notes.withLock { $0 } }

    func warn(_ message: String) {
        notes.withLock { if !$0.contains(message) { $0.append(message) } }
    }

    /// Keras expects 1, 3 or 4 channels.
    func warnOfChannels(_ shape: Shape) {
        let axis = dataFormat == .channelsLast ? 3 : 1
        guard ![1, 3, 4].contains(shape[axis]) else { return }
        warn(
            "Expected input to be images following the data format convention \"\(dataFormat.rawValue)\" (channels on axis \(axis)), "
                + "i.e. expected either 1, 3 or 4 channels on axis \(axis). However, it was passed an array with shape \(shape) "
                + "(\(shape[axis]) channels).")
    }
}
