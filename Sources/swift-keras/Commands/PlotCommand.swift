public import ArgumentParser
public import SwiftKeras

extension PlotOptions.Direction: ExpressibleByArgument {}

/// The model's graph as a picture.
struct PlotCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plot", abstract: "Draw a model's graph as SVG, PNG or Graphviz's DOT.",
        discussion: """
            Options are those of Keras's plot_model. Neither Graphviz nor a font is needed for SVG and PNG. Layers that swift-keras \
            doesn't compute are drawn too, with ? for shapes.
            """)

    @OptionGroup var model: ModelOptions

    @Argument(help: "The picture: its ending, .svg, .png or .dot, says the format.", completion: .file())
    var output: String

    @OptionGroup var common: CommonOptions

    @Flag(name: .long, help: "Show the shapes of inputs and outputs.")
    var showShapes = false

    @Flag(name: .long, help: "Show the types of outputs.")
    var showDtype = false

    @Flag(name: .long, inversion: .prefixedNo, help: "Show names beside classes.")
    var showLayerNames = true

    @Flag(name: .long, help: "Show activations.")
    var showLayerActivations = false

    @Flag(name: .long, help: "Show whether layers with weights are trainable.")
    var showTrainable = false

    @Flag(name: .long, help: "Show the layers of nested models, in frames.")
    var expandNested = false

    @Option(name: .long, help: "Which way arrows go.")
    var rankdir: PlotOptions.Direction = .topToBottom

    @Option(name: .long, help: "Dots an inch of a PNG. (default: 200, or as many as make a picture of bearable size)")
    var dpi: Int?

    func run() throws {
        let model = try model.load(needsWeights: false, common)
        let options = PlotOptions(
            showShapes: showShapes, showDtype: showDtype, showLayerNames: showLayerNames, direction: rankdir,
            expandNested: expandNested, dpi: dpi, showLayerActivations: showLayerActivations, showTrainable: showTrainable)
        let drawn = try model.plot(to: output, options)
        if let drawn, dpi == nil, drawn < 200 { common.note("The picture has \(drawn) dots an inch: 200 would make it too large.") }
        if common.json { Terminal.put(json: ["output": .string(output)]) }
    }
}
