internal import Datasets
internal import Files
internal import Plots
public import Tensors

/// Files that plots are written as.
public enum PlotFormat: String, Sendable, CaseIterable {
    case svg, png, dot

    /// The format that a file's ending asks for: `.svg`, `.png`, `.dot` or `.gv`, in any case.
    public init?(ending path: String) {
        let name = path.lowercased()
        if name.hasSuffix(".gv") {
            self = .dot
        } else if let format = Self.allCases.first(where: { name.hasSuffix("." + $0.rawValue) }) {
            self = format
        } else {
            return nil
        }
    }
}

extension Model {
    /// Draws the model's graph as Keras's `plot_model` does, without Graphviz, and writes it as the path's ending says: SVG, PNG or
    /// Graphviz's DOT. The same model gives the same bytes.
    ///
    /// - Returns: the dots an inch that a PNG has: fewer than 200 where the picture would be too large and `dpi` is nil.
    ///
    /// Throws 64 `plot.ending`, `plot.dpi`, 69 `plot.tooLarge`, 73 and 74 when writing fails.
    @discardableResult
    public func plot(to path: String, _ options: PlotOptions = PlotOptions()) throws(LocatedError) -> Int? {
        guard let format = PlotFormat(ending: path) else {
            throw LocatedError(.usage, "plot.ending", "expected a file name ending in .svg, .png or .dot", at: [path])
        }
        let (bytes, dpi) = try plotted(as: format, options)
        try AtomicFile.write(bytes, to: path)
        return dpi
    }

    /// The bytes of a plot, and the dots an inch of a PNG. Throws 64 `plot.dpi`, 69 `plot.tooLarge`.
    public func plotted(
        as format: PlotFormat, _ options: PlotOptions = PlotOptions()
    ) throws(LocatedError) -> (bytes: [UInt8], dpi: Int?) {
        if let dpi = options.dpi, !(10...1200).contains(dpi) {
            throw LocatedError(.usage, "plot.dpi", "expected 10 to 1200 dots an inch, got \(dpi)")
        }
        let graph = ModelGraph(self, options).graph(of: spec)
        switch format {
        case .dot: return (Array(graph.dot(options.drawn, dpi: options.dpi ?? 200).utf8), nil)
        case .svg: return (Array(try graph.drawing(options.drawn).svg.utf8), nil)
        case .png:
            let (image, dpi) = try Self.picture(of: try graph.drawing(options.drawn), dpi: options.dpi)
            return (try image.encoded(as: .png), dpi)
        }
    }

    /// Pixels of a picture that most viewers open.
    static let mostPlotPixels = 80_000_000

    private static func picture(of drawing: Drawing, dpi: Int?) throws(LocatedError) -> (Image, Int) {
        var dots = dpi ?? 200
        var raster = drawing.rasterized(scale: Double(dots) / 72, limit: mostPlotPixels)
        while raster == nil, dpi == nil, dots > 20 {
            dots = dots * 4 / 5
            raster = drawing.rasterized(scale: Double(dots) / 72, limit: mostPlotPixels)
        }
        guard let raster else {
            throw LocatedError(
                .unsupported, "plot.tooLarge", "expected a picture of at most \(mostPlotPixels) pixels, got more at \(dots) dots an inch",
                hint: "Write SVG, or ask for fewer dots an inch.")
        }
        return (try Image(pixels: Tensor(raster.pixels, shape: [raster.height, raster.width, 3])), dots)
    }
}
