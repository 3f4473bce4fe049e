package import KerasSpec
import Tensors

/// Which weights a model's optimizer changes, in the order in which it keeps its arrays.
package struct TrainedWeights: Sendable {
    /// A weight as a dialect has it: Keras 1 has twelve where an LSTM has three today.
    struct Place: Hashable, Sendable {
        /// In `owners`.
        var owner: Int
        /// In the owner's variables.
        var variable: Int
        /// As files of the dialect name it: `dense_1/kernel:0`.
        var fileName: String
    }

    /// As the dialect has them, and as Keras 3 has the same; of all layers.
    let owners: [WeightOwner]
    let modern: [WeightOwner]
    /// In the optimizer's order.
    let places: [Place]
    let dialect: Dialect

    /// The trained weights in Keras 3's words, in the order of a dialect's optimizers.
    ///
    /// Weights of classes that Keras doesn't have are left out.
    package static func order(in spec: ModelSpec, for dialect: Dialect) -> [WeightOutline] {
        let trained = TrainedWeights(in: spec, for: dialect)
        return trained.places.map { trained.owners[$0.owner].outlines[$0.variable] }
    }

    /// `model.trainable_weights`, which Keras 1 sorts by name. Frozen layers and models have none.
    ///
    /// - Parameter weights: tells the arrays of classes that Keras doesn't have.
    ///
    /// Source: `trainable_weights` of `keras/engine/network.py` 2.3.1, `keras/src/layers/layer.py` 3.15;
    /// `compile` of `keras/engine/training.py` 1.2.2.
    init(in spec: ModelSpec, weights: ModelWeights? = nil, for dialect: Dialect) {
        var owners: [WeightOwner] = []
        var modern: [WeightOwner] = []
        var places: [Place] = []
        for layer in spec.trainable ? spec.layers : [] {
            let own: [WeightOwner]
            let ownModern: [WeightOwner]
            if let known = WeightOwner.owners(in: layer, for: dialect), let today = WeightOwner.owners(in: layer, for: .keras3),
                known.count == today.count
            {
                (own, ownModern) = (known, today)
            } else {
                own = Self.unknownOwners(in: layer, weights)
                ownModern = own
            }
            let listed = LegacyOrder.places(own, in: layer, for: dialect)
            let names = LegacyNames.names(of: listed, own, in: layer, of: spec, for: dialect)
            for (place, name) in zip(listed, names) {
                let owner = own[place.owner]
                guard owner.variables[place.variable].role == .trained, !Self.isFrozen(owner, in: layer) else { continue }
                places.append(Place(owner: owners.count + place.owner, variable: place.variable, fileName: name))
            }
            owners += own
            modern += ownModern
        }
        if dialect == .keras1 {
            // Python compares code points; the sort is stable.
            places = places.enumerated().sorted {
                let (a, b) = (Array($0.element.fileName.unicodeScalars), Array($1.element.fileName.unicodeScalars))
                return a == b ? $0.offset < $1.offset : a.lexicographicallyPrecedes(b)
            }.map(\.element)
        }
        self.owners = owners
        self.modern = modern
        self.places = places
        self.dialect = dialect
    }

    /// One owner with the arrays that were found under a layer that nobody knows.
    private static func unknownOwners(in layer: LayerSpec, _ weights: ModelWeights?) -> [WeightOwner] {
        let variables = (weights?.weights ?? []).filter { $0.outline.layerPath.first == layer.name }.map { weight in
            let name = (weight.outline.layerPath.dropFirst() + weight.outline.path).joined(separator: "/")
            return WeightLayout.Variable(name: name, role: weight.outline.role)
        }
        guard !variables.isEmpty else { return [] }
        return [
            WeightOwner(
                layerPath: [layer.name], path: [], className: layer.className, config: layer.config, variables: variables)
        ]
    }

    /// Whether the owner, its layer, or a model around it isn't trained.
    private static func isFrozen(_ owner: WeightOwner, in layer: LayerSpec) -> Bool {
        var holder: LayerSpec? = layer
        for name in owner.layerPath.dropFirst() {
            if holder?.model?.value.trainable == false { return true }
            holder = holder?.model?.value.layers.first { $0.name == name }
        }
        if holder?.config["trainable"] == false || owner.config["trainable"] == false { return true }
        return holder?.config["layer"]?.object?["config"]?.object?["trainable"] == false
    }
}
