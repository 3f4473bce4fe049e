import Foundation
import Testing

@testable import Plots

#if canImport(FoundationXML)
    import FoundationXML
#endif

/// Drawings as SVG and as pixels.
@Suite struct DrawingTests {
    private func pixel(_ raster: Raster, _ column: Int, _ row: Int) -> [UInt8] {
        let start = 3 * (row * raster.width + column)
        return Array(raster.pixels[start..<start + 3])
    }

    @Test func rectanglesCoverTheirPixels() throws {
        let drawing = Drawing(
            size: Size(8, 6), marks: [.rectangle(Rectangle(1, 2, 3.5, 2), corner: 0, fill: Color(200, 100, 0), stroke: nil)])
        let raster = try #require(drawing.rasterized(scale: 1, limit: 1_000))
        #expect((raster.width, raster.height) == (8, 6))
        #expect(pixel(raster, 0, 2) == [255, 255, 255] && pixel(raster, 1, 1) == [255, 255, 255])
        #expect(pixel(raster, 1, 2) == [200, 100, 0] && pixel(raster, 3, 3) == [200, 100, 0])
        // Half covered: half way from white.
        #expect(pixel(raster, 4, 2) == [227, 177, 127])
        #expect(pixel(raster, 5, 2) == [255, 255, 255] && pixel(raster, 2, 4) == [255, 255, 255])
    }

    @Test func polygonsCoverTheirArea() throws {
        let triangle = Drawing(size: Size(20, 20), marks: [.polygon([Point(0, 0), Point(20, 0), Point(0, 20)], fill: .black)])
        let raster = try #require(triangle.rasterized(scale: 1, limit: 1_000))
        let darkness = stride(from: 0, to: raster.pixels.count, by: 3).reduce(0.0) { $0 + Double(255 - raster.pixels[$1]) / 255 }
        #expect(abs(darkness - 200) < 2)
    }

    @Test(arguments: [nil, [3.0, 2.0]] as [[Double]?])
    func linesAreAsThickAsTheyAre(_ dash: [Double]?) throws {
        let line = Drawing(
            size: Size(40, 10),
            marks: [.path(Path(through: [Point(5, 5), Point(35, 5)]), Drawing.Stroke(.black, width: 3, dash: dash))])
        let raster = try #require(line.rasterized(scale: 1, limit: 1_000))
        #expect(pixel(raster, 6, 5) == [0, 0, 0] && pixel(raster, 20, 8) == [255, 255, 255])
        #expect(pixel(raster, 20, 1) == [255, 255, 255])
        let row = (5..<35).map { pixel(raster, $0, 5)[0] < 128 }
        #expect(row.contains(false) == (dash != nil && (dash?[1] ?? 0) > 3) || dash != nil)
    }

    /// Letters stay within their line, and no letter of ASCII is a box.
    @Test func everyLetterIsDrawn() throws {
        let letters = (33...126).compactMap(Unicode.Scalar.init)
        let unknown = Glyphs.strokes(of: "\u{4e00}")
        for letter in letters {
            let strokes = Glyphs.strokes(of: letter)
            #expect(!strokes.isEmpty && strokes != unknown, "\(letter)")
            let advance = FontMetrics.advance(of: letter, isBold: false) / 1000
            for point in strokes.joined() {
                #expect(point.x >= 0 && point.x <= advance + 0.01, "\(letter)")
                #expect(point.y <= 0.75 && point.y >= -FontMetrics.descent, "\(letter)")
            }
        }
        #expect(Glyphs.strokes(of: " ").isEmpty && unknown.count == 1)
        #expect(Set(letters.map { Glyphs.strokes(of: $0).description }).count == letters.count)
    }

    @Test func textIsWhereItsAnchorSays() throws {
        for (anchor, range) in [(Drawing.Text.Anchor.start, 50.0...90), (.middle, 30...70), (.end, 10...50)] {
            let text = Drawing.Text([Drawing.Text.Run("Dense", size: 12)], at: Point(50, 20), anchor: anchor)
            let raster = try #require(Drawing(size: Size(100, 30), marks: [.text(text)]).rasterized(scale: 1, limit: 10_000))
            let dark = (0..<100).filter { column in (0..<30).contains { pixel(raster, column, $0)[0] < 200 } }
            #expect(Double(try #require(dark.min())) >= range.lowerBound - 1)
            #expect(Double(try #require(dark.max())) <= range.upperBound + 1)
        }
    }

    @Test func textMayStandUpright() throws {
        let text = Drawing.Text([Drawing.Text.Run("loss", size: 12)], at: Point(15, 50), rotation: 90)
        let raster = try #require(Drawing(size: Size(30, 60), marks: [.text(text)]).rasterized(scale: 1, limit: 10_000))
        let dark = (0..<60).filter { row in (0..<30).contains { pixel(raster, $0, row)[0] < 200 } }
        #expect(try #require(dark.max()) <= 50 && (try #require(dark.min())) >= 50 - Int(text.width) - 1)
    }

    @Test func hostileTextIsEscaped() throws {
        let name = "a<b>&\"c\u{0}\u{8}\u{fffe}\n' ]]> <script>"
        let text = Drawing.Text([Drawing.Text.Run(name, size: 10)], at: Point(0, 10))
        let drawing = Drawing(size: Size(10, 10), marks: [.group([.text(text)], title: name)])
        let parser = XMLParser(data: Data(drawing.svg.utf8))
        #expect(parser.parse())
        #expect(!drawing.svg.contains("<script") && !drawing.svg.contains("\u{0}"))
    }

    @Test func picturesAreLimited() {
        #expect(Drawing(size: Size(1e6, 1e6)).rasterized(scale: 3, limit: 1_000_000) == nil)
        #expect(Drawing(size: Size(.infinity, 10)).rasterized(scale: 3, limit: 1_000_000) == nil)
        #expect(Drawing(size: Size(10, 10)).rasterized(scale: 1, limit: 100)?.width == 10)
    }

    @Test func longTextsLoseTheirMiddle() {
        #expect(FontMetrics.shortened("short", toCharacters: 5) == "short")
        #expect(FontMetrics.shortened("block_1_branch_2_conv", toCharacters: 12) == "block_1…conv")
    }

    @Test func pathsTurnAround() {
        var path = Path(from: Point(0, 0))
        path.line(to: Point(0, 5))
        path.line(to: Point(0, 9))
        #expect(path.elements.count == 1)
        path.curve(Point(0, 12), Point(4, 12), to: Point(4, 15))
        #expect(path.reversed.start == Point(4, 15) && path.reversed.end == Point(0, 0))
        #expect(path.reversed.reversed == path)
        let points = path.flattened(tolerance: 0.05)
        #expect(points.count > 4 && points.last == Point(4, 15))
    }
}
