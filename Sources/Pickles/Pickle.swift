package import Tensors

/// What a pickle of plain data holds, as `Unpickler` built it: values that refer to their contents by number.
///
/// A pickle can refer to a value from several places, from inside itself too. Contents therefore lie side by side in
/// flat lists: walking, copying and releasing them never follows the file's nesting.
package struct Pickle: Sendable {
    /// A value; the number of a compound one says where its content lies.
    package enum Value: Sendable {
        case none
        case bool(Bool)
        case integer(Int)
        case float(Double)
        /// Python's `str` of Python 3 and `unicode` of Python 2: UTF-8, not checked yet.
        case text(ArraySlice<UInt8>)
        /// Python's `bytes`, `bytearray`, and `str` of Python 2.
        case bytes(ArraySlice<UInt8>)
        case tuple(Int), list(Int), dictionary(Int), array(Int), type(Int), object(Int)
        case global(PickleGlobal)

        /// What the value is in Python's words, for messages.
        package var kind: String {
            switch self {
            case .none: "None"
            case .bool: "a bool"
            case .integer(let value): "the int \(value)"
            case .float(let value): "the float \(value)"
            case .text: "a str"
            case .bytes: "bytes"
            case .tuple: "a tuple"
            case .list: "a list"
            case .dictionary: "a dict"
            case .array: "an array"
            case .type: "a dtype"
            case .object: "an object"
            case .global(let global): global.description
            }
        }

        /// The number in an int or, as Python sees it, a bool.
        package var integer: Int? {
            switch self {
            case .integer(let value): value
            case .bool(let value): value ? 1 : 0
            default: nil
            }
        }

        /// The name that a short text or byte string spells.
        package var name: String? {
            switch self {
            case .text(let bytes), .bytes(let bytes):
                bytes.count <= Pickle.longestName ? String(validating: bytes, as: UTF8.self) : nil
            default: nil
            }
        }
    }

    /// NumPy's element type. Its byte order is stated after it is made.
    package struct ElementType: Sendable {
        var dtype: DType
        /// Whether the elements are values of the pickle, not bytes; `dtype` says nothing then.
        var isObject = false
        var isComplete = false
    }

    /// NumPy's array, C order, little-endian. Its content is stated after it is made.
    package struct Array: Sendable {
        package var dtype: DType
        package var shape: Shape
        /// `shape.count * dtype.byteCount` bytes.
        package var bytes: ArraySlice<UInt8>
        /// The list of the elements, where they are values of the pickle; there are no bytes then.
        package var items: Int?
    }

    /// What would be an object of a class in Python: the class or function, what it was made with, and what was stated about it.
    /// Nothing was made or called.
    package struct Object: Sendable {
        package var maker: Value
        package var arguments: Value
        package var state: Value?
    }

    /// Bytes in the longest name or dictionary key.
    static let longestName = 1024

    package internal(set) var tuples: [[Value]] = []
    package internal(set) var lists: [[Value]] = []
    package internal(set) var dictionaries: [[String: Value]] = []
    package internal(set) var types: [ElementType] = []
    /// nil for an array whose content was not stated.
    package internal(set) var arrays: [Array?] = []
    /// Of Keras's vocabulary alone.
    package internal(set) var objects: [Object] = []
    /// What the pickle is a pickle of.
    package internal(set) var root: Value = .none
}
