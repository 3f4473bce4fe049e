import Datasets
import Foundation
import KerasSpec
import Layers
import OrderedCollections
import TestSupport
import Tensors
import Testing
@testable import Training

/// Metrics that count, against genuine Keras (fixtures/generate/metrics.py).
@Suite struct MetricFixtureTests {
    struct File {
        var data: [String: Tensor] = [:]
        var cases: [ConfigObject] = []
        var evaluate: ConfigObject = [:]
    }

    static func file(_ name: String) throws -> File {
        let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("metrics/\(name).json")))
        let root = try #require(ConfigValue.from(try JSONSerialization.jsonObject(with: data)).object)
        var file = File()
        for (key, entry) in try #require(root["data"]?.object) {
            let shape = try #require(entry.object?["shape"]?.array).compactMap(\.integer)
            file.data[key] = Tensor(
                try #require(entry.object?["values"]?.array).map { Float($0.number ?? .nan) }, shape: Shape(shape))
        }
        file.cases = try #require(root["cases"]?.array).compactMap(\.object)
        file.evaluate = try #require(root["evaluate"]?.object)
        return file
    }

    @Test func everyClassHasACase() throws {
        let classes = try Self.file("keras3").cases.compactMap { $0["class"]?.string }
        #expect(Set(classes) == Set(CountingMetric.Kind.allCases.map(\.rawValue)))
    }

    @Test(arguments: ["tfkeras", "keras3"]) func results(_ name: String) throws {
        let file = try Self.file(name)
        for entry in file.cases {
            let className = try #require(entry["class"]?.string)
            let kind = try #require(CountingMetric.Kind(rawValue: className))
            let settings = try #require(entry["settings"]?.object)
            let metric = try CountingMetric(kind, settings: settings)
            #expect(kind.standardName == entry["name"]?.string || className.hasSuffix("IoU"), "\(className)")
            let truth = try #require(file.data[entry["truth"]?.string ?? ""])
            let prediction = try #require(file.data[entry["prediction"]?.string ?? ""])
            let weights = try #require(file.data["w"])
            for (key, isWeighted) in [("result", false), ("weighted", true)] {
                var state = metric.makeState(name == "keras3" ? .keras3 : .tfKeras)
                for rows in [0..<6, 6..<10] {
                    let (t, p) = (truth.rows(rows), prediction.rows(rows))
                    t.floats.withUnsafeBufferPointer { t in
                        p.floats.withUnsafeBufferPointer { values in
                            let labels = t.map { Int32($0) }
                            labels.withUnsafeBufferPointer { labels in
                                state.add(
                                    MetricBatch(
                                        predictions: values.baseAddress!, rows: rows.count, columns: p.shape[1],
                                        targets: truth.shape.rank == 1
                                            ? .labels(labels.baseAddress!) : .values(t.baseAddress!),
                                        weights: isWeighted ? weights.rows(rows).floats : nil))
                            }
                        }
                    }
                }
                let expected = try entry[key]?.array?.compactMap(\.number) ?? [#require(entry[key]?.number)]
                #expect(expected.count == metric.resultCount(columns: prediction.shape[1]))
                #expect(
                    state.results.count == expected.count
                        && zip(state.results, expected).allSatisfy { abs($0 - $1) <= 2e-6 * max(1, abs($1)) },
                    "\(name) \(className) \(ConfigValue.object(settings).summary) \(key): \(state.results), genuine \(expected)")
                // What was added up goes on from its numbers.
                var resumed = metric.makeState(name == "keras3" ? .keras3 : .tfKeras)
                resumed.sums = state.sums
                #expect(resumed.results == state.results)
            }
        }
    }

    /// With batches of unequal size, sample weights, and metrics that count these or don't.
    @Test(arguments: [("tfkeras", TrainingGeneration.tfKeras), ("keras3", .keras3)])
    func evaluate(_ name: String, _ generation: TrainingGeneration) throws {
        let file = try Self.file(name)
        let program = try Networks.sequential([4], [Activation(.linear, name: "out")])
        let metrics = [
            try Metric("AUC", [:]), try Metric("Precision", [:]), try Metric("F1Score", ["average": "macro"], name: "f1"),
            try Metric("RootMeanSquaredError", [:], name: "rmse"), try Metric("TopKCategoricalAccuracy", ["k": 2], name: "top"),
            try Metric("BinaryAccuracy", ["threshold": 0.3], name: "above"),
        ]
        let trainer = try Trainer(
            program, table: ParameterTable(), weights: [],
            outputs: [
                OutputTraining(
                    name: "out", loss: .meanSquaredError, metrics: metrics,
                    weightedMetrics: [try Metric("RootMeanSquaredError", [:], name: "weighted_rmse"), Metric(named: "mae")])
            ], optimizer: SGD(), generation: generation)
        let x = try #require(file.data["p"]), y = try #require(file.data["hot"]), w = try #require(file.data["w"])
        let logs = try trainer.evaluate(TrainingData(inputs: [x], targets: [y], sampleWeights: [w]), batchSize: 4)
        #expect(logs.count == file.evaluate.count, "\(logs.keys) \(file.evaluate.keys)")
        for (key, value) in file.evaluate {
            let name = key == "mean_absolute_error" ? "mae" : key
            let (got, expected) = (try #require(logs[name], "\(key)"), try #require(value.number))
            #expect(abs(got - expected) <= 2e-6 * max(1, abs(expected)), "\(key): \(got), genuine \(expected)")
        }
    }
}

extension ConfigValue {
    /// What Foundation read.
    fileprivate static func from(_ value: Any) -> ConfigValue {
        switch value {
        case let object as [String: Any]:
            .object(ConfigObject(uniqueKeysWithValues: object.sorted { $0.key < $1.key }.map { ($0.key, from($0.value)) }))
        case let array as [Any]: .array(array.map(from))
        case let text as String: .string(text)
        case let number as NSNumber:
            // A Boolean is a number of its own type.
            String(cString: number.objCType) == "c"
                ? .bool(number.boolValue)
                : Int(exactly: number.doubleValue).map(ConfigValue.integer) ?? .float(number.doubleValue)
        default: .null
        }
    }
}
