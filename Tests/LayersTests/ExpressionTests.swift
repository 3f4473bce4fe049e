import Graphs
import KerasOps
@testable import Layers
import Tensors
import TestSupport
import Testing

@Suite struct ExpressionTests {
    /// The value of an expression for some inputs, and the gradient of its sum.
    static func value(_ text: String, _ inputs: [Tensor], gradients: Bool = false) throws -> (Tensor, [Tensor]) {
        var builder = GraphBuilder()
        let values = inputs.map { builder.input(ValueInfo($0.shape, $0.dtype)) }
        let scope = LoweringContext(continuing: builder, label: "test")
        let symbol = try TensorExpression(text)(values.map { Symbol($0, in: scope) })
        let graph = scope.finish(outputs: [symbol.value])
        let shape = try #require(symbol.shape.concrete)
        let ones = Tensor([Float](repeating: 1, count: shape.count), shape: shape)
        let result = try GraphInterpreter.run(graph, inputs: inputs, outputGradients: gradients ? [ones] : nil)
        return (result.outputs[0], result.inputGradients)
    }

    static let x: [Float] = [-2, -0.5, 0.25, 3]

    /// Expressions as Python reads them, and what they give.
    static let examples: [(String, @Sendable (Float) -> Float)] = [
        ("x", { $0 }), ("x / 255 - 0.5", { $0 / 255 - 0.5 }), ("-x**2", { -$0 * $0 }), ("(-x)**2", { $0 * $0 }),
        ("2**-1 * x", { $0 / 2 }), ("1 - 2 - x", { -1 - $0 }), ("8 / 4 / 2 * x", { $0 }), ("2 + 3 * x", { 2 + 3 * $0 }),
        ("2*(3 + x)", { 2 * (3 + $0) }), ("1 / (x * x)", { 1 / ($0 * $0) }), ("x ** 3", { $0 * $0 * $0 }),
        ("relu(x) + ops.relu(-x)", { abs($0) }), ("keras.ops.maximum(x, 0.5)", { max($0, 0.5) }), ("x % 2", { $0 - 2 * ($0 / 2).rounded(.down) }),
        ("x // 2", { ($0 / 2).rounded(.down) }), ("clip(x, -1, x_max=1)", { min(max($0, -1), 1) }), ("1e-1*x + .5", { 0.1 * $0 + 0.5 }),
        ("x * (x > 0)", { max($0, 0) }), ("where(x < 0, -1.0, x)", { $0 < 0 ? -1 : $0 }), ("- - x", { $0 }), ("+x", { $0 }),
        ("leaky_relu(x, negative_slope=0.5)", { $0 < 0 ? $0 / 2 : $0 }), ("3", { _ in 3 }), ("sqrt(4) * x", { 2 * $0 }),
        ("log(2.5) * x", { 0.9162907 * $0 }), ("abs(x) ** 0.5", { abs($0).squareRoot() }),
    ]

    @Test(arguments: examples.map(\.0))
    func isReadAsPythonReadsIt(_ text: String) throws {
        let expected = try #require(Self.examples.first { $0.0 == text }).1
        let (value, _) = try Self.value(text, [Tensor(Self.x)])
        #expect(value.shape == [4])
        for (got, x) in zip(value.floats, Self.x) { #expect(abs(got - expected(x)) < 1e-6 * max(1, abs(expected(x))), "\(text) at \(x)") }
    }

    @Test func severalInputsAndShapes() throws {
        let (a, b) = (Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [2, 3]), Tensor([10, 20] as [Float], shape: [2, 1]))
        #expect(try Self.value("x0 + x1", [a, b]).0.floats == [11, 12, 13, 24, 25, 26])
        #expect(try Self.value("sum(x0, axis=[0, 1], keepdims=True) * x1", [a, b]).0 == Tensor([210, 420] as [Float], shape: [2, 1]))
        #expect(try Self.value("concatenate([x0, x1], axis=1)", [a, b]).0.shape == [2, 4])
        #expect(try Self.value("transpose(x0) @ x1", [a, b]).0.floats == [90, 120, 150])
        #expect(try Self.value("reshape(x0, (3, -1))", [a]).0.shape == [3, 2])
        #expect(try Self.value("einsum('ij,ik->jk', x0, x1)", [a, b]).0.floats == [90, 120, 150])
        #expect(try Self.value("max(x0, axis=1) + ops.argmax(x0, axis=1)", [a]).0.floats == [5, 8])
        #expect(try Self.value("take(flip(x0, axis=-1), 0, axis=0)", [a]).0.floats == [3, 2, 1])
    }

    @Test func gradientsComeWithTheFunctions() throws {
        for text in ["x * sigmoid(x)", "log(1 + exp(x))", "x**3 / 3 - tanh(x)", "sqrt(x*x + 1)", "softplus(x) * sin(x)"] {
            let (_, gradients) = try Self.value(text, [Tensor(Self.x)], gradients: true)
            for (index, x) in Self.x.enumerated() {
                let step: Float = 1e-2
                let (high, low) = (try Self.value(text, [Tensor([x + step])]).0.floats[0], try Self.value(text, [Tensor([x - step])]).0.floats[0])
                let slope = (high - low) / (2 * step)
                #expect(abs(gradients[0].floats[index] - slope) < 2e-3 * max(1, abs(slope)), "\(text) at \(x)")
            }
        }
    }

    @Test(arguments: [
        ("", "expression.syntax", "character 1"), ("x +", "expression.syntax", "character 4"), ("(x", "expression.syntax", "character 3"),
        ("x x", "expression.syntax", "character 3"), ("open('a')", "expression.name", "character 1"), ("x + 'a", "expression.syntax", "character 5"),
        ("x.__class__", "expression.name", "character 1"), ("frob(x)", "expression.name", "character 1"),
        ("x + y", "expression.name", "character 5"), ("x; y", "expression.syntax", "character 2"),
        ("lambda x: x", "expression.syntax", "character 9"), ("__import__(x)", "expression.name", "character 1"),
        ("1.2.3 * x", "expression.syntax", "character 1"), ("1e999 * x", "expression.syntax", "character 1"),
        ("relu(negative=1, x)", "expression.syntax", "character 18"),
    ])
    func whatHasNoMeaningIsRefusedWithItsPlace(_ text: String, _ code: String, _ place: String) throws {
        let error = try #require(throws: LocatedError.self) { try TensorExpression(text) }
        #expect(error.category == .usage && error.code == code && error.location == [place], "\(error)")
    }

    @Test(arguments: [
        ("x1", "expression.inputs"), ("relu(x, 3)", "ops.arguments"), ("relu(x, y=3)", "ops.arguments"), ("relu()", "call.argument"),
        ("softmax(x, axis=0.5)", "call.argument"), ("mean(x, axis=None, keepdims='yes')", "call.argument"), ("[x]", "expression.value"),
        ("sum(x, axis=3)", "reduce_sum.axis"), ("squeeze(x, axis=0)", "operation.squeeze"),
    ])
    func whatDoesNotFitIsRefused(_ text: String, _ code: String) throws {
        let error = try #require(throws: LocatedError.self) { try Self.value(text, [Tensor(Self.x)]) }
        #expect(error.code == code, "\(error)")
    }

    @Test func depthIsLimited() throws {
        for text in [
            String(repeating: "(", count: 5_000) + "x", String(repeating: "-", count: 5_000) + "x", String(repeating: "relu(", count: 5_000),
            String(repeating: "x+", count: 20_000), String(repeating: "(", count: 60) + "x" + String(repeating: ")", count: 60),
            String(repeating: "x+", count: 201) + "x",
        ] {
            let error = try #require(throws: LocatedError.self) { try TensorExpression(text) }
            #expect(error.code == "expression.syntax")
        }
        let longest = String(repeating: "x+", count: 199) + "x"
        #expect(try Self.value(longest, [Tensor(Self.x)]).0.floats[3] == 600)
    }

    @Test func meanings() throws {
        let affine = try #require(try TensorExpression("(x * 2 - 4) / 8 + 1").affine)
        #expect(affine.scale == 0.25 && affine.offset == 0.5)
        #expect(try TensorExpression("x * x").affine == nil && (try TensorExpression("relu(x)").affine == nil))
        #expect(try TensorExpression("keras.activations.relu(x)").activation == "relu")
        #expect(try TensorExpression("softmax(x, axis=1)").activation == nil && (try TensorExpression("relu(2 * x)").activation == nil))
    }
}
