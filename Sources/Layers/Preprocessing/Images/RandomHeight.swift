/// tf.keras's images of another height while training.
///
/// Shapes: (batch, rows, columns, channels) → the same at inference.
/// Config: `factor`, `interpolation`, `seed`.
/// Differs from Keras: training is refused, since the size of the result would be random.
/// Source: tf_keras/src/layers/preprocessing/image_preprocessing.py (2.21).
public struct RandomHeight: RandomSizeLayer {
    public static let className = "RandomHeight"
    static let size = "height"
    public var common: LayerCommon
    public var factor: FactorRange
    public var interpolation: String
    public var seed: Int?

    /// - Parameter factor: how much larger, as a share of the rows; below 0 smaller.
    public init(_ factor: FactorRange, interpolation: String = "bilinear", seed: Int? = nil, name: String? = nil) {
        common = LayerCommon(name: name)
        self.factor = factor
        self.interpolation = interpolation
        self.seed = seed
    }
}
