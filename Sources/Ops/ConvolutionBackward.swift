import Graphs
import Kernels

/// The gradients of a convolution.
///
/// Stage by stage: the kernel is packed in reverse; bands of the input's gradient, and for fixed chunks of bands the sums of
/// the kernel's and the bias's gradients, side by side; at last the chunks are added in their order.
struct ConvolutionBackward: Sendable {
    private let epilogue: Epilogue
    private let geometry: ConvolutionGeometry
    private let bands: ConvolutionBands
    private let transposed: TransposedConvolutionBands?
    private let wantsKernel: Bool
    private let wantsBias: Bool
    private let inputTiles: TileCut
    /// Chunks of bands (of forward), and parts of the kernel that are done apart.
    private let chunks: TileCut
    private let chunkCount: Int
    private let parts: TileCut
    private let reductionTiles: TileCut

    init(_ epilogue: Epilogue, _ geometry: ConvolutionGeometry, _ bands: ConvolutionBands, wants: [Bool]) {
        self.epilogue = epilogue
        self.geometry = geometry
        self.bands = bands
        wantsKernel = wants[1]
        wantsBias = epilogue.hasBias && wants[2]
        if wants[0] {
            let transposed = TransposedConvolutionBands(geometry)
            self.transposed = transposed
            inputTiles = TileCut(
                geometry.images * transposed.bandCount, step: unitsPerTile(geometry.cost, transposed.bandCount))
        } else {
            transposed = nil
            inputTiles = TileCut(0, step: 1)
        }
        // Enough chunks to keep many threads busy, but none below a fraction of a millisecond, nor more than 32 MB of sums.
        let work = geometry.cost * Double(geometry.images)
        let affordable = max(1, 8_388_608 / max(1, geometry.kernelCount))
        let wanted = min(32, affordable, Int(min(32, work / 2e7)))
        chunks = TileCut(geometry.images * bands.bandCount, atMost: max(1, wanted))
        chunkCount = max(1, chunks.count)
        parts = TileCut(wants[1] ? bands.kernelParts : 1, atMost: chunkCount >= 8 || work < 2e8 ? 1 : 8 / chunkCount)
        reductionTiles = TileCut(wants[1] ? geometry.kernelCount : 0, step: 16384)
    }

    private var wantsSums: Bool { wantsKernel || wantsBias }
    private var isActivated: Bool { epilogue.activation != .linear }
    /// Elements of one chunk's sums: kernel, then bias.
    private var sumCount: Int { (wantsKernel ? geometry.kernelCount : 0) + geometry.filters }
    private var packedBytes: Int { alignedBytes((transposed?.packedCount ?? 0) * 4) }
    /// Whether the outputs' gradient must be copied for the kernel's: to be multiplied, or to be readable behind its end.
    private var copiesGradient: Bool { isActivated || (wantsKernel && bands.readsBehind) }
    private var planeCount: Int { geometry.outputCount / max(1, geometry.axes.first.output) }

    var scratchBytes: Int { packedBytes + (wantsSums && chunkCount > 1 ? chunkCount * sumCount * 4 : 0) }

    var workerBytes: Int {
        let copied = wantsSums && copiesGradient ? (bands.bandSize * planeCount + 16) * 4 : 0
        return max(transposed.map { $0.bufferCount * 4 } ?? 0, alignedBytes(bands.bufferCount * 4) + copied)
    }

    var retained: Retained {
        Retained(
            inputs: (wantsKernel ? [0] : []) + (transposed == nil ? [] : [1]), outputs: isActivated ? [0] : [])
    }

    var stages: [Int] {
        var stages: [Int] = []
        if transposed != nil { stages.append(geometry.axes.taps) }
        stages.append(inputTiles.count + (wantsSums ? chunkCount * parts.count : 0))
        if wantsSums && chunkCount > 1 { stages.append(reductionTiles.count + 1) }
        return stages
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
        case (0, _):
            let index = tile - inputTiles.count
            kernelGradient(frame, dy, chunk: index / parts.count, part: index % parts.count)
        default: reduce(frame, tile)
        }
    }

    private func zeroGradients(_ frame: Frame) {
        for (index, count) in [geometry.images * geometry.inputCount, geometry.kernelCount, geometry.filters].enumerated() {
            guard index < (epilogue.hasBias ? 3 : 2), let gradient = frame.inputGradient(index), !frame.accumulates[index]
            else { continue }
            gradient.update(repeating: 0, count: count)
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

    /// Where a chunk's sums go, and whether they are added to what is there.
    private func sums(_ frame: Frame, _ chunk: Int) -> (
        kernel: UnsafeMutablePointer<Float>?, bias: UnsafeMutablePointer<Float>?, addsKernel: Bool, addsBias: Bool
    ) {
        guard chunkCount > 1 else {
            return (
                wantsKernel ? frame.inputGradient(1) : nil, wantsBias ? frame.inputGradient(2) : nil, frame.accumulates[1],
                wantsBias && frame.accumulates[2]
            )
        }
        let sums = (frame.scratch + packedBytes).assumingMemoryBound(to: Float.self) + chunk * sumCount
        return (wantsKernel ? sums : nil, wantsBias ? sums + sumCount - geometry.filters : nil, false, false)
    }

    private func kernelGradient(_ frame: Frame, _ dy: UnsafePointer<Float>, chunk: Int, part: Int) {
        var (kernel, bias, addsKernel, addsBias) = sums(frame, chunk)
        if part > 0 { bias = nil }
        let units = chunks.count == 0 ? 0..<0 : chunks.range(chunk)
        if units.isEmpty {
            if let kernel, !addsKernel, part == 0 { kernel.update(repeating: 0, count: geometry.kernelCount) }
            if let bias, !addsBias { bias.update(repeating: 0, count: geometry.filters) }
            return
        }
        let buffer = frame.workerScratch.assumingMemoryBound(to: Float.self)
        let copy = (frame.workerScratch + alignedBytes(bands.bufferCount * 4)).assumingMemoryBound(to: Float.self)
        for unit in units {
            let (image, planes) = (unit / bands.bandCount, bands.planes(unit % bands.bandCount))
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
            if let kernel {
                bands.kernelGradient(
                    frame.input(0) + image * geometry.inputCount, dy: gradient, planes: planes, parts: parts.range(part),
                    accumulate: addsKernel, to: kernel, buffer: buffer)
            }
            if let bias {
                sumColumns(
                    gradient, stride: geometry.filters, rows: count / max(1, geometry.filters), columns: geometry.filters,
                    alpha: 1, to: bias, accumulate: addsBias)
            }
            (addsKernel, addsBias) = (true, true)
        }
    }

    private func reduce(_ frame: Frame, _ tile: Int) {
        let sums = UnsafePointer((frame.scratch + packedBytes).assumingMemoryBound(to: Float.self))
        if tile < reductionTiles.count {
            guard let kernel = frame.inputGradient(1) else { return }
            let range = reductionTiles.range(tile)
            sumColumns(
                sums + range.lowerBound, stride: sumCount, rows: chunkCount, columns: range.count, alpha: 1,
                to: kernel + range.lowerBound, accumulate: frame.accumulates[1])
        } else if wantsBias, let bias = frame.inputGradient(2) {
            sumColumns(
                sums + sumCount - geometry.filters, stride: sumCount, rows: chunkCount, columns: geometry.filters, alpha: 1,
                to: bias, accumulate: frame.accumulates[2])
        }
    }
}
