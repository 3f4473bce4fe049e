package import Tensors

/// Reads pickles of plain data and NumPy's arrays (numbers, strings, tuples, lists, dicts), protocols 0 to 5.
///
/// A pickle is a program for a stack machine that can call whatever Python can import. This machine has only the
/// instructions that write data, and knows five names (`PickleGlobal`) whose calls it imitates; every other instruction
/// or name is refused. Keras's vocabulary has some names more, whose calls are noted down and not imitated. Work and memory
/// are bounded by the file's size.
///
/// Throws 65 `pickle.opcode`, `pickle.global` (refused), `pickle.truncated`, `pickle.stack`, `pickle.memo`, `pickle.key`,
/// `pickle.number`, `pickle.string`, `pickle.arguments`, `pickle.state`, `pickle.limit`, `pickle.trailing` (broken), 69
/// `pickle.protocol`, `pickle.dtype`, `pickle.order` (not supported), always with the offset of the instruction.
package struct Unpickler {
    /// More values than this on the stack, in the memo, or in all containers together are refused.
    package static let mostValues = 1 << 20
    /// Arrays of lists hold a number in two bytes of the file, as many as the file has; Keras's largest holds six millions.
    package static let mostObjects = 1 << 24

    let mostValues: Int

    let vocabulary: PickleVocabulary
    private var reader: PickleReader
    /// What was built so far.
    var pickle = Pickle()
    private var stack: [Pickle.Value] = []
    /// Heights of the stack where MARK was met.
    private var marks: [Int] = []
    private var memo: [Int: Pickle.Value] = [:]
    /// Values in tuples, lists and dicts.
    private var contained = 0
    /// Bytes that may still be made by encoding text; the file's size at first, as every text is encoded once.
    var encodingBudget: Int

    /// What the file's bytes are a pickle of.
    package static func read(_ bytes: [UInt8], _ vocabulary: PickleVocabulary = .arrays) throws(LocatedError) -> Pickle {
        var unpickler = Unpickler(bytes, vocabulary)
        while true {
            let position = unpickler.reader.position
            let isDone = try locating("byte \(position)") { () throws(LocatedError) in try unpickler.step() }
            if isDone { return unpickler.pickle }
        }
    }

    private init(_ bytes: [UInt8], _ vocabulary: PickleVocabulary) {
        self.vocabulary = vocabulary
        reader = PickleReader(bytes)
        encodingBudget = bytes.count
        mostValues = vocabulary == .objects ? min(max(bytes.count, Unpickler.mostValues), Unpickler.mostObjects) : Unpickler.mostValues
    }

    /// Runs one instruction; true after the last one.
    private mutating func step() throws(LocatedError) -> Bool {
        let byte = try reader.byte()
        if vocabulary == .keras, let opcode = PickleOpcode.Keras(rawValue: byte) {
            try step(opcode)
            return false
        }
        guard let opcode = PickleOpcode(rawValue: byte) else {
            throw Unpickler.refused(
                "pickle.opcode", "expected an instruction that writes plain data, got \(PickleOpcode.refusedName(byte))")
        }
        switch opcode {
        case .proto:
            let version = try reader.byte()
            guard version <= 5 else {
                throw LocatedError(.unsupported, "pickle.protocol", "expected protocol 0 to 5, got \(version)")
            }
        case .frame:
            let count = try reader.unsigned(8)
            guard count <= UInt64(reader.remaining) else {
                throw LocatedError(
                    .invalid, "pickle.truncated", "expected a frame of \(count) bytes, got the end of the file after \(reader.remaining)")
            }
        case .stop: return try stop()

        case .none: try push(.none)
        case .newTrue: try push(.bool(true))
        case .newFalse: try push(.bool(false))
        case .int: try pushInt()
        case .binInt: try push(.integer(Int(reader.int32())))
        case .binInt1: try push(.integer(Int(reader.byte())))
        case .binInt2: try push(.integer(Int(reader.unsigned(2))))
        case .long: try push(.integer(reader.decimal(suffix: true)))
        case .long1: try pushLong()

        case .string: try push(.bytes(PickleStrings.unquoted(reader.line())))
        case .binString:
            let count = try reader.int32()
            guard count >= 0 else {
                throw LocatedError(.invalid, "pickle.string", "expected a length of 0 or more, got \(count)")
            }
            try push(.bytes(reader.take(UInt64(count))))
        case .shortBinString, .shortBinBytes: try push(.bytes(reader.take(reader.unsigned(1))))
        case .binBytes: try push(.bytes(reader.take(reader.unsigned(4))))
        case .byteArray8: try push(.bytes(reader.take(reader.unsigned(8))))
        case .unicode: try push(.text(PickleStrings.unescaped(reader.line())))
        case .binUnicode: try push(.text(reader.take(reader.unsigned(4))))
        case .shortBinUnicode: try push(.text(reader.take(reader.unsigned(1))))

        case .mark:
            guard marks.count < mostValues else { throw tooMany("marks") }
            marks.append(stack.count)
        case .tuple: try pushTuple(popToMark())
        case .tuple1: try pushTuple(pop(1))
        case .tuple2: try pushTuple(pop(2))
        case .tuple3: try pushTuple(pop(3))
        case .emptyList: try pushList([])
        case .list: try pushList(popToMark())
        case .append: try append(pop(1))
        case .appends: try append(popToMark())
        case .emptyDict: try pushDictionary([])
        case .dict: try pushDictionary(popToMark())
        case .setItem: try setItems(pop(2))
        case .setItems: try setItems(popToMark())

        case .put: try remember(reader.decimal())
        case .binPut: try remember(Int(reader.byte()))
        case .longBinPut: try remember(Int(reader.unsigned(4)))
        case .memoize: try remember(memo.count)
        case .get: try recall(reader.decimal())
        case .binGet: try recall(Int(reader.byte()))
        case .longBinGet: try recall(Int(reader.unsigned(4)))

        case .global:
            let module = try reader.line()
            try pushGlobal(module, reader.line())
        case .stackGlobal:
            let names = try pop(2)
            guard case .text(let module) = names[0], case .text(let name) = names[1] else {
                throw LocatedError(
                    .invalid, "pickle.global", "expected the names of a module and of something in it, got \(names[0].kind) and \(names[1].kind)")
            }
            try pushGlobal(module, name)
        case .reduce:
            let operands = try pop(2)
            try push(call(operands[0], operands[1]))
        case .build:
            let state = try pop(1)[0]
            try build(top(), state)
        }
        return false
    }

    private mutating func step(_ opcode: PickleOpcode.Keras) throws(LocatedError) {
        switch opcode {
        case .emptyTuple: try pushTuple([])
        case .binFloat: try push(.float(Double(bitPattern: try reader.take(8).reduce(0) { $0 << 8 | UInt64($1) })))
        case .binBytes8: try push(.bytes(reader.take(reader.unsigned(8))))
        case .emptySet: try pushList([])
        case .addItems: try append(popToMark())
        case .newObject:
            let operands = try pop(2)
            guard case .global(let global) = operands[operands.startIndex], global.isInert, case .tuple = operands[operands.startIndex + 1] else {
                throw LocatedError(
                    .invalid, "pickle.arguments",
                    "expected a class and a tuple, got \(operands.map(\.kind).joined(separator: " and "))")
            }
            try push(object(operands[operands.startIndex], operands[operands.startIndex + 1]))
        }
    }

    /// Notes what would be called, and calls nothing.
    mutating func object(_ maker: Pickle.Value, _ arguments: Pickle.Value) throws(LocatedError) -> Pickle.Value {
        guard pickle.objects.count < mostValues else { throw tooMany("objects") }
        pickle.objects.append(Pickle.Object(maker: maker, arguments: arguments))
        return .object(pickle.objects.count - 1)
    }

    private mutating func stop() throws(LocatedError) -> Bool {
        guard stack.count == 1, marks.isEmpty else {
            throw LocatedError(
                .invalid, "pickle.stack", "expected one value at the end, got \(stack.count) and \(marks.count) open marks")
        }
        guard reader.remaining == 0 else {
            throw LocatedError(.invalid, "pickle.trailing", "expected the end of the file, got \(reader.remaining) more bytes")
        }
        pickle.root = stack[0]
        return true
    }

    // MARK: - Stack

    private mutating func push(_ value: Pickle.Value) throws(LocatedError) {
        guard stack.count < mostValues else { throw tooMany("values on the stack") }
        stack.append(value)
    }

    /// The last `count` values, none of them from before the last mark.
    private mutating func pop(_ count: Int) throws(LocatedError) -> ArraySlice<Pickle.Value> {
        guard stack.count - (marks.last ?? 0) >= count else { throw Unpickler.empty() }
        defer { stack.removeLast(count) }
        return ArraySlice(Array(stack.suffix(count)))
    }

    private mutating func popToMark() throws(LocatedError) -> ArraySlice<Pickle.Value> {
        guard let mark = marks.popLast() else {
            throw LocatedError(.invalid, "pickle.stack", "expected a mark on the stack, got none")
        }
        defer { stack.removeLast(stack.count - mark) }
        return ArraySlice(Array(stack[mark...]))
    }

    private func top() throws(LocatedError) -> Pickle.Value {
        guard stack.count > marks.last ?? 0, let value = stack.last else { throw Unpickler.empty() }
        return value
    }

    // MARK: - Numbers

    /// INT: a decimal number, or `00` and `01` for the truth values.
    private mutating func pushInt() throws(LocatedError) {
        let start = reader.position
        let value = try reader.decimal()
        let isBool = reader.position - start == 3 && reader.bytes[start] == UInt8(ascii: "0")
        try push(isBool && (value == 0 || value == 1) ? .bool(value == 1) : .integer(value))
    }

    /// LONG1: two's complement, the low byte first, as many bytes as the first one says.
    private mutating func pushLong() throws(LocatedError) {
        let bytes = try reader.take(reader.unsigned(1))
        guard bytes.count <= 8 else {
            throw LocatedError(.invalid, "pickle.number", "expected a whole number of up to 64 bits, got \(bytes.count * 8) bits")
        }
        let start: UInt64 = bytes.last.map { $0 & 0x80 != 0 } == true ? .max : 0
        try push(.integer(Int(Int64(bitPattern: bytes.reversed().reduce(start) { $0 << 8 | UInt64($1) }))))
    }

    // MARK: - Containers

    private mutating func contain(_ count: Int) throws(LocatedError) {
        contained += count
        // A container without content takes memory too.
        let containers = pickle.tuples.count + pickle.lists.count + pickle.dictionaries.count
        guard contained <= mostValues - containers else { throw tooMany("values in tuples, lists and dicts") }
    }

    private mutating func pushTuple(_ items: ArraySlice<Pickle.Value>) throws(LocatedError) {
        try contain(items.count)
        pickle.tuples.append(Array(items))
        try push(.tuple(pickle.tuples.count - 1))
    }

    private mutating func pushList(_ items: ArraySlice<Pickle.Value>) throws(LocatedError) {
        try contain(items.count)
        pickle.lists.append(Array(items))
        try push(.list(pickle.lists.count - 1))
    }

    private mutating func append(_ items: ArraySlice<Pickle.Value>) throws(LocatedError) {
        guard case .list(let list) = try top() else {
            throw LocatedError(.invalid, "pickle.stack", "expected a list to append to, got \(try top().kind)")
        }
        try contain(items.count)
        pickle.lists[list].append(contentsOf: items)
    }

    private mutating func pushDictionary(_ items: ArraySlice<Pickle.Value>) throws(LocatedError) {
        try contain(0)
        pickle.dictionaries.append([:])
        try push(.dictionary(pickle.dictionaries.count - 1))
        try setItems(items)
    }

    /// Keys and values in turn.
    private mutating func setItems(_ items: ArraySlice<Pickle.Value>) throws(LocatedError) {
        guard case .dictionary(let dictionary) = try top() else {
            throw LocatedError(.invalid, "pickle.stack", "expected a dict to set items of, got \(try top().kind)")
        }
        guard items.count.isMultiple(of: 2) else {
            throw LocatedError(.invalid, "pickle.stack", "expected a value for each key, got \(items.count) keys and values")
        }
        try contain(items.count)
        var rest = items
        while let key = rest.popFirst(), let value = rest.popFirst() {
            guard let name = key.name else {
                throw LocatedError(
                    .invalid, "pickle.key", "expected a key that is text of up to \(Pickle.longestName) bytes, got \(key.kind)")
            }
            guard pickle.dictionaries[dictionary].updateValue(value, forKey: name) == nil else {
                throw LocatedError(.invalid, "pickle.key", "expected every key once, got \(PickleReader.shown(name.utf8)) twice")
            }
        }
    }

    // MARK: - Memo

    private mutating func remember(_ index: Int) throws(LocatedError) {
        let value = try top()
        guard index >= 0 else { throw LocatedError(.invalid, "pickle.memo", "expected a memo number of 0 or more, got \(index)") }
        guard memo.count < mostValues else { throw tooMany("memo entries") }
        memo[index] = value
    }

    private mutating func recall(_ index: Int) throws(LocatedError) {
        guard let value = memo[index] else {
            throw LocatedError(.invalid, "pickle.memo", "expected a memo entry \(index), got none of that number")
        }
        try push(value)
    }

    // MARK: - Names

    private mutating func pushGlobal(_ module: ArraySlice<UInt8>, _ name: ArraySlice<UInt8>) throws(LocatedError) {
        guard module.count <= 128, name.count <= 64,
            let global = PickleGlobal(
                module: String(decoding: module, as: UTF8.self), name: String(decoding: name, as: UTF8.self), vocabulary)
        else {
            let shown = PickleReader.shown(module + Array(".".utf8) + name)
            throw Unpickler.refused("pickle.global", "expected only names that rebuild NumPy's arrays, got \(shown)")
        }
        try push(.global(global))
    }

    // MARK: - Errors

    private static func refused(_ code: String, _ message: String) -> LocatedError {
        LocatedError(
            .invalid, code, message, hint: "The pickle was refused; nothing in it was run. Take the file from its original source.")
    }

    private func tooMany(_ what: String) -> LocatedError {
        LocatedError(.invalid, "pickle.limit", "expected at most \(mostValues) \(what), got more")
    }

    private static func empty() -> LocatedError {
        LocatedError(.invalid, "pickle.stack", "expected more values on the stack, got too few")
    }
}
