import Tensors
import Testing

@Suite struct PhiloxTests {
    /// Random123's `kat_vectors`: counter, key, expected.
    @Test(arguments: [
        (
            SIMD4<UInt32>(repeating: 0), SIMD2<UInt32>(repeating: 0),
            SIMD4<UInt32>(0x6627_e8d5, 0xe169_c58d, 0xbc57_ac4c, 0x9b00_dbd8)
        ),
        (
            SIMD4<UInt32>(repeating: .max), SIMD2<UInt32>(repeating: .max),
            SIMD4<UInt32>(0x408f_276d, 0x41c8_3b0e, 0xa20b_c7c6, 0x6d54_51fd)
        ),
        (
            SIMD4<UInt32>(0x243f_6a88, 0x85a3_08d3, 0x1319_8a2e, 0x0370_7344), SIMD2<UInt32>(0xa409_3822, 0x299f_31d0),
            SIMD4<UInt32>(0xd16c_fe09, 0x94fd_cceb, 0x5001_e420, 0x2412_6ea1)
        ),
    ])
    func knownAnswers(counter: SIMD4<UInt32>, key: SIMD2<UInt32>, expected: SIMD4<UInt32>) {
        #expect(Philox.block(counter: counter, key: key) == expected)
    }

    @Test func streamsDiffer() {
        var a = RandomStream(seed: 1, stream: 0)
        var again = RandomStream(seed: 1, stream: 0)
        var b = RandomStream(seed: 1, stream: 1)
        var c = RandomStream(seed: 2, stream: 0)
        let first = (0..<9).map { _ in a.bits() }
        #expect(first == (0..<9).map { _ in again.bits() })
        #expect(first != (0..<9).map { _ in b.bits() })
        #expect(first != (0..<9).map { _ in c.bits() })
    }

    @Test func uniformFillsTheUnitInterval() {
        var random = RandomStream(seed: 3)
        let values = (0..<20_000).map { _ in random.uniform() }
        #expect(values.allSatisfy { $0 >= 0 && $0 < 1 })
        let mean = values.reduce(0.0) { $0 + Double($1) } / 20_000
        #expect(abs(mean - 0.5) < 0.01)
        #expect(values.min()! < 0.001 && values.max()! > 0.999)
    }

    @Test func normalHasItsMoments() {
        var random = RandomStream(seed: 4)
        let values = (0..<40_000).map { _ in random.normal() }
        #expect(abs(moment(values, 1)) < 0.02)
        #expect(abs(moment(values, 2) - 1) < 0.03)
        #expect(abs(moment(values, 3)) < 0.08)
        #expect(abs(moment(values, 4) - 3) < 0.2)
    }

    @Test func truncatedNormalStaysWithinTwoDeviations() {
        var random = RandomStream(seed: 5)
        let values = (0..<40_000).map { _ in random.truncatedNormal() }
        #expect(values.allSatisfy { abs($0) < 2 })
        // scipy.stats.truncnorm.std(-2, 2)
        #expect(abs(moment(values, 2).squareRoot() - 0.87962566103423978) < 0.01)
    }

    private func moment(_ values: [Double], _ power: Int) -> Double {
        values.reduce(0.0) { sum, value in sum + (0..<power).reduce(1.0) { product, _ in product * value } } / Double(values.count)
    }
}
