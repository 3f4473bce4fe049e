import Files
public import Tensors

/// A table of numbers in a text file: one row a line, fields set apart by commas.
///
/// RFC 4180 and what is commonly near it: fields may be quoted, lines may end in any way, a byte order mark, empty lines and
/// lines that start with `#` are passed over. `nan` and `inf` are numbers; an empty field is not.
public struct CSV: Sendable {
    /// Names from the header line; nil when there was none.
    public let columns: [String]?
    /// Shape (rows, columns).
    public let values: Tensor

    /// Whether the first line holds names.
    public enum Header: Sendable {
        /// It does when any of its fields is no number.
        case automatic
        case present, absent
    }

    /// Reads the table in the file at `path` as numbers of `dtype`, which are read in double precision and rounded.
    ///
    /// - Parameter missing: what an empty field stands for, such as NaN; nil: it is refused.
    ///
    /// Throws 66 when there is no such file, 65 `csv.number`, `csv.columns`, `csv.quote`, `csv.empty` with line and field,
    /// 74 when reading fails.
    public static func read(
        _ path: String, header: Header = .automatic, separator: Unicode.Scalar = ",", missing: Double? = nil, dtype: DType = .float32
    ) throws(LocatedError) -> CSV {
        let bytes = try InputFile.readBytes(path, limit: 1 << 32)
        return try locating(path) { () throws(LocatedError) in
            try CSV(text: bytes, header: header, separator: separator, missing: missing, dtype: dtype)
        }
    }

    /// Reads the table that `text` (UTF-8) holds. Throws as `read` does.
    public init(
        text: [UInt8], header: Header = .automatic, separator: Unicode.Scalar = ",", missing: Double? = nil, dtype: DType = .float32
    ) throws(LocatedError) {
        guard separator.isASCII, !"\"\r\n#".unicodeScalars.contains(separator) else {
            throw LocatedError(.usage, "csv.separator", "expected one ASCII character such as ',' or ';', got '\(separator)'")
        }
        var reader = CSVReader(text, separator: UInt8(separator.value))
        var columns: [String]?
        var width: Int?
        var numbers: [Double] = []
        while let fields = try reader.nextRow() {
            if let width, fields.count != width {
                throw LocatedError(
                    .invalid, "csv.columns", "expected \(width) fields as in the first line, got \(fields.count)",
                    at: ["line \(reader.rowLine)"])
            }
            if width == nil {
                width = fields.count
                let named =
                    switch header {
                    case .present: true
                    case .absent: false
                    case .automatic: fields.contains { CSV.number($0) == nil && (missing == nil || !CSV.trimmed($0).isEmpty) }
                    }
                if named {
                    columns = fields.map { String(decoding: CSV.trimmed($0), as: UTF8.self) }
                    continue
                }
            }
            for (index, field) in fields.enumerated() {
                guard let number = CSV.number(field) ?? (CSV.trimmed(field).isEmpty ? missing : nil) else {
                    let got = String(decoding: field.prefix(40), as: UTF8.self)
                    throw LocatedError(
                        .invalid, "csv.number", "expected a number, got \(got.isEmpty ? "an empty field" : "\"\(got)\"")",
                        at: ["line \(reader.rowLine), column \(index + 1)"])
                }
                numbers.append(number)
            }
        }
        guard let width, !numbers.isEmpty else {
            throw LocatedError(.invalid, "csv.empty", "expected at least one line of numbers, got none")
        }
        self.columns = columns
        self.values = Tensor(numbers, shape: [numbers.count / width, width]).asType(dtype)
    }

    private static func trimmed(_ field: ArraySlice<UInt8>) -> ArraySlice<UInt8> {
        var field = field
        while let first = field.first, first == 0x20 || first == 0x09 { field.removeFirst() }
        while let last = field.last, last == 0x20 || last == 0x09 { field.removeLast() }
        return field
    }

    /// The number that a field holds, nil for anything else.
    static func number(_ field: ArraySlice<UInt8>) -> Double? {
        let field = trimmed(field)
        if let quick = quickNumber(field) { return quick }
        // Swift would read hexadecimal numbers too.
        let text = String(decoding: field, as: UTF8.self)
        let unsigned = text.drop { $0 == "+" || $0 == "-" }.lowercased()
        guard field.allSatisfy({ "0123456789+-.eE".utf8.contains($0) }) || ["nan", "inf", "infinity"].contains(unsigned)
        else { return nil }
        return Double(text)
    }

    /// Digits with at most one point: exact in double precision up to 15 of them, as both parts of the division are.
    private static func quickNumber(_ field: ArraySlice<UInt8>) -> Double? {
        guard let first = field.first, field.count <= 16 else { return nil }
        let digits = first == 0x2d || first == 0x2b ? field.dropFirst() : field
        var mantissa = 0
        var decimals: Int?
        for byte in digits {
            if byte == 0x2e, decimals == nil {
                decimals = 0
            } else if (0x30...0x39).contains(byte) {
                mantissa = mantissa * 10 + Int(byte - 0x30)
                decimals = decimals.map { $0 + 1 }
            } else {
                return nil
            }
        }
        let digitCount = digits.count - (decimals == nil ? 0 : 1)
        guard digitCount > 0, digitCount <= 15 else { return nil }
        let magnitude = Double(mantissa) / powersOfTen[decimals ?? 0]
        return first == 0x2d ? -magnitude : magnitude
    }

    private static let powersOfTen: [Double] = [
        1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
    ]
}

extension CSV {
    /// A table of text: the names of the columns, from the first line, and the fields of each row without blanks around them.
    ///
    /// Throws 66 when there is no such file, 65 `csv.columns`, `csv.quote`, `csv.empty` with line and field, 74 when reading fails.
    package static func texts(_ path: String) throws(LocatedError) -> (columns: [String], rows: [[String]]) {
        let bytes = try InputFile.readBytes(path, limit: 1 << 32)
        return try locating(path) { () throws(LocatedError) in
            var reader = CSVReader(bytes, separator: UInt8(ascii: ","))
            func row() throws(LocatedError) -> [String]? {
                try reader.nextRow().map { $0.map { String(decoding: trimmed($0), as: UTF8.self) } }
            }
            guard let columns = try row() else {
                throw LocatedError(.invalid, "csv.empty", "expected a line with the names of columns, got none")
            }
            var rows: [[String]] = []
            while let fields = try row() {
                guard fields.count == columns.count else {
                    throw LocatedError(
                        .invalid, "csv.columns", "expected \(columns.count) fields as in the first line, got \(fields.count)",
                        at: ["line \(reader.rowLine)"])
                }
                rows.append(fields)
            }
            return (columns, rows)
        }
    }
}

/// Cuts text into rows and fields.
private struct CSVReader {
    private let text: [UInt8]
    private let separator: UInt8
    private var position = 0
    private var line = 1
    /// The line on which the last row began.
    private(set) var rowLine = 1

    init(_ text: [UInt8], separator: UInt8) {
        self.text = text
        self.separator = separator
        if text.starts(with: [0xef, 0xbb, 0xbf]) { position = 3 }
    }

    private var atLineEnd: Bool { text[position] == 0x0a || text[position] == 0x0d }

    private mutating func endLine() {
        if text[position] == 0x0d, position + 1 < text.count, text[position + 1] == 0x0a { position += 1 }
        position += 1
        line += 1
    }

    /// The next row's fields, nil at the end of the text.
    mutating func nextRow() throws(LocatedError) -> [ArraySlice<UInt8>]? {
        while position < text.count, atLineEnd || text[position] == 0x23 {
            while position < text.count, !atLineEnd { position += 1 }
            if position < text.count { endLine() }
        }
        guard position < text.count else { return nil }
        rowLine = line
        var fields: [ArraySlice<UInt8>] = []
        while true {
            fields.append(text[position...].first == 0x22 ? try quoted(fields.count + 1) : plain())
            guard position < text.count else { return fields }
            if text[position] == separator {
                position += 1
            } else {
                endLine()
                return fields
            }
        }
    }

    private mutating func plain() -> ArraySlice<UInt8> {
        let start = position
        while position < text.count, text[position] != separator, !atLineEnd { position += 1 }
        return text[start..<position]
    }

    private mutating func quoted(_ field: Int) throws(LocatedError) -> ArraySlice<UInt8> {
        var content: [UInt8] = []
        position += 1
        while position < text.count {
            let byte = text[position]
            if byte == 0x22 {
                position += 1
                if position < text.count, text[position] == 0x22 {
                    content.append(byte)
                    position += 1
                    continue
                }
                guard position == text.count || text[position] == separator || atLineEnd else { break }
                return content[...]
            }
            if atLineEnd {
                content.append(0x0a)
                endLine()
                continue
            }
            content.append(byte)
            position += 1
        }
        throw LocatedError(
            .invalid, "csv.quote", "expected a closing quote before the end of the field",
            at: ["line \(rowLine), column \(field)"])
    }
}
