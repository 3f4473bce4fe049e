import Graphs
import Kernels

/// The gradients of a convolution.
///
/// Stage by stage: the kernel is packed in reverse; bands of the input's gradient, and the sums of the kernel's and the bias's
/// gradients, side by side; at last the sums' chunks are added.
struct ConvolutionBackward: Sendable {
    private let epilogue: Epilogue
    private let geometry: ConvolutionGeometry
    private let bands: ConvolutionBands
    private let transposed: TransposedConvolutionBands?
    private let inputTiles: TileCut
    private let sums: KernelSums

    init(_ epilogue: Epilogue, _ geometry: ConvolutionGeometry, _ bands: ConvolutionBands, wants: [Bool]) {
        self.epilogue = epilogue
        self.geometry = geometry
        self.bands = bands
        if wants[0] {
            let transposed = TransposedConvolutionBands(geometry)
            self.transposed = transposed
            inputTiles = TileCut(
                geometry.images * transposed.bandCount, step: unitsPerTile(geometry.cost, transposed.bandCount))
        } else {
            transposed = nil
            inputTiles = TileCut(0, step: 1)
        }
        sums = KernelSums(
            bands, wantsKernel: wants[1], biasCount: epilogue.hasBias && wants[2] ? geometry.filters : 0)
    }

    private var isActivated: Bool { epilogue.activation != .linear }
    private var packedBytes: Int { alignedBytes((transposed?.packedCount ?? 0) * 4) }
    /// Whether the outputs' gradient must be copied for the sums: to be multiplied, or to be readable behind its end.
    private var copiesGradient: Bool { isActivated || (sums.wantsKernel && bands.readsBehind) }
    private var planeCount: Int { geometry.outputCount / max(1, geometry.axes.first.output) }

    var scratchBytes: Int { packedBytes + sums.scratchBytes }

    var workerBytes: Int {
        let copied = sums.tiles > 0 && copiesGradient ? (bands.bandSize * planeCount + 16) * 4 : 0
        return max(transposed.map { $0.bufferCount * 4 } ?? 0, alignedBytes(bands.bufferCount * 4) + copied)
    }

    var retained: Retained {
        Retained(
            inputs: (sums.wantsKernel ? [0] : []) + (transposed == nil ? [] : [1]), outputs: isActivated ? [0] : [])
    }

    var stages: [Int] {
        (transposed == nil ? [] : [geometry.axes.taps]) + [inputTiles.count + sums.tiles]
            + (sums.additionTiles > 0 ? [sums.additionTiles] : [])
    }

    func run(_ frame: Frame, _ stage: Int, _ tile: Int) {
        guard let dy = frame.outputGradient() else {
            if stage == 0 && tile == 0 { zeroGradients(frame) }
            return
        }
        switch (stage - (transposed == nil ? 0 : 1), tile) {
        case (-1, _):
            transposed?.pack(frame.input(1), tap: tile, into: frame.scratch.assumingMemoryBound(to: Float.self))
        case (0, ..<inputTiles.count): inputGradient(frame, dy, inputTiles.range(tile))
        case (0, _): addToSums(frame, dy, tile - inputTiles.count)
        default: sums.add(frame, tile: tile, sums: frame.scratch + packedBytes)
        }
    }

    private func zeroGradients(_ frame: Frame) {
        for (index, count) in [geometry.images * geometry.inputCount, geometry.kernelCount, geometry.filters].enumerated()
        where index < (epilogue.hasBias ? 3 : 2) {
            frame.noGradient(index, 0..<count)
        }
    }

    private func inputGradient(_ frame: Frame, _ dy: UnsafePointer<Float>, _ units: Range<Int>) {
        guard let transposed, let dx = frame.inputGradient(0) else { return }
        for unit in units {
            let image = unit / transposed.bandCount
            transposed.run(
                dy + image * geometry.outputCount,
                y: isActivated ? UnsafePointer(frame.output() + image * geometry.outputCount) : nil,
                activation: epilogue.activation, packed: UnsafePointer(frame.scratch.assumingMemoryBound(to: Float.self)),
                steps: transposed.steps(unit % transposed.bandCount), accumulate: frame.accumulates[0],
                to: dx + image * geometry.inputCount, buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
        }
    }

    private func addToSums(_ frame: Frame, _ dy: UnsafePointer<Float>, _ tile: Int) {
        let buffer = frame.workerScratch.assumingMemoryBound(to: Float.self)
        let copy = (frame.workerScratch + alignedBytes(bands.bufferCount * 4)).assumingMemoryBound(to: Float.self)
        sums.run(frame, tile: tile, sums: frame.scratch + packedBytes) { image, band, parts, target in
            let planes = bands.planes(band)
            let start = image * geometry.outputCount + planes.lowerBound * planeCount
            let count = planes.count * planeCount
            var gradient = dy + start
            if copiesGradient {
                activationGradient(
                    epilogue.activation, input: nil, output: isActivated ? frame.output() + start : nil,
                    outputGradient: gradient, inputGradient: copy, count: count, accumulate: false)
                (copy + count).update(repeating: 0, count: 16)
                gradient = UnsafePointer(copy)
            }
            if let kernel = target.kernel {
                bands.kernelGradient(
                    frame.input(0) + image * geometry.inputCount, dy: gradient, planes: planes, parts: parts,
                    accumulate: target.addsKernel, to: kernel, buffer: buffer)
            }
            if let bias = target.bias {
                sumColumns(
                    gradient, stride: geometry.filters, rows: count / max(1, geometry.filters), columns: geometry.filters,
                    alpha: 1, to: bias, accumulate: target.addsBias)
            }
        }
    }
}
