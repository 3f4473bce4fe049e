public import ArgumentParser
public import SwiftKeras

extension SummaryStyle: ExpressibleByArgument {}

/// The table that `model.summary()` prints.
struct SummaryCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "summary", abstract: "Print the table that Keras's model.summary() prints.")

    @OptionGroup var model: ModelOptions
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "keras2: byte for byte Keras 2.3's; keras3: Keras 3's without colour.")
    var style: SummaryStyle = .keras2

    @Flag(name: .long, help: "Show the layers of nested models.")
    var expandNested = false

    @Option(name: .long, help: "Characters in a line.")
    var lineLength: Int?

    func validate() throws {
        if let lineLength, !(20...10_000).contains(lineLength) {
            throw ValidationError("--line-length: expected 20 to 10000, got \(lineLength)")
        }
    }

    func run() throws {
        let model = try model.load(needsWeights: false, common)
        if common.json {
            Terminal.put(json: try model.summaryDocument())
        } else {
            Terminal.put(try model.summary(style: style, lineLength: lineLength, expandNested: expandNested))
        }
    }
}
