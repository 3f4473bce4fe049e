import KerasSpec

/// How Keras 1 splits the weights of some classes: an LSTM has 12 arrays, one for each gate.
///
/// Sources: `build` of `keras/layers/recurrent.py`, `convolutional_recurrent.py` of 1.2.2.
enum Keras1Layout {
    /// Gates in the order of Keras 1's files, and where each stands in the one kernel of later Keras.
    static let gates: [String: [(name: String, place: Int)]] = [
        "LSTMCell": [("i", 0), ("c", 2), ("f", 1), ("o", 3)], "ConvLSTM2DCell": [("i", 0), ("c", 2), ("f", 1), ("o", 3)],
        "GRUCell": [("z", 0), ("r", 1), ("h", 2)],
    ]

    /// The owner with the variables that Keras 1 gives its class. A layer with `consume_less` "gpu" has one array for all gates.
    static func owner(_ owner: WeightOwner) -> WeightOwner {
        Self.owner(owner, splits: splits(owner.className, owner.config))
    }

    /// - Parameter splits: whether each gate has arrays of its own.
    static func owner(_ owner: WeightOwner, splits: Bool) -> WeightOwner {
        guard let gates = gates[owner.className], splits || owner.className == "ConvLSTM2DCell" else { return owner }
        var result = owner
        result.variables = gates.flatMap { gate in
            ["W", "U", "b"].map { WeightLayout.Variable(name: "\($0)_\(gate.name)", role: .trained) }
        }
        return result
    }

    private static func splits(_ className: String, _ config: ConfigObject) -> Bool {
        let implementation = config[LegacyName.kept]?.object?["implementation"]?.integer ?? config["implementation"]?.integer
        return implementation == 0 || implementation == 1
    }
}
