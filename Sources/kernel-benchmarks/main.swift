// The speed of single ops on one thread, for the shapes of the notebook's two networks.
//
// swift run -c release kernel-benchmarks [batch size]…
// swift run -c release kernel-benchmarks augmentation: of the varying of pictures instead.
// swift run -c release kernel-benchmarks load FILE: of reading a model's arrays beside reading its bytes.

import Foundation
import Graphs
import Kernels
import Ops
import Tensors

/// One op with all its memory, ready to run again and again.
final class Bench {
    let label: String
    let bound: any BoundOp
    private let frame: Frame
    private let prepared: Bool
    private(set) var forwardBest = Double.infinity
    private(set) var backwardBest = Double.infinity

    init(_ label: String, _ op: any Op, _ shapes: [Shape], phase: Phase, gradientOfInput: Bool = true) throws {
        self.label = label
        let infos = try op.outputs(for: shapes.map { ValueInfo($0) })
        let outputs = infos.compactMap(\.shape.concrete).map { ConcreteInfo($0) }
        let wants = shapes.indices.map { phase == .training && ($0 > 0 || gradientOfInput) }
        bound = op.bound(
            to: Site(
                phase: phase, inputs: shapes.map { ConcreteInfo($0) }, outputs: outputs,
                constantInputs: shapes.indices.map { phase == .inference && $0 > 0 }, wantsGradient: wants))
        func memory(_ bytes: Int) -> UnsafeMutableRawPointer {
            let memory = UnsafeMutableRawPointer.allocate(byteCount: bytes + 64, alignment: 64)
            var state: UInt32 = 1
            let floats = memory.bindMemory(to: Float.self, capacity: bytes / 4)
            for index in 0..<bytes / 4 {
                state = state &* 1_664_525 &+ 1_013_904_223
                floats[index] = Float(state >> 8) / 16_777_216 - 0.5
            }
            return memory
        }
        func list<Element>(_ elements: [Element]) -> UnsafePointer<Element> {
            let list = UnsafeMutablePointer<Element>.allocate(capacity: max(1, elements.count))
            list.initialize(from: elements, count: elements.count)
            return UnsafePointer(list)
        }
        let areas = bound.memory
        frame = Frame(
            inputs: list(shapes.map { memory($0.count * 4) }), outputs: list(outputs.map { memory($0.byteCount) }),
            inputGradients: list(zip(shapes, wants).map { $1 ? memory($0.count * 4) : nil }),
            outputGradients: list(outputs.map { phase == .training ? memory($0.byteCount) : nil }),
            accumulates: list(shapes.map { _ in false }), saved: memory(areas.saved), prepared: memory(areas.prepared),
            scratch: memory(max(areas.forwardScratch, areas.backwardScratch)), workerScratch: memory(areas.workerScratch),
            seed: 1, step: 0)
        prepared = phase == .inference
        if prepared { bound.prepare(frame) }
    }

    /// Runs once each way and keeps the best times.
    func round() {
        forwardBest = min(forwardBest, time { stage, tile in bound.forward(frame, stage: stage, tile: tile) })
        if !prepared {
            backwardBest = min(
                backwardBest, time(bound.backwardStages) { stage, tile in bound.backward(frame, stage: stage, tile: tile) })
        }
    }

    private func time(_ stages: [Int]? = nil, _ body: (Int, Int) -> Void) -> Double {
        let clock = ContinuousClock()
        let duration = clock.measure {
            for (stage, tiles) in (stages ?? bound.forwardStages).enumerated() { for tile in 0..<tiles { body(stage, tile) } }
        }
        let (seconds, attoseconds) = duration.components
        return Double(seconds) * 1e3 + Double(attoseconds) * 1e-15
    }

    /// Milliseconds and GFLOP/s; backward counts twice when the input's gradient is wanted.
    func report(backwardCost: Double) {
        func text(_ value: Double, _ width: Int, _ digits: Int) -> String {
            let scale = digits == 3 ? 1000.0 : 10
            let text = "\(Double(Int(value * scale + 0.5)) / scale)"
            return String(repeating: " ", count: max(0, width - text.count)) + text
        }
        var line = label + String(repeating: " ", count: max(1, 44 - label.count))
        line += text(forwardBest, 9, 3) + " ms" + text(bound.cost / forwardBest / 1e6, 8, 1) + " GFLOP/s"
        if !prepared {
            line += "   backward" + text(backwardBest, 9, 3) + " ms" + text(bound.cost * backwardCost / backwardBest / 1e6, 8, 1)
        }
        print(line)
    }
}

func convolution(_ b: Int, _ side: Int, _ channels: Int, _ filters: Int, _ padding: WindowPadding) -> (any Op, [Shape]) {
    (
        Convolution(strides: [1, 1], padding: padding, hasBias: true, activation: .rectifier),
        [[b, side, side, channels], [3, 3, channels, filters], [filters]]
    )
}

func dense(_ b: Int, _ rows: Int, _ columns: Int) -> (any Op, [Shape]) {
    (MatMul(hasBias: true, activation: columns == 10 ? .linear : .rectifier), [[b, rows], [rows, columns], [columns]])
}

func pool(_ b: Int, _ side: Int, _ channels: Int) -> (any Op, [Shape]) {
    (Pool(kind: .max, size: [2, 2]), [[b, side, side, channels]])
}

let words = CommandLine.arguments.dropFirst()
let batches = words.compactMap { Int($0) }
switch words.first {
case "augmentation": try benchmarkAugmentation()
case "load":
    for path in words.dropFirst() {
        do { try benchmarkLoad(path) } catch {
            print("kernel-benchmarks: \(error)")
            exit(Int32((error as? LocatedError)?.category.rawValue ?? 70))
        }
    }
default: break
}
for batch in words.isEmpty ? [1, 128] : batches {
    for phase in [Phase.inference, .training] {
        let cases: [(String, (any Op, [Shape]), Bool)] = [
            ("net1 conv 32x32x3 to 32, relu", convolution(batch, 32, 3, 32, .same), false),
            ("net1 pool 32x32x32", pool(batch, 32, 32), true),
            ("net1 dense 8192 to 512, relu", dense(batch, 8192, 512), true),
            ("net1 dense 512 to 10", dense(batch, 512, 10), true),
            ("net2 conv 32x32x32 to 32, relu", convolution(batch, 32, 32, 32, .same), true),
            ("net2 conv 16x16x32 to 64, relu", convolution(batch, 16, 32, 64, .same), true),
            ("net2 conv 16x16x64 to 64 valid, relu", convolution(batch, 16, 64, 64, .valid), true),
            ("net2 pool 14x14x64", pool(batch, 14, 64), true),
            ("net2 dense 3136 to 512, relu", dense(batch, 3136, 512), true),
        ]
        let benches = try cases.map { label, given, gradient in
            (try Bench(label, given.0, given.1, phase: phase, gradientOfInput: gradient), gradient ? 2.0 : 1)
        }
        // Alternating, so that a disturbance hits all alike.
        for _ in 0..<(batch > 16 ? 8 : 60) { for (bench, _) in benches { bench.round() } }
        print("batch \(batch), \(phase == .inference ? "inference" : "training"), one thread")
        for (bench, cost) in benches { bench.report(backwardCost: cost) }
    }
}
