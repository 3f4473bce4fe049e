internal import Kernels
/// The mean of windows that are chosen so that the output has a given size.
///
/// Formula: along each axis of extent n, output i sees ⌊i·n/m⌋ up to ⌈(i+1)·n/m⌉ of the input, for an output of m.
/// Shapes: (batch, planes, rows, columns, channels) → (batch, planes′, rows′, columns′, channels); channels second with `channels_first`.
/// Config: `output_size`, `data_format`.
/// Source: keras/src/layers/pooling/base_adaptive_pooling.py, keras/src/backend/tensorflow/nn.py (3.15).
public struct AdaptiveAveragePooling3D: AdaptivePooling {
    public static let className = "AdaptiveAveragePooling3D"
    package static let form = PoolingForm(kind: .average, rank: 3)
    public var common: LayerCommon
    public var outputSize: [Int]
    public var dataFormat: DataFormat

    /// - Parameter outputSize: (planes, rows, columns) of the output.
    public init(
        _ outputSize: (Int, Int, Int), dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        self.init(
            outputSize: [outputSize.0, outputSize.1, outputSize.2], dataFormat: dataFormat,
            common: LayerCommon(name: name, inputShape: inputShape))
    }

    package init(outputSize: [Int], dataFormat: DataFormat, common: LayerCommon) {
        (self.outputSize, self.dataFormat, self.common) = (outputSize, dataFormat, common)
    }
}
