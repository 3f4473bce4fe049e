import Foundation
import SwiftKeras
import TestSupport
import Testing

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Plots of models: what is on them is what genuine Keras 3.15.1 draws (`fixtures/plots`).
@Suite struct PlotTests {
    private struct Told: Decodable {
        struct Plot: Decodable, Equatable {
            var boxes: [[String]]
            var arrows: [[String]]
        }
        var collapsed: Plot
        var expanded: Plot
    }

    /// Boxes and arrows of a DOT file of ours, told as `fixtures/generate/plots.py` tells Keras's.
    private func described(_ dot: String) -> Told.Plot {
        var boxes: [Substring: [String]] = [:]
        var arrows: [(Substring, Substring)] = []
        for line in dot.split(separator: "\n") {
            let line = line.drop { $0 == " " }
            let name = line.prefix { $0 != " " }
            if let label = line.firstRange(of: "label=<<table") {
                boxes[name] = line[label.upperBound...].components(separatedBy: "<td").dropFirst().map { cell in
                    var text = cell[(cell.firstIndex(of: ">") ?? cell.startIndex)...].dropFirst()
                    if let end = text.firstRange(of: "</td>") { text = text[..<end.lowerBound] }
                    return String(text).replacing(/<[^>]*>/, with: "").replacing(/(\(\w+)\(\w+\)\)$/) { "\($0.output.1))" }
                }
            } else if let arrow = line.firstRange(of: " -> ") {
                arrows.append((name, line[arrow.upperBound...].prefix { $0 != " " }))
            }
        }
        func before(_ a: [String], _ b: [String]) -> Bool { a.lexicographicallyPrecedes(b) { $0.utf8.lexicographicallyPrecedes($1.utf8) } }
        return Told.Plot(
            boxes: boxes.values.sorted(by: before),
            arrows: arrows.map { [boxes[$0.0]?[0] ?? "?", boxes[$0.1]?[0] ?? "?"] }.sorted(by: before))
    }

    @Test(arguments: ["sequential", "branches", "siamese", "sequence"])
    func boxesAndArrowsAreGenuine(_ name: String) throws {
        let told = try JSONDecoder().decode(
            [String: Told].self, from: Data(contentsOf: URL(fileURLWithPath: Fixtures.path("plots/plots.json"))))
        let genuine = try #require(told[name])
        let model = try Model(json: Fixtures.path("plots/\(name).json"))
        for (expand, plot) in [(false, genuine.collapsed), (true, genuine.expanded)] {
            let options = PlotOptions(
                showShapes: true, showDtype: true, expandNested: expand, showLayerActivations: true, showTrainable: true)
            let ours = described(String(decoding: try model.plotted(as: .dot, options).bytes, as: UTF8.self))
            #expect(ours.boxes == plot.boxes)
            #expect(ours.arrows == plot.arrows)
        }
    }

    /// The drawing, byte for byte. `SWIFT_KERAS_WRITE_PLOTS=1` writes it anew, to be looked at.
    @Test(arguments: ["branches", "siamese"])
    func drawingsStayAsTheyAre(_ name: String) throws {
        let model = try Model(json: Fixtures.path("plots/\(name).json"))
        let options = PlotOptions(showShapes: true, expandNested: true, showLayerActivations: true)
        let drawn = String(decoding: try model.plotted(as: .svg, options).bytes, as: UTF8.self)
        let path = Fixtures.path("plots/\(name).svg")
        if ProcessInfo.processInfo.environment["SWIFT_KERAS_WRITE_PLOTS"] != nil {
            try drawn.write(toFile: path, atomically: true, encoding: .utf8)
        }
        #expect(drawn == (try String(contentsOfFile: path, encoding: .utf8)))
    }

    /// Models of every generation: SVG that parses and has every layer's name.
    @Test(arguments: ZooTests.files)
    func everyGenerationIsDrawn(_ file: String) throws {
        let model = try Model(contentsOf: Fixtures.path("zoo/\(file)"), backend: file.contains("theano") ? "theano" : nil)
        let options = PlotOptions(showShapes: true, expandNested: true)
        let (bytes, _) = try model.plotted(as: .svg, options)
        let parser = XMLParser(data: Data(bytes))
        #expect(parser.parse())
        let names = Names()
        parser.delegate = nil
        let second = XMLParser(data: Data(bytes))
        second.delegate = names
        #expect(second.parse())
        func expect(_ spec: ModelSpec, _ path: String) {
            for layer in spec.layers where !(spec.kind == .sequential && layer.className == "InputLayer") {
                if let model = layer.model { expect(model.value, path + layer.name + "/") } else {
                    #expect(names.titles.contains { $0.hasPrefix("\(path)\(layer.name) (") }, "\(path)\(layer.name)")
                }
            }
        }
        expect(model.spec, "")
        #expect(bytes == (try model.plotted(as: .svg, options).bytes))
    }

    private final class Names: NSObject, XMLParserDelegate {
        var titles: [String] = []
        private var isTitle = false

        func parser(
            _ parser: XMLParser, didStartElement element: String, namespaceURI: String?, qualifiedName: String?,
            attributes: [String: String]
        ) {
            isTitle = element == "title"
            if isTitle { titles.append("") }
        }
        func parser(_ parser: XMLParser, didEndElement element: String, namespaceURI: String?, qualifiedName: String?) { isTitle = false }
        func parser(_ parser: XMLParser, foundCharacters string: String) { if isTitle { titles[titles.count - 1] += string } }
    }

    @Test func picturesHaveTheDotsThatAreAskedFor() throws {
        let model = try Model(json: Fixtures.path("plots/branches.json"))
        let (small, _) = try model.plotted(as: .png, PlotOptions(dpi: 72))
        let (large, dpi) = try model.plotted(as: .png, PlotOptions())
        #expect(dpi == 200)
        let pictures = try (Image(encoded: small), Image(encoded: large))
        #expect(abs(Double(pictures.1.width) / Double(pictures.0.width) - 200.0 / 72) < 0.05)
        #expect(Set(pictures.0.pixels.floats).count > 20)
    }

    @Test func wrongWishesAreRefused() throws {
        let model = try Model(json: Fixtures.path("plots/branches.json"))
        let folder = try Fixtures.temporaryFolder()
        let ending = #expect(throws: LocatedError.self) { try model.plot(to: folder.path + "/model.pdf") }
        #expect(ending?.code == "plot.ending")
        let dots = #expect(throws: LocatedError.self) { try model.plotted(as: .png, PlotOptions(dpi: 0)) }
        #expect(dots?.code == "plot.dpi")
        #expect(try FileManager.default.contentsOfDirectory(atPath: folder.path).isEmpty)
    }

    /// A model with a layer that nobody here computes is drawn all the same, without shapes.
    @Test func unknownLayersAreDrawn() throws {
        let json = """
            {"class_name": "Sequential", "config": {"name": "odd", "layers": [
            {"module": "keras.layers", "class_name": "InputLayer", "config": {"batch_shape": [null, 4], "dtype": "float32", "name": "i"}},
            {"module": "mine", "class_name": "Mystery", "config": {"name": "puzzle"}, "registered_name": "mine>Mystery"},
            {"module": "keras.layers", "class_name": "Dense", "config": {"name": "d", "units": 3, "activation": "relu"}}]}}
            """
        let path = try Fixtures.temporaryFolder().path + "/odd.json"
        try json.write(toFile: path, atomically: true, encoding: .utf8)
        let options = PlotOptions(showShapes: true)
        let svg = String(decoding: try Model(json: path).plotted(as: .svg, options).bytes, as: UTF8.self)
        #expect(svg.contains("puzzle (mine&gt;Mystery)") || svg.contains("puzzle (Mystery)"))
        #expect(svg.contains(">?<"))
    }
}
