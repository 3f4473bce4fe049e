internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// What Keras's adaptive pooling layers share; their files tell what they compute.
package protocol AdaptivePooling: BuiltInLayer {
    static var form: PoolingForm { get }
    var outputSize: [Int] { get }
    var dataFormat: DataFormat { get }
    init(outputSize: [Int], dataFormat: DataFormat, common: LayerCommon)
}

extension AdaptivePooling {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.init(
            outputSize: try config.integers("output_size", count: Self.form.rank),
            dataFormat: try config.word("data_format", default: .channelsLast), common: common)
    }

    package func encode(into config: inout ConfigObject) {
        config["output_size"] = .integers(outputSize)
        config["data_format"] = .string(dataFormat.rawValue)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        var value = try inputs.single().value
        _ = try [context.info(value)].single(rank: Self.form.rank + 2)
        let first = dataFormat == .channelsLast ? 1 : 2
        // Axis by axis, as TensorFlow does: that decides which of equal maxima gets the gradient.
        for (axis, size) in outputSize.enumerated() {
            value = try context.apply(AdaptivePool(kind: Self.form.kind, axis: first + axis, size: size), value)
        }
        return [Signal(value)]
    }
}
