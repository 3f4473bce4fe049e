/// How Keras 1 splits the weights of some classes: an LSTM has 12 arrays, one for each gate.
enum Keras1Layout {
    /// The owner with the variables that Keras 1 gives its class.
    static func owner(_ owner: WeightOwner) -> WeightOwner { owner }
}
