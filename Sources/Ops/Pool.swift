package import Graphs
package import Kernels
package import Tensors

/// The largest or the mean of each window, channel by channel, over one to three spatial axes, channels last.
///
/// Input: x (B, H, W, C), float32; output (B, H′, W′, C). Cells of padding count neither as values nor in the mean
/// (in inference a maximum takes zeros from a `Pad` before it, which then count). The gradient of a maximum goes to the first of the largest cells in row-major order of the window, as in TensorFlow.
package struct Pool: Op {
    package var kind: PoolKind
    package var size: [Int]
    package var strides: [Int]
    package var padding: WindowPadding
    /// Whether cells of padding are zeros in a maximum; for inference.
    package var countsPadding = false

    /// - Parameters:
    ///   - size: of the window, one for each spatial axis.
    ///   - strides: nil: the size.
    package init(kind: PoolKind, size: [Int], strides: [Int]? = nil, padding: WindowPadding = .valid) {
        self.kind = kind
        self.size = size
        self.strides = strides ?? size
        self.padding = padding
    }

    package var name: String { kind == .max ? "max_pool" : "average_pool" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        for input in inputs { try require(name, input, is: .float32, "inputs") }
        let x = inputs[0].shape
        guard (1...3).contains(size.count), strides.count == size.count, x.rank == size.count + 2 else {
            throw LocatedError(
                .mismatch, "\(name).shape", "\(name) expected an input with \(size.count) spatial axes, got \(x)")
        }
        var dims = x.dims
        for axis in size.indices {
            guard let input = x[axis + 1] else { continue }
            guard let window = window(axis, input) else {
                throw LocatedError(
                    .mismatch, "\(name).window",
                    "\(name) expected a window (size \(size[axis]), stride \(strides[axis])) that fits into \(input) cells of spatial "
                        + "axis \(axis), got the input \(x)",
                    hint: "Give a larger input, or padding \"same\".")
            }
            dims[axis + 1] = window.output
        }
        return [ValueInfo(PartialShape(dims))]
    }

    package func isSampleWise(inputs: [ValueInfo]) -> Bool { true }

    private func window(_ axis: Int, _ input: Int) -> WindowAxis? {
        WindowAxis(input: input, kernel: size[axis], stride: strides[axis], padding: padding, axis: axis)
    }

    package func bound(to site: Site) -> any BoundOp {
        let x = site.inputs[0].shape
        let axes = size.indices.map { axis -> WindowAxis in
            guard let window = window(axis, x[axis + 1]) else {
                preconditionFailure("the shape rule has accepted this window")
            }
            return window
        }
        let pooling = Pooling(kind, axes: WindowAxes(axes), channels: x[x.rank - 1], countsPadding: countsPadding)
        return BoundPool(pooling, images: x[0], wantsGradient: site.wantsGradient[0])
    }
}

private struct BoundPool: BoundOp {
    let pooling: Pooling
    let images: Int
    let wantsGradient: Bool
    /// Blocks of images, or of planes when an image is much.
    let imageTiles: TileCut
    let planeTiles: TileCut

    init(_ pooling: Pooling, images: Int, wantsGradient: Bool) {
        self.pooling = pooling
        self.images = images
        self.wantsGradient = wantsGradient
        let reads = pooling.readCount
        planeTiles = TileCut(pooling.axes.first.output, atMost: max(1, reads / 262_144))
        imageTiles = TileCut(images, step: max(1, 262_144 / reads))
    }

    var cost: Double { Double(images) * Double(pooling.readCount) }
    var retained: Retained { Retained(inputs: pooling.kind == .max ? [0] : []) }

    var forwardStages: [Int] { [imageTiles.count * planeTiles.count] }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        for image in imageTiles.range(tile / planeTiles.count) {
            pooling.forward(
                frame.input(0) + image * pooling.inputCount, to: frame.output() + image * pooling.outputCount,
                planes: planeTiles.range(tile % planeTiles.count))
        }
    }

    var backwardStages: [Int] { wantsGradient ? [imageTiles.count] : [] }

    func backward(_ frame: Frame, stage: Int, tile: Int) {
        guard let dx = frame.inputGradient(0) else { return }
        for image in imageTiles.range(tile) {
            let start = image * pooling.inputCount
            if let dy = frame.outputGradient() {
                pooling.gradient(
                    frame.input(0) + start, dy + image * pooling.outputCount, to: dx + start, accumulate: frame.accumulates[0])
            } else if !frame.accumulates[0] {
                (dx + start).update(repeating: 0, count: pooling.inputCount)
            }
        }
    }
}
