import Foundation
import TestSupport
import Testing
import Training

@Suite struct ProgressBarTests {
    struct Case: Decodable, Sendable, CustomTestStringConvertible {
        struct Update: Decodable, Sendable {
            var at: Double
            var current: Int
            var values: [[String]]

            init(from decoder: any Decoder) throws {
                var list = try decoder.unkeyedContainer()
                at = try list.decode(Double.self)
                current = try list.decode(Int.self)
                values = try list.decode([[String]].self)
            }
        }

        var name: String
        var target: Int?
        var verbose: Int
        var stateful: [String]
        var dynamic: Bool
        var updates: [Update]
        var texts: [String]

        var testDescription: String { name }
    }

    static let cases: [Case] = {
        guard let data = try? Data(contentsOf: URL(fileURLWithPath: Fixtures.path("progress/bars.json"))) else { return [] }
        return (try? JSONDecoder().decode([Case].self, from: data)) ?? []
    }()

    @Test func everyCaseIsThere() { #expect(Self.cases.count == 15) }

    @Test(arguments: cases) func writesWhatKerasWrites(_ given: Case) throws {
        var bar = ProgressBar(
            target: given.target, verbosity: try #require(ProgressBar.Verbosity(rawValue: given.verbose)),
            statefulMetrics: Set(given.stateful), isDynamic: given.dynamic, now: 1000)
        for (update, text) in zip(given.updates, given.texts) {
            let values = try update.values.map { (name: $0[0], value: try #require(Double($0[1]))) }
            #expect(bar.update(update.current, values, now: 1000 + update.at) == text)
        }
    }
}
