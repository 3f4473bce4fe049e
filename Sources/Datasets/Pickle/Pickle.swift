import Tensors

/// What a pickle of plain data holds, as `Unpickler` built it: values that refer to their contents by number.
///
/// A pickle can refer to a value from several places, from inside itself too. Contents therefore lie side by side in
/// flat lists: walking, copying and releasing them never follows the file's nesting.
struct Pickle {
    /// A value; the number of a compound one says where its content lies.
    enum Value {
        case none
        case bool(Bool)
        case integer(Int)
        /// Python's `str` of Python 3 and `unicode` of Python 2: UTF-8, not checked yet.
        case text(ArraySlice<UInt8>)
        /// Python's `bytes`, `bytearray`, and `str` of Python 2.
        case bytes(ArraySlice<UInt8>)
        case tuple(Int), list(Int), dictionary(Int), array(Int), type(Int)
        case global(PickleGlobal)

        /// What the value is in Python's words, for messages.
        var kind: String {
            switch self {
            case .none: "None"
            case .bool: "a bool"
            case .integer(let value): "the int \(value)"
            case .text: "a str"
            case .bytes: "bytes"
            case .tuple: "a tuple"
            case .list: "a list"
            case .dictionary: "a dict"
            case .array: "an array"
            case .type: "a dtype"
            case .global(let global): global.description
            }
        }

        /// The number in an int or, as Python sees it, a bool.
        var integer: Int? {
            switch self {
            case .integer(let value): value
            case .bool(let value): value ? 1 : 0
            default: nil
            }
        }

        /// The name that a short text or byte string spells.
        var name: String? {
            switch self {
            case .text(let bytes), .bytes(let bytes):
                bytes.count <= Pickle.longestName ? String(validating: bytes, as: UTF8.self) : nil
            default: nil
            }
        }
    }

    /// NumPy's element type. Its byte order is stated after it is made.
    struct ElementType {
        var dtype: DType
        var isComplete = false
    }

    /// NumPy's array, C order, little-endian. Its content is stated after it is made.
    struct Array {
        var dtype: DType
        var shape: Shape
        /// `shape.count * dtype.byteCount` bytes.
        var bytes: ArraySlice<UInt8>
    }

    /// Bytes in the longest name or dictionary key.
    static let longestName = 1024

    var tuples: [[Value]] = []
    var lists: [[Value]] = []
    var dictionaries: [[String: Value]] = []
    var types: [ElementType] = []
    /// nil for an array whose content was not stated.
    var arrays: [Array?] = []
    /// What the pickle is a pickle of.
    var root: Value = .none
}
