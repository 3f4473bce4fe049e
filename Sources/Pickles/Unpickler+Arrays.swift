import Tensors

/// What the five allowed names make when a pickle calls them, and what BUILD states about the result.
///
/// Source: NumPy's `array_reduce`, `array_setstate`, `arraydescr_setstate`, `_frombuffer`.
extension Unpickler {
    /// REDUCE.
    mutating func call(_ callee: Pickle.Value, _ arguments: Pickle.Value) throws(LocatedError) -> Pickle.Value {
        // What a partial call makes.
        if case .object(let index) = callee, case .global(.partial) = pickle.objects[index].maker, case .tuple = arguments {
            return try object(callee, arguments)
        }
        guard case .global(let global) = callee, case .tuple(let tuple) = arguments else {
            throw LocatedError(
                .invalid, "pickle.arguments", "expected a name and a tuple to call it with, got \(callee.kind) and \(arguments.kind)")
        }
        let values = pickle.tuples[tuple]
        switch global {
        case .encode: return try encode(values)
        case .dtype: return try makeType(values)
        case .reconstruct: return try reconstruct(values)
        case .fromBuffer: return try fromBuffer(values)
        case .ndarray, .bfloat16: throw wrong(global, "no call of its own", values)
        case .jaxArray: return try jaxArray(values)
        case .torchParameter: return try torchParameter(values)
        case .torchTensor: return try torchTensor(values)
        case .torchStorage: return try torchStorage(values)
        // Hooks, of which a saved tensor has none.
        case .orderedDictionary:
            guard values.isEmpty else { throw wrong(global, "nothing", values) }
            return .none
        case .scalar: return try scalar(values)
        case .variable, .variable3, .baseVariable, .resourceVariable, .partial, .elementType, .set, .set2, .kept:
            return try object(callee, arguments)
        }
    }

    /// BUILD.
    mutating func build(_ target: Pickle.Value, _ state: Pickle.Value) throws(LocatedError) {
        if case .object(let index) = target {
            pickle.objects[index].state = state
            return
        }
        guard case .tuple(let tuple) = state else {
            throw LocatedError(.invalid, "pickle.state", "expected a tuple that describes \(target.kind), got \(state.kind)")
        }
        try describe(target, pickle.tuples[tuple])
    }

    private mutating func describe(_ target: Pickle.Value, _ values: [Pickle.Value]) throws(LocatedError) {
        switch target {
        case .type(let index): try stateType(index, values)
        case .array(let index): try stateArray(index, values)
        default:
            throw LocatedError(.invalid, "pickle.state", "expected an array or a dtype to describe, got \(target.kind)")
        }
    }

    /// `_codecs.encode(text, 'latin1')`
    private mutating func encode(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 2, case .text(let text) = values[0], values[1].name == "latin1" else {
            throw wrong(.encode, "a text and 'latin1'", values)
        }
        guard let bytes = PickleStrings.latin1(text) else {
            throw LocatedError(.invalid, "pickle.string", "expected text of Latin 1 characters, got others")
        }
        // The same text from the memo, encoded again and again, would take memory without end.
        encodingBudget -= bytes.count
        guard encodingBudget >= 0 else {
            throw LocatedError(.invalid, "pickle.limit", "expected every text to be encoded once, got more bytes than the file has")
        }
        return .bytes(bytes[...])
    }

    /// `numpy.dtype('u1', False, True)`, of which the flags say that it is a copy and not aligned.
    private mutating func makeType(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        if values.count == 3, case .global(.bfloat16) = values[0] { return try add(Pickle.ElementType(dtype: .bfloat16)) }
        guard values.count == 3, let name = values[0].name, values[1].integer != nil, values[2].integer != nil else {
            throw wrong(.dtype, "a type's name and two flags", values)
        }
        let dtype: DType
        switch name {
        case "u1": dtype = .uint8
        case "i1": dtype = .int8
        case "u2": dtype = .uint16
        case "i2": dtype = .int16
        case "u4": dtype = .uint32
        case "i4": dtype = .int32
        case "u8": dtype = .uint64
        case "i8": dtype = .int64
        case "f2" where vocabulary == .keras: dtype = .float16
        case "f4" where vocabulary == .keras: dtype = .float32
        case "f8" where vocabulary == .keras: dtype = .float64
        case "b1" where vocabulary == .keras: dtype = .bool
        case "O8" where vocabulary != .arrays: dtype = .uint64
        default:
            throw LocatedError(
                .unsupported, "pickle.dtype", "expected an array of integers, got elements of \(PickleReader.shown(name.utf8))")
        }
        return try add(Pickle.ElementType(dtype: dtype, isObject: name == "O8"))
    }

    private mutating func add(_ type: Pickle.ElementType) throws(LocatedError) -> Pickle.Value {
        guard pickle.types.count < mostValues else {
            throw LocatedError(.invalid, "pickle.limit", "expected at most \(mostValues) dtypes, got more")
        }
        pickle.types.append(type)
        return .type(pickle.types.count - 1)
    }

    /// `(3, '|', None, None, None, -1, -1, 0)`: version, byte order, nothing of records.
    private mutating func stateType(_ index: Int, _ values: [Pickle.Value]) throws(LocatedError) {
        guard values.count == 8, values[0].integer == 3, let order = values[1].name, ["|", "<", "=", ">"].contains(order),
            values[2...4].allSatisfy({ if case .none = $0 { true } else { false } }),
            // A type that isn't NumPy's own tells its size.
            [-1, pickle.types[index].dtype.byteCount].contains(values[5].integer), [-1, pickle.types[index].dtype.byteCount].contains(values[6].integer),
            // Flags: an object's; of a type that isn't NumPy's own that items are set by it.
            values[7].integer == (pickle.types[index].isObject ? 63 : pickle.types[index].dtype == .bfloat16 ? 64 : 0)
        else {
            throw LocatedError(
                .invalid, "pickle.state", "expected version 3, a byte order and no fields for a dtype, got \(Unpickler.shown(values))")
        }
        guard order != ">" || pickle.types[index].dtype.byteCount == 1 else {
            throw LocatedError(.unsupported, "pickle.dtype", "expected little-endian elements, got big-endian ones")
        }
        pickle.types[index].isComplete = true
    }

    /// `_reconstruct(numpy.ndarray, (0,), b'b')`: an array to be described by BUILD.
    private mutating func reconstruct(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 3, case .global(.ndarray) = values[0], case .tuple(let shape) = values[1],
            pickle.tuples[shape].count == 1, pickle.tuples[shape][0].integer == 0, values[2].name == "b"
        else { throw wrong(.reconstruct, "numpy.ndarray, (0,) and b'b'", values) }
        return try add(nil)
    }

    /// `(1, shape, dtype, False, bytes)`: version, and whether columns come first.
    private mutating func stateArray(_ index: Int, _ values: [Pickle.Value]) throws(LocatedError) {
        guard pickle.arrays[index] == nil else {
            throw LocatedError(.invalid, "pickle.state", "expected an array to be described once, got a second description")
        }
        if values.count == 5, values[0].integer == 1, case .list(let items) = values[4], case .type(let number) = values[2],
            pickle.types[number].isObject, case .tuple(let shape) = values[1], let columnsFirst = values[3].integer
        {
            let extents = pickle.tuples[shape].compactMap(\.integer)
            guard extents.count == pickle.tuples[shape].count, extents.count <= 64, extents.allSatisfy({ $0 >= 0 }),
                Shape(extents).checkedCount == pickle.lists[items].count
            else {
                throw LocatedError(
                    .invalid, "pickle.state", "expected as many elements as the shape says, got \(pickle.lists[items].count)")
            }
            guard columnsFirst == 0 || extents.count < 2 else { throw Unpickler.wrongOrder() }
            pickle.arrays[index] = Pickle.Array(dtype: pickle.types[number].dtype, shape: Shape(extents), bytes: [], items: items)
            return
        }
        guard values.count == 5, values[0].integer == 1, case .bytes(let bytes) = values[4], let columnsFirst = values[3].integer else {
            throw LocatedError(
                .invalid, "pickle.state",
                "expected version 1, shape, dtype, order and bytes for an array, got \(Unpickler.shown(values))")
        }
        guard columnsFirst == 0 else { throw Unpickler.wrongOrder() }
        pickle.arrays[index] = try array(shape: values[1], type: values[2], bytes)
    }

    /// `_reconstruct_array(_reconstruct, (ndarray, (0,), b'b'), (1, shape, dtype, False, bytes), {'weak_type': False})`: NumPy's
    /// array, as `ArrayImpl.__reduce__` of `jax/_src/array.py` 0.10 takes it apart.
    private mutating func jaxArray(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 4, case .global(.reconstruct) = values[0], case .tuple(let arguments) = values[1], case .tuple(let state) = values[2]
        else { throw wrong(.jaxArray, "what makes NumPy's array", values) }
        let array = try reconstruct(pickle.tuples[arguments])
        try describe(array, pickle.tuples[state])
        return array
    }

    /// `scalar(dtype, bytes)`
    private mutating func scalar(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 2, case .bytes(let bytes) = values[1] else { throw wrong(.scalar, "a dtype and bytes", values) }
        pickle.tuples.append([])
        return try add(try array(shape: .tuple(pickle.tuples.count - 1), type: values[0], bytes))
    }

    /// `_frombuffer(bytes, dtype, shape, 'C')`
    private mutating func fromBuffer(_ values: [Pickle.Value]) throws(LocatedError) -> Pickle.Value {
        guard values.count == 4, case .bytes(let bytes) = values[0], let order = values[3].name else {
            throw wrong(.fromBuffer, "bytes, dtype, shape and order", values)
        }
        guard order == "C" else { throw Unpickler.wrongOrder() }
        return try add(try array(shape: values[2], type: values[1], bytes))
    }

    mutating func add(_ array: Pickle.Array?) throws(LocatedError) -> Pickle.Value {
        guard pickle.arrays.count < mostValues else {
            throw LocatedError(.invalid, "pickle.limit", "expected at most \(mostValues) arrays, got more")
        }
        pickle.arrays.append(array)
        return .array(pickle.arrays.count - 1)
    }

    private func array(
        shape: Pickle.Value, type: Pickle.Value, _ bytes: ArraySlice<UInt8>
    ) throws(LocatedError) -> Pickle.Array {
        guard case .tuple(let tuple) = shape, case .type(let number) = type, pickle.types[number].isComplete,
            !pickle.types[number].isObject
        else {
            throw LocatedError(.invalid, "pickle.state", "expected a shape and a whole dtype, got \(shape.kind) and \(type.kind)")
        }
        let extents = pickle.tuples[tuple].compactMap(\.integer)
        guard extents.count == pickle.tuples[tuple].count, extents.count <= 64 else {
            throw LocatedError(
                .invalid, "pickle.state", "expected a shape of up to 64 whole numbers, got \(Unpickler.shown(pickle.tuples[tuple]))")
        }
        let result = Pickle.Array(dtype: pickle.types[number].dtype, shape: Shape(extents), bytes: bytes)
        let needed = result.shape.checkedCount?.multipliedReportingOverflow(by: result.dtype.byteCount)
        guard let needed, !needed.overflow, needed.partialValue == bytes.count else {
            throw LocatedError(
                .invalid, "pickle.state", "expected the bytes of \(result.dtype.rawValue) elements of shape \(result.shape), got \(bytes.count) bytes")
        }
        return result
    }

    func wrong(_ global: PickleGlobal, _ expected: String, _ values: [Pickle.Value]) -> LocatedError {
        LocatedError(.invalid, "pickle.arguments", "expected \(expected) for \(global), got \(Unpickler.shown(values))")
    }

    private static func wrongOrder() -> LocatedError {
        LocatedError(.unsupported, "pickle.order", "expected an array in C order, got one in Fortran order")
    }

    private static func shown(_ values: [Pickle.Value]) -> String {
        "(" + values.prefix(10).map(\.kind).joined(separator: ", ") + (values.count > 10 ? ", …)" : ")")
    }
}
