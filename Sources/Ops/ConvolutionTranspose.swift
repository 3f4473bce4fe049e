package import Graphs
package import Kernels
package import Tensors

/// The transpose of a convolution: what `Convolution` does to gradients. Over one to three spatial axes, channels last.
///
/// Inputs: x (B, H, W, F), kernel (kH, kW, C, F), bias (C) when `hasBias`; output (B, H′, W′, C). All float32. The output is as
/// large as Keras makes it: H · stride with padding "same", H · stride + max(kernel − stride, 0) with "valid", or what
/// `outputPadding` says.
///
/// Takes in an activation that follows, in training too where the output tells the derivative.
package struct ConvolutionTranspose: Op {
    package var strides: [Int]
    package var padding: WindowPadding
    package var dilation: [Int]
    package var outputPadding: [Int]?
    private var epilogue: Epilogue

    /// - Parameters:
    ///   - padding: `valid` or `same`.
    ///   - dilation: distance of taps, one for each spatial axis; nil: 1.
    ///   - outputPadding: cells added behind (H − 1) · stride + kernel − 2 · (kernel / 2 with "same", else 0); nil: as above.
    package init(
        strides: [Int], padding: WindowPadding, dilation: [Int]? = nil, outputPadding: [Int]? = nil, hasBias: Bool,
        activation: Activation = .linear
    ) {
        self.strides = strides
        self.padding = padding
        self.dilation = dilation ?? strides.map { _ in 1 }
        self.outputPadding = outputPadding
        epilogue = Epilogue(hasBias: hasBias, activation: activation)
    }

    package var name: String { "convolution_transpose" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, epilogue.inputCounts)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let (x, kernel) = (inputs[0].shape, inputs[1].shape)
        let spatial = strides.count
        guard (1...3).contains(spatial), dilation.count == spatial, x.rank == spatial + 2, kernel.rank == spatial + 2,
            outputPadding == nil || outputPadding?.count == spatial
        else {
            throw mismatch(
                name, expected: "an input and a kernel with \(spatial) spatial axes", got: "\(x) and \(kernel)")
        }
        if let filters = x[spatial + 1], let depth = kernel[spatial + 1], filters != depth {
            throw mismatch(name, expected: "a kernel whose last axis is \(filters)", got: "\(kernel) for the input \(x)")
        }
        if epilogue.hasBias { try requireVector(name, inputs[2], kernel[spatial], "bias") }
        var dims: [Int?] = [x[0]]
        for axis in 0..<spatial {
            guard let input = x[axis + 1], let size = kernel[axis] else {
                dims.append(nil)
                continue
            }
            guard let window = window(axis, input: input, kernel: size) else {
                throw mismatch(
                    name, "window", expected: "a window that leads back to \(input) cells of spatial axis \(axis)",
                    got: "kernel \(size), stride \(strides[axis]), dilation \(dilation[axis])"
                        + (outputPadding.map { ", output padding \($0[axis])" } ?? ""))
            }
            dims.append(window.input)
        }
        // Strides come from files, and enlarge what they say without anything in the file growing.
        guard dims.dropFirst().reduce(1.0, { $0 * Double($1 ?? 1) }) <= 0x1p32 else {
            throw LocatedError(
                .unsupported, "\(name).size", "\(name) expected an output of at most 2³² cells, got \(PartialShape(dims))")
        }
        return [ValueInfo(PartialShape(dims + [kernel[spatial]]))]
    }

    /// The window of the convolution that leads from the output back to the input.
    private func window(_ axis: Int, input: Int, kernel: Int) -> WindowAxis? {
        let limit = 1 << 24
        let (stride, dilation) = (strides[axis], dilation[axis])
        guard (0...limit).contains(input), (1...limit).contains(kernel), (1...limit).contains(stride),
            (1...limit).contains(dilation)
        else { return nil }
        let reach = (kernel - 1) * dilation + 1
        let output: Int
        if let outputPadding {
            guard (0...limit).contains(outputPadding[axis]) else { return nil }
            output = (input - 1) * stride + reach - (padding == .same ? reach / 2 * 2 : 0) + outputPadding[axis]
        } else {
            output = input * stride + (padding == .same ? 0 : max(reach - stride, 0))
        }
        let window = WindowAxis(
            input: output, kernel: kernel, stride: stride, dilation: dilation, padding: padding, axis: axis)
        return window?.output == input ? window : nil
    }

    package func bound(to site: Site) -> any BoundOp {
        let (x, kernel) = (site.inputs[0].shape, site.inputs[1].shape)
        let spatial = strides.count
        let axes = (0..<spatial).map { axis -> WindowAxis in
            guard let window = window(axis, input: x[axis + 1], kernel: kernel[axis]) else {
                preconditionFailure("the shape rule has accepted this window")
            }
            return window
        }
        let geometry = ConvolutionGeometry(
            images: x[0], axes: WindowAxes(axes), channels: kernel[spatial], filters: x[spatial + 1], groups: 1)
        return BoundConvolutionTranspose(epilogue, geometry, site)
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { true }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        guard consumer is any ElementwiseActivation,
            let both = epilogue.absorbing(
                consumer, at: position, others: others, othersAreConstant: othersAreConstant, phase: phase)
        else { return nil }
        var fused = self
        fused.epilogue = both
        return fused
    }
}

/// The geometry is that of the convolution from output to input: x has its outputs, y its inputs.
private struct BoundConvolutionTranspose: BoundOp {
    let epilogue: Epilogue
    let geometry: ConvolutionGeometry
    let transposed: TransposedConvolutionBands
    let bands: ConvolutionBands
    let isPackedBeforehand: Bool
    let wantsInput: Bool
    let sums: KernelSums
    let tiles: TileCut
    let gradientTiles: TileCut
    let elementTiles: TileCut

    init(_ epilogue: Epilogue, _ geometry: ConvolutionGeometry, _ site: Site) {
        self.epilogue = epilogue
        self.geometry = geometry
        transposed = TransposedConvolutionBands(geometry)
        bands = ConvolutionBands(geometry)
        isPackedBeforehand = site.phase == .inference && site.constantInputs[1]
        wantsInput = site.wantsGradient[0]
        sums = KernelSums(
            bands, wantsKernel: site.wantsGradient[1],
            biasCount: epilogue.hasBias && site.wantsGradient[2] ? geometry.channels : 0)
        tiles = TileCut(
            geometry.images * transposed.bandCount, step: unitsPerTile(geometry.cost, transposed.bandCount))
        gradientTiles = TileCut(
            wantsInput ? geometry.images * bands.bandCount : 0, step: unitsPerTile(geometry.cost, bands.bandCount))
        elementTiles = TileCut(elements: geometry.images * geometry.inputCount)
    }

    var cost: Double { Double(geometry.images) * geometry.cost }

    private var isActivated: Bool { epilogue.activation != .linear }
    private var differentiatedBytes: Int { isActivated ? alignedBytes(geometry.images * geometry.inputCount * 4) : 0 }
    private var packedBytes: Int { wantsInput ? alignedBytes(bands.packedCount * 4) : 0 }
    private var planeCount: Int { geometry.outputCount / max(1, geometry.axes.first.output) }

    var memory: WorkingMemory {
        WorkingMemory(
            prepared: isPackedBeforehand ? transposed.packedCount * 4 : 0,
            forwardScratch: isPackedBeforehand ? 0 : transposed.packedCount * 4,
            backwardScratch: differentiatedBytes + packedBytes + sums.scratchBytes,
            workerScratch: max(
                transposed.bufferCount * 4,
                alignedBytes(bands.bufferCount * 4) + (bands.readsBehind ? (bands.bandSize * planeCount + 16) * 4 : 0)))
    }

    var retained: Retained {
        Retained(
            inputs: (sums.wantsKernel ? [0] : []) + (wantsInput ? [1] : []), outputs: isActivated ? [0] : [])
    }

    func prepare(_ frame: Frame) {
        guard isPackedBeforehand else { return }
        for tap in 0..<geometry.axes.taps {
            transposed.pack(frame.input(1), tap: tap, into: frame.prepared.assumingMemoryBound(to: Float.self))
        }
    }

    var forwardStages: [Int] { (isPackedBeforehand ? [] : [geometry.axes.taps]) + [tiles.count] }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let packed = (isPackedBeforehand ? frame.prepared : frame.scratch).assumingMemoryBound(to: Float.self)
        if !isPackedBeforehand && stage == 0 { return transposed.pack(frame.input(1), tap: tile, into: packed) }
        for unit in tiles.range(tile) {
            let image = unit / transposed.bandCount
            let steps = transposed.steps(unit % transposed.bandCount)
            let y = frame.output() + image * geometry.inputCount
            transposed.run(
                frame.input(0) + image * geometry.outputCount, packed: packed, bias: epilogue.hasBias ? frame.input(2) : nil,
                steps: steps, accumulate: false, rectify: epilogue.activation == .rectifier, to: y,
                buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
            let cells = transposed.cells(steps)
            epilogue.activateInPlace(y + cells.lowerBound, count: cells.count)
        }
    }

    // MARK: Backward

    private var products: Int { (isActivated ? 1 : 0) + (wantsInput ? 1 : 0) }

    var backwardStages: [Int] {
        (isActivated ? [elementTiles.count] : []) + (wantsInput ? [bands.panels] : []) + [gradientTiles.count + sums.tiles]
            + (sums.additionTiles > 0 ? [sums.additionTiles] : [])
    }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let dy = frame.outputGradient() else {
            guard stage == products && tile == 0 else { return }
            let counts = [geometry.images * geometry.outputCount, geometry.kernelCount, geometry.channels]
            for index in 0..<(epilogue.hasBias ? 3 : 2) { frame.noGradient(index, 0..<counts[index]) }
            return
        }
        let differentiated = frame.scratch.assumingMemoryBound(to: Float.self)
        let packed = (frame.scratch + differentiatedBytes).assumingMemoryBound(to: Float.self)
        let dz = isActivated ? UnsafePointer(differentiated) : dy
        let sumArea = frame.scratch + differentiatedBytes + packedBytes
        if isActivated && stage == 0 {
            let range = elementTiles.range(tile)
            activationGradient(
                epilogue.activation, input: nil, output: frame.output() + range.lowerBound,
                outputGradient: dy + range.lowerBound, inputGradient: differentiated + range.lowerBound, count: range.count,
                accumulate: false)
        } else if stage < products {
            bands.pack(frame.input(1), panel: tile, into: packed)
        } else if stage > products {
            sums.add(frame, tile: tile, sums: sumArea)
        } else if tile < gradientTiles.count {
            inputGradient(frame, dz, UnsafePointer(packed), gradientTiles.range(tile))
        } else {
            addToSums(frame, dz, tile - gradientTiles.count, sumArea)
        }
    }

    private func inputGradient(
        _ frame: Frame, _ dz: UnsafePointer<Float>, _ packed: UnsafePointer<Float>, _ units: Range<Int>
    ) {
        guard let dx = frame.inputGradient(0) else { return }
        for unit in units {
            let (image, planes) = (unit / bands.bandCount, bands.planes(unit % bands.bandCount))
            bands.forward(
                dz + image * geometry.inputCount, packed: packed, bias: nil, planes: planes,
                accumulate: frame.accumulates[0],
                to: dx + image * geometry.outputCount + planes.lowerBound * planeCount,
                buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
        }
    }

    private func addToSums(_ frame: Frame, _ dz: UnsafePointer<Float>, _ tile: Int, _ sumArea: UnsafeMutableRawPointer) {
        let buffer = frame.workerScratch.assumingMemoryBound(to: Float.self)
        let copy = (frame.workerScratch + alignedBytes(bands.bufferCount * 4)).assumingMemoryBound(to: Float.self)
        sums.run(frame, tile: tile, sums: sumArea) { image, band, parts, target in
            let planes = bands.planes(band)
            if let kernel = target.kernel {
                var x = frame.input(0) + image * geometry.outputCount + planes.lowerBound * planeCount
                if bands.readsBehind {
                    copy.update(from: x, count: planes.count * planeCount)
                    (copy + planes.count * planeCount).update(repeating: 0, count: 16)
                    x = UnsafePointer(copy)
                }
                bands.kernelGradient(
                    dz + image * geometry.inputCount, dy: x, planes: planes, parts: parts, accumulate: target.addsKernel,
                    to: kernel, buffer: buffer)
            }
            if let bias = target.bias {
                // An image's cells are summed with its first band; of other bands there is nothing to add.
                let cells = band == 0 ? geometry.axes.inputCells : 0
                if cells > 0 || !target.addsBias {
                    sumColumns(
                        dz + image * geometry.inputCount, stride: geometry.channels, rows: cells, columns: geometry.channels,
                        alpha: 1, to: bias, accumulate: target.addsBias)
                }
            }
        }
    }
}
