import Foundation
@testable import SwiftKeras
import Synchronization
import TestSupport
import Testing
import Training

@Suite("Reports")
struct ReportTests {
    @Test("precision, recall and F1 as scikit-learn 1.9 gives them")
    func scores() {
        // classification_report([0, 1, 2, 2, 1, 0, 2], [0, 2, 2, 2, 1, 1, 2], digits=4)
        let report = ClassReport(truth: [0, 1, 2, 2, 1, 0, 2], predicted: [0, 2, 2, 2, 1, 1, 2], labels: ["a", "b", "c", "d"])
        #expect(report.matrix == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 3, 0], [0, 0, 0, 0]])
        func rounded(_ scores: ClassReport.Scores) -> [Double] {
            [scores.precision, scores.recall, scores.f1].map { ($0 * 1e4).rounded() / 1e4 }
        }
        #expect(report.scores.prefix(3).map(rounded) == [[1, 0.5, 0.6667], [0.5, 0.5, 0.5], [0.75, 1, 0.8571]])
        #expect(report.scores.map(\.support) == [2, 2, 3, 0] && report.scores[3].f1 == 0)
        #expect(rounded(report.weightedAverage) == [0.75, 0.7143, 0.7007] && abs(report.accuracy - 5.0 / 7) < 1e-12)
        #expect(report.text.contains("precision     recall   f1-score    support"))
        #expect(report.csv.split(separator: "\n")[2] == "b,0.5,0.5,0.5,2")
    }

    @Test("several classes a sample")
    func several() {
        let report = ClassReport(truths: [true, false, true, true], predictions: [true, true, true, false], labels: ["a", "b"])
        #expect(report.matrix == nil && report.scores[0].recall == 1 && report.scores[1].precision == 0 && report.accuracy == 0)
        #expect(#expect(throws: LocatedError.self) { try report.plotMatrix(to: "x.svg") }?.code == "report.matrix")
    }

    private func model(_ units: Int, loss: Loss) throws -> Sequential {
        let model = try Sequential([Dense(units, useBias: false, inputShape: [2])], seed: 1)
        try model.compile(loss: loss, optimizer: SGD(), metrics: [.accuracy])
        let table = try model.parameterTable()
        // Outputs are inputs, or the first of them.
        let kernel: [Float] = units == 2 ? [1, 0, 0, 1] : [1, 0]
        model.setWeights(WeightValues(table: table, tensors: [Tensor(kernel, shape: [2, units])]))
        return model
    }

    @Test("classes by kind of output")
    func kinds() throws {
        let x = Tensor([Float](arrayLiteral: 0.9, 0.1, 0.2, 0.8, 0.6, 0.4, 0.3, 0.7), shape: [4, 2])
        let sparse = try model(2, loss: .sparseCategoricalCrossentropy(fromLogits: true))
            .classReport(x, Tensor([Int32](arrayLiteral: 0, 1, 1, 1)), labels: ["cat", "dog"])
        #expect(sparse.matrix == [[1, 0], [1, 2]] && sparse.labels == ["cat", "dog"])
        let oneHot = try model(2, loss: .categoricalCrossentropy).classReport(x, Tensor([Float](arrayLiteral: 1, 0, 0, 1, 0, 1, 0, 1), shape: [4, 2]))
        #expect(oneHot.matrix == sparse.matrix && oneHot.labels == ["0", "1"])
        let binary = try model(1, loss: .binaryCrossentropy).classReport(x, Tensor([Float](arrayLiteral: 1, 0, 0, 0), shape: [4, 1]))
        #expect(binary.matrix == [[2, 1], [0, 1]])
        let several = try model(2, loss: .binaryCrossentropy).classReport(x, Tensor([Float](arrayLiteral: 1, 1, 0, 1, 1, 0, 0, 0), shape: [4, 2]))
        #expect(several.matrix == nil && several.scores[1].support == 2)
        let error = #expect(throws: LocatedError.self) {
            try model(1, loss: .meanSquaredError).classReport(x, Tensor([Float](arrayLiteral: 1, 0, 0, 0), shape: [4, 1]))
        }
        #expect(error?.code == "report.classes" && error?.category == .mismatch)
        let names = #expect(throws: LocatedError.self) {
            try model(2, loss: .categoricalCrossentropy).classReport(x, Tensor([Float](arrayLiteral: 1, 0, 0, 1, 0, 1, 0, 1), shape: [4, 2]), labels: ["a"])
        }
        #expect(names?.code == "report.labels")
    }

    @Test("tables of groups")
    func groupFiles() throws {
        func read(_ text: String) throws -> SampleGroups { try SampleGroups(csv: Array(text.utf8)) }
        let groups = try read("\u{feff}age,\"who, really\"\r\n old ,\"a \"\"b\"\"\"\r\n\r\nyoung,c")
        #expect(groups.attributes == [.init(name: "age", labels: ["old", "young"]), .init(name: "who, really", labels: ["a \"b\"", "c"])])
        func code(_ text: String) -> String? { #expect(throws: LocatedError.self) { try read(text) }?.code }
        #expect(code("") == "groups.empty" && code("a,b\n") == "groups.empty")
        #expect(code("a,a\nx,y") == "groups.header" && code("a,\nx,y") == "groups.header")
        #expect(code("a,b\nx") == "groups.columns" && code("a,b\nx,") == "groups.label" && code("a\n\"x") == "groups.quote")
        #expect(#expect(throws: LocatedError.self) { try SampleGroups(csv: [97, 10, 0xff]) }?.code == "groups.text")
        #expect(#expect(throws: LocatedError.self) { try SampleGroups(contentsOf: "/nowhere/groups.csv") }?.category == .notFound)
    }

    @Test("numbers of groups, and gaps between them")
    func groups() throws {
        let x = Tensor([Float](arrayLiteral: 0.9, 0, 0.8, 0, 0.2, 0, 0.7, 0, 0.1, 0, 0.6, 0), shape: [6, 2])
        let y = Tensor([Float](arrayLiteral: 1, 0, 0, 1, 0, 0), shape: [6, 1])
        let labels = ["b", "b", "a", "a", "c", "b"]
        let model = try model(1, loss: .binaryCrossentropy)
        let report = try model.groupReports([x], [y], groups: SampleGroups([.init(name: "g", labels: labels)]), smallest: 2)[0]
        #expect(report.groups.map(\.name) == ["a", "b", "c"] && report.groups.map(\.samples) == [2, 3, 1])
        #expect(report.groups.map(\.isSmall) == [false, false, true])
        #expect(report.groups[0].numbers["error_rate"] == 0 && abs(report.groups[1].numbers["error_rate"]! - 2.0 / 3) < 1e-12)
        #expect(report.groups[1].numbers["false_positive_rate"] == 1 && report.groups[1].numbers["false_negative_rate"] == 0)
        #expect(report.groups[2].numbers["false_negative_rate"] == nil && report.groups[2].numbers["positive_rate"] == 0)
        let gap = try #require(report.gaps.first { $0.number == "error_rate" })
        #expect(abs(gap.gap - 2.0 / 3) < 1e-12 && gap.largest == "b" && gap.smallest == "a")
        // Each number is what evaluate gives on these samples.
        let own = try model.evaluate(x.gathered([2, 3]), y.gathered([2, 3]))
        #expect(report.groups[0].numbers["loss"] == own[0] && report.groups[0].numbers["accuracy"] == own[1])
        #expect(report.text.contains("c *") && report.text.contains("largest gap"))
        let error = #expect(throws: LocatedError.self) {
            try model.groupReports([x], [y], groups: SampleGroups([.init(name: "g", labels: ["a"])]))
        }
        #expect(error?.code == "groups.count" && error?.category == .mismatch)
    }

    @Test("pictures of histories and matrices, whatever the numbers")
    func pictures() throws {
        let folder = NSTemporaryDirectory() + "swift-keras-reports-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        let history = History(
            epoch: [0, 1, 2, 3], history: [
                "loss": [2.5, 1.25, .nan, 0.5], "accuracy": [0.1, 0.1, 0.1, 0.1], "f": [1e300, -1e300, 0, .infinity], "g": [0x0.00000000007e8p-1022, 0, 0, 0],
                "val_loss": [2, 1], "val_accuracy": [0.2, 0.3, 0.4, 0.5],
            ])
        try history.plot(to: folder + "/h.svg")
        let svg = try String(contentsOfFile: folder + "/h.svg", encoding: .utf8)
        #expect(svg.contains(">loss<") && svg.contains(">accuracy<") && svg.contains("<title>validation</title>"))
        #expect(!svg.contains("nan") && !svg.contains("inf"))
        try history.plot(to: folder + "/h.png")
        #expect(try Image(contentsOf: folder + "/h.png").pixels.shape == [1000, 1320, 3])
        #expect(#expect(throws: LocatedError.self) { try history.plot(to: folder + "/h.jpg") }?.code == "plot.ending")
        #expect(#expect(throws: LocatedError.self) { try History().plot(to: folder + "/h.svg") }?.code == "plot.empty")
        for classes in [2, 20, 200] {
            let truth = (0..<1000).map { $0 % classes }
            let report = ClassReport(truth: truth, predicted: truth.map { $0 * 7 % classes }, labels: (0..<classes).map { "class <\($0)>" })
            for ending in ["svg", "png"] { try report.plotMatrix(to: "\(folder)/\(classes).\(ending)") }
            #expect(try Image(contentsOf: "\(folder)/\(classes).png").pixels.shape.rank == 3)
        }
        let matrix = try String(contentsOfFile: folder + "/2.svg", encoding: .utf8)
        #expect(matrix.contains("class &lt;0&gt;") && matrix.contains(">500<"))
    }
}
