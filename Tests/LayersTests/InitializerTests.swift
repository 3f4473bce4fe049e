import Graphs
import KerasSpec
import Layers
import Tensors
import Testing

@Suite struct InitializerTests {
    /// Limits and deviations by Keras's formulas, with fans that genuine Keras computed.
    @Test(arguments: Keras3Case.fans)
    func variance(_ item: ConfigValue) throws {
        let object = try #require(item.object)
        let extents = try #require(object["shape"])
        let shape = try #require(try Keras3Case.shape(extents).concrete)
        let fans = try #require(object["fans"]?.array).compactMap(\.number)
        let average = (fans[0] + fans[1]) / 2
        try expect(.glorotUniform(), shape, limit: (3 / average).squareRoot())
        try expect(.heUniform(), shape, limit: (6 / fans[0]).squareRoot())
        try expect(.lecunUniform(), shape, limit: (3 / fans[0]).squareRoot())
        try expect(.varianceScaling(scale: 5, mode: .fanOut, distribution: .uniform), shape, limit: (15 / fans[1]).squareRoot())
        try expect(.glorotNormal(), shape, stddev: (1 / average).squareRoot(), truncated: true)
        try expect(.heNormal(), shape, stddev: (2 / fans[0]).squareRoot(), truncated: true)
        try expect(.lecunNormal(), shape, stddev: (1 / fans[0]).squareRoot(), truncated: true)
        try expect(
            .varianceScaling(scale: 5, mode: .fanOut, distribution: .untruncatedNormal), shape,
            stddev: (5 / fans[1]).squareRoot(), truncated: false)
    }

    /// Many streams of a small weight make a large sample.
    private func sample(_ initializer: Initializer, _ shape: Shape) throws -> [Double] {
        try (0..<UInt64(max(1, 6000 / shape.count))).flatMap { stream in
            try initializer.sample(shape, seed: 7, stream: stream).floats.map(Double.init)
        }
    }

    private func expect(_ initializer: Initializer, _ shape: Shape, limit: Double) throws {
        let values = try sample(initializer, shape)
        let largest = values.map(abs).max() ?? 0
        #expect(largest <= limit && largest > 0.99 * limit, "\(initializer.config) \(shape)")
        #expect(abs(deviation(values) / (limit / 3.0.squareRoot()) - 1) < 0.05)
    }

    private func expect(_ initializer: Initializer, _ shape: Shape, stddev: Double, truncated: Bool) throws {
        let values = try sample(initializer, shape)
        #expect(abs(deviation(values) / stddev - 1) < 0.05, "\(initializer.config) \(shape)")
        let largest = (values.map(abs).max() ?? 0) / stddev
        if truncated { #expect(largest < 2 / 0.8796 && largest > 2) } else { #expect(largest > 2.5) }
    }

    private func deviation(_ values: [Double]) -> Double {
        let mean = values.reduce(0, +) / Double(values.count)
        return (values.reduce(0) { $0 + ($1 - mean) * ($1 - mean) } / Double(values.count)).squareRoot()
    }

    @Test func constants() throws {
        #expect(try Initializer.zeros.sample([2], seed: 1).floats == [0, 0])
        #expect(try Initializer.ones.sample([2], seed: 1).floats == [1, 1])
        #expect(try Initializer.constant(0.1).sample([2], seed: 1).floats == [0.1, 0.1])
        #expect(try Initializer.identity(gain: 2).sample([2, 3], seed: 1).floats == [2, 0, 0, 0, 2, 0])
    }

    @Test func plainDistributions() throws {
        let normal = try sample(.randomNormal(mean: 3, stddev: 0.5), [100])
        #expect(abs(normal.reduce(0, +) / Double(normal.count) - 3) < 0.03 && abs(deviation(normal) - 0.5) < 0.02)
        let uniform = try sample(.randomUniform(minval: 1, maxval: 3), [100])
        #expect(uniform.allSatisfy { $0 >= 1 && $0 < 3 } && uniform.min()! < 1.01 && uniform.max()! > 2.99)
        let truncated = try sample(.truncatedNormal(mean: 1, stddev: 0.5), [100])
        #expect(truncated.allSatisfy { $0 > 0 && $0 < 2 } && truncated.max()! > 1.95)
        #expect(abs(deviation(truncated) - 0.5 * 0.8796) < 0.02)
    }

    @Test(arguments: [[3, 3], [6, 4], [4, 6], [2, 3, 5], [8, 32]])
    func orthogonal(_ dims: [Int]) throws {
        let shape = Shape(dims)
        let columns = dims[dims.count - 1]
        let rows = shape.count / columns
        let values = try Initializer.orthogonal(gain: 2).sample(shape, seed: 5).floats.map(Double.init)
        let short = min(rows, columns)
        for a in 0..<short {
            for b in 0..<short {
                let product = (0..<max(rows, columns)).reduce(0.0) { sum, i in
                    let (x, y) = rows >= columns ? (i * columns + a, i * columns + b) : (a * columns + i, b * columns + i)
                    return sum + values[x] * values[y]
                }
                #expect(abs(product - (a == b ? 4 : 0)) < 1e-5)
            }
        }
    }

    /// Signs of Q are spread evenly: a QR without the sign fix would make the first element always negative (or positive).
    @Test func orthogonalSigns() throws {
        let positive = try (0..<200).count { stream in
            try Initializer.orthogonal().sample([3, 3], seed: 5, stream: UInt64(stream)).floats[0] > 0
        }
        #expect(positive > 60 && positive < 140)
    }

    @Test func seeds() throws {
        let free = Initializer.glorotUniform()
        #expect(try free.sample([3, 4], seed: 1) == free.sample([3, 4], seed: 1))
        #expect(try free.sample([3, 4], seed: 1) != free.sample([3, 4], seed: 2))
        #expect(try free.sample([3, 4], seed: 1, stream: 1) != free.sample([3, 4], seed: 1, stream: 2))
        let fixed = Initializer.glorotUniform(seed: 9)
        #expect(try fixed.sample([3, 4], seed: 1, stream: 1) == fixed.sample([3, 4], seed: 2, stream: 2))
        let generator = Initializer(config: [
            "class_name": "GlorotUniform", "config": ["seed": ["class_name": "SeedGenerator", "config": ["seed": 9]]],
        ])
        #expect(try generator.sample([3, 4], seed: 1) == fixed.sample([3, 4], seed: 1))
    }

    /// Keras 2.3 writes glorot_uniform as VarianceScaling: the same numbers.
    static let spellings: [ConfigValue] = [
        "glorot_uniform", ["class_name": "VarianceScaling", "config": ["scale": 1, "mode": "fan_avg", "distribution": "uniform"]],
        ["class_name": "GlorotUniform", "config": ["seed": nil, "dtype": "float32"]],
        ["module": "keras.initializers", "class_name": "GlorotUniform", "config": nil, "registered_name": nil],
    ]

    @Test(arguments: spellings)
    func otherSpellings(_ config: ConfigValue) throws {
        #expect(
            try Initializer(config: config).sample([4, 6], seed: 3) == Initializer.glorotUniform().sample([4, 6], seed: 3))
    }

    static let unusable: [(ConfigValue, LocatedError.Category, String)] = [
        ("my_initializer", .unsupported, "initializer.unknown"),
        (["class_name": "Mine", "config": [:]], .unsupported, "initializer.unknown"),
        (
            ["module": "mine", "class_name": "Zeros", "config": [:], "registered_name": "mine>Zeros"], .unsupported,
            "initializer.unknown"
        ),
        (["class_name": "VarianceScaling", "config": ["scale": 0]], .invalid, "config.value"),
        (["class_name": "VarianceScaling", "config": ["distribution": "cauchy"]], .invalid, "config.value"),
        (["class_name": "GlorotUniform", "config": ["input_axes": [7], "output_axes": [0]]], .invalid, "initializer.axes"),
        (["class_name": "RandomNormal", "config": ["stddev": "wide"]], .invalid, "config.value"),
        (["class_name": "RandomNormal", "config": ["seed": "lucky"]], .invalid, "config.value"),
    ]

    @Test(arguments: unusable)
    func refusals(config: ConfigValue, category: LocatedError.Category, code: String) {
        let error = #expect(throws: LocatedError.self) { try Initializer(config: config).sample([3, 4], seed: 1) }
        #expect(error?.category == category && error?.code == code)
    }

    @Test func wrongShapes() {
        #expect(throws: LocatedError.self) { try Initializer.orthogonal().sample([3], seed: 1) }
        #expect(throws: LocatedError.self) { try Initializer.identity().sample([3, 3, 3], seed: 1) }
        #expect(throws: LocatedError.self) { try Initializer.zeros.sample([1 << 40, 1 << 40], seed: 1) }
    }

    /// Unknown initializers, regularizers and constraints go through as they stand.
    @Test func keptVerbatim() throws {
        let mine: ConfigValue = ["class_name": "Mine", "config": ["a": [1, 2]]]
        var config = Dense(3, name: "layer").config
        for key in ["kernel_initializer", "kernel_regularizer", "kernel_constraint"] { config[key] = mine }
        let layer = try LayerRegistry.builtIn.decode(LayerSpec(className: "Dense", name: "layer", config: config))
        #expect(layer.config == config)
    }

    @Test func lstmGates() throws {
        let slots = try LSTM(2, recurrentInitializer: .identity(gain: 3), biasInitializer: .constant(0.5))
            .weights(for: [.init([nil, nil, 3])])
        #expect(try Initializer(config: slots[1].initializer).sample(slots[1].shape, seed: 1).floats == [
            3, 0, 3, 0, 3, 0, 3, 0,
            0, 3, 0, 3, 0, 3, 0, 3,
        ])
        #expect(try Initializer(config: slots[2].initializer).sample(slots[2].shape, seed: 1).floats == [
            0.5, 0.5, 1, 1, 0.5, 0.5, 0.5, 0.5,
        ])
    }
}
