import Tensors

/// What the header of a `.npy` file says, and how it is written down.
///
/// Magic `\x93NUMPY`, version (1, 2 or 3), little-endian header length (2 bytes in version 1, else 4), then a Python
/// dictionary literal such as `{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }`, padded with spaces to a
/// multiple of 64 and closed by a newline. The literal is read by a grammar of its own: nothing in it is evaluated.
/// Source: numpy/lib/format.py and NEP 1.
struct NPYHeader: Equatable {
    var dtype: DType
    var shape: Shape
    var fortranOrder = false
    var bigEndian = false
    /// Of strings: how many characters or bytes each has room for.
    var text: Text?

    /// How an array of strings holds them, filled up with zeros.
    enum Text: Equatable {
        /// `<U5`: characters of four bytes.
        case characters(Int)
        /// `|S5`
        case bytes(Int)
        /// `|O`: so many bytes of a pickle.
        case objects(Int)

        var byteCount: Int {
            switch self {
            case .characters(let count): 4 * count
            case .bytes(let count): count
            // An object has no size of its own in the file.
            case .objects: 0
            }
        }
    }

    /// Bytes of an element in the file.
    var elementByteCount: Int { text?.byteCount ?? dtype.byteCount }

    /// Longest header literal that is read, in bytes; NumPy itself stops at 10,000 unless told to trust the file.
    static let longestLiteral = 65_536
    /// NumPy's own limit.
    static let highestRank = 64

    /// Bytes of the array's elements. The initialiser that reads has made sure that the product fits.
    var payloadByteCount: Int { shape.count * elementByteCount }

    // MARK: - Reading

    /// Reads the header from the front of `fileSize` bytes that `next` hands out in order, and checks that exactly the
    /// array's elements follow. Returns the header; the next byte of `next` is the first element's.
    ///
    /// Throws 65 `npy.magic`, `npy.truncated`, `npy.header`, `npy.descr`, `npy.shape`, `npy.size`, 69 `npy.version`,
    /// `npy.dtype`.
    static func read(
        fileSize: Int, _ next: (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void
    ) throws(LocatedError) -> NPYHeader {
        func take(_ count: Int) throws(LocatedError) -> [UInt8] {
            var bytes = [UInt8](repeating: 0, count: count)
            try bytes.withUnsafeMutableBufferPointer { (buffer) throws(LocatedError) in
                try next(UnsafeMutableRawBufferPointer(buffer))
            }
            return bytes
        }
        guard fileSize >= 10 else {
            throw LocatedError(.invalid, "npy.truncated", "expected at least 10 bytes of a .npy file, got \(fileSize)")
        }
        let preamble = try take(8)
        guard preamble[..<6].elementsEqual([0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59]) else {
            throw LocatedError(.invalid, "npy.magic", "expected a .npy file, which starts with \\x93NUMPY, got other bytes")
        }
        guard (1...3).contains(preamble[6]), preamble[7] == 0 else {
            throw LocatedError(
                .unsupported, "npy.version", "expected .npy version 1.0, 2.0 or 3.0, got \(preamble[6]).\(preamble[7])")
        }
        let lengthBytes = preamble[6] == 1 ? 2 : 4
        guard fileSize >= 8 + lengthBytes else {
            throw LocatedError(.invalid, "npy.truncated", "expected the length of the header, got the end of the file")
        }
        let length = try take(lengthBytes).reversed().reduce(0) { $0 << 8 | Int($1) }
        let start = 8 + lengthBytes
        guard length <= fileSize - start else {
            throw LocatedError(
                .invalid, "npy.truncated", "expected a header of \(length) bytes, got \(fileSize - start) until the end of the file")
        }
        guard length <= longestLiteral else {
            throw LocatedError(.invalid, "npy.header", "expected a header of at most \(longestLiteral) bytes, got \(length)")
        }
        var header = try NPYHeader(literal: try take(length))
        let rest = fileSize - start - length
        if case .objects = header.text {
            // No element takes less than a byte of a pickle.
            guard let count = header.shape.checkedCount, count <= rest else {
                throw LocatedError(.invalid, "npy.size", "expected objects for shape \(header.shape), got \(rest) bytes after the header")
            }
            header.text = .objects(rest)
            return header
        }
        guard let count = header.shape.checkedCount,
            case let (bytes, overflow) = count.multipliedReportingOverflow(by: header.elementByteCount), !overflow
        else {
            throw LocatedError(.invalid, "npy.shape", "expected a shape that fits into memory, got \(header.shape)")
        }
        guard bytes == rest else {
            throw LocatedError(
                .invalid, "npy.size",
                "expected \(bytes) bytes for shape \(header.shape) of \(header.dtype.rawValue), got \(rest) after the header")
        }
        return header
    }

    /// Reads the dictionary literal. Throws 65 `npy.header`, `npy.descr`, `npy.shape`, 69 `npy.dtype`.
    init(literal: [UInt8]) throws(LocatedError) {
        var parser = NPYHeaderParser(literal)
        var descr: String?
        var order: Bool?
        var dims: [Int]?
        try parser.expect("{")
        while !parser.skip("}") {
            let key = try parser.string()
            try parser.expect(":")
            switch key {
            case "descr" where descr == nil: descr = try parser.descr()
            case "fortran_order" where order == nil: order = try parser.bool()
            case "shape" where dims == nil: dims = try parser.tuple()
            default:
                throw LocatedError(
                    .invalid, "npy.header", "expected 'descr', 'fortran_order' and 'shape' once each, got '\(key)'")
            }
            if !parser.skip(",") {
                try parser.expect("}")
                break
            }
        }
        try parser.expectEnd()
        guard let descr, let order, let dims else {
            throw LocatedError(.invalid, "npy.header", "expected 'descr', 'fortran_order' and 'shape', got fewer keys")
        }
        (dtype, bigEndian, text) = try NPYHeader.elementType(descr)
        fortranOrder = order
        shape = Shape(dims)
    }

    /// - Parameter text: how strings are held, for an array of them.
    init(dtype: DType, shape: Shape, text: Text? = nil) {
        self.dtype = dtype
        self.shape = shape
        self.text = text
    }

    /// `<f4` is float32, little-endian: byte order (`<`, `>`, `|`, `=` or none), kind, bytes of one element.
    private static func elementType(_ descr: String) throws(LocatedError) -> (DType, bigEndian: Bool, Text?) {
        var rest = Substring(descr)
        var bigEndian = false
        if let first = rest.first, "<>|=".contains(first) {
            bigEndian = first == ">"
            rest.removeFirst()
        }
        if rest == "?" { return (.bool, false, nil) }
        if let dtype = elementTypes[String(rest)] { return (dtype, bigEndian && dtype.byteCount > 1, nil) }
        if let kind = rest.first, "USa".contains(kind), let room = Int(rest.dropFirst()), (1...1 << 24).contains(room) {
            return (.string, bigEndian, kind == "U" ? .characters(room) : .bytes(room))
        }
        if rest == "O" { return (.string, false, .objects(0)) }
        let kinds: [Character: String] = [
            "S": "byte strings", "a": "byte strings", "U": "text", "V": "raw records",
            "M": "dates", "m": "time spans", "c": "complex numbers", "f": "floats of another size",
        ]
        if let first = rest.first, let kind = kinds[first] {
            throw LocatedError(
                .unsupported, "npy.dtype", "expected bool, integers, floats of 2, 4 or 8 bytes or text, got '\(descr)' (\(kind))")
        }
        throw LocatedError(.invalid, "npy.descr", "expected an element type such as '<f4', got '\(descr)'")
    }

    private static let elementTypes: [String: DType] = [
        "b1": .bool, "u1": .uint8, "i1": .int8, "u2": .uint16, "i2": .int16, "u4": .uint32, "i4": .int32,
        "u8": .uint64, "i8": .int64, "f2": .float16, "f4": .float32, "f8": .float64,
    ]

    // MARK: - Writing

    /// The whole header as NumPy writes it for an array in C order, byte for byte.
    ///
    /// Throws 69 `npy.dtype` for bfloat16, which NumPy has no name for.
    func bytes() throws(LocatedError) -> [UInt8] {
        let known: String? =
            switch text {
            case .characters(let count)?: "U\(count)"
            case .bytes(let count)?: "S\(count)"
            case .objects?: "O"
            case nil: NPYHeader.elementTypes.first { $0.value == dtype }?.key
            }
        guard let code = known else {
            throw LocatedError(
                .unsupported, "npy.dtype", "expected an element type that NumPy has, got \(dtype.rawValue)",
                hint: "Convert to float32 first.")
        }
        let order = code.hasPrefix("S") || dtype.byteCount == 1 ? "|" : "<"
        var literal = "{'descr': '\(order)\(code)', 'fortran_order': False, 'shape': \(shape), }"
        // NumPy leaves room to let the first extent grow in place.
        if let first = shape.dims.first {
            literal += String(repeating: " ", count: max(0, 21 - String(first).utf8.count))
        }
        let short = literal.utf8.count + 11 <= 65_535
        let start = short ? 10 : 12
        let padding = 64 - (start + literal.utf8.count + 1) % 64
        let length = literal.utf8.count + padding + 1
        var bytes: [UInt8] = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, short ? 1 : 2, 0]
        for byte in 0..<start - 8 { bytes.append(UInt8(truncatingIfNeeded: length >> (8 * byte))) }
        bytes += literal.utf8
        bytes += [UInt8](repeating: 0x20, count: padding)
        bytes.append(0x0a)
        return bytes
    }
}

/// The part of Python's literals that `.npy` headers use.
private struct NPYHeaderParser {
    private let bytes: [UInt8]
    private var position = 0

    init(_ bytes: [UInt8]) { self.bytes = bytes }

    private mutating func peek() -> UInt8? {
        while position < bytes.count, [0x20, 0x09, 0x0a, 0x0d, 0x0c].contains(bytes[position]) { position += 1 }
        return position < bytes.count ? bytes[position] : nil
    }

    mutating func skip(_ token: Unicode.Scalar) -> Bool {
        guard let byte = peek(), UInt32(byte) == token.value else { return false }
        position += 1
        return true
    }

    mutating func expect(_ token: Unicode.Scalar) throws(LocatedError) {
        guard skip(token) else { throw unexpected("'\(token)'") }
    }

    mutating func expectEnd() throws(LocatedError) {
        guard peek() == nil else { throw unexpected("the end of the header") }
    }

    private mutating func unexpected(_ expected: String) -> LocatedError {
        let got = peek().map { byte in
            (0x20..<0x7f).contains(byte) ? "'\(Unicode.Scalar(byte))'" : "byte \(byte)"
        }
        return LocatedError(
            .invalid, "npy.header", "expected \(expected), got \(got ?? "the end") at byte \(position) of the header")
    }

    /// A string in single or double quotes, without escapes.
    mutating func string() throws(LocatedError) -> String {
        guard let quote = peek(), quote == 0x27 || quote == 0x22 else { throw unexpected("a string") }
        guard let end = bytes[(position + 1)...].firstIndex(of: quote) else {
            throw LocatedError(.invalid, "npy.header", "expected the end of a string, got the end of the header")
        }
        let content = bytes[(position + 1)..<end]
        guard content.allSatisfy({ (0x20..<0x7f).contains($0) && $0 != 0x5c }) else {
            throw LocatedError(.invalid, "npy.header", "expected a string of plain ASCII letters, got others")
        }
        position = end + 1
        return String(decoding: content, as: UTF8.self)
    }

    /// The element type: a string; a list or tuple describes records, which are refused.
    mutating func descr() throws(LocatedError) -> String {
        if let byte = peek(), byte == 0x5b || byte == 0x28 {
            throw LocatedError(
                .unsupported, "npy.dtype", "expected bool, integers, floats of 2, 4 or 8 bytes or text, got a structured type")
        }
        return try string()
    }

    mutating func bool() throws(LocatedError) -> Bool {
        _ = peek()
        for (word, value) in [("True", true), ("False", false)] where bytes[position...].starts(with: word.utf8) {
            position += word.utf8.count
            return value
        }
        throw unexpected("True or False")
    }

    /// `()`, `(3,)`, `(2, 3)`; Python 2 wrote `(2L, 3L)`.
    mutating func tuple() throws(LocatedError) -> [Int] {
        var dims: [Int] = []
        try expect("(")
        while !skip(")") {
            dims.append(try extent())
            guard dims.count <= NPYHeader.highestRank else {
                throw LocatedError(.invalid, "npy.shape", "expected at most \(NPYHeader.highestRank) dimensions, got more")
            }
            if !skip(",") {
                // `(3)` is a number in Python, not a tuple.
                if dims.count == 1 { throw unexpected("','") }
                try expect(")")
                break
            }
        }
        return dims
    }

    private mutating func extent() throws(LocatedError) -> Int {
        if skip("-") { throw LocatedError(.invalid, "npy.shape", "expected extents of 0 or more, got a negative one") }
        var value = 0
        let start = position
        guard peek() != nil else { throw unexpected("a number") }
        while position < bytes.count, (0x30...0x39).contains(bytes[position]) {
            let (tens, overflow) = value.multipliedReportingOverflow(by: 10)
            let (next, carry) = tens.addingReportingOverflow(Int(bytes[position] - 0x30))
            guard !overflow, !carry else {
                throw LocatedError(.invalid, "npy.shape", "expected extents below 2^63, got a larger one")
            }
            value = next
            position += 1
        }
        guard position > start, (0x30...0x39).contains(bytes[position - 1]) else { throw unexpected("a number") }
        if position < bytes.count, bytes[position] == 0x4c { position += 1 }
        return value
    }
}
