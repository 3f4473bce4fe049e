package import Graphs
package import Tensors

/// What one run of an op gave.
package struct OpRun {
    package var outputs: [Tensor]
    /// By input; nil where no gradient was wanted.
    package var inputGradients: [Tensor?]
}

/// What an op did that it must not do.
package struct OpFault: Error, CustomStringConvertible {
    package let description: String

    init(_ op: any Op, _ what: String) { description = "\(op.name): \(what)" }
}

/// Runs one op as a plan would, and looks for what a plan could not bear.
///
/// Every run is made several times: tiles in order on one worker, and in reverse order on three. Outputs, scratch, saved and
/// prepared memory and gradients start as NaN; every area stands between guards. A run throws `OpFault` when the results
/// depend on the order of tiles, an area is overrun, an input is written, memory is not 64-byte aligned (the op may rely on
/// it), running in place changes a result, backward reads a value that `retained` does not name, or gradients that are added
/// differ from gradients that are written.
package enum OpRunner {
    /// Shape rule, binding, forward and (with `outputGradients`) backward.
    ///
    /// - Parameters:
    ///   - phase: `.training` when nil and `outputGradients` is given, else `.inference`.
    ///   - constantInputs: default: all but the first in inference, none in training.
    ///   - outputGradients: by output; nil is zero.
    ///   - wantsGradient: default: every input of type float32.
    package static func run(
        _ op: any Op, _ inputs: [Tensor], phase: Phase? = nil, constantInputs: [Bool]? = nil,
        outputGradients: [Tensor?]? = nil, wantsGradient: [Bool]? = nil, seed: UInt64 = 1, step: UInt64 = 0
    ) throws -> OpRun {
        let phase = phase ?? (outputGradients == nil ? .inference : .training)
        let infos = try op.outputs(for: inputs.map { ValueInfo($0.shape, $0.dtype) })
        let outputs = try infos.map { info throws(OpFault) in
            guard let shape = info.shape.concrete else { throw OpFault(op, "shape \(info.shape) of an output is not known") }
            return ConcreteInfo(shape, info.dtype)
        }
        let unknown = inputs.map { ValueInfo(PartialShape($0.shape.dims.map { _ in nil }), $0.dtype) }
        if let partial = try? op.outputs(for: unknown) {
            guard partial.count == infos.count else { throw OpFault(op, "number of outputs depends on the extents") }
            for (looked, settled) in zip(partial, outputs) where !looked.shape.admits(settled.shape) {
                throw OpFault(op, "unknown extents gave \(looked.shape), known ones \(settled.shape)")
            }
        }
        let site = Site(
            phase: phase, inputs: inputs.map { ConcreteInfo($0.shape, $0.dtype) }, outputs: outputs,
            constantInputs: constantInputs
                ?? inputs.indices.map { phase == .inference && $0 > 0 },
            wantsGradient: phase == .inference
                ? inputs.map { _ in false } : wantsGradient ?? inputs.map { $0.dtype == .float32 })
        let bench = Bench(op, site, inputs, outputGradients ?? outputs.map { _ in nil }, seed, step)

        let truth = try bench.run(backward: outputGradients != nil)
        let reversed = try bench.run(backward: outputGradients != nil, reversed: true, workers: 3)
        try bench.requireSame(truth, reversed, "the order of tiles or the worker")
        for input in bench.bound.inPlaceInputs {
            guard outputs[0].byteCount <= site.inputs[input].byteCount else {
                throw OpFault(op, "output 0 doesn't fit in input \(input)")
            }
            let inPlace = try bench.run(
                backward: outputGradients != nil && !bench.bound.retained.inputs.contains(input), inPlace: input)
            try bench.requireSame(truth, inPlace, "running in place")
        }
        if outputGradients != nil {
            try bench.checkAccumulation(truth)
        }
        return truth
    }
}

/// One op at one site, with everything to run it.
private struct Bench {
    let op: any Op
    let site: Site
    let bound: any BoundOp
    let inputs: [Tensor]
    let outputGradients: [Tensor?]
    let seed: UInt64
    let step: UInt64

    init(_ op: any Op, _ site: Site, _ inputs: [Tensor], _ gradients: [Tensor?], _ seed: UInt64, _ step: UInt64) {
        self.op = op
        self.site = site
        self.inputs = inputs
        self.outputGradients = gradients
        self.seed = seed
        self.step = step
        self.bound = op.bound(to: site)
    }

    /// One forward, and one backward when `backward`; `bases` are what gradients are added to, nil: they are written.
    func run(
        backward: Bool, reversed: Bool = false, workers: Int = 1, inPlace: Int? = nil, bases: [Tensor]? = nil
    ) throws -> OpRun {
        let memory = bound.memory
        let inputAreas = inputs.map { Area($0) }
        let outputAreas = site.outputs.enumerated().map { index, info in
            let shared = index == 0 ? inPlace ?? bound.alias : nil
            return shared.map { inputAreas[$0] } ?? Area(info.byteCount)
        }
        let gradientAreas = site.wantsGradient.enumerated().map { index, wanted in
            wanted ? bases.map { Area($0[index]) } ?? Area(site.inputs[index].byteCount) : nil
        }
        let givenAreas = outputGradients.map { $0.map { Area($0) } }
        let (saved, prepared) = (Area(memory.saved), Area(memory.prepared))
        let workerAreas = (0..<workers).map { _ in Area(memory.workerScratch) }

        func frame(_ inputs: [Area], _ scratch: Area, _ worker: Int, _ body: (Frame) -> Void) {
            let inputPointers = inputs.map(\.start)
            let outputPointers = outputAreas.map(\.start)
            let gradientPointers = gradientAreas.map { $0?.start }
            let givenPointers = givenAreas.map { $0?.start }
            let accumulates = site.inputs.map { _ in bases != nil }
            inputPointers.withUnsafeBufferPointer { inputs in
                outputPointers.withUnsafeBufferPointer { outputs in
                    gradientPointers.withUnsafeBufferPointer { gradients in
                        givenPointers.withUnsafeBufferPointer { given in
                            accumulates.withUnsafeBufferPointer { accumulates in
                                // An op without inputs has no base address, and reads none.
                                let none = UnsafeMutableRawPointer(bitPattern: 64)!
                                body(
                                    Frame(
                                        inputs: inputs.baseAddress ?? UnsafePointer(none.assumingMemoryBound(to: UnsafeMutableRawPointer.self)),
                                        outputs: outputs.baseAddress!,
                                        inputGradients: gradients.baseAddress ?? UnsafePointer(none.assumingMemoryBound(to: UnsafeMutableRawPointer?.self)),
                                        outputGradients: given.baseAddress!,
                                        accumulates: accumulates.baseAddress ?? UnsafePointer(none.assumingMemoryBound(to: Bool.self)),
                                        saved: saved.start, prepared: prepared.start, scratch: scratch.start,
                                        workerScratch: workerAreas[worker].start, seed: seed, step: step))
                            }
                        }
                    }
                }
            }
        }

        func runStages(_ stages: [Int], _ scratch: Area, _ body: (Frame, Int, Int) -> Void) throws {
            for (stage, tiles) in stages.enumerated() {
                let order = reversed ? Array((0..<tiles).reversed()) : Array(0..<tiles)
                for tile in order {
                    let worker = tile % workers
                    workerAreas[worker].poison()
                    frame(inputAreas, scratch, worker) { body($0, stage, tile) }
                    try workerAreas[worker].requireGuards(op, "the worker's scratch")
                }
            }
        }

        if site.phase == .inference {
            let hidden = zip(inputAreas, site.constantInputs).map { $1 ? $0 : Area($0.byteCount) }
            frame(hidden, Area(0), 0) { bound.prepare($0) }
            try prepared.requireGuards(op, "prepared memory")
        }
        let preparedBefore = prepared.bytes

        let forwardScratch = Area(memory.forwardScratch)
        try runStages(bound.forwardStages, forwardScratch) { bound.forward($0, stage: $1, tile: $2) }
        try forwardScratch.requireGuards(op, "forward scratch")
        try saved.requireGuards(op, "saved memory")
        for (index, area) in outputAreas.enumerated() { try area.requireGuards(op, "output \(index)") }
        for (index, area) in inputAreas.enumerated() where index != inPlace {
            try requireUntouched(area, inputs[index], "forward wrote input \(index)")
        }
        guard prepared.bytes == preparedBefore else { throw OpFault(op, "forward wrote prepared memory") }
        let outputs = zip(outputAreas, site.outputs).map { $0.tensor($1) }
        guard backward else { return OpRun(outputs: outputs, inputGradients: inputs.map { _ in nil }) }

        let retained = bound.retained
        for (index, area) in inputAreas.enumerated() where !retained.inputs.contains(index) {
            let isKeptOutput = retained.outputs.contains(0) && index == inPlace ?? bound.alias
            if !isKeptOutput { area.poison() }
        }
        for (index, area) in outputAreas.enumerated() where !retained.outputs.contains(index) {
            let isKeptInput = index == 0 && (inPlace ?? bound.alias).map(retained.inputs.contains) ?? false
            if !isKeptInput { area.poison() }
        }
        prepared.poison()
        let backwardScratch = Area(memory.backwardScratch)
        let stages = bound.backwardStages
        if stages.isEmpty, let alias = bound.alias, let target = gradientAreas[alias], let given = givenAreas[0] {
            given.copy(to: target, adding: bases != nil)
        } else if stages.isEmpty {
            return OpRun(outputs: outputs, inputGradients: inputs.map { _ in nil })
        }
        try runStages(stages, backwardScratch) { bound.backward($0, stage: $1, tile: $2) }
        try backwardScratch.requireGuards(op, "backward scratch")
        for (index, area) in gradientAreas.enumerated() { try area?.requireGuards(op, "the gradient of input \(index)") }
        for (index, area) in givenAreas.enumerated() {
            guard let area, let given = outputGradients[index] else { continue }
            try requireUntouched(area, given, "backward wrote the gradient of output \(index)")
        }
        let gradients = zip(gradientAreas, site.inputs).map { area, info in area?.tensor(info) }
        return OpRun(outputs: outputs, inputGradients: gradients)
    }

    func requireUntouched(_ area: Area, _ tensor: Tensor, _ what: String) throws {
        let same = tensor.withUnsafeBytes { bytes in bytes.elementsEqual(area.bytes) }
        if !same { throw OpFault(op, what) }
    }

    func requireSame(_ a: OpRun, _ b: OpRun, _ what: String) throws {
        for (index, (x, y)) in zip(a.outputs, b.outputs).enumerated() where x != y {
            throw OpFault(op, "output \(index) depends on \(what): \(x.floats.prefix(8)) and \(y.floats.prefix(8))…")
        }
        for (index, (x, y)) in zip(a.inputGradients, b.inputGradients).enumerated() {
            guard let x, let y, x != y else { continue }
            throw OpFault(op, "the gradient of input \(index) depends on \(what)")
        }
    }

    /// Gradients added to something, and gradients of one input alone, are those of `truth`.
    func checkAccumulation(_ truth: OpRun) throws {
        guard truth.inputGradients.contains(where: { $0 != nil }) else { return }
        var random = TestRandom(7)
        let bases = site.inputs.map { info in
            info.dtype == .float32 ? random.tensor(info.shape) : Tensor(zeros: info.shape, dtype: info.dtype)
        }
        let added = try run(backward: true, bases: bases)
        for index in inputs.indices {
            guard let written = truth.inputGradients[index], let sum = added.inputGradients[index] else { continue }
            let expected = zip(written.floats, bases[index].floats).map { Double($0) + Double($1) }
            if let difference = mismatch(sum, expected, relative: 1e-5, absolute: 1e-5) {
                throw OpFault(op, "adding to the gradient of input \(index) is not writing it: \(difference)")
            }
        }
        guard site.wantsGradient.count(where: \.self) > 1 else { return }
        for index in inputs.indices where site.wantsGradient[index] {
            var alone = site
            alone.wantsGradient = inputs.indices.map { $0 == index }
            let result = try Bench(op, alone, inputs, outputGradients, seed, step).run(backward: true)
            guard let expected = truth.inputGradients[index], let single = result.inputGradients[index] else { continue }
            if let difference = mismatch(single, expected, relative: 1e-5, absolute: 1e-6) {
                throw OpFault(op, "the gradient of input \(index) depends on who else wants one: \(difference)")
            }
        }
    }
}

/// Bytes between guards, NaN at first.
private final class Area {
    private static let margin = 256
    private static let guardByte: UInt8 = 0xA5
    let byteCount: Int
    private let memory: UnsafeMutableRawBufferPointer

    var start: UnsafeMutableRawPointer { memory.baseAddress! + Area.margin }
    var bytes: UnsafeRawBufferPointer { UnsafeRawBufferPointer(start: start, count: byteCount) }

    init(_ byteCount: Int) {
        self.byteCount = byteCount
        memory = .allocate(byteCount: byteCount + 2 * Area.margin, alignment: 64)
        memory.initializeMemory(as: UInt8.self, repeating: Area.guardByte)
        poison()
    }

    convenience init(_ tensor: Tensor) {
        self.init(tensor.byteCount)
        tensor.withUnsafeBytes { source in
            if let base = source.baseAddress { start.copyMemory(from: base, byteCount: source.count) }
        }
    }

    deinit { memory.deallocate() }

    /// All bits one: NaN for every floating-point type.
    func poison() {
        start.initializeMemory(as: UInt8.self, repeating: 0xFF, count: byteCount)
    }

    func requireGuards(_ op: any Op, _ what: String) throws {
        let margins = memory.prefix(Area.margin).map(\.self) + memory.suffix(Area.margin).map(\.self)
        if margins.contains(where: { $0 != Area.guardByte }) { throw OpFault(op, "\(what) (\(byteCount) bytes) is overrun") }
    }

    func tensor(_ info: ConcreteInfo) -> Tensor {
        var tensor = Tensor(uninitialized: info.shape, dtype: info.dtype)
        tensor.withUnsafeMutableBytes { target in
            if let base = target.baseAddress { base.copyMemory(from: start, byteCount: target.count) }
        }
        return tensor
    }

    /// What a plan does with the gradient of an alias.
    func copy(to target: Area, adding: Bool) {
        guard adding else { return target.start.copyMemory(from: start, byteCount: byteCount) }
        let (x, y) = (start.assumingMemoryBound(to: Float.self), target.start.assumingMemoryBound(to: Float.self))
        for index in 0..<byteCount / 4 { y[index] += x[index] }
    }
}

private func == (a: UnsafeRawBufferPointer, b: UnsafeRawBufferPointer) -> Bool { a.elementsEqual(b) }
