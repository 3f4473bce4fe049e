package import KerasSpec

/// Whose weights a list of arrays holds: an object that has variables of its own, in a layer or a part of it, such as the cell
/// of an LSTM.
package struct WeightOwner: Sendable {
    /// Layer names from the top-level layer inwards.
    package var layerPath: [String]
    /// Attributes from that layer to the object; empty for the layer itself.
    package var path: [String]
    /// In Keras 3's words: `Conv2D`, `LSTMCell`.
    package var className: String
    package var config: ConfigObject
    /// As `WeightLayout` tells them, or as an older Keras split them.
    package var variables: [WeightLayout.Variable]

    /// The outline of each variable.
    package var outlines: [WeightOutline] {
        variables.map { WeightOutline(layerPath: layerPath, path: path + [$0.name], role: $0.role) }
    }
}

/// Which Keras arranged weights: order and number of arrays changed.
package struct WeightOrigin: Hashable, Sendable {
    package var dialect: Dialect
    /// Whose kernels they are: `theano` turns them by 180°; nil where a file doesn't tell.
    package var backend: String?

    package init(_ dialect: Dialect, backend: String? = nil) {
        self.dialect = dialect
        self.backend = backend
    }

    /// The origin that a file of the scheme `layers` tells. Keras 1 doesn't say its version in the weights' group: that is how
    /// Keras 2.3.1 knows it.
    package init(of stored: StoredWeights) {
        self.init(
            stored.kerasVersion.map { DialectDetector.dialect(ofVersion: $0) ?? .keras2 } ?? .keras1,
            backend: stored.backend)
    }
}

extension WeightOwner {
    /// All owners in one top-level layer in creation order; nil when a class in it is none of Keras's, so that nobody knows what
    /// its arrays are.
    static func owners(in layer: LayerSpec, for dialect: Dialect, under path: [String] = []) -> [WeightOwner]? {
        let path = path + [layer.name]
        guard let model = layer.model?.value else {
            guard let layout = WeightLayout(of: layer.className, config: layer.config) else { return nil }
            return owners(in: layout, of: layer.className, layer.config, layerPath: path, path: [], for: dialect)
        }
        var owners: [WeightOwner] = []
        for inner in model.layers {
            guard let own = self.owners(in: inner, for: dialect, under: path) else { return nil }
            owners += own
        }
        return owners
    }

    private static func owners(
        in layout: WeightLayout, of className: String, _ config: ConfigObject, layerPath: [String], path: [String],
        for dialect: Dialect
    ) -> [WeightOwner] {
        var owners: [WeightOwner] = []
        let own = WeightOwner(
            layerPath: layerPath, path: path, className: className, config: config, variables: layout.variables)
        if !own.variables.isEmpty { owners.append(dialect == .keras1 ? Keras1Layout.owner(own) : own) }
        for part in layout.parts {
            owners += self.owners(
                in: part.layout, of: part.className, part.config, layerPath: layerPath, path: path + part.path, for: dialect)
        }
        return owners
    }
}
