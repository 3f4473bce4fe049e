/// Which of the known names somebody most likely meant.
///
/// Case, `_`, `-`, `.` and spaces count for nothing, so that `keras3` is near `keras-3` and `CategoricalCrossentropy` near
/// `categorical_crossentropy`.
package enum NearestName {
    /// The name with the fewest letters left out, put in, changed or swapped with a neighbour; where none is near, the only one
    /// that begins with the word.
    ///
    /// - Returns: nil where more than a third of the letters differ.
    package static func to(_ word: String, in names: some Sequence<String>) -> String? {
        let wanted = letters(word)
        guard !wanted.isEmpty, wanted.count <= longest else { return nil }
        let farthest = Swift.max(1, wanted.count / 3)
        var best: (name: String, distance: Int)?
        var continuations: [[UInt8]: String] = [:]
        for name in names {
            let known = letters(name)
            guard !known.isEmpty, known.count <= longest else { continue }
            if wanted.count > 1, known.starts(with: wanted), continuations[known] == nil { continuations[known] = name }
            guard abs(known.count - wanted.count) <= farthest else { continue }
            let distance = distance(wanted, known)
            // A word that shares no letter is no slip of the pen.
            if distance <= farthest, distance < Swift.max(wanted.count, known.count), distance < best?.distance ?? .max {
                best = (name, distance)
            }
        }
        return best?.name ?? (continuations.count == 1 ? continuations.first?.value : nil)
    }

    /// `Did you mean "adam"?` for a `LocatedError`'s hint; nil where no name is near.
    package static func hint(for word: String, in names: some Sequence<String>) -> String? {
        to(word, in: names).map { "Did you mean \"\($0)\"?" }
    }

    /// Names beyond this are nobody's slip; the table of distances stays small.
    private static let longest = 80

    private static func letters(_ name: String) -> [UInt8] {
        name.lowercased().utf8.filter { !" _-.".utf8.contains($0) }
    }

    /// Optimal string alignment: each pair of neighbours is swapped at most once.
    private static func distance(_ a: [UInt8], _ b: [UInt8]) -> Int {
        var beforeLast = [Int](repeating: 0, count: b.count + 1)
        var last = Array(0...b.count)
        for i in 1...a.count {
            var row = [i]
            for j in 1...b.count {
                var least = Swift.min(last[j] + 1, row[j - 1] + 1, last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1))
                if i > 1, j > 1, a[i - 1] == b[j - 2], a[i - 2] == b[j - 1] { least = Swift.min(least, beforeLast[j - 2] + 1) }
                row.append(least)
            }
            (beforeLast, last) = (last, row)
        }
        return last[b.count]
    }
}
