package import KerasSpec
package import Tensors

/// A layer that may be quantized.
package protocol QuantizableLayer: BuiltInLayer {}

/// How a layer is quantized: what its dtype policy and its `quantization_config` say.
///
/// Weights stay as they are in the file, whole numbers as floats of the same value; the graph makes the kernel of them, and
/// rounds inputs where Keras does.
package struct Quantization: Hashable, Sendable {
    package var policy: QuantizationPolicy
    /// Rounds the inputs to whole numbers; nil: they stay floats.
    package var inputs: AbsMaxQuantizer?

    /// Source: keras.quantizers.AbsMaxQuantizer.
    package struct AbsMaxQuantizer: Hashable, Sendable {
        package var low = -127.0
        package var high = 127.0
        package var epsilon = 1e-7
        /// nil: the layer decides.
        package var axes: [Int]?
    }

    /// The quantization of a layer; nil for a layer whose dtype policy is one of floats, whatever `quantization_config` says.
    ///
    /// - Parameters:
    ///   - settings: what stands under `quantization_config`.
    ///   - roundsInputs: whether int4 rounds inputs, too, where the configuration doesn't say.
    package init?(_ settings: ConfigValue, _ common: LayerCommon, roundsInputs: Bool = false) throws(LocatedError) {
        guard let dtype = common.quantizedPolicy else { return nil }
        guard let policy = QuantizationPolicy(dtype: dtype, settings: settings) else {
            throw LocatedError(
                .unsupported, "layer.quantized", "expected a policy that quantizes to int8, int4, float8, gptq or awq, got \(dtype.summary)",
                at: ["config", "dtype"], hint: "inspect and convert to keras-3 work all the same.")
        }
        self.policy = policy
        switch policy {
        case .int8: inputs = AbsMaxQuantizer()
        case .int4 where roundsInputs: inputs = AbsMaxQuantizer(axes: [-1])
        default: inputs = nil
        }
        guard let own = settings.object?["config"]?.object else { return }
        switch policy {
        case .int8, .int4: break
        default: return
        }
        guard let quantizer = own["activation_quantizer"]?.object else {
            inputs = nil
            return
        }
        func wrong() -> LocatedError {
            LocatedError(
                .unsupported, "layer.quantizer", "expected an AbsMaxQuantizer for whole numbers of 8 bits, got \(ConfigValue.object(quantizer).summary)",
                at: ["config", "quantization_config", "activation_quantizer"])
        }
        guard quantizer["class_name"] == "AbsMaxQuantizer", let values = quantizer["config"]?.object else { throw wrong() }
        var read = AbsMaxQuantizer()
        if let range = values["value_range"] {
            guard let range = range.array, range.count == 2, let low = range[0].number, let high = range[1].number,
                low >= -128, high <= 127, low < high
            else { throw wrong() }
            (read.low, read.high) = (low, high)
        }
        if let epsilon = values["epsilon"]?.number { read.epsilon = epsilon }
        if let axes = values["axis"], !axes.isNull {
            let axes = axes.array?.compactMap(\.integer) ?? [axes.integer].compactMap(\.self)
            guard !axes.isEmpty, axes.count <= 32 else { throw wrong() }
            read.axes = axes
        }
        inputs = read
    }

    // MARK: weights

    /// The slots of a kernel of `rows` inputs and `columns` outputs, in the order of files.
    ///
    /// - Parameters:
    ///   - kernel: the slot of the kernel of floats.
    ///   - scale: the shape of int8's scale.
    package func slots(
        kernel: WeightSlot, bias: WeightSlot?, rows: Int, columns: Int, scale: Shape
    ) throws(LocatedError) -> [WeightSlot] {
        let bias = bias.map { [$0] } ?? []
        let packed = columns / 2 + columns % 2
        switch policy {
        case .int8:
            return [Self.fixed("kernel", kernel.shape, .int8)] + bias + [Self.fixed("kernel_scale", scale, ones: true)]
        case .int4(let blockSize):
            return [Self.fixed("kernel", [rows, packed], .int8)] + bias
                + Self.scales("kernel", outputs: columns, of: rows, blockSize: blockSize, inFront: true)
        case .float8(let length):
            var slots = [kernel] + bias
            for name in ["inputs", "kernel", "outputs_grad"] {
                slots.append(Self.fixed(name + "_scale", [], ones: true))
                slots.append(Self.fixed(name + "_amax_history", [length]))
            }
            return slots
        case .gptq(let bits, let groupSize):
            return bias + Self.grouped([bits == 4 ? packed : columns, rows], columns, rows, groupSize)
                + [Self.fixed("g_idx", [rows])]
        case .awq(let groupSize):
            return bias + Self.grouped([packed, rows], columns, rows, groupSize)
                + [Self.fixed("awq_scales", [rows], ones: true), Self.fixed("g_idx", [rows])]
        }
    }

    private static func grouped(_ shape: Shape, _ columns: Int, _ rows: Int, _ groupSize: Int?) -> [WeightSlot] {
        let groups = Self.blocks(rows, groupSize)
        return [
            fixed("quantized_kernel", shape, .uint8), fixed("kernel_scale", [columns, groups], ones: true),
            fixed("kernel_zero", [columns, groups], .uint8),
        ]
    }

    /// Scales of int4: one for each output, or one, with a zero point, for each block of `inner` numbers of each output.
    ///
    /// - Parameter inFront: whether the blocks' axis is the first.
    package static func scales(
        _ name: String, outputs: Int, of inner: Int, blockSize: Int?, inFront: Bool, sharesGroups: Bool = false
    ) -> [WeightSlot] {
        guard let blockSize else { return [fixed(name + "_scale", [outputs], ones: true)] }
        let groups = blocks(inner, blockSize)
        let shape: Shape = inFront ? [groups, outputs] : [outputs, groups]
        let slots = [fixed(name + "_scale", shape, ones: true), fixed(name + "_zero", shape, sharesGroups ? .float32 : .int8)]
        return sharesGroups ? slots : slots + [fixed("g_idx", [inner])]
    }

    /// How many blocks that many numbers make.
    private static func blocks(_ count: Int, _ size: Int?) -> Int {
        guard let size else { return 1 }
        return count / size + (count % size == 0 ? 0 : 1)
    }

    /// A weight that training leaves alone.
    package static func fixed(_ name: String, _ shape: Shape, _ dtype: DType = .float32, ones: Bool = false) -> WeightSlot {
        var slot = WeightSlot(name, shape, trainable: false, initializer: (ones ? Initializer.ones : .zeros).config)
        slot.dtype = dtype
        return slot
    }
}
