import Graphs
import Tensors

/// A plan for some samples, run for all of them, slice by slice: each slice is a tile.
///
/// Inputs: what the plan's inputs are slices of, then its parameters.
struct SampleSlices: Op {
    let plan: InferencePlan
    let slices: Int
    let results: [ValueInfo]

    var name: String { "slices" }

    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { results }
    func bound(to site: Site) -> any BoundOp { BoundSampleSlices(plan, slices) }
}

private struct BoundSampleSlices: BoundOp {
    private let plan: InferencePlan
    private let slices: Int
    private let ops: [any BoundOp]
    /// A worker's memory: the plan's arena, the ops' own scratch, the table of addresses.
    private let scratchStart: Int
    private let tableStart: Int
    private let workerBytes: Int
    let inPlaceInputs: [Int]

    init(_ plan: InferencePlan, _ slices: Int) {
        self.plan = plan
        self.slices = slices
        ops = plan.nodes.map(\.op)
        scratchStart = (plan.arenaByteCount + 63) & ~63
        tableStart = scratchStart + ((plan.nodes.map(\.memory.workerScratch).max() ?? 0) + 63) & ~63
        workerBytes = tableStart + plan.layout.slots.count * MemoryLayout<UnsafeMutableRawPointer?>.stride
        inPlaceInputs = plan.inputs.indices.filter(plan.mayOverwrite)
    }

    var cost: Double { plan.cost * Double(slices) }
    var algorithm: String? {
        let steps = plan.nodes.map { node in node.algorithm.map { "\(node.name) \($0)" } ?? node.name }
        return "\(slices) × [\(steps.joined(separator: ", "))]"
    }
    var memory: WorkingMemory { WorkingMemory(prepared: plan.preparedByteCount, workerScratch: workerBytes) }

    func prepare(_ frame: Frame) {
        let table = resolve(frame, slice: 0)
        for index in plan.nodes.indices {
            ops[index].prepare(self.frame(of: index, frame, table))
            if plan.isFolded[index] { run(plan.nodes[index].forwardSteps(as: index), frame, table) }
        }
    }

    var forwardStages: [Int] { [slices] }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let table = resolve(frame, slice: tile)
        run(plan.steps, frame, table)
        run(plan.endSteps, frame, table)
    }

    private typealias Table = UnsafeMutablePointer<UnsafeMutableRawPointer?>

    /// Addresses of all slots for one slice, in the worker's memory.
    private func resolve(_ frame: Frame, slice: Int) -> Table {
        let slots = plan.layout.slots
        let table = (frame.workerScratch + tableStart).bindMemory(to: UnsafeMutableRawPointer?.self, capacity: slots.count)
        for slot in 0..<slots.count {
            let address: UnsafeMutableRawPointer? =
                switch slots[slot] {
                case .arena(let offset): frame.workerScratch + offset
                case .input(let index): frame.inputs[index] + slice * plan.inputs[index].byteCount
                case .output(let index): frame.outputs[index] + slice * plan.outputs[index].byteCount
                case .parameter(let index): frame.inputs[index]
                case .constant(let index): UnsafeMutableRawPointer(mutating: plan.constants[index].address)
                case .prepared(let offset): frame.prepared + offset
                case .state, .gradient, .cotangent, nil: nil
                }
            (table + slot).initialize(to: address)
        }
        return table
    }

    private func frame(of node: Int, _ frame: Frame, _ table: Table) -> Frame {
        let slots = plan.layout.nodes[node]
        func list(_ slot: Int) -> UnsafePointer<UnsafeMutableRawPointer> {
            UnsafeRawPointer(table + slot).assumingMemoryBound(to: UnsafeMutableRawPointer.self)
        }
        return Frame(
            inputs: list(slots.inputs), outputs: list(slots.outputs),
            inputGradients: UnsafePointer(table + slots.inputGradients),
            outputGradients: UnsafePointer(table + slots.outputGradients), accumulates: frame.accumulates,
            saved: table[slots.saved] ?? frame.workerScratch, prepared: table[slots.prepared] ?? frame.workerScratch,
            scratch: table[slots.forwardScratch] ?? frame.workerScratch, workerScratch: frame.workerScratch + scratchStart,
            seed: frame.seed, step: frame.step)
    }

    private func run(_ steps: [Step], _ frame: Frame, _ table: Table) {
        for index in 0..<steps.count {
            switch steps[index] {
            case .stage(let node, let stage, let tiles, _):
                let frame = self.frame(of: node, frame, table)
                for tile in 0..<tiles { ops[node].forward(frame, stage: stage, tile: tile) }
            case .copy(let from, let to, let byteCount):
                if let from = table[from], let to = table[to] { to.copyMemory(from: from, byteCount: byteCount) }
            case .add: preconditionFailure("no gradients in inference")
            }
        }
    }
}

extension InferencePlan {
    /// Whether output 0 may be written in the memory of an input: the only node that writes it is the last that reads the input, and allows it.
    fileprivate func mayOverwrite(input: Int) -> Bool {
        guard inputs[input] == outputs.first else { return false }
        var writer: Int?
        for (index, node) in nodes.enumerated() where node.alias == nil {
            let slots = layout.nodes[index]
            let reads = node.inputs.indices.filter { layout.slots[slots.inputs + $0] == .input(input) }
            if !reads.isEmpty && (writer != nil || isFolded[index]) { return false }
            guard node.outputs.indices.contains(where: { layout.slots[slots.outputs + $0] == .output(0) }) else { continue }
            guard writer == nil, layout.slots[slots.outputs] == .output(0), reads.allSatisfy(node.op.inPlaceInputs.contains) else {
                return false
            }
            writer = index
        }
        return writer != nil
    }
}
