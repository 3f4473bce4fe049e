internal import Kernels
/// The mean of each window.
///
/// Formula: y[b,i,j,c] = mean over u, v of x[b, i·s+u, j·s+v, c]; of the cells inside the input only.
/// Shapes: (batch, rows, columns, channels) → (batch, rows′, columns′, channels); channels second with `channels_first`.
/// Each extent n becomes ⌊(n − pool) / stride⌋ + 1 with `valid`, ⌈n / stride⌉ with `same`.
/// Config: `pool_size`, `padding`, `strides` (null: `pool_size`), `data_format`.
/// Source: keras/src/layers/pooling/base_pooling.py (3.15), keras/layers/pooling.py (2.3.1).
public struct AveragePooling2D: PoolingLayer, BuiltInPooling {
    public static let className = "AveragePooling2D"
    package static let form = PoolingForm(kind: .average, rank: 2)
    public var common: LayerCommon
    public var options: PoolingOptions

    /// - Parameters:
    ///   - poolSize: (rows, columns) of the window.
    ///   - strides: how far it moves; the window's size unless given.
    public init(
        poolSize: (Int, Int) = (2, 2), strides: (Int, Int)? = nil, padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = PoolingOptions(
            [poolSize.0, poolSize.1], strides: strides.map { [$0.0, $0.1] }, padding: padding, dataFormat: dataFormat)
    }

    package init(options: PoolingOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
