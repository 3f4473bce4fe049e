import Foundation
import KerasFormat
import KerasSpec
import TestSupport
import Testing

/// The README's table of generations says what the matrix of conversions measured (`fixtures/generate/matrix.py`).
@Suite struct CompatibilityTests {
    /// Environment variable that makes the test write the table instead of comparing it.
    private static let rewrites = "SWIFT_KERAS_WRITE_DOCS"
    private static let markers = ("<!-- compatibility: begin -->\n", "<!-- compatibility: end -->")

    private static let targets = ["keras-1.2", "keras-2.3", "tf-keras", "keras-3.0", "keras-3"]

    /// The samples' table and the functional models', with the number of their wrong cells.
    private static func tables() throws -> (text: String, wrong: Int) {
        let data = try Data(contentsOf: Fixtures.root.appendingPathComponent("fixtures/compatibility.json"))
        let sections = try #require(try JSON.parse(Array(data)).object)
        let samples = try table(try #require(sections["sources"]?.object))
        var text = samples.text
        if let functional = sections["functional"]?.object, !functional.isEmpty {
            text += """

                The same for small models of every kind of layer and graph:


                """
            let models = try table(functional)
            text += models.text
            return (text, samples.wrong + models.wrong)
        }
        return (text, samples.wrong)
    }

    /// One row a source: files, then for each target green cells of all that aren't refused.
    private static func table(_ sources: ConfigObject) throws -> (text: String, wrong: Int) {
        var lines = [
            "| written by | files | " + targets.map { "→ \($0)" }.joined(separator: " | ") + " |",
            "|---|---|" + String(repeating: "---|", count: targets.count),
        ]
        var wrong = 0
        for (source, entry) in sources.sorted(by: { $0.key < $1.key }) {
            let object = try #require(entry.object)
            let cells = try targets.map { target -> String in
                guard let counts = object["targets"]?.object?[target]?.object else { return "–" }
                let (green, refused, bad) = (
                    try #require(counts["green"]?.integer), try #require(counts["refused"]?.integer),
                    try #require(counts["wrong"]?.integer)
                )
                wrong += bad
                return "\(green)" + (refused > 0 ? ", \(refused) refused" : "") + (bad > 0 ? ", **\(bad) wrong**" : "")
            }
            lines.append("| \(source) | \(try #require(object["files"]?.integer)) | \(cells.joined(separator: " | ")) |")
        }
        return (lines.joined(separator: "\n") + "\n", wrong)
    }

    @Test func readmeTableIsCurrent() throws {
        let file = Fixtures.root.appendingPathComponent("README.md")
        var readme = try String(contentsOf: file, encoding: .utf8)
        let begin = try #require(readme.range(of: Self.markers.0)), end = try #require(readme.range(of: Self.markers.1))
        let (table, wrong) = try Self.tables()
        if ProcessInfo.processInfo.environment[Self.rewrites] != nil {
            readme.replaceSubrange(begin.upperBound..<end.lowerBound, with: table)
            try readme.write(to: file, atomically: true, encoding: .utf8)
        } else {
            #expect(readme[begin.upperBound..<end.lowerBound] == table, "run this test with \(Self.rewrites)=1")
        }
        #expect(wrong == 0)
    }
}
