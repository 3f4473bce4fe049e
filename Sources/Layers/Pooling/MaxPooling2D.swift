package import KerasSpec
internal import Kernels
package import Tensors

/// The largest value of each window.
///
/// Formula: y[b,i,j,c] = max over u, v of x[b, i·s+u, j·s+v, c]; cells outside the input don't count.
/// Shapes: (batch, rows, columns, channels) → (batch, rows', columns', channels); channels second with `channels_first`.
/// `valid`: rows' = ⌊(rows − pool) / stride⌋ + 1; `same`: ⌈rows / stride⌉.
/// Config: `pool_size`, `padding`, `strides` (null: `pool_size`), `data_format`.
/// Source: keras/src/layers/pooling/max_pooling2d.py (3.15), keras/layers/pooling.py (2.3.1).
public struct MaxPooling2D: BuiltInLayer {
    public static let className = "MaxPooling2D"
    public var common: LayerCommon
    private var window: Pooling2D

    /// - Parameters:
    ///   - poolSize: (rows, columns) of the window.
    ///   - strides: how far it moves; the window's size unless given.
    public init(
        poolSize: (Int, Int) = (2, 2), strides: (Int, Int)? = nil, padding: Padding = .valid,
        dataFormat: DataFormat = .channelsLast, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        window = Pooling2D(poolSize, strides, padding, dataFormat)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        window = try Pooling2D(&config)
    }

    public var poolSize: [Int] { window.poolSize }
    public var strides: [Int] { window.strides }
    public var padding: Padding { window.padding }
    public var dataFormat: DataFormat { window.dataFormat }

    package func encode(into config: inout ConfigObject) { window.encode(into: &config) }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        try window.lower(.max, inputs, context)
    }
}
