import Graphs
import Kernels

/// The gradients of a convolution's kernel and bias: sums over all bands of all images, made in fixed chunks and then added in
/// their order, so that they depend neither on threads nor on their number.
struct KernelSums: Sendable {
    private let bands: ConvolutionBands
    let wantsKernel: Bool
    /// Elements of the bias; 0 when nobody wants its gradient.
    private let biasCount: Int
    /// Chunks of bands, image by image, and parts of the kernel that are done apart.
    private let chunks: TileCut
    private let chunkCount: Int
    private let parts: TileCut
    private let reduction: TileCut

    private var kernelCount: Int { wantsKernel ? bands.geometry.kernelCount : 0 }
    /// Elements of one chunk's sums: kernel, then bias.
    private var sumCount: Int { kernelCount + biasCount }
    private var isEmpty: Bool { !wantsKernel && biasCount == 0 }

    init(_ bands: ConvolutionBands, wantsKernel: Bool, biasCount: Int) {
        self.bands = bands
        self.wantsKernel = wantsKernel
        self.biasCount = biasCount
        // Enough chunks to keep many threads busy, but none below a fraction of a millisecond, nor more than 32 MB of sums.
        let geometry = bands.geometry
        let work = geometry.cost * Double(geometry.images)
        let affordable = max(1, 8_388_608 / max(1, geometry.kernelCount))
        let wanted = min(32, affordable, Int(min(32, work / 2e7)))
        chunks = TileCut(geometry.images * bands.bandCount, atMost: max(1, wanted))
        chunkCount = max(1, chunks.count)
        parts = TileCut(wantsKernel ? bands.kernelParts : 1, atMost: chunkCount >= 8 || work < 2e8 ? 1 : 8 / chunkCount)
        reduction = TileCut(wantsKernel ? geometry.kernelCount : 0, step: 16384)
    }

    /// Bytes for the chunks' sums.
    var scratchBytes: Int { chunkCount > 1 ? chunkCount * sumCount * 4 : 0 }
    /// Tiles of the stage that sums, and of the one that adds the chunks (none when there is but one).
    var tiles: Int { isEmpty ? 0 : chunkCount * parts.count }
    var additionTiles: Int { isEmpty || chunkCount == 1 ? 0 : reduction.count + (biasCount > 0 ? 1 : 0) }

    /// Where sums go, and whether they are added to what is there.
    struct Target {
        var kernel: UnsafeMutablePointer<Float>?
        var bias: UnsafeMutablePointer<Float>?
        var addsKernel: Bool
        var addsBias: Bool
    }

    /// Sums one tile.
    ///
    /// - Parameters:
    ///   - sums: `scratchBytes`.
    ///   - body: adds one band of one image for some parts of the kernel.
    func run(
        _ frame: Frame, tile: Int, sums: UnsafeMutableRawPointer,
        _ body: (_ image: Int, _ band: Int, _ parts: Range<Int>, _ target: Target) -> Void
    ) {
        let (chunk, part) = (tile / parts.count, tile % parts.count)
        var target = target(frame, chunk, sums)
        if part > 0 { target.bias = nil }
        let units = chunks.count == 0 ? 0..<0 : chunks.range(chunk)
        if units.isEmpty {
            if let kernel = target.kernel, !target.addsKernel, part == 0 { kernel.update(repeating: 0, count: kernelCount) }
            if let bias = target.bias, !target.addsBias { bias.update(repeating: 0, count: biasCount) }
            return
        }
        for unit in units {
            body(unit / bands.bandCount, unit % bands.bandCount, parts.range(part), target)
            (target.addsKernel, target.addsBias) = (true, true)
        }
    }

    private func target(_ frame: Frame, _ chunk: Int, _ sums: UnsafeMutableRawPointer) -> Target {
        guard chunkCount > 1 else {
            return Target(
                kernel: wantsKernel ? frame.inputGradient(1) : nil, bias: biasCount > 0 ? frame.inputGradient(2) : nil,
                addsKernel: frame.accumulates[1], addsBias: biasCount > 0 && frame.accumulates[2])
        }
        let start = sums.assumingMemoryBound(to: Float.self) + chunk * sumCount
        return Target(
            kernel: wantsKernel ? start : nil, bias: biasCount > 0 ? start + kernelCount : nil, addsKernel: false,
            addsBias: false)
    }

    /// Adds the chunks' sums.
    func add(_ frame: Frame, tile: Int, sums: UnsafeMutableRawPointer) {
        let sums = UnsafePointer(sums.assumingMemoryBound(to: Float.self))
        if tile < reduction.count {
            guard let kernel = frame.inputGradient(1) else { return }
            let range = reduction.range(tile)
            sumColumns(
                sums + range.lowerBound, stride: sumCount, rows: chunkCount, columns: range.count, alpha: 1,
                to: kernel + range.lowerBound, accumulate: frame.accumulates[1])
        } else if let bias = frame.inputGradient(2) {
            sumColumns(
                sums + kernelCount, stride: sumCount, rows: chunkCount, columns: biasCount, alpha: 1, to: bias,
                accumulate: frame.accumulates[2])
        }
    }
}
