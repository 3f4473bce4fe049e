internal import Files
internal import Foundation
public import Tensors

/// To which groups samples belong: one label a sample for each attribute.
public struct SampleGroups: Sendable, Hashable {
    /// One way to tell samples apart, such as `age`.
    public struct Attribute: Sendable, Hashable {
        public var name: String
        /// By sample.
        public var labels: [String]

        public init(name: String, labels: [String]) {
            self.name = name
            self.labels = labels
        }

        /// The samples of each group, groups by name.
        var members: [(group: String, samples: [Int])] {
            var members: [String: [Int]] = [:]
            for (sample, label) in labels.enumerated() { members[label, default: []].append(sample) }
            return members.sorted { $0.key.localizedStandardCompare($1.key) == .orderedAscending }.map { ($0.key, $0.value) }
        }
    }

    public var attributes: [Attribute]

    public init(_ attributes: [Attribute]) { self.attributes = attributes }

    /// A CSV file with a header: a column for each attribute, a line for each sample.
    ///
    /// Throws 66 when there is no such file, 65 `groups.…` with the line for one that is no such table.
    public init(contentsOf path: String) throws(LocatedError) {
        let bytes = try InputFile.readBytes(path, limit: 1 << 32)
        self = try locating(path) { () throws(LocatedError) in try SampleGroups(csv: bytes) }
    }

    init(csv bytes: [UInt8]) throws(LocatedError) {
        var rows = try Self.rows(bytes)
        guard !rows.isEmpty else { throw LocatedError(.invalid, "groups.empty", "expected a line with the attributes' names, got none") }
        let names = rows.removeFirst().fields
        for (place, name) in names.enumerated() where name.isEmpty || names.firstIndex(of: name) != place {
            throw LocatedError(
                .invalid, "groups.header", "expected different names of attributes in the first line, got \"\(name)\"", at: ["column \(place + 1)"])
        }
        guard !rows.isEmpty else { throw LocatedError(.invalid, "groups.empty", "expected a line for each sample, got none") }
        for row in rows where row.fields.count != names.count {
            throw LocatedError(
                .invalid, "groups.columns", "expected \(names.count) fields as in the first line, got \(row.fields.count)", at: ["line \(row.line)"])
        }
        for row in rows { 
            if let place = row.fields.firstIndex(of: "") {
                throw LocatedError(.invalid, "groups.label", "expected a group's name, got an empty field", at: ["line \(row.line), column \(place + 1)"])
            }
        }
        attributes = names.enumerated().map { place, name in Attribute(name: name, labels: rows.map { $0.fields[place] }) }
    }

    /// RFC 4180; lines may end in any way, empty ones are passed over, blanks around fields too.
    private static func rows(_ bytes: [UInt8]) throws(LocatedError) -> [(line: Int, fields: [String])] {
        var rows: [(line: Int, fields: [String])] = []
        var bytes = bytes[...]
        if bytes.starts(with: [0xef, 0xbb, 0xbf]) { bytes = bytes.dropFirst(3) }
        guard var text = String(validating: bytes, as: UTF8.self) else {
            throw LocatedError(.invalid, "groups.text", "expected text in UTF-8, got other bytes")
        }
        // Swift counts "\r\n" as one character.
        text = text.replacingOccurrences(of: "\r\n", with: "\n").replacingOccurrences(of: "\r", with: "\n")
        var (fields, field, line, start) = ([String](), "", 1, 1)
        var isQuoted = false, wasQuoted = false
        func end(field: inout String, wasQuoted: inout Bool) -> String {
            defer { (field, wasQuoted) = ("", false) }
            return wasQuoted ? field : field.trimmingCharacters(in: .whitespaces)
        }
        var characters = text.makeIterator()
        var next = characters.next()
        while let character = next {
            next = characters.next()
            if isQuoted {
                if character == "\"", next == "\"" {
                    field.append("\"")
                    next = characters.next()
                } else if character == "\"" {
                    isQuoted = false
                } else {
                    if character == "\n" { line += 1 }
                    field.append(character)
                }
                continue
            }
            switch character {
            case "\"" where field.allSatisfy(\.isWhitespace) && !wasQuoted: (isQuoted, wasQuoted, field) = (true, true, "")
            case ",": fields.append(end(field: &field, wasQuoted: &wasQuoted))
            case "\n":
                let isEmpty = fields.isEmpty && field.allSatisfy(\.isWhitespace) && !wasQuoted
                fields.append(end(field: &field, wasQuoted: &wasQuoted))
                if !isEmpty { rows.append((start, fields)) }
                fields = []
                line += 1
                start = line
            default: field.append(character)
            }
        }
        guard !isQuoted else {
            throw LocatedError(.invalid, "groups.quote", "expected a closing quotation mark, got the end of the file", at: ["line \(start)"])
        }
        if !fields.isEmpty || !field.allSatisfy(\.isWhitespace) || wasQuoted {
            fields.append(end(field: &field, wasQuoted: &wasQuoted))
            rows.append((start, fields))
        }
        return rows
    }
}
