internal import Graphs
package import KerasSpec
internal import Ops
public import Tensors

/// Numbers as the intervals that they are in.
///
/// Formula: the number of boundaries at or below x.
/// Shapes: `int`: any → the same, whole numbers; other modes as CategoryEncoding's, with `bins` = boundaries + 1. The mask goes.
/// Config: `bin_boundaries`, `num_bins`, `epsilon`, `output_mode`, `sparse`.
/// Differs from Keras: `sparse` results are dense.
/// Source: keras/src/layers/preprocessing/discretization.py (3.15).
public struct Discretization: BuiltInLayer {
    public static let className = "Discretization"
    public var common: LayerCommon
    /// In ascending order; nil until `adapt` finds them.
    public var binBoundaries: [Double]? { didSet { boundaries = nil } }
    /// The same as the configuration has them.
    private var boundaries: ConfigValue?
    /// How many intervals `adapt` makes.
    public var numBins: Int?
    /// How far off a boundary may be, as a share of the samples.
    public var epsilon: Double
    public var outputMode: CategoryOutput
    public var sparse: Bool

    /// - Parameters:
    ///   - binBoundaries: in ascending order.
    ///   - numBins: instead of boundaries, for `adapt`.
    public init(
        binBoundaries: [Double]? = nil, numBins: Int? = nil, epsilon: Double = 0.01, outputMode: CategoryOutput = .int,
        sparse: Bool = false, inputShape: [Int?]? = nil, name: String? = nil
    ) {
        common = LayerCommon(name: name, inputShape: inputShape)
        self.binBoundaries = binBoundaries
        self.numBins = numBins
        self.epsilon = epsilon
        self.outputMode = outputMode
        self.sparse = sparse
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        if let value = config.value("bin_boundaries"), !value.isNull {
            let numbers = OperationCall.plain(value).array?.compactMap(\.number)
            guard let numbers, numbers.count == OperationCall.plain(value).array?.count,
                zip(numbers, numbers.dropFirst()).allSatisfy({ $0 <= $1 })
            else { throw config.wrong("bin_boundaries", "numbers in ascending order", value) }
            binBoundaries = numbers
            boundaries = value
        }
        numBins = try config.optionalInteger("num_bins", atLeast: 0)
        epsilon = try config.number("epsilon", default: 0.01)
        outputMode = try config.categoryOutput("output_mode", default: .int)
        sparse = try config.bool("sparse", default: false)
    }

    package var config: ConfigObject {
        [
            "bin_boundaries": boundaries ?? binBoundaries.map { .array($0.map(ConfigValue.float)) } ?? .null,
            "num_bins": numBins.map(ConfigValue.integer) ?? .null, "epsilon": .float(epsilon),
            "output_mode": .string(outputMode.rawValue), "sparse": .bool(sparse),
            "name": common.name.map(ConfigValue.string) ?? .null, "dtype": .string(common.dtype),
        ]
    }

    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        let input = try inputs.single()
        guard let binBoundaries else {
            throw LocatedError(
                .unsupported, "layer.unadapted", "expected bin_boundaries, got none", at: [context.label], hint: "adapt finds them; what tf.keras adapted has them in its weights: give their file along with the architecture.")
        }
        let bins = try context.apply(Bucketize(binBoundaries.map { Float($0) }), try context.floats(input.value))
        return [Signal(try context.encoded(bins, outputMode, depth: binBoundaries.count + 1))]
    }
}

extension Discretization {
    /// Finds boundaries between intervals that hold about as many samples each.
    ///
    /// - Parameter data: numbers of any shape.
    /// - Throws: `.usage` for a layer with boundaries of its own.
    public mutating func adapt(_ data: Tensor) throws(LocatedError) { try adapt([data]) }

    /// The same over several batches.
    public mutating func adapt(_ batches: [Tensor]) throws(LocatedError) {
        guard let numBins, numBins > 0 else {
            throw LocatedError(.usage, "adapt.bins", "expected a layer with numBins, got one with boundaries of its own")
        }
        guard epsilon > 0, epsilon <= 1 else { throw LocatedError(.usage, "adapt.epsilon", "expected epsilon above 0 and at most 1, got \(epsilon)") }
        var summary = Summary()
        for batch in batches where batch.count > 0 { summary = Summary.merged(Summary(batch.floats, epsilon), summary, epsilon) }
        guard !summary.values.isEmpty else { throw LocatedError(.usage, "adapt.empty", "expected samples, got none") }
        binBoundaries = summary.compressed(1 / Double(numBins)).values.dropLast().map(Double.init)
    }

    /// Values in order with how many samples each stands for: Keras's quantile sketch.
    private struct Summary {
        var values: [Float] = []
        var weights: [Float] = []

        init() {}

        init(_ numbers: [Float], _ epsilon: Double) {
            let sorted = numbers.sorted { $1.isNaN ? !$0.isNaN : $0 < $1 }
            let step = max(Double(sorted.count) / (1 / epsilon), 1)
            var place = Int(step - 1)
            while place < sorted.count {
                values.append(sorted[place])
                weights.append(Float(step))
                place += Int(step)
            }
        }

        static func merged(_ a: Summary, _ b: Summary, _ epsilon: Double) -> Summary {
            var all = Summary()
            (all.values, all.weights) = (a.values + b.values, a.weights + b.weights)
            let order = all.values.indices.sorted { (all.values[$0], $0) < (all.values[$1], $1) }
            (all.values, all.weights) = (order.map { all.values[$0] }, order.map { all.weights[$0] })
            return all.compressed(epsilon)
        }

        func compressed(_ epsilon: Double) -> Summary {
            guard Double(values.count) * epsilon >= 1 else { return self }
            // NumPy's arange: as many steps as fit below 1.
            let count = Int((1 / epsilon).rounded(.up))
            var sum: Float = 0
            let sums = weights.map { (weight) -> Float in
                sum += weight
                return sum
            }
            let shares = sums.map { Double($0 / (sums.last ?? 1)) }
            var result = Summary()
            var before = 0.0
            for index in 0..<count {
                let percent = epsilon + Double(index) * epsilon
                let total = Self.interpolated(percent, shares, sums)
                result.values.append(Float(Self.interpolated(percent, shares, values)))
                result.weights.append(Float(total - before))
                before = total
            }
            return result
        }

        /// NumPy's `interp`: linear between points, constant outside.
        private static func interpolated(_ x: Double, _ xs: [Double], _ ys: [Float]) -> Double {
            guard let last = xs.indices.last, x < xs[last] else { return Double(ys.last ?? 0) }
            guard x >= xs[0], let next = xs.firstIndex(where: { $0 > x }) else { return Double(ys[0]) }
            let (x0, x1, y0, y1) = (xs[next - 1], xs[next], Double(ys[next - 1]), Double(ys[next]))
            return (y1 - y0) / (x1 - x0) * (x - x0) + y0
        }
    }
}
