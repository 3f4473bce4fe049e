import KerasSpec
import Tensors

/// The scheme `objects`: a group for every object that has variables, `layers/dense_1/vars/0`.
enum ObjectNaming {
    /// The model's weights, by the attributes that lead to them.
    static func resolve(_ stored: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> WeightResolution {
        throw LocatedError(
            .unsupported, "container.unsupported", "recognised as weights in Keras 3's layout, not supported yet")
    }
}
