import Foundation
import Tensors
import TestSupport
import Testing

/// `fixtures/random/random_state.json`: what `numpy.random.RandomState` gave.
private struct RandomCase: Decodable, Sendable, CustomTestStringConvertible {
    struct State: Decodable {
        var key: String
        var position: Int
        var has_gauss: Int
        var cached: Double
    }
    enum Word: Decodable {
        case one(String)
        case many([String])

        init(from decoder: any Decoder) throws {
            let container = try decoder.singleValueContainer()
            if let one = try? container.decode(String.self) { self = .one(one) } else { self = .many(try container.decode([String].self)) }
        }

        var number: Int? { if case .one(let text) = self { Int(text) } else { nil } }
        var numbers: [Int] { if case .many(let texts) = self { texts.compactMap { Int($0) } } else { [] } }
    }

    var seed: [UInt32]
    var is_list: Bool
    var random_sample: [Double]
    var uniform: [Double]
    var randint: [[Word]]
    var standard_normal: [Double]
    var shuffle_20: [Int]
    var standard_normal_after: [Double]
    var permutation_7: [Int]
    var epochs_of_50000: [String]
    var state: State

    var testDescription: String { is_list ? "\(seed.count) seeds from \(seed[0])" : "\(seed[0])" }

    static let all = try! JSONDecoder().decode(
        [RandomCase].self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("random/random_state.json"))))
}

/// As the generator's: FNV-1a over the values as 64-bit words.
private func digest(_ values: some Sequence<some BinaryInteger>) -> String {
    var hash: UInt64 = 0xcbf2_9ce4_8422_2325
    for value in values { hash = (hash ^ UInt64(truncatingIfNeeded: value)) &* 0x100_0000_01b3 }
    return String(hash)
}

/// Equal but for the last bit of a logarithm, which belongs to the system's library.
private func close(_ got: [Double], _ expected: [Double]) -> Bool {
    got.count == expected.count && zip(got, expected).allSatisfy { abs($0 - $1) <= 4 * $1.ulp }
}

@Suite struct NumPyRandomTests {
    @Test(arguments: RandomCase.all)
    fileprivate func drawsAsNumPy(_ expected: RandomCase) throws {
        var random = expected.is_list ? try NumPyRandom(seeds: expected.seed) : NumPyRandom(seed: expected.seed[0])
        #expect(random.randomSample(5) == expected.random_sample)
        #expect((0..<3).map { _ in random.uniform(-40, 40) } == expected.uniform)
        for range in expected.randint {
            let low = try #require(range[0].number), high = try #require(range[1].number)
            #expect((0..<4).map { _ in random.randint(low..<high) } == range[2].numbers, "\(low)..<\(high)")
        }
        #expect(close((0..<5).map { _ in random.standardNormal() }, expected.standard_normal))
        var index = Array(0..<20)
        random.shuffle(&index)
        #expect(index == expected.shuffle_20)
        #expect(close((0..<2).map { _ in random.standardNormal() }, expected.standard_normal_after))
        #expect(random.permutation(7) == expected.permutation_7)
        index = Array(0..<50_000)
        for epoch in expected.epochs_of_50000 {
            random.shuffle(&index)
            #expect(digest(index) == epoch)
        }
        #expect(digest(random.state.key) == expected.state.key)
        #expect(random.state.position == expected.state.position)
        #expect(close(random.state.cachedNormal.map { [$0] } ?? [], expected.state.has_gauss == 1 ? [expected.state.cached] : []))
    }

    @Test func goesOnFromAState() throws {
        var random = NumPyRandom(seed: 7)
        _ = random.randomSample(1000)
        _ = random.standardNormal()
        var restored = try NumPyRandom(state: random.state)
        #expect(restored == random)
        #expect(restored.standardNormal() == random.standardNormal())
        #expect(restored.permutation(100) == random.permutation(100))
        #expect(restored.state == random.state)
    }

    @Test func refusesWhatIsNoState() {
        func code(_ key: Int, _ position: Int) -> String? {
            do throws(LocatedError) {
                _ = try NumPyRandom(state: .init(key: Array(repeating: 1, count: key), position: position))
            } catch { return error.code }
            return nil
        }
        #expect(code(624, 0) == nil && code(624, 624) == nil)
        #expect(code(623, 0) == "random.state" && code(624, 625) == "random.state" && code(624, -1) == "random.state")
        #expect(throws: LocatedError.self) { try NumPyRandom(seeds: []) }
    }

    @Test func ordersNothing() {
        var random = NumPyRandom(seed: 1)
        let before = random
        var none: [Int] = [], one = [5]
        random.shuffle(&none)
        random.shuffle(&one)
        #expect(none == [] && one == [5] && random == before && random.randint(3..<4) == 3 && random == before)
    }
}
