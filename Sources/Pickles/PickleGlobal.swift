/// Which names a pickle may hold.
package enum PickleVocabulary: Sendable {
    /// What rebuilds NumPy's arrays of numbers, and what old protocols write byte strings with.
    case arrays
    /// The same names; arrays may also hold Python's lists and numbers, as Keras's files of reviews do.
    case objects
    /// Also what the variables of Keras and TensorFlow are written with, as in the `.npz` weights of `.keras` archives.
    case keras
}

/// The only names that a pickle may call.
///
/// They are known by name; nothing is looked up and nothing is run.
package enum PickleGlobal: String, CustomStringConvertible, Sendable {
    /// An array without content yet; the content follows by BUILD.
    case reconstruct = "numpy.core.multiarray._reconstruct"
    /// An array over a buffer: protocol 5.
    case fromBuffer = "numpy.core.numeric._frombuffer"
    case ndarray = "numpy.ndarray"
    case dtype = "numpy.dtype"
    /// Text to bytes: Python 3 has no other way of writing bytes in protocols 0 to 2.
    case encode = "_codecs.encode"

    // MARK: Keras's vocabulary

    /// An array without axes.
    case scalar = "numpy.core.multiarray.scalar"
    /// Keras 3's variable: its state is a dict with the value in it.
    case variable = "keras.src.backend.Variable"
    case variable3 = "keras.src.backend.tensorflow.core.Variable"
    case baseVariable = "keras.src.backend.common.variables.KerasVariable"
    /// TensorFlow's variable: made by a partial call with `initial_value`.
    case resourceVariable = "tensorflow.python.ops.resource_variable_ops.ResourceVariable"
    case partial = "functools.partial"
    /// JAX's array: what makes NumPy's, and what describes it.
    case jaxArray = "jax._src.array._reconstruct_array"
    case bfloat16 = "ml_dtypes.bfloat16"
    /// PyTorch's: a parameter around a tensor, which is a view of stored numbers.
    case torchParameter = "torch._utils._rebuild_parameter"
    case torchTensor = "torch._utils._rebuild_tensor_v2"
    case torchStorage = "torch.storage._load_from_bytes"
    case orderedDictionary = "collections.OrderedDict"
    case elementType = "tensorflow.python.framework.dtypes.as_dtype"
    case set = "builtins.set"
    case set2 = "__builtin__.set"
    /// Any class that decides how a variable begins and is kept: its values are no part of the weights.
    case kept = "keras.src.initializers, regularizers, constraints"

    /// Whether it belongs to Keras's vocabulary alone.
    var isKeras: Bool {
        switch self {
        case .reconstruct, .fromBuffer, .ndarray, .dtype, .encode: false
        default: true
        }
    }

    /// Whether calling it makes an object that is kept as it was called.
    var isInert: Bool { isKeras && self != .scalar }

    private static let keptModules = ["initializers", "regularizers", "constraints"]

    /// nil for every name that is not on the list.
    init?(module: String, name: String, _ vocabulary: PickleVocabulary) {
        // NumPy 2 calls numpy.core by another name.
        let module = module.hasPrefix("numpy._core.") ? "numpy." + module.dropFirst("numpy._".count) : module
        if vocabulary == .keras, !name.contains("."), Self.keptModules.contains(where: { module == "keras.src.\($0)" || module.hasPrefix("keras.src.\($0).") }) {
            self = .kept
            return
        }
        self.init(rawValue: module + "." + name)
        guard vocabulary == .keras || !isKeras, self != .kept else { return nil }
    }

    package var description: String { rawValue }
}
