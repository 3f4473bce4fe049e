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
public struct EinsumDense: BuiltInLayer {
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
        try config.refuseQuantization()
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
        config["quantization_config"] = .null
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
        var slots = [
            WeightSlot(
                "kernel", shapes.kernel,
                initializer: kernelInitializer.config(inputAxes: shapes.inputAxes, outputAxes: shapes.outputAxes),
                regularizer: kernelRegularizer.config, constraint: kernelConstraint.config)
        ]
        if let bias = shapes.bias {
            slots.append(
                WeightSlot(
                    "bias", bias, initializer: biasInitializer.config, regularizer: biasRegularizer.config,
                    constraint: biasConstraint.config))
        }
        return slots
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        var output = try context.einsum(equation, input.value, context.weight("kernel"))
        if biasAxes != nil { output = try context.apply(AddN(), output, context.weight("bias")) }
        return [Signal(try context.activate(output, activation))]
    }
}
