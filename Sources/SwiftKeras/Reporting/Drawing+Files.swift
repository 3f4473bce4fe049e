internal import Datasets
internal import Files
internal import Plots
internal import Tensors

extension Drawing {
    /// The bytes of a file with this ending, `.svg` or `.png`. Throws 64 `plot.ending`, 69 `plot.tooLarge`.
    ///
    /// - Parameter dpi: dots an inch of a PNG, as far as the picture is of bearable size.
    func encoded(for path: String, dpi: Int = 144) throws(LocatedError) -> [UInt8] {
        switch PlotFormat(ending: path) {
        case .svg?: return Array(svg.utf8)
        case .png?:
            var dots = dpi
            while dots >= 18 {
                if let raster = rasterized(scale: Double(dots) / 72, limit: 80_000_000) {
                    return try Image(pixels: Tensor(raster.pixels, shape: [raster.height, raster.width, 3])).encoded(as: .png)
                }
                dots /= 2
            }
            throw LocatedError(.unsupported, "plot.tooLarge", "expected a picture of bearable size, got \(size)", at: [path], hint: "Write SVG.")
        case .dot?, nil:
            throw LocatedError(.usage, "plot.ending", "expected a file name ending in .svg or .png", at: [path])
        }
    }

    func write(to path: String) throws(LocatedError) { try AtomicFile.write(try encoded(for: path), to: path) }
}
