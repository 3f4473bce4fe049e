package import Graphs
package import Kernels
package import Tensors

/// y = f(x), element by element: float32, and int32 for a function that whole numbers have.
package struct Unary: Op {
    package var function: MathFunction

    package init(_ function: MathFunction) { self.function = function }

    package var name: String { function.rawValue }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        if !(function.isIntegral && inputs[0].dtype == .int32) { try require(name, inputs[0], is: .float32) }
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundUnary(
            function: function, isInteger: site.inputs[0].dtype == .int32,
            elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: function.cost))
    }
}

private struct BoundUnary: BoundOp {
    let function: MathFunction
    let isInteger: Bool
    let elements: TileCut

    var cost: Double { Double(elements.extent) * max(1, function.cost * 4) }
    var inPlaceInputs: [Int] { [0] }
    var retained: Retained {
        if function.isStep || function == .negative { return Retained() }
        return function.gradientReadsOutput ? Retained(outputs: [0]) : Retained(inputs: [0])
    }

    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile), start = range.lowerBound
        if isInteger {
            let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
            evaluate(function, frame.integers(0) + start, output + start, count: range.count)
        } else {
            evaluate(function, frame.input(0) + start, frame.output() + start, count: range.count)
        }
    }

    var backwardStages: [Int] { isInteger || function.isStep ? [] : [elements.count] }
    func backward(_ frame: Frame, stage: Int, tile: Int) {
        if function == .negative { return frame.passGradient(to: 0, elements.range(tile), alpha: -1) }
        guard let target = frame.inputGradient(0) else { return }
        let range = elements.range(tile), start = range.lowerBound
        guard let gradient = frame.outputGradient() else { return frame.noGradient(0, range) }
        functionGradient(
            function, known: (function.gradientReadsOutput ? UnsafePointer(frame.output()) : frame.input(0)) + start,
            gradient + start, target + start, count: range.count, accumulate: frame.accumulates[0])
    }
}

/// Where a float is NaN, infinite, …, as a mask.
package struct Predicate: Op {
    package var predicate: FloatPredicate

    package init(_ predicate: FloatPredicate) { self.predicate = predicate }

    package var name: String { predicate.rawValue }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        return [ValueInfo(inputs[0].shape, .bool)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundPredicate(predicate: predicate, elements: TileCut(elements: site.inputs[0].shape.count))
    }
}

private struct BoundPredicate: BoundOp {
    let predicate: FloatPredicate
    let elements: TileCut

    var cost: Double { Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile), start = range.lowerBound
        holds(
            predicate, frame.input(0) + start, frame.outputs[0].assumingMemoryBound(to: UInt8.self) + start, count: range.count)
    }
}

/// A mask turned round.
package struct LogicalNot: Op {
    package init() {}

    package var name: String { "logical_not" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .bool, "a mask")
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundNot(elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: 0.1))
    }
}

private struct BoundNot: BoundOp {
    let elements: TileCut

    var cost: Double { Double(elements.extent) }
    var inPlaceInputs: [Int] { [0] }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = elements.range(tile), start = range.lowerBound
        logicalNot(frame.mask(0) + start, frame.outputs[0].assumingMemoryBound(to: UInt8.self) + start, count: range.count)
    }
}

/// The input as it is; no gradient goes back through it.
package struct StopGradient: Op {
    package init() {}

    package var name: String { "stop_gradient" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        return inputs
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundStop(
            bytes: TileCut(site.inputs[0].byteCount, nanosecondsPerUnit: 0.1, multiple: 64),
            isTraining: site.phase == .training)
    }
}

private struct BoundStop: BoundOp {
    let bytes: TileCut
    /// An alias without stages of backward would let the gradient through: training copies.
    let isTraining: Bool

    var cost: Double { Double(bytes.extent) / 4 }
    var alias: Int? { isTraining ? nil : 0 }
    var forwardStages: [Int] { isTraining ? [bytes.count] : [] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let range = bytes.range(tile)
        (frame.outputs[0] + range.lowerBound).copyMemory(from: frame.inputs[0] + range.lowerBound, byteCount: range.count)
    }
}
