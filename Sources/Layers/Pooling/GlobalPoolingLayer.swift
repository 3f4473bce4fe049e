internal import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
package import Tensors

/// What Keras's global pooling layers share; their files tell what they compute.
package protocol GlobalPooling: BuiltInLayer {
    static var form: PoolingForm { get }
    var dataFormat: DataFormat { get }
    var keepdims: Bool { get }
    init(dataFormat: DataFormat, keepdims: Bool, common: LayerCommon)
}

extension GlobalPooling {
    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.init(
            dataFormat: try config.word("data_format", default: .channelsLast),
            keepdims: try config.bool("keepdims", default: false), common: common)
    }

    package func encode(into config: inout ConfigObject) {
        config["data_format"] = .string(dataFormat.rawValue)
        config["keepdims"] = .bool(keepdims)
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let rank = Self.form.rank
        _ = try [context.info(input.value)].single(rank: rank + 2)
        let first = dataFormat == .channelsLast ? 1 : 2
        let axes = Array(first..<first + rank)
        // Only this one of them looks at masks.
        if Self.form == PoolingForm(kind: .average, rank: 1), let mask = input.mask {
            return [Signal(try maskedMean(input.value, mask, axis: first, context))]
        }
        return switch Self.form.kind {
        case .max:
            [
                Signal(
                    try context.apply(
                        Aggregate(.max, axes: axes, keepsAxes: keepdims, givesTiesWhole: context.givesTiesWhole), input.value))
            ]
        case .average: [Signal(try context.apply(Reduce(.mean, axes: axes, keepsAxes: keepdims), input.value))]
        }
    }

    /// The mean of the steps that count; not a number where none does, as in Keras.
    private func maskedMean(
        _ value: Value, _ mask: Value, axis: Int, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        var extents = context.shape(mask).dims
        extents.insert(1, at: axis == 1 ? 2 : 1)
        let steps = try context.apply(Ops.Reshape(to: PartialShape(extents)), mask)
        let weights = try context.apply(Cast(to: .float32), steps)
        let zero = context.constant(Tensor([Float(0)], shape: []))
        let sum = try context.apply(
            Reduce(.sum, axes: [axis], keepsAxes: keepdims), try context.apply(Select(), steps, value, zero))
        return try context.apply(
            Binary(.divide), sum, try context.apply(Reduce(.sum, axes: [axis], keepsAxes: keepdims), weights))
    }
}
