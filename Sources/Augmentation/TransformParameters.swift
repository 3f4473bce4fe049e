public import Tensors

/// A transformation drawn for one picture, in the order in which it is applied. Keras's dictionary of the same words.
public struct TransformParameters: Sendable, Hashable {
    /// Degrees.
    public var theta: Double
    /// Pixels downwards.
    public var tx: Double
    /// Pixels to the right.
    public var ty: Double
    /// Degrees.
    public var shear: Double
    /// Factor of the rows.
    public var zx: Double
    /// Factor of the columns.
    public var zy: Double
    /// Added to all channels, cut off at the picture's smallest and largest number; nil: none.
    public var channelShiftIntensity: Double?
    public var flipHorizontal: Bool
    public var flipVertical: Bool
    /// Pillow's factor; nil: none.
    public var brightness: Double?

    public init(
        theta: Double = 0, tx: Double = 0, ty: Double = 0, shear: Double = 0, zx: Double = 1, zy: Double = 1,
        flipHorizontal: Bool = false, flipVertical: Bool = false, channelShiftIntensity: Double? = nil, brightness: Double? = nil
    ) {
        self.theta = theta
        self.tx = tx
        self.ty = ty
        self.shear = shear
        self.zx = zx
        self.zy = zy
        self.flipHorizontal = flipHorizontal
        self.flipVertical = flipVertical
        self.channelShiftIntensity = channelShiftIntensity
        self.brightness = brightness
    }
}

extension ImageDataGenerator {
    /// Draws a transformation, as Keras's `get_random_transform`.
    ///
    /// - Parameters:
    ///   - imgShape: of one picture.
    ///   - seed: seeds the generator first when given.
    ///
    /// Throws 64 `random.seed`, 67 `augment.rank`.
    public func getRandomTransform(_ imgShape: Shape, seed: Int? = nil) throws(LocatedError) -> TransformParameters {
        let picture = try PictureLayout(imgShape, dataFormat)
        if let seed { try random.seed(seed) }
        return try random.draw { numbers throws(LocatedError) in draw(picture, &numbers) }
    }

    /// The order of the draws is Keras's.
    func draw(_ picture: PictureLayout, _ numbers: inout NumPyRandom) -> TransformParameters {
        var parameters = TransformParameters()
        if rotationRange != 0 { parameters.theta = numbers.uniform(-rotationRange, rotationRange) }
        parameters.tx = shift(heightShiftRange, extent: picture.height, &numbers)
        parameters.ty = shift(widthShiftRange, extent: picture.width, &numbers)
        if shearRange != 0 { parameters.shear = numbers.uniform(-shearRange, shearRange) }
        if zoomRange != (1, 1) {
            parameters.zx = numbers.uniform(zoomRange.0, zoomRange.1)
            parameters.zy = numbers.uniform(zoomRange.0, zoomRange.1)
        }
        // Drawn whether wanted or not.
        let (horizontal, vertical) = (numbers.randomSample() < 0.5, numbers.randomSample() < 0.5)
        parameters.flipHorizontal = horizontal && horizontalFlip
        parameters.flipVertical = vertical && verticalFlip
        if channelShiftRange != 0 { parameters.channelShiftIntensity = numbers.uniform(-channelShiftRange, channelShiftRange) }
        if let brightnessRange { parameters.brightness = numbers.uniform(brightnessRange.0, brightnessRange.1) }
        return parameters
    }

    /// NumPy's `choice` takes a list or a positive whole number; Keras falls back on `uniform` for the rest.
    private func shift(_ range: ShiftRange, extent: Int, _ numbers: inout NumPyRandom) -> Double {
        guard range.isSet else { return 0 }
        func either(_ value: Double) -> Double { value * (numbers.randint(0..<2) == 0 ? -1 : 1) }
        var result: Double
        switch range {
        case .list(let list): result = either(list[numbers.randint(0..<list.count)])
        case .pixels(let count) where count > 0: result = either(Double(numbers.randint(0..<count)))
        case .pixels(let count): result = numbers.uniform(-Double(count), Double(count))
        case .value(let value): result = numbers.uniform(-value, value)
        }
        if range.numbers.allSatisfy({ $0 < 1 }) { result *= Double(extent) }
        return result
    }
}
