import CKernels

/// Applies an activation to `count` elements; `input` and `output` are equal or disjoint.
///
/// Vectorised for the processor at hand. Against exact results: exp 1 ulp, tanh, sigmoid and softplus below 3 ulp (sigmoid
/// gives 0 where the true value is subnormal); celu, gelu and those that follow them within 1e-6·max(1, |x|). NaN stays NaN; infinities give the limits,
/// but for softsign, where they give NaN as in TensorFlow.
package func activate(
    _ kind: Activation, _ input: UnsafePointer<Float>, _ output: UnsafeMutablePointer<Float>, count: Int
) {
    switch kind {
    case .linear:
        if UnsafePointer(output) != input { output.update(from: input, count: count) }
    case .relu(negativeSlope: 0, maxValue: .infinity, threshold: 0): ck_rectify(input, output, count)
    case .relu(let slope, let maxValue, let threshold): ck_relu(input, output, count, slope, maxValue, threshold)
    case .elu(let alpha): ck_elu(input, output, count, alpha, 1)
    case .selu: ck_elu(input, output, count, Activation.seluAlpha, Activation.seluScale)
    case .softplus: ck_softplus(input, output, count)
    case .softsign: ck_softsign(input, output, count)
    case .tanh: ck_tanh(input, output, count)
    case .sigmoid: ck_sigmoid(input, output, count)
    case .hardSigmoid: ck_hard_sigmoid(input, output, count, Activation.hardSigmoidSlope)
    case .legacyHardSigmoid: ck_hard_sigmoid(input, output, count, Activation.legacyHardSigmoidSlope)
    case .exponential: ck_exp(input, output, count)
    case .celu(let alpha): ck_celu(input, output, count, alpha, 0)
    case .gelu(approximate: false): ck_gelu(input, output, count, 0, 0)
    case .gelu(approximate: true): ck_gelu_tanh(input, output, count, 0, 0)
    case .hardShrink(let threshold): ck_hard_shrink(input, output, count, threshold, 0)
    case .hardSilu: ck_hard_silu(input, output, count, 0, 0)
    case .hardTanh: ck_hard_tanh(input, output, count, 0, 0)
    case .logSigmoid: ck_log_sigmoid(input, output, count, 0, 0)
    case .mish: ck_mish(input, output, count, 0, 0)
    case .silu: ck_silu(input, output, count, 0, 0)
    case .softShrink(let threshold): ck_soft_shrink(input, output, count, threshold, 0)
    case .sparsePlus: ck_sparse_plus(input, output, count, 0, 0)
    case .sparseSigmoid: ck_sparse_sigmoid(input, output, count, 0, 0)
    case .squareplus(let b): ck_squareplus(input, output, count, b, 0)
    case .tanhShrink: ck_tanh_shrink(input, output, count, 0, 0)
    case .threshold(let threshold, let value): ck_threshold(input, output, count, threshold, value)
    }
}

/// The gradient of an activation's input: `outputGradient` times the derivative, written to `inputGradient` or added to it.
///
/// `input` is read only where `kind.gradientReadsInput` (it may be nil otherwise), `output` only where not.
/// `inputGradient` may be `outputGradient`.
package func activationGradient(
    _ kind: Activation, input: UnsafePointer<Float>?, output: UnsafePointer<Float>?,
    outputGradient: UnsafePointer<Float>, inputGradient: UnsafeMutablePointer<Float>, count: Int, accumulate: Bool
) {
    let known = kind.gradientReadsInput ? input : output
    switch kind {
    case .linear:
        if accumulate {
            ck_add(inputGradient, outputGradient, inputGradient, count)
        } else if UnsafePointer(inputGradient) != outputGradient {
            inputGradient.update(from: outputGradient, count: count)
        }
    case .relu(let slope, let maxValue, let threshold):
        // Seen from the output, both branches meet at 0 (or jump there) when the threshold is 0 or above.
        ck_relu_gradient(known, outputGradient, inputGradient, count, slope, maxValue, threshold, accumulate)
    case .elu(let alpha) where kind.gradientReadsInput:
        ck_elu_gradient_from_input(known, outputGradient, inputGradient, count, alpha, 1, accumulate)
    case .elu(let alpha): ck_elu_gradient(known, outputGradient, inputGradient, count, alpha, 1, accumulate)
    case .selu:
        ck_elu_gradient(
            known, outputGradient, inputGradient, count, Activation.seluAlpha, Activation.seluScale, accumulate)
    case .softplus: ck_softplus_gradient(known, outputGradient, inputGradient, count, accumulate)
    case .softsign: ck_softsign_gradient(known, outputGradient, inputGradient, count, accumulate)
    case .tanh: ck_tanh_gradient(known, outputGradient, inputGradient, count, accumulate)
    case .sigmoid: ck_sigmoid_gradient(known, outputGradient, inputGradient, count, accumulate)
    case .hardSigmoid:
        ck_hard_sigmoid_gradient(known, outputGradient, inputGradient, count, Activation.hardSigmoidSlope, accumulate)
    case .legacyHardSigmoid:
        ck_hard_sigmoid_gradient(
            known, outputGradient, inputGradient, count, Activation.legacyHardSigmoidSlope, accumulate)
    case .exponential: ck_exp_gradient(known, outputGradient, inputGradient, count, accumulate)
    case .celu(let alpha): ck_celu_gradient(known, outputGradient, inputGradient, count, alpha, 0, accumulate)
    case .gelu(approximate: false): ck_gelu_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .gelu(approximate: true): ck_gelu_tanh_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .hardShrink(let threshold): ck_hard_shrink_gradient(known, outputGradient, inputGradient, count, threshold, 0, accumulate)
    case .hardSilu: ck_hard_silu_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .hardTanh: ck_hard_tanh_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .logSigmoid: ck_log_sigmoid_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .mish: ck_mish_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .silu: ck_silu_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .softShrink(let threshold): ck_soft_shrink_gradient(known, outputGradient, inputGradient, count, threshold, 0, accumulate)
    case .sparsePlus: ck_sparse_plus_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .sparseSigmoid: ck_sparse_sigmoid_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .squareplus(let b): ck_squareplus_gradient(known, outputGradient, inputGradient, count, b, 0, accumulate)
    case .tanhShrink: ck_tanh_shrink_gradient(known, outputGradient, inputGradient, count, 0, 0, accumulate)
    case .threshold(let threshold, let value): ck_threshold_gradient(known, outputGradient, inputGradient, count, threshold, value, accumulate)
    }
}

extension Activation {
    /// Whether the derivative is computed from the input; otherwise the output is enough, so that the input's memory can be
    /// written over.
    package var gradientReadsInput: Bool {
        switch self {
        // The derivative of these vanishes where the output hardly moves: the output has lost the digits.
        case .softplus, .softsign: true
        // The output's sign doesn't tell the branch.
        case .relu(let slope, let maxValue, let threshold): slope < 0 || threshold < 0 || maxValue <= threshold
        case .elu(let alpha): alpha < 0
        case .celu, .gelu, .hardShrink, .hardSilu, .hardTanh, .logSigmoid, .mish, .silu, .softShrink, .sparsePlus,
            .sparseSigmoid, .squareplus, .tanhShrink, .threshold:
            true
        default: false
        }
    }

    /// Nanoseconds that one element takes, roughly, on one thread with 256-bit vectors: for cutting tiles.
    package var cost: Double {
        switch self {
        case .linear, .relu, .hardSigmoid, .legacyHardSigmoid, .softsign, .hardShrink, .hardSilu, .hardTanh, .softShrink,
            .sparsePlus, .sparseSigmoid, .squareplus, .threshold:
            0.2
        case .gelu, .mish: 1
        default: 0.5
        }
    }

    // Klambauer et al. 2017, in float32 as TensorFlow has them.
    static let seluAlpha: Float = 1.6732632423543772
    static let seluScale: Float = 1.0507009873554805
    static let hardSigmoidSlope: Float = 1 / 6
    static let legacyHardSigmoidSlope: Float = 0.2
}
