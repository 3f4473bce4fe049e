import Pickles
import Tensors

extension NPZ {
    /// More bytes of a pickle than this are refused; Keras's largest has 20 million.
    private static let mostBytes = 1 << 28

    /// The array of that name as lists of whole numbers: an array of Python's lists, or a matrix. Nothing in the pickle is run.
    ///
    /// Throws as `tensor` does, and 65 `npy.lists` for an array of something else, `pickle.…`.
    func integerLists(_ name: String) throws(LocatedError) -> [[Int]] {
        let (header, bytes) = try objects(name)
        guard let bytes else {
            let tensor = try tensor(name)
            guard tensor.shape.rank == 2, tensor.dtype.isInteger else { throw NPZ.noLists("\(tensor)") }
            let numbers = tensor.asType(.int64).array(as: Int.self)
            return (0..<tensor.shape[0]).map { Array(numbers[$0 * tensor.shape[1]..<($0 + 1) * tensor.shape[1]]) }
        }
        return try locating(name) { () throws(LocatedError) in try NPZ.lists(bytes, header.shape) }
    }

    /// The lists that a pickle of an array of this shape holds.
    static func lists(_ bytes: [UInt8], _ shape: Shape) throws(LocatedError) -> [[Int]] {
        let pickle = try Unpickler.read(bytes, .objects)
        guard case .array(let number) = pickle.root, let array = pickle.arrays[number], let items = array.items, array.shape == shape,
            array.shape.rank == 1
        else { throw NPZ.noLists(pickle.root.kind) }
        // One list in many places would take memory without end.
        var budget = bytes.count
        var lists: [[Int]] = []
        lists.reserveCapacity(array.shape.count)
        for item in pickle.lists[items] {
            let values: [Pickle.Value]
            switch item {
            case .list(let index): values = pickle.lists[index]
            case .tuple(let index): values = pickle.tuples[index]
            default: throw NPZ.noLists(item.kind)
            }
            budget -= values.count
            guard budget >= 0 else { throw NPZ.noLists("more numbers than the file has bytes") }
            var numbers: [Int] = []
            numbers.reserveCapacity(values.count)
            for value in values {
                guard case .integer(let integer) = value else { throw NPZ.noLists("a list with \(value.kind)") }
                numbers.append(integer)
            }
            lists.append(numbers)
        }
        return lists
    }

    /// The pickle of an array of objects; nil for other arrays.
    private func objects(_ name: String) throws(LocatedError) -> (NPYHeader, [UInt8]?) {
        try member(name) { (size, next) throws(LocatedError) in
            let header = try NPYHeader.read(fileSize: size, next)
            guard case .objects(let count) = header.text else { return (header, nil) }
            guard count <= NPZ.mostBytes else {
                throw LocatedError(.invalid, "npy.lists", "expected at most \(NPZ.mostBytes) bytes of lists, got \(count)")
            }
            var bytes = [UInt8](repeating: 0, count: count)
            try bytes.withUnsafeMutableBufferPointer { (buffer) throws(LocatedError) in try next(UnsafeMutableRawBufferPointer(buffer)) }
            return (header, bytes)
        }
    }

    private static func noLists(_ got: String) -> LocatedError {
        LocatedError(.invalid, "npy.lists", "expected an array of lists of whole numbers, got \(got)")
    }
}
