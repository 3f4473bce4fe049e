import Foundation
import Layers
import TestSupport
import Testing

/// `docs/supported.md` says what the registry says.
@Suite struct SupportedDocumentTests {
    /// Environment variable that makes the test write the page instead of comparing it.
    private static let rewrites = "SWIFT_KERAS_WRITE_DOCS"

    private static var page: String {
        """
        # What is computed

        Written by `SupportedDocumentTests` from the registry; set `\(rewrites)=1` to write it again. `inspect` and
        `convert` work for models with other layers, too.

        ## Layers

        \(list(LayerRegistry.builtIn.classNames))

        and models within models (`Sequential`, `Model`, `Functional`), shared layers, several inputs and outputs. What a layer does
        not do is in the header of its file in `Sources/Layers`.

        ## Functions

        Nodes of functional models that are functions of `keras.ops`; those of TensorFlow that tf.keras keeps as `TFOpLambda` and
        `SlicingOpLambda` are read as the same.

        \(operations)

        What of `keras.ops` 3.15 isn't computed, and why:

        \(refused)

        ## Activations

        \(list(ActivationFunction.names))

        `hard_sigmoid` has two meanings, Keras 3's and that of Keras 1 and 2; a file's generation decides.

        """
    }

    /// A paragraph a module.
    private static var operations: String {
        let names = OperationLayer.supported.map { $0.className.split(separator: ".").map(String.init) }
        return ["numpy", "nn", "math", "linalg", "image", "einops", "core"].map { module in
            "`keras.ops.\(module)`: " + list(names.filter { $0[1] == module }.map { $0[2] })
        }.joined(separator: "\n\n")
    }

    /// A line a reason.
    private static var refused: String {
        Dictionary(grouping: OperationLayer.refused, by: \.reason).sorted { $0.key < $1.key }.map { reason, names in
            "- \(reason): " + list(names.map { String($0.className.dropFirst(4)) })
        }.joined(separator: "\n")
    }

    /// Every class of operations of Keras 3.15 (`fixtures/generate/operation_classes.py`) is computed, or refused with a reason.
    @Test func everyOperationIsSettled() throws {
        let names = try String(contentsOfFile: Fixtures.path("catalogue/operation_classes.txt"), encoding: .utf8).split(separator: "\n").map { "ops.\($0)" }
        let computed = Set(OperationLayer.supported.map(\.className)), refused = Set(OperationLayer.refused.map(\.className))
        #expect(names.count > 250)
        #expect(names.filter { !computed.contains($0) && !refused.contains($0) } == [])
        #expect(computed.subtracting(names) == [] && computed.isDisjoint(with: refused))
    }

    private static func list(_ names: [String]) -> String { names.map { "`\($0)`" }.joined(separator: ", ") }

    @Test func isCurrent() throws {
        let file = Fixtures.root.appendingPathComponent("docs/supported.md")
        if ProcessInfo.processInfo.environment[Self.rewrites] != nil {
            try Self.page.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == Self.page, "run this test with \(Self.rewrites)=1")
    }
}
