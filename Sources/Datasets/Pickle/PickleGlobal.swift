/// The only names that a pickle may call: what rebuilds NumPy's arrays, and what old protocols write byte strings with.
///
/// They are known by name; nothing is looked up and nothing is run.
enum PickleGlobal: String, CustomStringConvertible {
    /// An array without content yet; the content follows by BUILD.
    case reconstruct = "numpy.core.multiarray._reconstruct"
    /// An array over a buffer: protocol 5.
    case fromBuffer = "numpy.core.numeric._frombuffer"
    case ndarray = "numpy.ndarray"
    case dtype = "numpy.dtype"
    /// Text to bytes: Python 3 has no other way of writing bytes in protocols 0 to 2.
    case encode = "_codecs.encode"

    /// nil for every name that is not on the list.
    init?(module: String, name: String) {
        // NumPy 2 calls numpy.core by another name.
        let module = module.hasPrefix("numpy._core.") ? "numpy." + module.dropFirst("numpy._".count) : module
        self.init(rawValue: module + "." + name)
    }

    var description: String { rawValue }
}
