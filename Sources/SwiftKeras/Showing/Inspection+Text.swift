package import KerasSpec
internal import Tensors

extension Inspection {
    /// For people.
    public var text: String {
        var lines = ["file: \(file)", "container: \(container)"]
        func add(_ label: String, _ value: String?) { if let value { lines.append("\(label): \(value)") } }
        add("dialect", dialect)
        add("Keras version", kerasVersion)
        add("backend", backend)
        add("model", modelName.map { "\($0) (\(modelClass ?? "?"))" })
        if !layers.isEmpty {
            lines.append("layers: \(layers.count)")
            for layer in layers {
                lines.append("  \(layer.name) (\(layer.className))\(layer.isComputed ? "" : "  not computed by swift-keras")")
            }
        }
        if !weights.isEmpty {
            let count = weights.reduce(0) { $0 + ($1.shape.checkedCount ?? 0) }
            lines.append("weights: \(weights.count) arrays, \(count.grouped) numbers")
            lines += weights.map { "  \($0.line)" }
        }
        add("optimizer", optimizer)
        lines += optimizerSettings.map { "  \($0.name): \($0.value)" }
        if !compileSettings.isEmpty {
            lines.append("compiled with:")
            lines += compileSettings.map { "  \($0.name): \($0.value)" }
        }
        if !optimizerWeights.isEmpty {
            lines.append("optimizer state: \(optimizerWeights.count) arrays")
            lines += optimizerWeights.map { "  \($0.line)" }
        }
        if !notes.isEmpty {
            lines.append("brought up to date:")
            lines += notes.map { "  \($0)" }
        }
        lines += problems.map { "problem: \($0)" }
        return lines.joined(separator: "\n") + "\n"
    }

    private static func parsed(_ settings: [(name: String, value: String)]) -> ConfigObject {
        var object: ConfigObject = [:]
        for (name, value) in settings { object[name] = (try? ConfigValue(jsonText: Array(value.utf8))) ?? .string(value) }
        return object
    }

    /// For programs.
    package var document: ConfigValue {
        [
            "file": .string(file), "container": .string(container), "dialect": .optional(dialect),
            "keras_version": .optional(kerasVersion), "backend": .optional(backend),
            "model": modelName.map { ["class_name": .optional(modelClass), "name": .string($0)] } ?? .null,
            "layers": .array(
                layers.map {
                    ["name": .string($0.name), "class_name": .string($0.className), "computed": .bool($0.isComputed)]
                }),
            "weights": .array(weights.map(\.document)), "optimizer": .optional(optimizer),
            "optimizer_config": .object(Self.parsed(optimizerSettings)), "compile_settings": .object(Self.parsed(compileSettings)),
            "optimizer_weights": .array(optimizerWeights.map(\.document)),
            "notes": .array(notes.map(ConfigValue.string)), "problems": .array(problems.map { .string($0.description) }),
        ]
    }
}

extension Inspection.Weight {
    private var path: String { layer.isEmpty ? name : "\(layer)/\(name)" }

    fileprivate var line: String {
        var line = "\(path)  \(dtype.rawValue) \(shape)"
        if let statistics {
            line += "  min \(Float(statistics.min)), max \(Float(statistics.max)), mean \(Float(statistics.mean))"
        }
        if notFinite > 0 { line += "  \(notFinite) not finite" }
        if let problem { line += "  unreadable: \(problem.message)" }
        return line
    }

    fileprivate var document: ConfigValue {
        [
            "path": .string(path), "shape": .integers(shape.dims), "dtype": .string(dtype.rawValue),
            "min": statistics.map { .float($0.min) } ?? .null, "max": statistics.map { .float($0.max) } ?? .null,
            "mean": statistics.map { .float($0.mean) } ?? .null, "not_finite": .integer(notFinite),
        ]
    }
}

extension ConfigValue {
    /// A string or null.
    fileprivate static func optional(_ text: String?) -> ConfigValue { text.map(ConfigValue.string) ?? .null }
}
