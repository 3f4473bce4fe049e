internal import Kernels
public import Tensors

extension ImageDataGenerator {
    /// Finds what featurewise normalization and whitening need of sample data, as Keras's `fit`.
    ///
    /// - Parameters:
    ///   - x: four axes: samples, then as `dataFormat` says.
    ///   - augment: whether to look at transformed pictures; `rounds` of each.
    ///   - seed: seeds the generator first when given.
    ///
    /// Throws 64 `random.seed`, `augment.rounds`, 67 `augment.rank`, 65 `augment.components`, 69 `memory.size`.
    public func fit(_ x: Tensor, augment: Bool = false, rounds: Int = 1, seed: Int? = nil) throws(LocatedError) {
        guard x.shape.rank == 4 else {
            throw LocatedError(.mismatch, "augment.rank", "expected samples of rank 4 for fit, got an array with shape \(x.shape)")
        }
        warnOfChannels(x.shape)
        guard rounds > 0 || !augment else {
            throw LocatedError(.usage, "augment.rounds", "expected at least one round, got \(rounds)")
        }
        if let seed { try random.seed(seed) }
        if dtype == .float64 { try fit(x, Double.self, augment: augment, rounds: rounds) } else {
            try fit(x, Float.self, augment: augment, rounds: rounds)
        }
    }

    private func fit<Number: PictureNumber>(
        _ x: Tensor, _ type: Number.Type, augment: Bool, rounds: Int
    ) throws(LocatedError) {
        let layout = try PictureLayout(Shape(Array(x.shape.dims.dropFirst())), dataFormat)
        let samples = x.shape[0]
        let (count, overflow) = samples.multipliedReportingOverflow(by: augment ? rounds : 1)
        // Drawn whatever is needed of it: later draws must be Keras's.
        let parameters =
            augment && !overflow
            ? try random.draw { numbers throws(LocatedError) in (0..<count).map { _ in draw(layout, &numbers) } } : []
        guard featurewiseCenter || featurewiseStdNormalization || zcaWhitening else { return }
        var shape = x.shape
        shape[0] = overflow ? .max : count
        try Memory.require(shape, dtype: Number.dtype, for: "the pictures to fit on")
        guard count > 0, layout.count > 0 else {
            throw LocatedError(.mismatch, "augment.empty", "expected pictures to fit on, got shape \(x.shape)")
        }
        var data = x.asType(Number.dtype)
        if let rescale, rescale != 0 {
            data.withUnsafeMutableElements(as: Number.self) { for index in $0.indices { $0[index] *= Number(rescale) } }
        }
        if augment { data = try augmented(data, layout, parameters, type) }
        var found = statistics
        data.withUnsafeMutableElements(as: Number.self) { data in
            let moments = ChannelMoments<Number>(data, samples: count, layout)
            let mean = moments.mean()
            found.mean = Tensor(mean)
            moments.forEach { data[$0] -= mean[$1] }
            if featurewiseStdNormalization {
                let std = moments.deviation()
                found.std = Tensor(std)
                moments.forEach { data[$0] /= std[$1] + Number(PictureStandardizer<Number>.epsilon) }
            }
        }
        if zcaWhitening { found.principalComponents = try components(data, samples: count, layout.count, type) }
        statistics = found
    }

    private func augmented<Number: PictureNumber>(
        _ x: Tensor, _ layout: PictureLayout, _ parameters: [TransformParameters], _ type: Number.Type
    ) throws(LocatedError) -> Tensor {
        let samples = x.shape[0]
        var result = Tensor(uninitialized: Shape([parameters.count] + layout.shape.dims), dtype: Number.dtype)
        let transformer = transformer(layout, type)
        try result.withUnsafeMutableElements(as: Number.self) { y throws(LocatedError) in
            let y = y.baseAddress!
            try x.withUnsafeElements(as: Number.self) { x throws(LocatedError) in
                let x = x.baseAddress!
                try Workers(threads: threads).forEach(parameters.count) { index throws(LocatedError) in
                    _ = transformer.transform(
                        x + index % samples * layout.count, to: y + index * layout.count, parameters[index], from: naturalOrder)
                }
            }
        }
        return result
    }

    /// U diag(1 / √(s + ε)) Uᵀ of the pictures' covariance U diag(s) Uᵀ, in double precision, where Keras has single.
    private func components<Number: PictureNumber>(
        _ data: Tensor, samples: Int, _ size: Int, _ type: Number.Type
    ) throws(LocatedError) -> Tensor {
        try Memory.require([3, size, size], dtype: .float64, for: "the principal components")
        var covariance = [Double](repeating: 0, count: size * size)
        data.withUnsafeElements(as: Number.self) { data in
            let rows = 256
            withUnsafeTemporaryAllocation(of: Double.self, capacity: rows * size) { block in
                for first in stride(from: 0, to: samples, by: rows) {
                    let count = min(rows, samples - first)
                    for index in 0..<count * size { block[index] = Double(data[first * size + index]) }
                    SymmetricMatrix.addProduct(block.baseAddress!, rows: count, order: size, to: &covariance)
                }
            }
        }
        for index in covariance.indices { covariance[index] /= Double(samples) }
        guard let values = SymmetricMatrix.eigenvalues(of: &covariance, order: size) else {
            throw LocatedError(
                .invalid, "augment.components", "expected pictures whose covariance has principal components, got numbers that are not finite",
                at: ["zca_whitening"])
        }
        // Rows are eigenvectors; each times the root of its factor makes the whole a product with itself.
        for row in 0..<size {
            let factor = (1 / (abs(values[row]) + zcaEpsilon).squareRoot()).squareRoot()
            for column in 0..<size { covariance[row * size + column] *= factor }
        }
        var result = [Double](repeating: 0, count: size * size)
        SymmetricMatrix.addProduct(covariance, rows: size, order: size, to: &result)
        for row in 0..<size {
            for column in 0..<row { result[row * size + column] = result[column * size + row] }
        }
        return Tensor(result, shape: [size, size]).asType(Number.dtype)
    }
}

/// Means and deviations of channels over all samples, summed up in NumPy's order.
private struct ChannelMoments<Number: PictureNumber> {
    let data: UnsafeMutableBufferPointer<Number>
    let perChannel: Number
    /// Of the array as (samples, channels, elements that follow each other in a channel).
    let samples: Int
    let channels: Int
    let run: Int

    init(_ data: UnsafeMutableBufferPointer<Number>, samples: Int, _ layout: PictureLayout) {
        self.data = data
        (run, channels) = (layout.channel, layout.channels)
        perChannel = Number(samples * layout.height * layout.width)
        self.samples = data.count / (run * channels)
    }

    private func sums(_ value: (Int, Int) -> Number) -> [Number] {
        NumPySums.sums(samples: samples, channels: channels, elements: run, value)
    }

    func mean() -> [Number] { sums { place, _ in data[place] }.map { $0 / perChannel } }

    func deviation() -> [Number] {
        let mean = mean()
        let squares: [Number] = sums { place, channel in
            let difference = data[place] - mean[channel]
            return difference * difference
        }
        return squares.map { ($0 / perChannel).squareRoot() }
    }

    /// Every element's place and channel.
    func forEach(_ body: (Int, Int) -> Void) {
        var (channel, left) = (0, run)
        for place in data.indices {
            body(place, channel)
            left -= 1
            if left == 0 {
                left = run
                channel = channel + 1 == channels ? 0 : channel + 1
            }
        }
    }
}
