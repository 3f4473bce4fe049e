import Foundation
import SwiftKeras
import TestSupport
import Testing

/// The cases of fixtures/layers, each with the summary that genuine Keras 2.3.1 printed.
private let layerCases: [String] = {
    struct Case: Decodable { var path: String }
    guard let data = FileManager.default.contents(atPath: Fixtures.path("layers/index.json")),
        let list = try? JSONDecoder().decode([Case].self, from: data)
    else { return [] }
    return list.map(\.path)
}()

@Suite("Summary")
struct SummaryTests {
    @Test("there are cases") func cases() { #expect(layerCases.count > 200) }

    @Test("prints what Keras 2.3 printed", arguments: layerCases)
    func keras2(path: String) throws {
        let folder = Fixtures.path("layers/\(path)")
        let genuine = try String(contentsOfFile: "\(folder)/summary.txt", encoding: .utf8)
        #expect(try Model(json: "\(folder)/model.json").summary() == genuine)
    }

    @Test(
        "prints what Keras 3 printed, at several widths",
        arguments: [
            ("notebook/net2/cifar10_architecture.json", "net2_keras3", nil),
            ("notebook/net2/cifar10_architecture.json", "net2_keras3_60", 60),
            ("notebook/net2/cifar10_architecture.json", "net2_keras3_120", 120),
            ("probe/model.json", "probe_keras3_108", 108),
        ] as [(String, String, Int?)])
    func keras3(model: String, summary: String, lineLength: Int?) throws {
        let genuine = try String(contentsOfFile: Fixtures.path("summaries/\(summary).txt"), encoding: .utf8)
        let model = try Model(json: Fixtures.path(model))
        #expect(try model.summary(style: .keras3, lineLength: lineLength) == genuine)
    }
}
