import Foundation
@testable import KerasFormat
import KerasSpec
import Layers
import TestSupport
import Testing

/// `docs/supported.md` says what the registry says.
@Suite struct SupportedDocumentTests {
    /// Environment variable that makes the test write the page instead of comparing it.
    private static let rewrites = "SWIFT_KERAS_WRITE_DOCS"

    private static func page() throws -> String {
        let rows = try layers()
        return """
        # What is computed

        Written by `SupportedDocumentTests` from the registry; set `\(rewrites)=1` to write it again. `inspect` and
        `convert` work for models with other layers, too.

        ## Layers

        \(LayerRegistry.builtIn.classNames.count) classes, and models within models (`Sequential`, `Model`, `Functional`), shared layers, several inputs and outputs. Not
        computed are `Lambda`, `JaxLayer`, `FlaxLayer`, `TFSMLayer` and `TorchModuleWrapper`, which are code, and classes of one's own that
        nobody registered: [custom-objects.md](custom-objects.md). A setting that a class doesn't have is refused. Every class also has
        `name`, `trainable` and `dtype`: all compute in float32, but for quantized layers, which round where Keras rounds. Which Keras has
        a class: 1 is Keras 1.2, 2 Keras 2.3, tf tf.keras (tf*: later than TensorFlow 2.4), 3 Keras 3 (3.9: since then). What becomes of
        masks is each generation's own: `Sources/KerasSpec/MaskTradition.swift`.

        | class | Keras | settings | differs from Keras |
        |---|---|---|---|
        \(rows)

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

    /// A line a class: which Keras has it, the settings that its cases of genuine files hold, and what the header of its file says
    /// about differences.
    private static func layers() throws -> String {
        let cases = Dictionary(grouping: ParityCase.all + ParityCase.catalogue, by: \.className)
        let headers = try Self.headers()
        return try LayerRegistry.builtIn.classNames.map { name in
            var keys: Set<String> = []
            // Each file tells all settings of its generation.
            for example in (cases[name] ?? []).prefix(2) + (cases[name] ?? []).suffix(2) {
                if let spec = try KerasFile.read(example.file(example.model)).spec { keys.formUnion(self.keys(of: name, in: spec)) }
            }
            let header = headers[name] ?? [:]
            // Classes that no catalogue has: as their headers name them.
            if keys.isEmpty { keys = Set((header["Config"] ?? "").split(separator: "`", omittingEmptySubsequences: false).enumerated().filter { $0.offset % 2 == 1 }.map { String($0.element) }) }
            keys.subtract(["name", "trainable", "dtype", "batch_input_shape"])
            let differences = (header["Differs from Keras"] ?? "").replacingOccurrences(of: "|", with: "\\|")
            return "| `\(name)` | \(generations(of: name)) | \(list(keys.filter { !$0.hasPrefix("legacy>") }.sorted())) | \(differences) |"
        }.joined(separator: "\n")
    }

    private static func keys(of className: String, in spec: ModelSpec) -> Set<String> {
        var keys: Set<String> = []
        for layer in spec.layers {
            if let model = layer.model?.value { keys.formUnion(self.keys(of: className, in: model)) }
            if layer.className == className { keys.formUnion(layer.config.keys) }
        }
        return keys
    }

    private static let merging: Set<String> = ["Add", "Multiply", "Average", "Maximum", "Concatenate", "Dot"]
    /// What tf.keras 2.4 has under another name.
    private static let experimental: Set<String> = TfKerasVersions.classes

    private static func generations(of name: String) -> String {
        var result: [String] = []
        if Keras1Rule.byKeras2[name] != nil || Keras1Rule.all[name] != nil || merging.contains(name) || ["Highway", "MaxoutDense", "SReLU", "ParametricSoftplus"].contains(name) {
            result.append("1")
        }
        if ClassRule.all[name] != nil || name == "InputLayer" { result.append("2") }
        if ClassRule.tfKeras[name] != nil { result.append(experimental.contains(name) ? "tf*" : "tf") }
        if !Keras3Words.gone.contains(name) {
            result.append(Keras3Words.classes[name].map { "3.\($0)" } ?? "3")
        }
        return result.joined(separator: ", ")
    }

    /// Paragraphs of the headers of layers' files, by class and first word.
    private static func headers() throws -> [String: [String: String]] {
        let folder = Fixtures.root.appendingPathComponent("Sources/Layers")
        var result: [String: [String: String]] = [:]
        for case let file as URL in FileManager.default.enumerator(at: folder, includingPropertiesForKeys: nil) ?? .init() {
            guard file.pathExtension == "swift" else { continue }
            var header: [String: String] = [:], label = ""
            for line in try String(contentsOf: file, encoding: .utf8).split(separator: "\n") {
                if line.hasPrefix("public struct ") || line.hasPrefix("package struct ") {
                    let name = line.split(separator: " ")[2].prefix { $0.isLetter || $0.isNumber || $0 == "_" }
                    if !header.isEmpty { result[String(name)] = header }
                    (header, label) = ([:], "")
                } else if line.hasPrefix("/// ") {
                    let text = line.dropFirst(4)
                    if let colon = text.firstIndex(of: ":"), ["Formula", "Shapes", "Weights", "Config", "Call", "Masks", "Differs from Keras", "Source"].contains(String(text[..<colon])) {
                        label = String(text[..<colon])
                        header[label] = text[text.index(after: colon)...].trimmingCharacters(in: .whitespaces)
                    } else if !label.isEmpty {
                        header[label, default: ""] += " " + text
                    }
                } else if !line.hasPrefix("///"), !line.hasPrefix("@") {
                    (header, label) = ([:], "")
                }
            }
        }
        return result
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
        let page = try Self.page()
        let file = Fixtures.root.appendingPathComponent("docs/supported.md")
        if ProcessInfo.processInfo.environment[Self.rewrites] != nil {
            try page.write(to: file, atomically: true, encoding: .utf8)
        }
        #expect(try String(contentsOf: file, encoding: .utf8) == page, "run this test with \(Self.rewrites)=1")
    }
}
