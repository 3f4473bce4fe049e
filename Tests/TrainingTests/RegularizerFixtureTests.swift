import Engine
import Foundation
import Graphs
import KerasFormat
import KerasSpec
import TestSupport
import Tensors
import Testing
@testable import Training

/// Regularizers and constraints as genuine Keras 3.15 computes them.
@Suite struct RegularizerFixtureTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var kind: String
        var config: ConfigValue
        var shape: Shape
        var weight: [Float]
        var expected: [Double]
        var penalty: Double

        var testDescription: String { "\(kind) \(config.object?["class_name"]?.string ?? "") \(shape)" }
    }

    static let cases: [Case] = {
        do {
            let data = try Data(contentsOf: URL(fileURLWithPath: Fixtures.path("regularizers/keras3.json")))
            return try #require(try JSON.parse(Array(data)).array).map { line in
                let line = try #require(line.object)
                func numbers(_ key: String) throws -> [Double] { try #require(line[key]?.array).compactMap(\.number) }
                let kind = try #require(line["kind"]?.string)
                return Case(
                    kind: kind, config: try #require(line["config"]), shape: Shape(try numbers("shape").map { Int($0) }),
                    weight: try numbers("weight").map { Float($0) },
                    expected: try numbers(kind == "regularizer" ? "gradient" : "result"), penalty: line["penalty"]?.number ?? 0)
            }
        } catch {
            Issue.record(error)
            return []
        }
    }()

    @Test(arguments: cases.filter { $0.kind == "regularizer" }) func penalty(_ fixture: Case) throws {
        let regularizer = try #require(try WeightRegularizer(config: fixture.config))
        var builder = GraphBuilder()
        let weight = builder.parameter(0, ValueInfo(fixture.shape))
        let penalty = try regularizer.penalty(on: weight, in: &builder)
        let plan = try TrainingPlan(graph: builder.finish(outputs: [penalty]), parameters: [0])
        let parameters = try ParameterBuffers([Tensor(fixture.weight, shape: fixture.shape)])
        let session = try TrainingSession(plan: plan, parameters: parameters)
        let value = Double(try session.forward([])[0].floats[0])
        #expect(abs(value - fixture.penalty) < 1e-5 * max(1e-3, abs(fixture.penalty)))
        let gradient = try #require(try session.backward([Tensor([1] as [Float], shape: [])]).parameters[0])
        #expect(mismatch(gradient, fixture.expected, relative: 1e-4, absolute: 1e-6) == nil)
    }

    @Test(arguments: cases.filter { $0.kind == "constraint" }) func projection(_ fixture: Case) throws {
        let constraint = try #require(try WeightConstraint(config: fixture.config, shape: fixture.shape))
        var values = fixture.weight
        values.withUnsafeMutableBufferPointer { constraint.apply($0.baseAddress!) }
        #expect(mismatch(Tensor(values, shape: fixture.shape), fixture.expected, relative: 1e-5, absolute: 1e-6) == nil)
    }

    /// A kernel that is no matrix has no rows to stand at right angles.
    @Test func orthogonalNeedsAMatrix() throws {
        let regularizer = try #require(try WeightRegularizer(config: ["class_name": "OrthogonalRegularizer", "config": ["factor": 0.1]]))
        var builder = GraphBuilder()
        let weight = builder.parameter(0, ValueInfo([2, 2, 3]))
        #expect(throws: LocatedError.self) { try regularizer.penalty(on: weight, in: &builder) }
    }
}
