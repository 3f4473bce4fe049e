import KerasSpec
import Pickles
import Tensors
import ZipFiles

/// Weights by objects in a `.npz`, as `weights_format="npz"` writes them: a member for every object, each a pickle of a dict
/// from numbers to arrays.
///
/// tf.keras's dicts hold NumPy's arrays; those of Keras 3 hold its variables themselves, which newer Kerases can't read back.
/// Pickles are programs: these are read by a machine that only notes what is written down and runs nothing (`Unpickler`).
/// Variables of TensorFlow, JAX, PyTorch and NumPy are known; any other kind of object is refused.
///
/// Source: `NpzIOStore` of `saving_lib.py` 2.13.1 and 3.15.1; `BaseResourceVariable.__reduce__` of TensorFlow,
/// `ArrayImpl.__reduce__` of JAX, `Tensor._reduce_ex_internal` of PyTorch.
struct ObjectNPZ {
    private let archive: ZipArchive

    init(_ archive: ZipArchive) { self.archive = archive }

    /// The model's own arrays, which have no attribute that leads to them.
    private static let rootName = "__root__"

    /// Every array, in memory.
    func contents() throws(LocatedError) -> ObjectHDF5.Contents {
        var tree = ObjectHDF5.Tree()
        for member in archive.members {
            guard member.name.hasSuffix(".npy") else { continue }
            let path = String(member.name.dropLast(4)).replacing("\\", with: "/")
            let object = path == Self.rootName ? "" : path
            tree.touch(object, label: nil)
            let bytes = try archive.bytes(of: member, limit: .max)
            try locating(member.name) { () throws(LocatedError) in
                for weight in try Self.weights(bytes) {
                    guard tree.add(weight, to: object) else {
                        throw LocatedError(.invalid, "weights.duplicate", "expected every array once, got \(quoted(weight.name)) again")
                    }
                }
            }
        }
        return tree.contents
    }

    /// The one header that NumPy writes before the pickle of a dict, up to its padding.
    private static let header = Array("{'descr': '|O', 'fortran_order': False, 'shape': (), }".utf8)

    /// The arrays of one object.
    static func weights(_ bytes: [UInt8]) throws(LocatedError) -> [StoredWeights.Weight] {
        guard bytes.count >= 10, bytes.starts(with: [0x93, 0x4E, 0x55, 0x4D, 0x50, 0x59, 1, 0]),
            case let end = 10 + Int(bytes[8]) + Int(bytes[9]) << 8, end <= bytes.count, bytes[10..<end].starts(with: header),
            bytes[(10 + header.count)..<end].allSatisfy({ $0 == 0x20 || $0 == 0x0A })
        else {
            throw LocatedError(.invalid, "archive.arrays", "expected a dict of arrays in NumPy's file format, got other bytes")
        }
        let pickle = try Unpickler.read(Array(bytes[end...]), .keras)
        guard case .array(let root) = pickle.root, let items = pickle.arrays[root]?.items, case .dictionary(let dict) = pickle.lists[items].first
        else {
            throw LocatedError(.invalid, "archive.arrays", "expected a dict of arrays, got \(pickle.root.kind)")
        }
        // One array under many names would take memory without end.
        var budget = bytes.count
        var weights: [StoredWeights.Weight] = []
        for (name, value) in pickle.dictionaries[dict].sorted(by: { $0.key < $1.key }) {
            guard let array = array(value, pickle) else {
                throw LocatedError(
                    .unsupported, "archive.pickles", "expected an array or a variable of TensorFlow, got \(described(value, pickle))", at: [name],
                    hint: "Save the model again with Keras, as .keras with HDF5 weights.")
            }
            budget -= array.bytes.count
            guard budget >= 0 else {
                throw LocatedError(.invalid, "pickle.limit", "expected every array once, got more bytes than the file has", at: [name])
            }
            var tensor = Tensor(zeros: array.shape, dtype: array.dtype)
            tensor.withUnsafeMutableBytes { target in
                array.bytes.withUnsafeBytes { target.copyMemory(from: $0) }
                // A Bool that is neither 0 nor 1 is undefined behaviour in Swift; NumPy calls every other byte True.
                if array.dtype == .bool { for index in target.indices where target[index] > 1 { target[index] = 1 } }
            }
            weights.append(StoredWeights.Weight(name: name, tensor: LazyTensor(tensor)))
        }
        return weights
    }

    /// The numbers of an array or a variable; nil for anything else.
    private static func array(_ value: Pickle.Value, _ pickle: Pickle) -> Pickle.Array? {
        switch value {
        case .array(let number):
            guard let array = pickle.arrays[number], array.items == nil else { return nil }
            return array
        case .object(let number):
            let object = pickle.objects[number]
            if case .global(let maker) = object.maker, [.variable, .variable3, .baseVariable].contains(maker) {
                guard case .dictionary(let state)? = object.state else { return nil }
                switch pickle.dictionaries[state]["_value"] {
                case .object(let variable)?: return initialValue(pickle.objects[variable], pickle)
                // The values of NumPy, JAX and PyTorch are arrays.
                case .array(let number)?: return pickle.arrays[number].flatMap { $0.items == nil ? $0 : nil }
                default: return nil
                }
            }
            return initialValue(object, pickle)
        default: return nil
        }
    }

    /// What TensorFlow's variable is made anew with: `partial(ResourceVariable, initial_value=…)()`.
    private static func initialValue(_ object: Pickle.Object, _ pickle: Pickle) -> Pickle.Array? {
        guard case .object(let number) = object.maker, case .tuple(let state)? = pickle.objects[number].state,
            pickle.tuples[state].count == 4, case .global(.resourceVariable) = pickle.tuples[state][0],
            case .dictionary(let keywords) = pickle.tuples[state][2],
            case .array(let array)? = pickle.dictionaries[keywords]["initial_value"]
        else { return nil }
        return pickle.arrays[array].flatMap { $0.items == nil ? $0 : nil }
    }

    private static func described(_ value: Pickle.Value, _ pickle: Pickle) -> String {
        if case .object(let number) = value, case .global(let maker) = pickle.objects[number].maker { return "\(maker)" }
        return value.kind
    }
}
