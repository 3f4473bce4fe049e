internal import Kernels
/// The mean of each channel over all steps.
///
/// Formula: y[b,c] = mean over i of x[b,i,c]; of the steps that the mask counts.
/// Shapes: (batch, steps, channels) → (batch, channels), or (batch, 1, channels) with `keepdims`; channels
/// second with `channels_first`. No mask goes on.
/// Config: `data_format`, `keepdims`.
/// Source: keras/src/layers/pooling/global_average_pooling1d.py (3.15).
public struct GlobalAveragePooling1D: GlobalPooling {
    public static let className = "GlobalAveragePooling1D"
    package static let form = PoolingForm(kind: .average, rank: 1)
    public var common: LayerCommon
    public var dataFormat: DataFormat
    public var keepdims: Bool

    /// - Parameter keepdims: whether the axes stay, with extent 1.
    public init(
        dataFormat: DataFormat = .channelsLast, keepdims: Bool = false, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        self.init(
            dataFormat: dataFormat, keepdims: keepdims, common: LayerCommon(name: name, inputShape: inputShape))
    }

    package init(dataFormat: DataFormat, keepdims: Bool, common: LayerCommon) {
        (self.dataFormat, self.keepdims, self.common) = (dataFormat, keepdims, common)
    }
}
