package import Tensors

/// How a string type stores its strings. Kept on reading, because old and new h5py read fixed and variable strings as
/// different Python types, and a file is written back as it was.
package struct HDF5StringKind: Hashable, Sendable {
    package enum Storage: Hashable, Sendable {
        /// Every string takes `size` bytes, filled up as the padding says.
        case fixed(size: Int)
        /// Each string lies in the file's heap.
        case variable
    }

    package enum Padding: String, Hashable, Sendable {
        case nullTerminated, nullPadded, spacePadded
    }

    /// What the type says. Files of Keras hold UTF-8 under either name, so both are read as UTF-8.
    package enum CharacterSet: String, Hashable, Sendable {
        case ascii, utf8
    }

    package var storage: Storage
    package var padding: Padding
    package var characterSet: CharacterSet

    package init(_ storage: Storage, padding: Padding, characterSet: CharacterSet) {
        self.storage = storage
        self.padding = padding
        self.characterSet = characterSet
    }

    /// `model_config`, `keras_version`… as h5py writes a Python `bytes` or ASCII text: variable, null-terminated, ASCII.
    package static let variableASCII = HDF5StringKind(.variable, padding: .nullTerminated, characterSet: .ascii)
    /// As h5py writes a Python `str`: variable, null-terminated, UTF-8.
    package static let variableUTF8 = HDF5StringKind(.variable, padding: .nullTerminated, characterSet: .utf8)
    /// As h5py writes NumPy's `S` arrays, thus name lists of Keras with h5py 2: null-padded ASCII.
    package static func fixedASCII(size: Int) -> HDF5StringKind {
        HDF5StringKind(.fixed(size: size), padding: .nullPadded, characterSet: .ascii)
    }
}

/// One string with the way it is stored; its dataspace is scalar.
package struct HDF5String: Hashable, Sendable {
    package var value: String
    package var kind: HDF5StringKind

    package init(_ value: String, kind: HDF5StringKind = .variableASCII) {
        self.value = value
        self.kind = kind
    }
}

/// The value of an attribute, read or to be written.
package enum HDF5Attribute: Equatable, Sendable {
    /// A scalar dataspace.
    case string(HDF5String)
    /// A simple dataspace: strings in row-major order, `shape.count` of them.
    case strings([String], kind: HDF5StringKind, shape: Shape)
    /// Integers, floats or booleans, scalar or not. Float64 of shape (0,) is how NumPy's empty list is stored.
    case numbers(Tensor)
    /// A null dataspace: a type without a value.
    case empty

    /// NumPy's `asarray([])`, which is what Keras stores for a layer without weights.
    package static var emptyList: HDF5Attribute { .numbers(Tensor(zeros: [0], dtype: .float64)) }

    /// The text of a scalar, or of a list of one.
    package var text: String? {
        switch self {
        case .string(let string): string.value
        case .strings(let list, _, _) where list.count == 1: list[0]
        default: nil
        }
    }

    /// The strings of a list or a scalar, none for an empty array of numbers, nil for anything else.
    package var list: [String]? {
        switch self {
        case .string(let string): [string.value]
        case .strings(let list, _, _): list
        case .numbers(let tensor) where tensor.count == 0: []
        default: nil
        }
    }

    /// What it is, for messages.
    package var kindName: String {
        switch self {
        case .string: "a string"
        case .strings(_, _, let shape): "strings of shape \(shape)"
        case .numbers(let tensor): "numbers (\(tensor.dtype.rawValue)) of shape \(tensor.shape)"
        case .empty: "a type without a value"
        }
    }

    /// How its strings are stored, nil when it has none.
    package var stringKind: HDF5StringKind? {
        switch self {
        case .string(let string): string.kind
        case .strings(_, let kind, _): kind
        default: nil
        }
    }
}
