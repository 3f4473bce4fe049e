/// How a convolution, or one of its gradients, is computed.
package enum ConvolutionAlgorithm: String, Sendable {
    /// Sums over windows, read where they lie.
    case direct
    /// Winograd's F(4 × 4, 3 × 3), block by block.
    case winograd
    /// The same, each step for all tiles at once: for few tiles and a large kernel, which is then read once.
    case stagedWinograd = "staged winograd"
}

extension ConvolutionGeometry {
    /// The algorithm by estimated time; shapes alone decide.
    ///
    /// The figures were measured with AVX-512 (docs/benchmarks); with narrower vectors all of them grow alike.
    ///
    /// - Parameters:
    ///   - plan: the convolution or its input's gradient by Winograd, or nil.
    ///   - isPrepared: the kernel is transformed beforehand.
    private func algorithm(_ plan: WinogradConvolution?, isPrepared: Bool) -> ConvolutionAlgorithm {
        guard let plan, isFasterByWinograd(plan.depth, plan.width, plan.tiles, isPrepared: isPrepared) else { return .direct }
        return plan.tiles <= 192 && plan.depth * plan.width * 36 * 4 > 1_500_000 ? .stagedWinograd : .winograd
    }

    private func isFasterByWinograd(_ depth: Int, _ width: Int, _ tiles: Int, isPrepared: Bool) -> Bool {
        let (depth, width, tiles) = (Double(depth), Double(width), Double(tiles))
        // Nanoseconds: 0.005 an operation, less well for short sums; a byte of a kernel 0.02, or 0.07 when it won't stay in a cache.
        let kernel = depth * width
        let read = kernel * 4 * (kernel * 36 * 4 > 2e6 ? 0.07 : 0.02)
        let directTime = Double(images) * cost * 0.005 * (1 + 8 / (9 * depth)) + 9 * read
        let products = 2 * 36 * tiles * depth * (width / 16).rounded(.up) * 16 * 0.005 * (1 + 8 / depth)
        let transforms = 4 * tiles * ((depth / 16).rounded(.up) + (width / 16).rounded(.up)) * 16
        let packing = isPrepared ? 0 : kernel * 3
        return tiles > 0 && products + transforms + packing + 36 * read < 0.95 * directTime
    }

    /// For forward: the algorithm, and the plan where it takes one.
    package func forwardAlgorithm(isPrepared: Bool) -> (algorithm: ConvolutionAlgorithm, winograd: WinogradConvolution?) {
        let plan = WinogradConvolution(self)
        let algorithm = algorithm(plan, isPrepared: isPrepared)
        return (algorithm, algorithm == .direct ? nil : plan)
    }

    /// For the gradient of the input: the plan, where Winograd is faster.
    package var winogradInputGradient: WinogradConvolution? {
        let plan = WinogradConvolution(gradientOf: self)
        return algorithm(plan, isPrepared: false) == .direct ? nil : plan
    }

    /// For the gradient of the kernel: the plan, where Winograd is faster and its sums (four times the kernel) aren't vast.
    package var winogradKernelGradient: WinogradKernelGradient? {
        guard let plan = WinogradKernelGradient(self), plan.sumCount <= 4_194_304,
            isFasterByWinograd(plan.depth, plan.width, plan.tiles, isPrepared: false)
        else { return nil }
        return plan
    }
}
