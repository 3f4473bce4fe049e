internal import Kernels
public import Tensors

extension ImageDataGenerator {
    /// The numbers after preprocessing function, rescaling, centring, scaling and whitening, as Keras's `standardize`.
    ///
    /// - Parameter x: a picture, or a batch of them, which then counts as one sample. float64 stays so, others become float32.
    ///
    /// Throws 67 `augment.rank`, `augment.statistics` when it has other channels or extents than what was fitted.
    public func standardize(_ x: Tensor) throws(LocatedError) -> Tensor {
        let x = try preprocessed(x.dtype == .float64 ? x : x.asType(.float32))
        guard x.shape.rank >= 3 else {
            throw LocatedError(.mismatch, "augment.rank", "expected a picture or a batch of pictures, got shape \(x.shape)")
        }
        let layout = try PictureLayout(Shape(Array(x.shape.dims.suffix(3))), dataFormat)
        func run<Number: PictureNumber>(_ x: Tensor, as type: Number.Type) throws(LocatedError) -> Tensor {
            let standardizer: PictureStandardizer<Number> = try standardizer(channels: layout.channels)
            var result = x
            result.withUnsafeMutableElements(as: Number.self) { numbers in
                guard !numbers.isEmpty else { return }
                // NumPy adds an array without gaps up as one row.
                standardizer.standardize(numbers, layout.asOneRow(count: numbers.count), MemoryOrder(channelsApart: false))
            }
            return try whitened(result)
        }
        return x.dtype == .float64 ? try run(x, as: Double.self) : try run(x, as: Float.self)
    }

    /// What the user's function makes of a picture.
    func preprocessed(_ x: Tensor) throws(LocatedError) -> Tensor {
        guard let preprocessingFunction else { return x }
        let result: Tensor
        do { result = try preprocessingFunction(x) } catch let error as LocatedError { throw error.within("preprocessing_function") } catch {
            throw LocatedError(.invalid, "augment.preprocessing", "the function failed: \(error)", at: ["preprocessing_function"])
        }
        guard result.shape == x.shape else {
            throw LocatedError(
                .mismatch, "augment.preprocessing", "expected an array of the picture's shape \(x.shape), got \(result.shape)",
                at: ["preprocessing_function"])
        }
        return result.asType(x.dtype)
    }

    /// Everything that is done picture by picture. Warns, as Keras does, of what was to be fitted and wasn't.
    func standardizer<Number: PictureNumber>(channels: Int) throws(LocatedError) -> PictureStandardizer<Number> {
        let statistics = statistics
        func numbers(_ tensor: Tensor?, _ option: String, adding: Double) throws(LocatedError) -> [Double]? {
            guard let tensor else {
                warnOfFitting(option)
                return nil
            }
            guard tensor.count == channels || tensor.count == 1 else {
                throw LocatedError(
                    .mismatch, "augment.statistics", "expected pictures with \(tensor.count) channels, as fit got, got \(channels)",
                    at: [option])
            }
            return tensor.dtype == .float64
                ? tensor.array(as: Double.self).map { $0 + adding }
                : tensor.array(as: Float.self).map { Double($0 + Float(adding)) }
        }
        var result = PictureStandardizer<Number>(
            rescale: rescale.flatMap { $0 == 0 ? nil : Number($0) }, centersSamples: samplewiseCenter,
            scalesSamples: samplewiseStdNormalization)
        if featurewiseCenter { result.mean = try numbers(statistics.mean, "featurewise_center", adding: 0) }
        if featurewiseStdNormalization {
            result.std = try numbers(
                statistics.std, "featurewise_std_normalization", adding: PictureStandardizer<Number>.epsilon)
        }
        return result
    }

    private func warnOfFitting(_ option: String) {
        warn(
            "This ImageDataGenerator specifies `\(option)`, but it hasn't been fit on any training data. Fit it first by calling "
                + "`.fit(numpy_data)`.")
    }

    /// Pictures (any number of them) times the principal components, where they are to be whitened.
    func whitened(_ x: Tensor) throws(LocatedError) -> Tensor {
        guard zcaWhitening else { return x }
        guard let components = statistics.principalComponents else {
            warnOfFitting("zca_whitening")
            return x
        }
        let size = components.shape[0]
        guard x.shape.dims.suffix(3).reduce(1, *) == size else {
            throw LocatedError(
                .mismatch, "augment.statistics", "expected pictures of \(size) elements, as fit got, got shape \(x.shape)",
                at: ["zca_whitening"])
        }
        guard x.count > 0 else { return x }
        if x.dtype == .float32, components.dtype == .float32 {
            var result = Tensor(uninitialized: x.shape)
            result.withUnsafeMutableElements(as: Float.self) { y in
                x.withUnsafeElements(as: Float.self) { x in
                    components.withUnsafeElements(as: Float.self) { c in
                        sgemm(
                            x.count / size, size, size, x.baseAddress!, lda: size, c.baseAddress!, ldb: size, y.baseAddress!, ldc: size)
                    }
                }
            }
            return result
        }
        let (a, b) = (x.asType(.float64).array(as: Double.self), components.asType(.float64).array(as: Double.self))
        var products = [Double](repeating: 0, count: a.count)
        for row in 0..<a.count / size {
            for inner in 0..<size {
                let factor = a[row * size + inner]
                for column in 0..<size { products[row * size + column] += factor * b[inner * size + column] }
            }
        }
        return Tensor(products, shape: x.shape).asType(x.dtype)
    }
}

extension PictureLayout {
    /// The same distances for sums over `count` elements in a row.
    func asOneRow(count: Int) -> PictureLayout { PictureLayout(self, rowOf: count) }

    private init(_ other: PictureLayout, rowOf count: Int) {
        (height, width, channels) = (1, count, 1)
        (row, column, channel) = (count, 1, other.channel)
        shape = other.shape
    }
}
