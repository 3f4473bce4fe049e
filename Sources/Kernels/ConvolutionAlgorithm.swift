/// How a convolution, or one of its gradients, is computed.
package enum ConvolutionAlgorithm: String, Sendable {
    /// Sums over windows, read where they lie.
    case direct
    /// Winograd's F(4 × 4, 3 × 3), block by block.
    case winograd
    /// The same, each step for all tiles at once: for few tiles and a large kernel, which is then read once.
    case stagedWinograd = "staged winograd"
    /// F(2 × 2, 3 × 3), each step for all tiles at once.
    case stagedWinograd2 = "staged winograd 2 × 2"
}

extension ConvolutionGeometry {
    /// The algorithm by estimated time; shapes alone decide.
    ///
    /// - Parameters:
    ///   - plan: the convolution or its input's gradient by F(4 × 4, 3 × 3), or nil.
    ///   - isPrepared: the kernel is transformed beforehand.
    private func algorithm(_ plan: WinogradConvolution?, isPrepared: Bool) -> ConvolutionAlgorithm {
        guard let plan, isFasterByWinograd(plan, isPrepared: isPrepared) else { return .direct }
        return isStaged(plan) ? .stagedWinograd : .winograd
    }

    private func isStaged(_ plan: WinogradConvolution) -> Bool {
        plan.tiles <= 192 && plan.depth * plan.width * 36 * 4 > 1_500_000
    }

    private func isFasterByWinograd(_ plan: WinogradConvolution, isPrepared: Bool) -> Bool {
        // Fewer tiles don't fill the rows that a product takes at a time.
        plan.tiles >= 8 && winogradTime(plan, isPrepared: isPrepared) < 0.95 * directTime
    }

    // Nanoseconds, measured with AVX-512 (docs/benchmarks); with narrower vectors all of them grow alike. 0.0042 an operation, less well
    // for short sums, unless the kernel arrives later: 0.032 a byte that doesn't stay in a cache, between what was measured for vectors
    // that are computed at once (0.048) and in halves (0.022).

    private var directTime: Double {
        let kernel = Double(channels / groups * filters) * 4
        return max(Double(images) * cost * 0.0042 * (1 + 8 / (9 * Double(channels))), 9 * readingTime(kernel, of: 9 * kernel))
    }

    private func winogradTime(_ plan: WinogradConvolution, isPrepared: Bool) -> Double {
        let (depth, width, tiles, points) = (Double(plan.depth), Double(plan.width), Double(plan.tiles), Double(plan.tile.pointCount))
        let vectors = ((depth / 16).rounded(.up) + (width / 16).rounded(.up)) * 16
        let products = 2 * points * tiles * depth * (width / 16).rounded(.up) * 16 * 0.0042 * (1 + 8 / depth)
        let bytes = depth * width * 4
        let packing = isPrepared ? 0 : depth * width * 3
        return max(products, points * readingTime(bytes, of: points * bytes)) + points / 9 * tiles * vectors + packing
    }

    private func readingTime(_ bytes: Double, of all: Double) -> Double { bytes * (all > 2e6 ? 0.032 : 0.013) }

    /// For forward: the algorithm, and the plan where it takes one.
    package func forwardAlgorithm(isPrepared: Bool) -> (algorithm: ConvolutionAlgorithm, winograd: WinogradConvolution?) {
        let plan = WinogradConvolution(self)
        let algorithm = algorithm(plan, isPrepared: isPrepared)
        // Tiles of 2 × 2 want 4/9 of the points, so they are taken where they cost little time, too, or save much memory: a single image deep in
        // a network.
        if isPrepared, algorithm != .winograd, let small = WinogradConvolution(self, tile: .two), isStaged(small),
            isFasterByWinograd(small, isPrepared: true)
        {
            let time = winogradTime(small, isPrepared: true)
            let isVast = channels * filters * 36 * 4 > 16_000_000
            if algorithm == .direct || plan.map({ time < (isVast ? 1.5 : 1.05) * winogradTime($0, isPrepared: true) }) == true {
                return (.stagedWinograd2, small)
            }
        }
        return (algorithm, algorithm == .direct ? nil : plan)
    }

    /// For the gradient of the input: the plan, where Winograd is faster.
    package var winogradInputGradient: WinogradConvolution? {
        let plan = WinogradConvolution(gradientOf: self)
        return algorithm(plan, isPrepared: false) == .direct ? nil : plan
    }

    /// For the gradient of the kernel: the plan, where Winograd is faster and its sums (four times the kernel) aren't vast.
    package var winogradKernelGradient: WinogradKernelGradient? {
        guard let forward = WinogradConvolution(self), let plan = WinogradKernelGradient(self), plan.sumCount <= 4_194_304,
            isFasterByWinograd(forward, isPrepared: false)
        else { return nil }
        return plan
    }
}
