package import Graphs
package import KerasSpec
internal import Ops
package import Tensors

/// A dense layer whose sum of products is told by an equation.
///
/// Formula: y = activation(einsum(equation, x, kernel) + bias).
/// Shapes: as the equation and `output_shape` tell (which leaves out the batch's axis and those of an ellipsis).
/// Weights: kernel, of the extents of its letters; bias, of those of `bias_axes`, with 1 for the axes between and behind.
/// Config: `equation`, `output_shape`, `activation`, `bias_axes`, `kernel_`/`bias_initializer`, `_regularizer`, `_constraint`,
/// `activity_regularizer`.
/// Differs from Keras: an output extent that is null follows the input's.
/// Source: keras/src/layers/core/einsum_dense.py (3.15).
public struct EinsumDense: QuantizableLayer {
    public static let className = "EinsumDense"
    public var common: LayerCommon
    public var equation: String
    public var outputShape: [Int?]
    public var activation: ActivationFunction
    public var biasAxes: String?
    public var kernelInitializer: Initializer
    public var biasInitializer: Initializer
    public var kernelRegularizer: Regularizer?
    public var biasRegularizer: Regularizer?
    public var activityRegularizer: Regularizer?
    public var kernelConstraint: Constraint?
    public var biasConstraint: Constraint?
    private var outputIsList = true
    private var quantization: Quantization?
    /// Keras keeps what it was told even where the layer stayed one of floats, as an embedding does when a model becomes float8.
    private var quantizationSettings = ConfigValue.null
    private var adaptation: LowRankAdaptation?
    /// A number that Keras keeps in the configuration of a kernel quantized by GPTQ.
    private var unpackedColumns: ConfigValue?

    public init(
        _ equation: String, outputShape: [Int?], activation: ActivationFunction = .linear, biasAxes: String? = nil,
        kernelInitializer: Initializer = .glorotUniform(), biasInitializer: Initializer = .zeros,
        kernelRegularizer: Regularizer? = nil, biasRegularizer: Regularizer? = nil, activityRegularizer: Regularizer? = nil,
        kernelConstraint: Constraint? = nil, biasConstraint: Constraint? = nil, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        self.equation = equation
        self.outputShape = outputShape
        self.activation = activation
        self.biasAxes = biasAxes
        self.kernelInitializer = kernelInitializer
        self.biasInitializer = biasInitializer
        self.kernelRegularizer = kernelRegularizer
        self.biasRegularizer = biasRegularizer
        self.activityRegularizer = activityRegularizer
        self.kernelConstraint = kernelConstraint
        self.biasConstraint = biasConstraint
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        equation = try config.string("equation")
        guard let shape = config.value("output_shape") else {
            throw LocatedError(.invalid, "config.missing", "expected a list of extents, got nothing", at: ["config/output_shape"])
        }
        outputIsList = shape.array != nil
        outputShape = []
        for item in shape.array ?? [shape] {
            switch item {
            case .null: outputShape.append(nil)
            case .integer(let extent) where extent >= 1 && extent < 1 << 40: outputShape.append(extent)
            default: throw config.wrong("output_shape", "extents of at least 1 or null", item)
            }
        }
        activation = try config.activation("activation")
        biasAxes = try config.optionalString("bias_axes")
        kernelInitializer = try config.initializer("kernel_initializer", default: .glorotUniform())
        biasInitializer = try config.initializer("bias_initializer", default: .zeros)
        kernelRegularizer = try config.regularizer("kernel_regularizer")
        biasRegularizer = try config.regularizer("bias_regularizer")
        activityRegularizer = try config.regularizer("activity_regularizer")
        kernelConstraint = try config.constraint("kernel_constraint")
        biasConstraint = try config.constraint("bias_constraint")
        quantizationSettings = config.value("quantization_config") ?? .null
        quantization = try Quantization(quantizationSettings, common)
        adaptation = try LowRankAdaptation(&config)
        unpackedColumns = config.value("gptq_unpacked_column_size")
        _ = try EinsumEquation(equation)
    }

    package func encode(into config: inout ConfigObject) {
        config["output_shape"] = outputIsList || outputShape.count != 1 ? .extents(outputShape) : .extents(outputShape).array![0]
        config["equation"] = .string(equation)
        config["activation"] = activation.config
        config["bias_axes"] = biasAxes.map(ConfigValue.string) ?? .null
        config["kernel_initializer"] = kernelInitializer.config
        config["bias_initializer"] = biasInitializer.config
        config["kernel_regularizer"] = kernelRegularizer.config
        config["bias_regularizer"] = biasRegularizer.config
        config["activity_regularizer"] = activityRegularizer.config
        config["kernel_constraint"] = kernelConstraint.config
        config["bias_constraint"] = biasConstraint.config
        config["quantization_config"] = quantizationSettings
        adaptation?.encode(into: &config)
        if let unpackedColumns { config["gptq_unpacked_column_size"] = unpackedColumns }
    }

    /// Shapes of the kernel and the bias, and which axes of the kernel count as inputs and outputs. Source:
    /// `_analyze_split_string`.
    private func shapes(
        for input: PartialShape
    ) throws(LocatedError) -> (kernel: Shape, bias: Shape?, inputAxes: [Int], outputAxes: [Int]) {
        let parsed = try EinsumEquation(equation)
        guard parsed.operands.count == 2, !parsed.operands[1].contains("…") else { throw wrong("of two operands") }
        let (inputLabels, kernelLabels, outputLabels) = (parsed.operands[0], parsed.operands[1], parsed.result)
        let letters = inputLabels.count { $0 != "…" }
        let elided = input.rank - letters
        guard elided >= 0, elided == 0 || inputLabels.contains("…") else { throw wrong("for an input of \(input.rank) axes") }
        let isLeft = inputLabels.first == "…"
        // The output's extents, with the batch in front and the axes of the ellipsis where they belong.
        var output: [Int?] = [input[0]] + outputShape
        if elided > 0 {
            if isLeft {
                for axis in 1..<max(elided, 1) { output.insert(input[axis], at: 1) }
            } else {
                output += input.dims[(input.rank - elided)...]
            }
        }
        let inputLetters = inputLabels.filter { $0 != "…" }, outputLetters = outputLabels.filter { $0 != "…" }
        let lead = isLeft ? elided : 0
        guard output.count == outputLetters.count + elided else {
            throw wrong("whose result has the axes of output_shape \(outputShape)")
        }
        func inputExtent(_ letter: Character) -> Int?? {
            inputLetters.firstIndex(of: letter).map { input[$0 + lead] }
        }
        func outputExtent(_ letter: Character) -> Int?? {
            outputLetters.firstIndex(of: letter).map { output[$0 + lead] ?? (inputExtent(letter) ?? nil) }
        }
        for letter in inputLetters {
            if let own = inputExtent(letter) ?? nil, let there = outputExtent(letter) ?? nil, own != there {
                throw LocatedError(
                    .mismatch, "layer.inputShape", "expected an input with \(there) places along \(letter), got \(input)",
                    at: ["config/output_shape"])
            }
        }
        func known(_ extent: Int??, _ letter: Character) throws(LocatedError) -> Int {
            guard let extent else { throw wrong("whose letter \(letter) has an extent") }
            guard let extent else {
                throw LocatedError(
                    .mismatch, "layer.unknownExtent", "expected the extent of \(letter) to be known, got the shape \(input)",
                    hint: "Give the model an input shape.")
            }
            return extent
        }
        var kernel: [Int] = []
        var inputAxes: [Int] = [], outputAxes: [Int] = []
        for (place, letter) in kernelLabels.enumerated() {
            let fromOutput = outputExtent(letter)
            if fromOutput != nil { outputAxes.append(place) } else { inputAxes.append(place) }
            kernel.append(try known(fromOutput ?? inputExtent(letter), letter))
        }
        var bias: [Int]?
        if let biasAxes {
            let wanted = Array(biasAxes)
            guard !wanted.isEmpty, wanted.allSatisfy(outputLetters.contains),
                let first = outputLetters.firstIndex(where: wanted.contains)
            else { throw wrong("whose result has the letters of bias_axes \"\(biasAxes)\"") }
            var dims: [Int] = []
            for letter in outputLetters[first...] {
                dims.append(wanted.contains(letter) ? try known(outputExtent(letter), letter) : 1)
            }
            bias = dims + (isLeft ? [] : [Int](repeating: 1, count: elided))
        }
        return (Shape(kernel), bias.map(Shape.init), inputAxes, outputAxes)
    }

    private func wrong(_ what: String) -> LocatedError {
        LocatedError(.invalid, "einsum.equation", "expected an equation \(what), got \"\(equation)\"", at: ["config/equation"])
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let shapes = try shapes(for: try inputs.single().shape)
        let kernel = WeightSlot(
            "kernel", shapes.kernel, trainable: adaptation == nil,
            initializer: kernelInitializer.config(inputAxes: shapes.inputAxes, outputAxes: shapes.outputAxes),
            regularizer: kernelRegularizer.config, constraint: kernelConstraint.config)
        let bias = shapes.bias.map { shape in
            WeightSlot(
                "bias", shape, initializer: biasInitializer.config, regularizer: biasRegularizer.config,
                constraint: biasConstraint.config)
        }
        guard let quantization else { return [kernel] + (bias.map { [$0] } ?? []) }
        let (rows, columns) = try matrix(shapes.kernel, inputAxes: shapes.inputAxes, quantization.policy)
        let places = try QuantizedPlaces(equation, inputRank: try inputs.single().shape.rank)
        let scale = places.kernelInResult.map { $0.map { shapes.kernel[$0] } ?? 1 }
        return try quantization.slots(kernel: kernel, bias: bias, rows: rows, columns: columns, scale: Shape(scale))
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let value = try context.float(input.value)
        var output =
            if let quantization { try quantizedProduct(value, quantization, context) } else {
                try context.einsum(equation, value, context.weight("kernel"))
            }
        if biasAxes != nil {
            var bias = context.weight("bias")
            if case .float8? = quantization?.policy { bias = try context.halved(bias) }
            output = try context.apply(AddN(), output, bias)
        }
        return [Signal(try context.activate(output, activation))]
    }

    /// A kernel as Keras quantizes it, by rows and columns. Source: `_int4_build`, `_gptq_build`, `_awq_build`.
    private func matrix(
        _ kernel: Shape, inputAxes: [Int], _ policy: QuantizationPolicy
    ) throws(LocatedError) -> (rows: Int, columns: Int) {
        func product(_ extents: some Sequence<Int>) throws(LocatedError) -> Int {
            var result = 1
            for extent in extents {
                let (value, overflow) = result.multipliedReportingOverflow(by: extent)
                guard !overflow else {
                    throw LocatedError(.invalid, "weights.size", "expected a weight that fits in memory, got one of shape \(kernel)")
                }
                result = value
            }
            return result
        }
        switch policy {
        case .gptq, .awq:
            guard kernel.rank == 2 || kernel.rank == 3, let largest = kernel.dims.max(),
                let place = kernel.dims.firstIndex(of: largest)
            else { throw wrong("whose kernel has 2 or 3 axes, to be quantized") }
            let inner = kernel.rank == 2 || place == 0 ? 1 : 2
            return (try product(kernel.dims[..<inner]), try product(kernel.dims[inner...]))
        case .int8, .int4, .float8:
            return (
                try product(inputAxes.map { kernel[$0] }),
                try product(kernel.dims.indices.filter { !inputAxes.contains($0) }.map { kernel[$0] })
            )
        }
    }

    private func quantizedProduct(
        _ x: Value, _ quantization: Quantization, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let shapes = try shapes(for: context.shape(x))
        let places = try QuantizedPlaces(equation, inputRank: context.rank(x))
        /// Rounds inputs, and divides the result by what they were multiplied by.
        func rounded(
            _ quantizer: Quantization.AbsMaxQuantizer, _ product: (Value) throws(LocatedError) -> Value
        ) throws(LocatedError) -> Value {
            let (numbers, factor) = try context.quantized(x, quantizer, axes: places.reducedInputs)
            return try context.divide(try product(numbers), try context.arranged(factor, as: places.inputInResult))
        }
        switch quantization.policy {
        case .float8:
            return try context.einsum(
                equation, try context.throughFloat8(x, scale: context.weight("inputs_scale")),
                try context.throughFloat8(context.weight("kernel"), scale: context.weight("kernel_scale")))
        case .int8:
            let (whole, scale) = (context.weight("kernel"), context.weight("kernel_scale"))
            var result: Value
            if let quantizer = quantization.inputs {
                result = try rounded(quantizer) { (numbers) throws(LocatedError) in
                    try context.einsum(equation, numbers, whole)
                }
            } else {
                result = try context.einsum(equation, x, whole)
            }
            result = try context.divide(result, scale)
            return try context.straightThrough(result) { () throws(LocatedError) in
                let factor = try context.arranged(scale, as: places.resultInKernel)
                return try context.einsum(equation, x, try context.divide(whole, factor))
            }
        case .int4, .gptq, .awq:
            let (rows, columns) = try matrix(shapes.kernel, inputAxes: shapes.inputAxes, quantization.policy)
            let kernel = try context.reshaped(
                try context.kernel(of: quantization, rows: rows, columns: columns), to: shapes.kernel.dims)
            guard let quantizer = quantization.inputs, case .int4(blockSize: nil) = quantization.policy else {
                return try context.einsum(equation, x, kernel)
            }
            let result = try rounded(quantizer) { (numbers) throws(LocatedError) in
                try context.einsum(equation, numbers, kernel)
            }
            return try context.straightThrough(result) { () throws(LocatedError) in
                try context.einsum(equation, x, kernel)
            }
        }
    }
}

/// Where the axes of an equation's operands stand in its result. Source: `_analyze_quantization_info`.
private struct QuantizedPlaces {
    /// Axes of the input that are summed over.
    var reducedInputs: [Int]
    /// For each axis of the result the input's axis, or nil.
    var inputInResult: [Int?]
    /// For each axis of the result the kernel's axis, or nil.
    var kernelInResult: [Int?]
    /// For each axis of the kernel the result's axis, or nil.
    var resultInKernel: [Int?]

    init(_ equation: String, inputRank: Int) throws(LocatedError) {
        let parsed = try EinsumEquation(equation)
        guard parsed.operands.count == 2 else {
            throw LocatedError(.invalid, "einsum.equation", "expected an equation of two operands, got \"\(equation)\"")
        }
        let (operands, result) = try parsed.spelled([inputRank, parsed.operands[1].count])
        let (input, kernel) = (operands[0], operands[1])
        reducedInputs = input.indices.filter { !result.contains(input[$0]) }
        inputInResult = result.map { input.firstIndex(of: $0) }
        kernelInResult = result.map { kernel.firstIndex(of: $0) }
        resultInKernel = kernel.map { result.firstIndex(of: $0) }
    }
}

extension LoweringContext {
    /// A value whose axes are taken from these places, with 1 where there is none. Axes that are not named have extent 1.
    fileprivate func arranged(_ value: Value, as places: [Int?]) throws(LocatedError) -> Value {
        let named = places.compactMap(\.self)
        let others = (0..<rank(value)).filter { !named.contains($0) }
        let squeezed = try squeezed(value, axes: others)
        let left = named.sorted()
        let ordered = try transposed(squeezed, named.compactMap { left.firstIndex(of: $0) })
        return try expanded(ordered, axes: places.indices.filter { places[$0] == nil })
    }
}
