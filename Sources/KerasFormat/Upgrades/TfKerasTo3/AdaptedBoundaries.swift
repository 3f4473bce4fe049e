import Foundation
import KerasSpec
import Tensors

/// The bins of tf.keras's adapted `Discretization`: its files hold a summary of the data it was adapted to, as a weight of
/// shape (2, n), values over counts, from which the boundaries follow. Keras 3 writes the boundaries into the configuration,
/// where every target finds them.
///
/// Source: `get_bin_boundaries`, `_compress_summary_numpy` of `layers/preprocessing/discretization.py`, tf-keras 2.21.
enum AdaptedBoundaries {
    /// A layer whose file holds a summary.
    static let summary = "legacy>summary"

    /// More bins than any data has; a file beyond is an attack.
    private static let mostBins = 1_000_000

    /// Puts the boundaries in place of the summaries.
    static func settle(_ model: inout StoredModel) throws(LocatedError) {
        guard var spec = model.spec, let stored = model.weights, spec.provenance?.dialect == .tfKeras else { return }
        var layers: [[String]] = []
        let marked = marking(spec, under: [], &layers)
        guard !layers.isEmpty else { return }
        // What doesn't fit is for those to tell who load the weights.
        guard let resolved = try? WeightBinding.resolve(stored, in: marked) else { return }
        for path in layers {
            guard let array = resolved.weights.first(where: { $0.outline.layerPath == path }) else { continue }
            remove(array.fileName, from: &model.weights)
            // Without data it was never adapted, which running it says.
            guard array.tensor.shape.dims.last != 0 else { continue }
            try change(&spec, path[...]) { (layer) throws(LocatedError) in
                let bins = layer.config["num_bins"]?.integer ?? layer.source?.upgraded["num_bins"]?.integer
                let bounds = try boundaries(try array.tensor.load(), bins: bins, at: path)
                layer.config["bin_boundaries"] = .array(bounds.map { .float(Double($0)) })
                layer.config["num_bins"] = .null
            }
            let note = UpgradeNote(layer: path.joined(separator: "/"), text: "bin_boundaries found from the summary of what it was adapted to")
            if spec.provenance?.notes.contains(note) == false { spec.provenance?.notes.append(note) }
        }
        model.spec = spec
    }

    /// The model with layers that say that they hold a summary.
    private static func marking(_ spec: ModelSpec, under path: [String], _ found: inout [[String]]) -> ModelSpec {
        var spec = spec
        for index in spec.layers.indices {
            let layer = spec.layers[index]
            if let model = layer.model?.value {
                spec.layers[index].model = Box(marking(model, under: path + [layer.name], &found))
            } else if layer.className == "Discretization", (layer.source?.upgraded ?? layer.config)["bin_boundaries"]?.isNull ?? true {
                // Weights of its own file may have told them already: those that are loaded now count.
                spec.layers[index].config[summary] = true
                found.append(path + [layer.name])
            }
        }
        return spec
    }

    private static func change(
        _ spec: inout ModelSpec, _ path: ArraySlice<String>, _ body: (inout LayerSpec) throws(LocatedError) -> Void
    ) throws(LocatedError) {
        guard let name = path.first, let index = spec.layers.firstIndex(where: { $0.name == name }) else { return }
        if path.count == 1 { return try body(&spec.layers[index]) }
        guard var model = spec.layers[index].model?.value else { return }
        try change(&model, path.dropFirst(), body)
        spec.layers[index].model = Box(model)
    }

    private static func remove(_ fileName: String?, from weights: inout StoredWeights?) {
        guard let fileName, var stored = weights else { return }
        for index in stored.layers.indices {
            let group = stored.scheme == .objects ? stored.layers[index].name + "/vars/" : ""
            stored.layers[index].weights.removeAll { group + $0.name == fileName }
        }
        weights = stored
    }

    /// Boundaries between so many bins of equal counts: those of the summary where it has no more values than bins.
    static func boundaries(_ summary: Tensor, bins: Int?, at path: [String]) throws(LocatedError) -> [Float] {
        let dims = summary.shape.dims, all = summary.floats
        guard let bins, (1...mostBins).contains(bins), dims.count == 2, dims[0] == 2, all.allSatisfy(\.isFinite) else {
            throw LocatedError(
                .invalid, "discretization.summary",
                "expected num_bins from 1 to \(mostBins) and a summary of finite numbers of shape (2, n), got \(bins.map(String.init) ?? "none") and \(summary.shape)",
                at: path)
        }
        let values = all[..<dims[1]], counts = all[dims[1]...]
        let step = 1 / Double(bins)
        guard Double(values.count) * step >= 1 else { return Array(values.dropLast()) }
        var sum: Float = 0
        let sums = counts.map { count in
            sum += count
            return sum
        }
        guard sum > 0 else {
            throw LocatedError(.invalid, "discretization.summary", "expected counts above 0, got a sum of \(sum)", at: path)
        }
        let shares = sums.map { Double($0 / sum) }, ordinates = values.map(Double.init)
        // As many as np.arange(0, 1, step) has.
        return (0..<Int((1 / step).rounded(.up))).dropLast().map { Float(interpolate(step + Double($0) * step, shares, ordinates)) }
    }

    /// NumPy's `interp`: straight lines between the points, their ends beyond.
    private static func interpolate(_ x: Double, _ xs: [Double], _ ys: [Double]) -> Double {
        var low = 0, high = xs.count
        while low < high {
            let middle = (low + high) / 2
            if xs[middle] <= x { low = middle + 1 } else { high = middle }
        }
        guard low > 0 else { return ys[0] }
        guard low < xs.count else { return ys[xs.count - 1] }
        let index = low - 1
        return (ys[low] - ys[index]) / (xs[low] - xs[index]) * (x - xs[index]) + ys[index]
    }
}
