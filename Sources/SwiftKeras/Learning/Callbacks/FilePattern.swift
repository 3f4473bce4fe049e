internal import Foundation
internal import OrderedCollections
internal import Tensors
internal import Training

/// A file's name with numbers to be filled in, as Python's `format` fills them: `w.{epoch:02d}-{val_loss:.2f}.h5`.
struct FilePattern {
    private let text: String

    init(_ text: String) { self.text = text }

    /// Throws `callback.filepath` for names that aren't reported and formats that aren't a number's.
    func filled(epoch: Int, _ logs: Logs) throws(LocatedError) -> String {
        var result = ""
        var rest = text[...]
        while let brace = rest.firstIndex(where: { $0 == "{" || $0 == "}" }) {
            result += rest[..<brace]
            let next = rest.index(after: brace)
            if next < rest.endIndex, rest[next] == rest[brace] {
                result.append(rest[brace])
                rest = rest[rest.index(after: next)...]
                continue
            }
            guard rest[brace] == "{", let end = rest[next...].firstIndex(of: "}") else { throw failure("braces in pairs") }
            let field = rest[next..<end].split(separator: ":", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            result += try number(named: field[0], format: field.count > 1 ? field[1] : "", epoch, logs)
            rest = rest[rest.index(after: end)...]
        }
        return result + rest
    }

    private func number(named name: String, format: String, _ epoch: Int, _ logs: Logs) throws(LocatedError) -> String {
        guard let value = name == "epoch" ? Double(epoch) : logs[name] else {
            throw failure("one of \((["epoch"] + logs.keys).joined(separator: ", ")) in braces, got \(name)")
        }
        if format.isEmpty { return name == "epoch" ? "\(epoch)" : "\(value)" }
        // [0][width][.precision][type]
        let kind = format.last.flatMap { $0.isLetter || $0 == "%" ? $0 : nil }
        let body = kind == nil ? format[...] : format.dropLast()
        let parts = body.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count <= 2, parts.allSatisfy({ $0.allSatisfy(\.isNumber) }), let width = parts.first.map({ $0.isEmpty ? 0 : Int($0) }),
            let width, width <= 64, let precision = parts.count > 1 ? Int(parts[1]) : 6, precision <= 32
        else { throw failure("a number's format such as :02d or :.2f, got :\(format)") }
        let text: String
        switch kind {
        case "d" where name == "epoch": text = "\(epoch)"
        case "f", "F": text = String(format: "%.\(precision)f", value)
        case "e", "g": text = String(format: "%.\(precision)\(kind == "e" ? "e" : "g")", value)
        case "%": text = String(format: "%.\(precision)f", value * 100) + "%"
        case nil: text = parts.count > 1 ? String(format: "%.\(precision)g", value) : name == "epoch" ? "\(epoch)" : "\(value)"
        default: throw failure("a number's format such as :02d or :.2f, got :\(format)")
        }
        let fill = body.hasPrefix("0") ? "0" : " "
        return String(repeating: fill, count: max(0, width - text.count)) + text
    }

    private func failure(_ expected: String) -> LocatedError {
        LocatedError(.usage, "callback.filepath", "expected \(expected)", at: [text])
    }
}
