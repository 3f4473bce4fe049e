internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// What pooling layers with a window are told, under Keras's names. Lists have a number for each spatial axis.
public struct PoolingOptions: Sendable {
    public var poolSize: [Int]
    public var strides: [Int]
    public var padding: Padding
    public var dataFormat: DataFormat

    init(_ poolSize: [Int], strides: [Int]?, padding: Padding, dataFormat: DataFormat) {
        self.poolSize = poolSize
        self.strides = strides ?? poolSize
        self.padding = padding
        self.dataFormat = dataFormat
    }
}

/// A layer with a window that moves over the spatial axes, each channel by itself. Its options read like its own.
@dynamicMemberLookup
public protocol PoolingLayer: Layer {
    var options: PoolingOptions { get set }
}

extension PoolingLayer {
    public subscript<Value>(dynamicMember path: WritableKeyPath<PoolingOptions, Value>) -> Value {
        get { options[keyPath: path] }
        set { options[keyPath: path] = newValue }
    }
}

/// What a pooling class does with a window, and over how many axes.
package struct PoolingForm: Hashable, Sendable {
    var kind: PoolKind
    var rank: Int
}

/// What Keras's pooling layers share; their files tell what they compute.
package protocol BuiltInPooling: PoolingLayer, BuiltInLayer {
    static var form: PoolingForm { get }
    init(options: PoolingOptions, common: LayerCommon)
}

extension BuiltInPooling {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        let rank = Self.form.rank
        let size = try config.integers("pool_size", count: rank, default: [Int](repeating: 2, count: rank))
        let options = PoolingOptions(
            size, strides: try config.optionalIntegers("strides", count: rank),
            padding: try config.word("padding", default: .valid),
            dataFormat: try config.word("data_format", default: .channelsLast))
        self.init(options: options, common: common)
    }

    package func encode(into config: inout ConfigObject) {
        config["pool_size"] = .integers(options.poolSize)
        config["padding"] = .string(options.padding.rawValue)
        config["strides"] = .integers(options.strides)
        config["data_format"] = .string(options.dataFormat.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single().value
        _ = try [context.info(input)].single(rank: Self.form.rank + 2)
        let pool = Pool(
            kind: Self.form.kind, size: options.poolSize, strides: options.strides,
            padding: options.padding == .same ? .same : .valid)
        return [
            Signal(
                try context.channelsLast(input, options.dataFormat) { (value) throws(LocatedError) in
                    try context.apply(pool, value)
                })
        ]
    }
}
