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
    /// The input's gradient, when it is wanted: one of two ways.
    private let transposed: TransposedConvolutionBands?
    private let winograd: WinogradStages?
    private let inputTiles: TileCut
    /// The kernel's and the bias's: the latter where Winograd is faster.
    private let wantsKernel: Bool
    private let sums: KernelSums
    private let winogradSums: WinogradSums?

    init(_ epilogue: Epilogue, _ geometry: ConvolutionGeometry, _ bands: ConvolutionBands, wants: [Bool]) {
        self.epilogue = epilogue
        self.geometry = geometry
        self.bands = bands
        // Winograd's steps know one derivative, a rectifier's.
        let isSimple = epilogue.activation == .linear || epilogue.activation == .rectifier
        winograd =
            wants[0] && isSimple ? geometry.winogradInputGradient.map { WinogradStages($0, isStaged: false) } : nil
        if wants[0] && winograd == nil {
            let transposed = TransposedConvolutionBands(geometry)
            self.transposed = transposed
            inputTiles = TileCut(
                geometry.images * transposed.bandCount, step: unitsPerTile(geometry.cost, transposed.bandCount))
        } else {
            transposed = nil
            inputTiles = TileCut(winograd?.plan.blocks ?? 0, step: 1)
        }
        wantsKernel = wants[1]
        let biasCount = epilogue.hasBias && wants[2] ? geometry.filters : 0
        winogradSums =
            isSimple && (wants[1] || biasCount > 0)
            ? geometry.winogradKernelGradient.map { WinogradSums($0, wantsKernel: wants[1], biasCount: biasCount) } : nil
        sums = KernelSums(
            bands, wantsKernel: winogradSums == nil && wants[1], biasCount: winogradSums == nil ? biasCount : 0)
    }

    private var isActivated: Bool { epilogue.activation != .linear }
    private var wantsInput: Bool { transposed != nil || winograd != nil }
    private var packedBytes: Int { alignedBytes((transposed?.packedCount ?? winograd?.plan.packedCount ?? 0) * 4) }
    private var packingTiles: Int { winograd?.plan.panels ?? geometry.axes.taps }
    /// Whether the outputs' gradient must be copied for the sums: to be multiplied, or to be readable behind its end.
    private var copiesGradient: Bool { isActivated || (sums.wantsKernel && bands.readsBehind) }
    private var planeCount: Int { geometry.outputCount / max(1, geometry.axes.first.output) }
    /// Both gradients by Winograd go through the outputs' gradient side by side, so that it is read from memory once: a tile of
    /// the sums does its share of the input's tiles too.
    private var isInterleaved: Bool { winograd != nil && winogradSums != nil }
    private var separateInputTiles: Int { isInterleaved ? 0 : inputTiles.count }
    private var sumTiles: Int { winogradSums?.tiles ?? sums.tiles }
    private var additionTiles: Int { winogradSums?.additionTiles ?? sums.additionTiles }

    var scratchBytes: Int { packedBytes + (winogradSums?.scratchBytes ?? sums.scratchBytes) }

    var workerBytes: Int {
        let copied = sums.tiles > 0 && copiesGradient ? (bands.bandSize * planeCount + 16) * 4 : 0
        return max(
            transposed.map { $0.bufferCount * 4 } ?? 0, winograd.map { max($0.workerBytes, $0.plan.packingCount * 4) } ?? 0,
            winogradSums?.workerBytes ?? 0, alignedBytes(bands.bufferCount * 4) + copied)
    }

    var retained: Retained {
        Retained(
            inputs: (wantsKernel ? [0] : []) + (wantsInput ? [1] : []),
            outputs: isActivated ? [0] : [])
    }

    var stages: [Int] {
        (wantsInput ? [packingTiles] : []) + [separateInputTiles + sumTiles] + (additionTiles > 0 ? [additionTiles] : [])
    }

    func run(_ frame: Frame, _ stage: Int, _ tile: Int) {
        guard let dy = frame.outputGradient() else {
            if stage == 0 && tile == 0 { zeroGradients(frame) }
            return
        }
        let gate = isActivated ? UnsafePointer(frame.output()) : nil
        let sumArea = frame.scratch + packedBytes
        switch (stage - (wantsInput ? 1 : 0), tile) {
        case (-1, _): pack(frame, tile)
        case (0, ..<separateInputTiles): inputGradient(frame, dy, tile)
        case (0, _):
            guard let winogradSums else { return addToSums(frame, dy, tile - separateInputTiles) }
            func inputTiles(_ share: (blocks: Int, all: Int)) -> Int { self.inputTiles.count * share.blocks / share.all }
            var next = inputTiles(winogradSums.share(before: tile - separateInputTiles))
            winogradSums.run(frame, tile: tile - separateInputTiles, dy: dy, gate: gate, sums: sumArea) {
                guard isInterleaved else { return }
                let end = inputTiles(($0, $1))
                while next < end {
                    inputGradient(frame, dy, next)
                    next += 1
                }
            }
        default:
            if let winogradSums {
                winogradSums.add(frame, tile: tile, sums: sumArea)
            } else {
                sums.add(frame, tile: tile, sums: sumArea)
            }
        }
    }

    private func pack(_ frame: Frame, _ tile: Int) {
        let packed = frame.scratch.assumingMemoryBound(to: Float.self)
        transposed?.pack(frame.input(1), tap: tile, into: packed)
        winograd?.plan.pack(
            frame.input(1), panel: tile, into: packed, buffer: frame.workerScratch.assumingMemoryBound(to: Float.self))
    }

    private func zeroGradients(_ frame: Frame) {
        for (index, count) in [geometry.images * geometry.inputCount, geometry.kernelCount, geometry.filters].enumerated()
        where index < (epilogue.hasBias ? 3 : 2) {
            frame.noGradient(index, 0..<count)
        }
    }

    private func inputGradient(_ frame: Frame, _ dy: UnsafePointer<Float>, _ tile: Int) {
        guard let dx = frame.inputGradient(0) else { return }
        let packed = UnsafePointer(frame.scratch.assumingMemoryBound(to: Float.self))
        winograd?.run(
            stage: 0, tile: tile, .whole(dy, gate: isActivated ? UnsafePointer(frame.output()) : nil), packed: packed,
            WinogradConvolution.Finish(accumulates: frame.accumulates[0]), to: dx, scratch: frame.scratch,
            workerScratch: frame.workerScratch)
        guard let transposed else { return }
        for unit in inputTiles.range(tile) {
            let image = unit / transposed.bandCount
            transposed.run(
                dy + image * geometry.outputCount,
                y: isActivated ? UnsafePointer(frame.output() + image * geometry.outputCount) : nil,
                activation: epilogue.activation, packed: packed,
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
