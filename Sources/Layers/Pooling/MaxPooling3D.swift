internal import Kernels
/// The largest value of each window.
///
/// Formula: y[b,i,j,k,c] = max over u, v, w of x[b, i·s+u, j·s+v, k·s+w, c]; cells outside the input don't count.
/// Shapes: (batch, planes, rows, columns, channels) → (batch, planes′, rows′, columns′, channels); channels second with `channels_first`.
/// Each extent n becomes ⌊(n − pool) / stride⌋ + 1 with `valid`, ⌈n / stride⌉ with `same`.
/// Config: `pool_size`, `padding`, `strides` (null: `pool_size`), `data_format`.
/// Source: keras/src/layers/pooling/base_pooling.py (3.15), keras/layers/pooling.py (2.3.1).
public struct MaxPooling3D: PoolingLayer, BuiltInPooling {
    public static let className = "MaxPooling3D"
    package static let form = PoolingForm(kind: .max, rank: 3)
    public var common: LayerCommon
    public var options: PoolingOptions

    /// - Parameters:
    ///   - poolSize: (planes, rows, columns) of the window.
    ///   - strides: how far it moves; the window's size unless given.
    public init(
        poolSize: (Int, Int, Int) = (2, 2, 2), strides: (Int, Int, Int)? = nil, padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        options = PoolingOptions(
            [poolSize.0, poolSize.1, poolSize.2], strides: strides.map { [$0.0, $0.1, $0.2] }, padding: padding, dataFormat: dataFormat)
    }

    package init(options: PoolingOptions, common: LayerCommon) {
        (self.options, self.common) = (options, common)
    }
}
