internal import Files
internal import OrderedCollections
internal import Plots
public import Tensors
public import Training

extension History {
    /// Draws loss and metrics over the epochs, training drawn through and validation dashed, a panel for each, and writes it as
    /// the path's ending says: SVG or PNG. The same history gives the same bytes.
    ///
    /// Throws 64 `plot.ending`, `plot.empty` for a history of no epochs, 73 and 74 when writing fails.
    public func plot(to path: String) throws(LocatedError) { try drawing().write(to: path) }

    /// Throws 64 `plot.ending` for a name that `plot(to:)` would not take, 73 for a place that it couldn't write to: before
    /// hours of work.
    package static func requirePlot(_ path: String) throws(LocatedError) {
        guard [.svg, .png].contains(PlotFormat(ending: path)) else {
            throw LocatedError(.usage, "plot.ending", "expected a file name ending in .svg or .png", at: [path])
        }
        try AtomicFile.requireWritable(path)
    }

    func drawing() throws(LocatedError) -> Drawing {
        guard !epoch.isEmpty, !history.isEmpty else {
            throw LocatedError(.usage, "plot.empty", "expected a history of one epoch or more, got none")
        }
        let names = history.keys.filter { !$0.hasPrefix("val_") || history[String($0.dropFirst(4))] == nil }
        // The loss first, as Keras reports it.
        let ordered = names.filter { $0 == "loss" } + names.filter { $0 != "loss" }
        let columns = min(ordered.count, ordered.count == 4 ? 2 : 3)
        let (width, height) = (330.0, 250.0)
        var marks: [Drawing.Mark] = []
        for (place, name) in ordered.enumerated() {
            func points(_ values: [Double]) -> [Point] {
                // An epoch without a validation has no number: every second, every third… has one.
                let measured = (1...max(epoch.count, 1)).lazy.map { every in epoch.filter { ($0 + 1) % every == 0 } }
                    .first { $0.count == values.count }
                let epochs = values.count == epoch.count ? epoch : measured ?? Array(epoch.suffix(values.count))
                return zip(epochs, values).map { Point(Double($0 + 1), $1) }
            }
            var series = [LineChart.Series("training", points(history[name] ?? []), color: Color(hex: 0x1f77b4))]
            if let validation = history["val_" + name] {
                series.append(.init("validation", points(validation), color: Color(hex: 0xff7f0e), isDashed: true))
            }
            let chart = LineChart(title: name, xLabel: "epoch", series: series, countsX: true)
            let (row, column) = place.quotientAndRemainder(dividingBy: columns)
            marks += chart.marks(in: Rectangle(Double(column) * width + 8, Double(row) * height + 6, width - 16, height - 12))
        }
        let rows = (ordered.count + columns - 1) / columns
        return Drawing(size: Size(width * Double(columns), height * Double(rows)), marks: marks)
    }
}
