import Graphs
import Kernels
import Tensors
import TestSupport
import Testing

@testable import Ops

struct RandomAndIndexTests {
    /// Known answers of Random123 (kat_vectors, philox4x32 10).
    @Test func philoxKnownAnswers() {
        func words(_ a: UInt32, _ b: UInt32) -> UInt64 { UInt64(a) | UInt64(b) << 32 }
        let zero = philox(counter: (0, 0), key: 0)
        #expect(zero == (words(0x6627_e8d5, 0xe169_c58d), words(0xbc57_ac4c, 0x9b00_dbd8)))
        let ones = philox(counter: (.max, .max), key: .max)
        #expect(ones == (words(0x408f_276d, 0x41c8_3b0e), words(0xa20b_c7c6, 0x6d54_51fd)))
        let pi = philox(
            counter: (words(0x243f_6a88, 0x85a3_08d3), words(0x1319_8a2e, 0x0370_7344)),
            key: words(0xa409_3822, 0x299f_31d0))
        #expect(pi == (words(0xd16c_fe09, 0x94fd_cceb), words(0x5001_e420, 0x2412_6ea1)))
    }

    @Test(arguments: [0.25, 0.5, 0.9] as [Float]) func dropout(rate: Float) throws {
        let count = 100_003
        let x = Tensor([Float](repeating: 2, count: count)), dy = Tensor((0..<count).map { Float($0 % 5 + 1) })
        let op = Dropout(rate: rate, stream: 7)
        let run = try OpRunner.run(op, [x], outputGradients: [dy], seed: 42, step: 3)
        let kept = run.outputs[0].floats.map { $0 != 0 }
        let scale = 1 / (1 - rate)
        #expect(zip(run.outputs[0].floats, kept).allSatisfy { $1 ? $0 == 2 * scale : $0 == 0 })
        let share = Double(kept.count(where: \.self)) / Double(count)
        // Five standard deviations.
        #expect(abs(share - Double(1 - rate)) < 5 * (Double(rate * (1 - rate)) / Double(count)).squareRoot())
        let gradient = run.inputGradients[0]!.floats
        #expect(zip(gradient, kept).enumerated().allSatisfy { $1.0 == ($1.1 ? Float($0 % 5 + 1) * scale : 0) })
        // Words of Philox in order, the highest 24 bits of each.
        let key = philox(counter: (7, 3), key: 42).0
        for block in [0, 1, 24_999] {
            let (low, high) = philox(counter: (UInt64(block), 0), key: key)
            let words = [low & 0xffff_ffff, low >> 32, high & 0xffff_ffff, high >> 32]
            for (lane, word) in words.enumerated() {
                #expect(kept[4 * block + lane] == (Float(word >> 8) / 16_777_216 >= rate))
            }
        }
        for (seed, step, stream) in [(43, 3, 7), (42, 4, 7), (42, 3, 8)] as [(UInt64, UInt64, UInt64)] {
            let other = try OpRunner.run(Dropout(rate: rate, stream: stream), [x], phase: .training, seed: seed, step: step)
            #expect(other.outputs[0] != run.outputs[0])
        }
    }

    @Test func dropoutExtremes() throws {
        let x = Tensor([1, -2, .infinity, .nan] as [Float])
        let none = try OpRunner.run(Dropout(rate: 0, stream: 0), [x], outputGradients: [x])
        #expect(none.outputs[0] == x)
        let all = try OpRunner.run(Dropout(rate: 1, stream: 0), [x], outputGradients: [x])
        #expect(all.outputs[0].floats == [0, 0, 0, 0] && all.inputGradients[0]!.floats == [0, 0, 0, 0])
        #expect(throws: LocatedError.self) { try Dropout(rate: 1.5, stream: 0).outputs(for: [ValueInfo([1])]) }
    }

    @Test func dropoutOfWholeChannels() throws {
        var random = TestRandom(3)
        let x = random.tensor([6, 9, 40], in: 1...2), dy = random.tensor([6, 9, 40], in: 1...2)
        let op = Dropout(rate: 0.4, noiseShape: [nil, 1, 40], stream: 1)
        let run = try OpRunner.run(op, [x], outputGradients: [dy])
        let (y, g) = (Doubles(run.outputs[0]), Doubles(run.inputGradients[0]!))
        var dropped = 0
        for batch in 0..<6 {
            for channel in 0..<40 {
                let isKept = y[batch, 0, channel] != 0
                if !isKept { dropped += 1 }
                for step in 0..<9 {
                    let factor = isKept ? 1 / Double(1 - op.rate) : 0
                    #expect(abs(y[batch, step, channel] - Doubles(x)[batch, step, channel] * factor) < 1e-5)
                    #expect(abs(g[batch, step, channel] - Doubles(dy)[batch, step, channel] * factor) < 1e-5)
                }
            }
        }
        #expect((50...150).contains(dropped))
        #expect(throws: LocatedError.self) {
            try Dropout(rate: 0.4, noiseShape: [1, 2, 40], stream: 1).outputs(for: [ValueInfo([6, 9, 40])])
        }
    }

    @Test(arguments: [([4], 7, 3), ([2, 5], 3, 20), ([3, 1, 2], 5, 1), ([0], 4, 2)] as [(Shape, Int, Int)])
    func embed(indices: Shape, vocabulary: Int, width: Int) throws {
        var random = TestRandom(5)
        let table = random.tensor([vocabulary, width]), places = random.integers(indices, in: 0..<Int32(vocabulary))
        try check(Embed(), [table, places]) { values in
            let rows = values[1].values.flatMap { index in
                values[0].values[Int(index) * width..<(Int(index) + 1) * width]
            }
            return [Doubles(rows, Shape(indices.dims + [width]))]
        }
    }

    @Test func embedInLargeTable() throws {
        var random = TestRandom(6)
        let (vocabulary, width, count) = (3000, 33, 500)
        let table = random.tensor([vocabulary, width]), indices = random.integers([count], in: 0..<3000)
        let dy = random.tensor([count, width])
        let run = try OpRunner.run(Embed(), [table, indices], outputGradients: [dy])
        var expected = [Double](repeating: 0, count: vocabulary * width)
        for (row, index) in indices.array(as: Int32.self).enumerated() {
            for column in 0..<width { expected[Int(index) * width + column] += Double(dy.floats[row * width + column]) }
        }
        #expect(mismatch(run.inputGradients[0]!, expected) == nil)
    }

    @Test func embedOutOfRange() throws {
        let table = Tensor([1, 2, 3, 4] as [Float], shape: [2, 2])
        let run = try OpRunner.run(
            Embed(), [table, Tensor([1, 2, -1] as [Int32])], outputGradients: [Tensor([1, 1, 1, 1, 1, 1] as [Float], shape: [3, 2])])
        let y = run.outputs[0].floats
        #expect(y[0] == 3 && y[1] == 4 && y[2...].allSatisfy(\.isNaN))
        #expect(run.inputGradients[0]!.floats == [0, 0, 1, 1])
    }
}
