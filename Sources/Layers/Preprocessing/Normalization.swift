package import Graphs
package import KerasSpec
internal import Kernels
internal import Ops
public import Tensors

/// Numbers moved and scaled by means and variances that are known beforehand.
///
/// Formula: y = (x − mean) / max(√variance, 1e-7), or with `invert` y = mean + x·max(√variance, 1e-7).
/// Shapes: any → the same; whole numbers become floats. The mask goes on.
/// Weights, unless the configuration has the numbers: mean, variance (the extents of `axis`), count; none is trainable.
/// Config: `axis` (a number or a list, places with numbers of their own), `invert`, `mean`, `variance`.
/// Source: keras/src/layers/preprocessing/normalization.py (3.15).
public struct Normalization: BuiltInLayer {
    public static let className = "Normalization"
    public var common: LayerCommon
    /// Axes whose places have numbers of their own; negative ones count from the end.
    public var axis: [Int]
    public var invert: Bool
    private var constants: (mean: ConstantArray, variance: ConstantArray)?

    public init(
        axis: [Int] = [-1], mean: [Double]? = nil, variance: [Double]? = nil, invert: Bool = false,
        inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.axis = axis
        self.invert = invert
        if let mean, let variance { constants = (ConstantArray(mean), ConstantArray(variance)) }
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        switch config.value("axis") ?? -1 {
        case .integer(let number): axis = [number]
        case .null: axis = []
        case let value:
            axis = (value.array ?? []).compactMap(\.integer)
            guard axis.count == value.array?.count else { throw config.wrong("axis", "an axis or a list of axes", value) }
        }
        invert = try config.bool("invert", default: false)
        let (mean, variance) = (try config.constantArray("mean"), try config.constantArray("variance"))
        guard mean?.tensor.shape == variance?.tensor.shape else {
            throw config.wrong("variance", "as many numbers as mean has", variance?.config ?? .null)
        }
        if let mean, let variance { constants = (mean, variance) }
    }

    package func encode(into config: inout ConfigObject) {
        config["axis"] = .integers(axis)
        config["invert"] = .bool(invert)
        config["mean"] = constants?.mean.config ?? .null
        config["variance"] = constants?.variance.config ?? .null
    }

    /// The axes with numbers of their own, in order.
    private func keptAxes(_ shape: PartialShape) throws(LocatedError) -> [Int] {
        let places = axis.map { $0 < 0 ? $0 + shape.rank : $0 }
        guard places.allSatisfy(shape.dims.indices.contains), Set(places).count == places.count else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected an input with the axes \(axis), got the shape \(shape)")
        }
        return places.sorted()
    }

    package func weights(for inputs: [ValueInfo]) throws(LocatedError) -> [WeightSlot] {
        let input = try inputs.single()
        let kept = try keptAxes(input.shape)
        guard constants == nil else { return [] }
        var extents: [Int] = []
        for place in kept { extents.append(try input.knownExtent(place, "the axes \(axis)")) }
        let shape = Shape(extents)
        var count = WeightSlot("count", [], trainable: false, initializer: Initializer.zeros.config)
        count.dtype = .int64
        return [
            WeightSlot("mean", shape, trainable: false, initializer: Initializer.zeros.config),
            WeightSlot("variance", shape, trainable: false, initializer: Initializer.ones.config), count,
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        let value = try context.floats(input.value)
        let mean = try statistic(value, "mean", constants?.mean, context)
        let variance = try statistic(value, "variance", constants?.variance, context)
        let epsilon = context.constant(Tensor([Float(1e-7)], shape: []))
        let deviation = try context.apply(Binary(.maximum), try context.apply(Unary(.sqrt), variance), epsilon)
        let result =
            invert
            ? try context.apply(Binary(.add), mean, try context.apply(Binary(.multiply), value, deviation))
            : try context.apply(Binary(.divide), try context.apply(Binary(.subtract), value, mean), deviation)
        return [Signal(result, mask: input.mask)]
    }

    /// A weight or numbers of the configuration, with an axis of extent 1 for each that has none of its own.
    private func statistic(
        _ input: Value, _ name: String, _ constant: ConstantArray?, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let shape = context.shape(input)
        let kept = try keptAxes(shape)
        let value = constant.map { context.constant($0.tensor) } ?? context.weight(name)
        let own = context.shape(value).dims
        guard own.count <= kept.count else {
            throw LocatedError(
                .mismatch, "layer.inputShape", "expected \(name) with at most \(kept.count) axes, got the shape \(context.shape(value))",
                at: [context.label])
        }
        // Aligned with the last of the axes, as in NumPy.
        var extents = [Int?](repeating: 1, count: shape.rank)
        for (place, extent) in zip(kept.suffix(own.count), own) { extents[place] = extent }
        return try context.apply(Ops.Reshape(to: PartialShape(extents)), value)
    }
}

extension Normalization {
    /// Learns the means and variances of some data: of all places but those of `axis`. They stand in the configuration then.
    ///
    /// - Parameter data: numbers whose axes are the input's, the samples first.
    /// - Throws: `.usage` for text or no samples.
    public mutating func adapt(_ data: Tensor) throws(LocatedError) {
        guard data.dtype != .string, data.count > 0 else {
            throw LocatedError(.usage, "adapt.data", "expected numbers, got \(data.dtype.rawValue) of shape \(data.shape)")
        }
        let kept = try keptAxes(PartialShape(data.shape.dims))
        let extents = kept.map { data.shape[$0] }, places = extents.reduce(1, *)
        let strides = data.shape.strides
        let values = data.asType(.float64).array(as: Double.self)
        var sums = [Double](repeating: 0, count: places), squares = sums
        func place(_ index: Int) -> Int {
            zip(kept, extents).reduce(0) { $0 * $1.1 + index / strides[$1.0] % data.shape[$1.0] }
        }
        let count = Double(values.count / max(places, 1))
        for (index, value) in values.enumerated() { sums[place(index)] += value }
        let means = sums.map { $0 / count }
        for (index, value) in values.enumerated() {
            let distance = value - means[place(index)]
            squares[place(index)] += distance * distance
        }
        func nested(_ numbers: ArraySlice<Double>, _ extents: ArraySlice<Int>) -> ConfigValue {
            guard let extent = extents.first else { return .float(Double(Float(numbers.first ?? 0))) }
            let size = numbers.count / max(extent, 1)
            return .array((0..<extent).map { part in
                let start = numbers.startIndex + part * size
                return nested(numbers[start..<start + size], extents.dropFirst())
            })
        }
        guard let mean = ConstantArray(nested(means[...], extents[...])),
            let variance = ConstantArray(nested(squares.map { $0 / count }[...], extents[...]))
        else { return }
        constants = (mean, variance)
    }
}
