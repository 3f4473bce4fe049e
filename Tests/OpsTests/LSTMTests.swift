import Foundation
import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Ops

struct LSTMTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var name: String
        var batch = 3
        var steps = 4
        var features = 2
        var op: LSTM
        /// By sequence; nil lets every step count.
        var mask: [[Bool]]?
        var testDescription: String { name }
    }

    static let cases = [
        Case(name: "plain", op: LSTM(units: 3)),
        Case(name: "one step", steps: 1, op: LSTM(units: 2)),
        Case(name: "no bias, last output", op: LSTM(units: 5, hasBias: false, returnsSequences: false)),
        Case(name: "hard sigmoid", op: LSTM(units: 3, recurrentActivation: .legacyHardSigmoid)),
        Case(name: "Keras 3's hard sigmoid", op: LSTM(units: 3, recurrentActivation: .hardSigmoid)),
        Case(name: "other activations", op: LSTM(units: 3, activation: .softsign, recurrentActivation: .softplus)),
        Case(name: "elu and linear", op: LSTM(units: 2, activation: .elu(), recurrentActivation: .linear)),
        Case(name: "initial state", op: LSTM(units: 3, hasInitialState: true)),
        Case(name: "backwards", op: LSTM(units: 3, hasInitialState: true, goesBackwards: true)),
        Case(
            name: "mask", batch: 4, op: LSTM(units: 3, hasMask: true),
            mask: [
                [true, true, false, false], [false, true, false, true], [false, false, false, false],
                [true, true, true, true],
            ]),
        Case(
            name: "mask, state, last output", batch: 4,
            op: LSTM(units: 3, hasMask: true, hasInitialState: true, returnsSequences: false),
            mask: [
                [true, true, false, false], [false, true, false, true], [false, false, false, false],
                [true, false, true, true],
            ]),
        Case(
            name: "mask, state, backwards",
            op: LSTM(units: 2, activation: .softsign, hasMask: true, hasInitialState: true, goesBackwards: true),
            mask: [[true, true, false, false], [false, true, true, true], [false, false, false, false]]),
    ]

    static func inputs(_ test: Case) -> [Tensor] {
        var random = TestRandom(UInt64(test.name.utf8.reduce(0) { $0 * 31 % 1000 + Int($1) }))
        let units = test.op.units
        var inputs = [
            random.tensor([test.batch, test.steps, test.features], in: -2...2),
            random.tensor([test.features, 4 * units]), random.tensor([units, 4 * units]),
        ]
        if test.op.hasBias { inputs.append(random.tensor([4 * units])) }
        if let mask = test.mask { inputs.append(Tensor(mask.flatMap(\.self), shape: [test.batch, test.steps])) }
        if test.op.hasInitialState {
            inputs += [random.tensor([test.batch, units]), random.tensor([test.batch, units])]
        }
        return inputs
    }

    /// As Keras's K.rnn says it, one number after the other.
    static func reference(_ test: Case, _ values: [Doubles]) -> [Doubles] {
        let op = test.op, units = op.units
        let (x, kernel, recurrent) = (values[0], values[1], values[2])
        var sequence = Doubles(zeros: [test.batch, test.steps, units])
        var last = Doubles(zeros: [test.batch, units]), hidden = last, cell = last
        if op.hasInitialState { (hidden, cell) = (values[op.shapes.stateInput], values[op.shapes.stateInput + 1]) }
        for b in 0..<test.batch {
            for step in 0..<test.steps {
                let t = op.goesBackwards ? test.steps - 1 - step : step
                if test.mask?[b][t] ?? true {
                    var z = [Double](repeating: 0, count: 4 * units)
                    for j in z.indices {
                        if op.hasBias { z[j] = values[3][j] }
                        for d in 0..<test.features { z[j] += x[b, t, d] * kernel[d, j] }
                        for u in 0..<units { z[j] += hidden[b, u] * recurrent[u, j] }
                    }
                    for u in 0..<units {
                        let i = apply(op.recurrentActivation, z[u]), f = apply(op.recurrentActivation, z[units + u])
                        let g = apply(op.activation, z[2 * units + u]), o = apply(op.recurrentActivation, z[3 * units + u])
                        cell[b, u] = f * cell[b, u] + i * g
                        hidden[b, u] = o * apply(op.activation, cell[b, u])
                        last[b, u] = hidden[b, u]
                    }
                }
                for u in 0..<units { sequence[b, step, u] = last[b, u] }
            }
        }
        return [op.returnsSequences ? sequence : last, hidden, cell]
    }

    static func apply(_ kind: Activation, _ x: Double) -> Double {
        switch kind {
        case .sigmoid: 1 / (1 + exp(-x))
        case .tanh: Foundation.tanh(x)
        case .legacyHardSigmoid: min(max(x * Double(Float(0.2)) + 0.5, 0), 1)
        case .hardSigmoid: min(max(x / 6 + 0.5, 0), 1)
        case .softsign: x / (1 + abs(x))
        case .softplus: log1p(exp(x))
        case .elu: x > 0 ? x : expm1(x)
        default: x
        }
    }

    @Test(arguments: cases) func againstReference(test: Case) throws {
        try check(test.op, Self.inputs(test), relative: 3e-5, absolute: 5e-6) { Self.reference(test, $0) }
    }

    /// Any of the three outputs' gradients may be missing.
    @Test func missingOutputGradients() throws {
        let test = Self.cases[7], inputs = Self.inputs(test)
        var random = TestRandom(3)
        let weights = [random.tensor([3, 4, 3]), random.tensor([3, 3]), random.tensor([3, 3])]
        for missing in 0..<8 {
            let given: [Tensor?] = weights.indices.map { missing >> $0 & 1 == 1 ? nil : weights[$0] }
            let zeros: [Tensor?] = weights.indices.map { missing >> $0 & 1 == 1 ? Tensor(zeros: weights[$0].shape) : weights[$0] }
            let run = try OpRunner.run(test.op, inputs, outputGradients: given)
            let expected = try OpRunner.run(test.op, inputs, outputGradients: zeros)
            #expect(run.inputGradients == expected.inputGradients)
        }
    }

    /// Many sequences, steps and tiles: packed and unpacked weights, training and inference agree with the reference.
    @Test func severalTiles() throws {
        var mask: [[Bool]] = []
        var random = TestRandom(4)
        for _ in 0..<37 { mask.append((0..<7).map { _ in random.next() % 4 != 0 }) }
        for masked in [false, true] {
            let test = Case(
                name: "large", batch: 37, steps: 7, features: 11, op: LSTM(units: 33, hasMask: masked),
                mask: masked ? mask : nil)
            let inputs = Self.inputs(test).enumerated().map { [1, 2].contains($0) ? $1 * 0.2 : $1 }
            let expected = Self.reference(test, inputs.map(Doubles.init))
            let prepared = try OpRunner.run(test.op, inputs)
            let plain = try OpRunner.run(test.op, inputs, constantInputs: inputs.map { _ in false })
            let training = try OpRunner.run(
                test.op, inputs, outputGradients: expected.map { random.tensor($0.shape) })
            for (index, truth) in expected.enumerated() {
                #expect(mismatch(prepared.outputs[index], truth) == nil)
                #expect(prepared.outputs[index] == plain.outputs[index])
                #expect(prepared.outputs[index] == training.outputs[index])
            }
        }
    }

    @Test func noSteps() throws {
        let test = Case(name: "no steps", steps: 0, op: LSTM(units: 3, hasInitialState: true, returnsSequences: false))
        let inputs = Self.inputs(test)
        let run = try OpRunner.run(
            test.op, inputs, outputGradients: [nil, inputs[4], inputs[5]].map { $0 })
        #expect(run.outputs[0].floats.allSatisfy { $0 == 0 })
        #expect(run.outputs[1] == inputs[4] && run.outputs[2] == inputs[5])
        #expect(run.inputGradients[1]!.floats.allSatisfy { $0 == 0 })
        #expect(run.inputGradients[4] == inputs[4] && run.inputGradients[5] == inputs[5])
    }

    @Test func refuses() {
        let good: [ValueInfo] = [ValueInfo([2, 3, 4]), ValueInfo([4, 20]), ValueInfo([5, 20]), ValueInfo([20])]
        #expect((try? LSTM(units: 5).outputs(for: good))?.map(\.shape) == [[2, 3, 5], [2, 5], [2, 5]])
        for (index, shape) in [(0, [2, 3]), (1, [3, 20]), (2, [5, 16]), (3, [5])] as [(Int, PartialShape)] {
            var bad = good
            bad[index] = ValueInfo(shape)
            #expect(throws: LocatedError.self) { try LSTM(units: 5).outputs(for: bad) }
        }
        #expect(throws: LocatedError.self) { try LSTM(units: Int.max).outputs(for: good) }
        #expect(throws: LocatedError.self) { try LSTM(units: 5, hasMask: true).outputs(for: good + [ValueInfo([2, 3])]) }
    }
}
