internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

/// What the two-dimensional pooling layers share: a window that moves over rows and columns, each channel by itself.
struct Pooling2D: Sendable {
    var poolSize: [Int]
    var strides: [Int]
    var padding: Padding
    var dataFormat: DataFormat

    init(_ poolSize: (Int, Int), _ strides: (Int, Int)?, _ padding: Padding, _ dataFormat: DataFormat) {
        self.poolSize = [poolSize.0, poolSize.1]
        self.strides = strides.map { [$0.0, $0.1] } ?? self.poolSize
        self.padding = padding
        self.dataFormat = dataFormat
    }

    init(_ config: inout ConfigReader) throws(LocatedError) {
        poolSize = try config.integers("pool_size", count: 2, default: [2, 2])
        padding = try config.word("padding", default: .valid)
        strides = try config.optionalIntegers("strides", count: 2) ?? poolSize
        dataFormat = try config.word("data_format", default: .channelsLast)
    }

    func encode(into config: inout ConfigObject) {
        config["pool_size"] = .integers(poolSize)
        config["padding"] = .string(padding.rawValue)
        config["strides"] = .integers(strides)
        config["data_format"] = .string(dataFormat.rawValue)
    }

    func lower(_ kind: PoolKind, _ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        _ = try [context.info(input)].single(rank: 4)
        let pool = Pool(kind: kind, size: poolSize, strides: strides, padding: padding == .same ? .same : .valid)
        return [
            Signal(
                try context.channelsLast(input, dataFormat) { (value) throws(LocatedError) in
                    try context.apply(pool, value)
                })
        ]
    }
}
