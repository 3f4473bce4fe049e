package import Graphs
package import Tensors

/// Ops small enough to be seen through, for tests of what runs ops. Between them they do everything that an op may do: run
/// in place, be an alias, prepare weights, save, keep inputs or outputs, use all kinds of scratch, reduce in two stages, have
/// several outputs, absorb a neighbour, draw random numbers.
///
/// All work on float32 arrays, tile by tile of `tinyTile` elements.
package let tinyTile = 16

private func tiles(_ count: Int) -> Int { (count + tinyTile - 1) / tinyTile }

private func elements(_ tile: Int, of count: Int) -> Range<Int> {
    tile * tinyTile..<min(count, (tile + 1) * tinyTile)
}

private func same(_ op: any Op, _ inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
    guard inputs.allSatisfy({ $0 == inputs[0] }) else {
        throw LocatedError(.mismatch, "tiny.shape", "expected equal shapes, got \(inputs)")
    }
    return [inputs[0]]
}

extension Frame {
    /// Writes or adds, as the plan wants it.
    fileprivate func give(_ value: Float, toInput input: Int, at index: Int) {
        guard let gradient = inputGradient(input) else { return }
        gradient[index] = accumulates[input] ? gradient[index] + value : value
    }
}

/// y = scale·x + offset. Runs in place; absorbs another affine map.
package struct TinyAffine: Op, Hashable {
    package var scale: Float
    package var offset: Float
    package var name: String { "affine" }

    package init(scale: Float = 1, offset: Float = 0) {
        self.scale = scale
        self.offset = offset
    }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }
    package func bound(to site: Site) -> any BoundOp { Bound(op: self, count: site.outputs[0].shape.count) }

    package func absorbing(
        _ consumer: any Op, at position: Int, others: [ValueInfo], othersAreConstant: Bool, phase: Phase
    ) -> (any Op)? {
        if let next = consumer as? TinyAffine {
            return TinyAffine(scale: scale * next.scale, offset: offset * next.scale + next.offset)
        }
        // x + y where x is scaled first: only when y is there from the start.
        if consumer is TinyAdd, position == 0, othersAreConstant, scale == 1, offset == 0 { return TinyAdd() }
        return nil
    }

    struct Bound: BoundOp {
        let op: TinyAffine
        let count: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [tiles(count)] }
        var backwardStages: [Int] { [tiles(count)] }
        var inPlaceInputs: [Int] { [0] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (x, y) = (frame.input(0), frame.output())
            for i in elements(tile, of: count) { y[i] = op.scale * x[i] + op.offset }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            for i in elements(tile, of: count) { frame.give(op.scale * dy[i], toInput: 0, at: i) }
        }
    }
}

/// a + b. Runs in place of either.
package struct TinyAdd: Op, Hashable {
    package var name: String { "add" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }
    package func bound(to site: Site) -> any BoundOp { Bound(count: site.outputs[0].shape.count) }

    struct Bound: BoundOp {
        let count: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [tiles(count)] }
        var backwardStages: [Int] { [tiles(count)] }
        var inPlaceInputs: [Int] { [0, 1] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (a, b, y) = (frame.input(0), frame.input(1), frame.output())
            for i in elements(tile, of: count) { y[i] = a[i] + b[i] }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            for input in 0..<2 {
                for i in elements(tile, of: count) { frame.give(dy[i], toInput: input, at: i) }
            }
        }
    }
}

/// a plus b reversed. Runs in place of a, unless b is the same memory.
package struct TinyAddReversed: Op, Hashable {
    package var name: String { "add_reversed" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }
    package func bound(to site: Site) -> any BoundOp { Bound(count: site.outputs[0].shape.count) }

    struct Bound: BoundOp {
        let count: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [tiles(count)] }
        var backwardStages: [Int] { [tiles(count)] }
        var inPlaceInputs: [Int] { [0] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (a, b, y) = (frame.input(0), frame.input(1), frame.output())
            for i in elements(tile, of: count) { y[i] = a[i] + b[count - 1 - i] }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            for i in elements(tile, of: count) {
                frame.give(dy[i], toInput: 0, at: i)
                frame.give(dy[count - 1 - i], toInput: 1, at: i)
            }
        }
    }
}

/// a·b, element by element. Backward reads both.
package struct TinyMultiply: Op, Hashable {
    package var name: String { "multiply" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }
    package func bound(to site: Site) -> any BoundOp { Bound(count: site.outputs[0].shape.count) }

    struct Bound: BoundOp {
        let count: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [tiles(count)] }
        /// The gradients of a and b in tiles of one stage, that of b first: no two may be the same memory.
        var backwardStages: [Int] { [2 * tiles(count)] }
        var retained: Retained { Retained(inputs: [0, 1]) }
        var inPlaceInputs: [Int] { [0, 1] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (a, b, y) = (frame.input(0), frame.input(1), frame.output())
            for i in elements(tile, of: count) { y[i] = a[i] * b[i] }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            let input = 1 - tile % 2
            let other = frame.input(1 - input)
            for i in elements(tile / 2, of: count) { frame.give(dy[i] * other[i], toInput: input, at: i) }
        }
    }
}

/// max(x, 0). Runs in place, in training too: backward reads the output.
package struct TinyRelu: Op, Hashable {
    package var name: String { "relu" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }
    package func bound(to site: Site) -> any BoundOp { Bound(count: site.outputs[0].shape.count) }

    struct Bound: BoundOp {
        let count: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [tiles(count)] }
        var backwardStages: [Int] { [tiles(count)] }
        var retained: Retained { Retained(outputs: [0]) }
        var inPlaceInputs: [Int] { [0] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (x, y) = (frame.input(0), frame.output())
            for i in elements(tile, of: count) { y[i] = max(x[i], 0) }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            let y = frame.output()
            for i in elements(tile, of: count) { frame.give(y[i] > 0 ? dy[i] : 0, toInput: 0, at: i) }
        }
    }
}

/// The same elements under another shape.
package struct TinyReshape: Op, Hashable {
    package var shape: Shape
    package var name: String { "reshape" }
    package init(_ shape: Shape) { self.shape = shape }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        if let count = inputs[0].shape.count, count != shape.count {
            throw LocatedError(.mismatch, "tiny.reshape", "expected \(shape.count) elements, got \(count)")
        }
        return [ValueInfo(shape, inputs[0].dtype)]
    }

    package func bound(to site: Site) -> any BoundOp { Bound() }

    struct Bound: BoundOp {
        var cost: Double { 0 }
        var forwardStages: [Int] { [] }
        func forward(_ frame: Frame, stage: Int, tile: Int) {}
        var alias: Int? { 0 }
    }
}

/// Σx² as a scalar: squares are saved, partial sums of tiles go to the scratch by way of the worker's own.
package struct TinySumOfSquares: Op, Hashable {
    package var name: String { "sum_of_squares" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { [ValueInfo(Shape([]))] }

    package func bound(to site: Site) -> any BoundOp {
        Bound(count: site.inputs[0].shape.count, isTraining: site.phase == .training)
    }

    struct Bound: BoundOp {
        let count: Int
        let isTraining: Bool
        var cost: Double { 1e6 }
        var memory: WorkingMemory {
            WorkingMemory(
                saved: isTraining ? count * 4 : 0, forwardScratch: tiles(count) * 4, backwardScratch: 4,
                workerScratch: tinyTile * 4)
        }
        var forwardStages: [Int] { [tiles(count), 1] }
        var backwardStages: [Int] { [1, tiles(count)] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let partial = frame.scratch.assumingMemoryBound(to: Float.self)
            if stage == 1 {
                var sum: Float = 0
                for tile in 0..<tiles(count) { sum += partial[tile] }
                frame.output()[0] = sum
                return
            }
            let squares = frame.workerScratch.assumingMemoryBound(to: Float.self)
            let x = frame.input(0)
            let range = elements(tile, of: count)
            for i in range { squares[i - range.lowerBound] = x[i] * x[i] }
            partial[tile] = 0
            for i in range { partial[tile] += squares[i - range.lowerBound] }
            if isTraining {
                let saved = frame.saved.assumingMemoryBound(to: Float.self)
                for i in range { saved[i] = x[i] }
            }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            let twice = frame.scratch.assumingMemoryBound(to: Float.self)
            if stage == 0 {
                twice[0] = 2 * dy[0]
                return
            }
            let saved = frame.saved.assumingMemoryBound(to: Float.self)
            for i in elements(tile, of: count) { frame.give(twice[0] * saved[i], toInput: 0, at: i) }
        }
    }
}

/// The halves of a vector: two outputs.
package struct TinyHalves: Op, Hashable {
    package var name: String { "halves" }
    package init() {}

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        let half = ValueInfo([inputs[0].shape.count.map { $0 / 2 }] as PartialShape)
        return [half, half]
    }

    package func bound(to site: Site) -> any BoundOp { Bound(half: site.outputs[0].shape.count) }

    struct Bound: BoundOp {
        let half: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [2] }
        var backwardStages: [Int] { [2] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (x, y) = (frame.input(0), frame.output(tile))
            for i in 0..<half { y[i] = x[tile * half + i] }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            let dy = frame.outputGradient(tile)
            for i in 0..<half { frame.give(dy?[i] ?? 0, toInput: 0, at: tile * half + i) }
        }
    }
}

/// x·w, element by element; where w is constant, what is multiplied with was prepared.
package struct TinyScale: Op, Hashable {
    package var name: String { "scale" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }

    package func bound(to site: Site) -> any BoundOp {
        Bound(count: site.outputs[0].shape.count, isPrepared: site.constantInputs[1])
    }

    struct Bound: BoundOp {
        let count: Int
        let isPrepared: Bool
        var cost: Double { 1e6 }
        var memory: WorkingMemory { WorkingMemory(prepared: isPrepared ? count * 4 : 0) }
        var forwardStages: [Int] { [tiles(count)] }
        var backwardStages: [Int] { [tiles(count)] }
        var retained: Retained { Retained(inputs: [0, 1]) }

        func prepare(_ frame: Frame) {
            guard isPrepared else { return }
            let (w, prepared) = (frame.input(1), frame.prepared.assumingMemoryBound(to: Float.self))
            for i in 0..<count { prepared[i] = w[i] }
        }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let w = isPrepared ? UnsafePointer(frame.prepared.assumingMemoryBound(to: Float.self)) : frame.input(1)
            let (x, y) = (frame.input(0), frame.output())
            for i in elements(tile, of: count) { y[i] = x[i] * w[i] }
        }

        func backward(_ frame: Frame, stage: Int, tile: Int) {
            guard let dy = frame.outputGradient() else { return }
            for i in elements(tile, of: count) {
                frame.give(dy[i] * frame.input(1)[i], toInput: 0, at: i)
                frame.give(dy[i] * frame.input(0)[i], toInput: 1, at: i)
            }
        }
    }
}

/// x plus numbers that depend on the run's key and on nothing else. Nothing can be differentiated.
package struct TinyNoise: Op, Hashable {
    package var name: String { "noise" }
    package init() {}
    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try same(self, inputs) }
    package func bound(to site: Site) -> any BoundOp { Bound(count: site.outputs[0].shape.count) }

    struct Bound: BoundOp {
        let count: Int
        var cost: Double { 1e6 }
        var forwardStages: [Int] { [tiles(count)] }

        func forward(_ frame: Frame, stage: Int, tile: Int) {
            let (x, y) = (frame.input(0), frame.output())
            for i in elements(tile, of: count) { y[i] = x[i] + Float(frame.seed) + 16 * Float(frame.step) }
        }
    }
}
