/// Text as Python handles it: by code points, whatever they look like together.
enum PythonText {
    /// `str.lower()`: each character's own lower case, a final sigma at the end of a word.
    ///
    /// Source: CPython's `handle_capital_sigma`; Unicode's SpecialCasing.txt.
    static func lowercased(_ text: String) -> String {
        if text.utf8.allSatisfy({ $0 < 0x80 }) { return text.lowercased() }
        let scalars = Array(text.unicodeScalars)
        var result = String.UnicodeScalarView()
        for (index, scalar) in scalars.enumerated() {
            if scalar.value == 0x3a3 {
                let before = scalars[..<index].last { !$0.properties.isCaseIgnorable }
                let after = scalars[(index + 1)...].first { !$0.properties.isCaseIgnorable }
                let isFinal = before?.properties.isCased == true && after?.properties.isCased != true
                result.append(isFinal ? "\u{3c2}" : "\u{3c3}")
            } else {
                result.append(contentsOf: scalar.properties.lowercaseMapping.unicodeScalars)
            }
        }
        return String(result)
    }
}

/// Text that equals only what has the same code points; Swift's own strings equal what looks the same.
struct ExactText: Hashable, Sendable {
    let text: String

    init(_ text: String) { self.text = text }

    static func == (a: ExactText, b: ExactText) -> Bool { a.text.utf8.elementsEqual(b.text.utf8) }

    func hash(into hasher: inout Hasher) {
        var text = text
        text.withUTF8 { hasher.combine(bytes: UnsafeRawBufferPointer($0)) }
        hasher.combine(text.utf8.count)
    }
}

/// Words or numbers, each with a number, in the order in which they came: Python's `dict`.
struct OrderedCounts<Key: Hashable & Sendable>: Sendable {
    private(set) var keys: [Key] = []
    private(set) var values: [Int] = []
    private var places: [Key: Int] = [:]

    var isEmpty: Bool { keys.isEmpty }
    var count: Int { keys.count }

    /// The number of a key; one that is set again keeps its place.
    subscript(key: Key) -> Int? {
        get { places[key].map { values[$0] } }
        set {
            guard let newValue else { return }
            if let place = places[key] {
                values[place] = newValue
            } else {
                places[key] = keys.count
                keys.append(key)
                values.append(newValue)
            }
        }
    }
}
