internal import Kernels
/// The largest value of each channel over all cells.
///
/// Formula: y[b,c] = max over i, j of x[b,i,j,c].
/// Shapes: (batch, rows, columns, channels) → (batch, channels), or (batch, 1, 1, channels) with `keepdims`; channels
/// second with `channels_first`. No mask goes on.
/// Config: `data_format`, `keepdims`.
/// Source: keras/src/layers/pooling/global_max_pooling2d.py (3.15).
public struct GlobalMaxPooling2D: GlobalPooling {
    public static let className = "GlobalMaxPooling2D"
    package static let form = PoolingForm(kind: .max, rank: 2)
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
