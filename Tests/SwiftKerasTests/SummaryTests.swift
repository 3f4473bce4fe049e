import Foundation
import SwiftKeras
import TestSupport
import Testing

@Suite("Summary")
struct SummaryTests {
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
