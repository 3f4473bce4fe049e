import Foundation
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Ops

/// GRU and SimpleRNN.
struct GRUTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var batch = 3
        var steps = 4
        var features = 2
        var op: GRU
        /// By sequence; nil lets every step count.
        var mask: [[Bool]]?
        var testDescription: String { name }
    }

    private static let ragged = [
        [true, true, false, false], [false, true, false, true], [false, false, false, false], [true, false, true, true],
    ]

    static let cases: [Case] = [true, false].flatMap { resetsAfter in
        let label = resetsAfter ? "after: " : "before: "
        return [
            Case(name: label + "plain", op: GRU(units: 3, resetsAfter: resetsAfter)),
            Case(name: label + "one step", steps: 1, op: GRU(units: 2, resetsAfter: resetsAfter)),
            Case(name: label + "no bias, last output", op: GRU(units: 5, resetsAfter: resetsAfter, hasBias: false, returnsSequences: false)),
            Case(name: label + "hard sigmoid", op: GRU(units: 3, recurrentActivation: .legacyHardSigmoid, resetsAfter: resetsAfter)),
            Case(
                name: label + "other activations",
                op: GRU(units: 3, activation: .softsign, recurrentActivation: .softplus, resetsAfter: resetsAfter)),
            Case(name: label + "initial state", op: GRU(units: 3, resetsAfter: resetsAfter, hasInitialState: true)),
            Case(
                name: label + "backwards, no bias",
                op: GRU(units: 3, resetsAfter: resetsAfter, hasBias: false, hasInitialState: true, goesBackwards: true)),
            Case(name: label + "mask", batch: 4, op: GRU(units: 3, resetsAfter: resetsAfter, hasMask: true), mask: ragged),
            Case(
                name: label + "mask, zeros", batch: 4, op: GRU(units: 3, resetsAfter: resetsAfter, hasMask: true, zeroesMasked: true),
                mask: ragged),
            Case(
                name: label + "mask, zeros, last output", batch: 4,
                op: GRU(units: 3, resetsAfter: resetsAfter, hasMask: true, returnsSequences: false, zeroesMasked: true), mask: ragged),
            Case(
                name: label + "mask, state, last output", batch: 4,
                op: GRU(units: 3, resetsAfter: resetsAfter, hasMask: true, hasInitialState: true, returnsSequences: false), mask: ragged),
            Case(
                name: label + "mask, state, backwards", batch: 4,
                op: GRU(
                    units: 2, activation: .softsign, resetsAfter: resetsAfter, hasMask: true, hasInitialState: true,
                    goesBackwards: true), mask: ragged),
        ]
    }

    static func inputs(_ test: Case) -> [Tensor] {
        var random = TestRandom(UInt64(test.name.utf8.reduce(0) { $0 * 31 % 1000 + Int($1) }))
        let units = test.op.units
        var inputs = [
            random.tensor([test.batch, test.steps, test.features], in: -2...2),
            random.tensor([test.features, 3 * units]), random.tensor([units, 3 * units]),
        ]
        if test.op.hasBias { inputs.append(random.tensor(test.op.resetsAfter ? [2, 3 * units] : [3 * units])) }
        if let mask = test.mask { inputs.append(Tensor(mask.flatMap(\.self), shape: [test.batch, test.steps])) }
        if test.op.hasInitialState { inputs.append(random.tensor([test.batch, units])) }
        return inputs
    }

    /// As Keras's K.rnn says it, one number after the other.
    static func reference(_ test: Case, _ values: [Doubles]) -> [Doubles] {
        let op = test.op, units = op.units
        let (x, kernel, recurrent) = (values[0], values[1], values[2])
        return recur(
            batch: test.batch, steps: test.steps, units: units, state: op.hasInitialState ? values[op.shapes.stateInput] : nil,
            mask: test.mask, sequences: op.returnsSequences, backwards: op.goesBackwards, zeroes: op.zeroesMasked
        ) { b, t, h in
            func input(_ j: Int) -> Double {
                var sum = 0.0
                if op.hasBias { sum += op.resetsAfter ? values[3][0, j] : values[3][j] }
                for d in 0..<test.features { sum += x[b, t, d] * kernel[d, j] }
                return sum
            }
            func inner(_ h: [Double], _ j: Int) -> Double {
                var sum = op.hasBias && op.resetsAfter ? values[3][1, j] : 0
                for u in 0..<units { sum += h[u] * recurrent[u, j] }
                return sum
            }
            let z = (0..<units).map { LSTMTests.apply(op.recurrentActivation, input($0) + inner(h, $0)) }
            let r = (0..<units).map { LSTMTests.apply(op.recurrentActivation, input(units + $0) + inner(h, units + $0)) }
            return (0..<units).map { u in
                let j = 2 * units + u
                let recurrence = op.resetsAfter ? r[u] * inner(h, j) : inner(zip(r, h).map { $0 * $1 }, j)
                return z[u] * h[u] + (1 - z[u]) * LSTMTests.apply(op.activation, input(j) + recurrence)
            }
        }
    }

    /// Runs `step` (sequence, time, h before) over all steps that count.
    static func recur(
        batch: Int, steps: Int, units: Int, state: Doubles?, mask: [[Bool]]?, sequences: Bool, backwards: Bool, zeroes: Bool,
        _ step: (Int, Int, [Double]) -> [Double]
    ) -> [Doubles] {
        var outputs = Doubles(zeros: [batch, steps, units])
        var last = Doubles(zeros: [batch, units]), hidden = state ?? last
        for b in 0..<batch {
            for index in 0..<steps {
                let t = backwards ? steps - 1 - index : index
                let isCounted = mask?[b][t] ?? true
                if isCounted {
                    let h = step(b, t, (0..<units).map { hidden[b, $0] })
                    for u in 0..<units { (hidden[b, u], last[b, u]) = (h[u], h[u]) }
                } else if zeroes {
                    for u in 0..<units { last[b, u] = 0 }
                }
                for u in 0..<units { outputs[b, index, u] = last[b, u] }
            }
        }
        return [sequences ? outputs : last, hidden]
    }

    @Test(arguments: cases) func againstReference(test: Case) throws {
        try check(test.op, Self.inputs(test), relative: 3e-5, absolute: 5e-6) { Self.reference(test, $0) }
    }

    @Test(arguments: 0..<6) func simpleRNN(number: Int) throws {
        let ops = [
            SimpleRNN(units: 3), SimpleRNN(units: 4, hasBias: false, returnsSequences: false),
            SimpleRNN(units: 3, activation: .softsign, hasInitialState: true, goesBackwards: true),
            SimpleRNN(units: 3, hasMask: true), SimpleRNN(units: 3, hasMask: true, returnsSequences: false, zeroesMasked: true),
            SimpleRNN(units: 2, activation: .elu(), hasMask: true, hasInitialState: true, goesBackwards: true, zeroesMasked: true),
        ]
        let op = ops[number], units = op.units
        let mask = op.hasMask ? Self.ragged : nil
        var random = TestRandom(UInt64(number))
        var inputs = [random.tensor([4, 4, 2], in: -2...2), random.tensor([2, units]), random.tensor([units, units])]
        if op.hasBias { inputs.append(random.tensor([units])) }
        if let mask { inputs.append(Tensor(mask.flatMap(\.self), shape: [4, 4])) }
        if op.hasInitialState { inputs.append(random.tensor([4, units])) }
        try check(op, inputs, relative: 3e-5, absolute: 5e-6) { values in
            Self.recur(
                batch: 4, steps: 4, units: units, state: op.hasInitialState ? values[op.shapes.stateInput] : nil, mask: mask,
                sequences: op.returnsSequences, backwards: op.goesBackwards, zeroes: op.zeroesMasked
            ) { b, t, h in
                (0..<units).map { j in
                    var sum = op.hasBias ? values[3][j] : 0
                    for d in 0..<2 { sum += values[0][b, t, d] * values[1][d, j] }
                    for u in 0..<units { sum += h[u] * values[2][u, j] }
                    return LSTMTests.apply(op.activation, sum)
                }
            }
        }
    }

    /// Many sequences, steps and tiles: packed and unpacked weights, training and inference agree with the reference.
    @Test(arguments: [true, false]) func severalTiles(resetsAfter: Bool) throws {
        var mask: [[Bool]] = []
        var random = TestRandom(4)
        for _ in 0..<37 { mask.append((0..<7).map { _ in random.next() % 4 != 0 }) }
        for masked in [false, true] {
            let test = Case(
                name: "large", batch: 37, steps: 7, features: 11, op: GRU(units: 33, resetsAfter: resetsAfter, hasMask: masked),
                mask: masked ? mask : nil)
            let inputs = Self.inputs(test).enumerated().map { [1, 2].contains($0) ? $1 * 0.2 : $1 }
            let expected = Self.reference(test, inputs.map(Doubles.init))
            let prepared = try OpRunner.run(test.op, inputs)
            let plain = try OpRunner.run(test.op, inputs, constantInputs: inputs.map { _ in false })
            let training = try OpRunner.run(test.op, inputs, outputGradients: expected.map { random.tensor($0.shape) })
            for (index, truth) in expected.enumerated() {
                #expect(mismatch(prepared.outputs[index], truth) == nil)
                #expect(prepared.outputs[index] == plain.outputs[index])
                #expect(prepared.outputs[index] == training.outputs[index])
            }
        }
    }

    @Test func stepsApartAndTogether() throws {
        var random = TestRandom(5)
        for axis in [0, 1, -1] {
            let x = random.tensor([2, 3, 4])
            let extent = x.shape[axis < 0 ? 2 : axis]
            let apart = try OpRunner.run(Steps(axis: axis), [x], outputGradients: (0..<extent).map { index in
                index == 0 ? nil : random.tensor(Shape([2, 3, 4].enumerated().filter { $0.offset != (axis < 0 ? 2 : axis) }.map(\.element)))
            })
            #expect(apart.outputs.count == extent)
            let together = try OpRunner.run(JoinedSteps(axis: axis), apart.outputs, outputGradients: [x])
            #expect(together.outputs[0] == x)
            #expect(together.inputGradients.map { $0! } == apart.outputs)
        }
        #expect(throws: LocatedError.self) { try Steps().outputs(for: [ValueInfo([2, nil, 3])]) }
        #expect(throws: LocatedError.self) { try JoinedSteps().outputs(for: [ValueInfo([2, 3]), ValueInfo([2, 4])]) }
    }
}
