import Foundation
import Graphs
import KerasFormat
import KerasSpec
import TestSupport
import Tensors
import Testing

/// A layer as genuine Keras 3.15 tells it: `fixtures/keras3/layers.json`.
struct Keras3Case: Sendable, CustomTestStringConvertible {
    var name: String
    var className: String
    var config: ConfigObject
    var inputs: [ValueInfo]
    var outputs: [PartialShape]
    var weights: [Weight]

    struct Weight: Equatable {
        var name: String
        var shape: Shape
        var trainable: Bool
    }

    var testDescription: String { "\(className)/\(name)" }

    static let all: [Keras3Case] = {
        do {
            return try read("layers").map { item in
                let object = try #require(item.object)
                let dtype = DType(rawValue: try #require(object["dtype"]?.string)) ?? .float32
                return Keras3Case(
                    name: try #require(object["case"]?.string), className: try #require(object["class"]?.string),
                    config: try #require(object["config"]?.object),
                    inputs: try shapes(object["inputs"]).map { ValueInfo($0, dtype) }, outputs: try shapes(object["outputs"]),
                    weights: try #require(object["weights"]?.array).map { item in
                        let weight = try #require(item.object)
                        let extents = try #require(weight["shape"])
                        let trainable: Bool? = weight["trainable"]?.bool
                        return Weight(
                            name: try #require(weight["name"]?.string), shape: try #require(try shape(extents).concrete),
                            trainable: try #require(trainable as Bool?))
                    })
            }
        } catch {
            Issue.record(error)
            return []
        }
    }()

    /// Weight shapes with their fans, as `fixtures/keras3/fans.json` has them.
    static let fans: [ConfigValue] = {
        do { return try read("fans") } catch {
            Issue.record(error)
            return []
        }
    }()

    static func read(_ name: String) throws -> [ConfigValue] {
        let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("keras3/\(name).json")))
        return try #require(try JSON.parse(Array(data)).array)
    }

    static func shape(_ value: ConfigValue) throws -> PartialShape {
        PartialShape(try #require(value.array).map(\.integer))
    }

    private static func shapes(_ value: ConfigValue?) throws -> [PartialShape] {
        try #require(value?.array).map(shape)
    }
}
