internal import Layers
internal import Tensors

/// Keras 2.3's default names: the class in snake case, and a number that counts that class within one model from 1.
struct LayerNames {
    private var counts: [String: Int] = [:]
    private var taken: Set<String> = []

    /// The layer's own name, or its default one.
    mutating func name(for layer: any Layer) throws(LocatedError) -> String {
        if let name = layer.common.name {
            guard taken.insert(name).inserted else {
                throw LocatedError(
                    .usage, "model.duplicateLayer", "expected a layer name that is not in the model yet, got \"\(name)\"")
            }
            return name
        }
        let className = layer.computed?.specClassName ?? type(of: layer).className
        // A registered class is called without its package.
        let plain = className.split(separator: ">").last.map(String.init) ?? className
        return makeDefault(plain == "InputLayer" ? "input" : Self.snakeCase(plain))
    }

    /// `prefix_1`, or the next number that is free.
    mutating func makeDefault(_ prefix: String) -> String {
        while true {
            counts[prefix, default: 0] += 1
            let name = "\(prefix)_\(counts[prefix, default: 1])"
            if taken.insert(name).inserted { return name }
        }
    }

    /// A given name, or the next free one made from it.
    mutating func makeUnique(_ name: String) -> String {
        taken.insert(name).inserted ? name : makeDefault(name)
    }

    /// `MaxPooling2D` → `max_pooling2d`, as Keras's `_to_snake_case` does it in two passes: an underscore before a capital
    /// that starts a word of small letters or digits, then one between a small letter and a capital.
    static func snakeCase(_ name: String) -> String {
        let wordStarts = name.replacing(/(.)([A-Z][a-z0-9]+)/) { "\($0.output.1)_\($0.output.2)" }
        return wordStarts.replacing(/([a-z])([A-Z])/) { "\($0.output.1)_\($0.output.2)" }.lowercased()
    }
}
