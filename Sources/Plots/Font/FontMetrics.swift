/// How wide text is: the advance widths of Helvetica, which SVG viewers, our own glyphs and the layout all keep to.
package enum FontMetrics {
    /// From the base line to the top of capitals, as a part of the size.
    package static let capHeight = 0.72
    /// From the base line to the lowest part of letters, as a part of the size.
    package static let descent = 0.21

    /// The width of one line in points.
    package static func width(of string: String, size: Double, isBold: Bool = false) -> Double {
        string.unicodeScalars.reduce(0) { $0 + advance(of: $1, isBold: isBold) } * size / 1000
    }

    /// Thousandths of the size.
    static func advance(of scalar: Unicode.Scalar, isBold: Bool) -> Double {
        let index = Int(scalar.value) - 32
        if scalar == "…" { return 1000 }
        if (0x300..<0x370).contains(scalar.value) { return 0 }
        // Ideographs, kana and hangul are as wide as they are high.
        if scalar.value >= 0x1100 { return 1000 }
        guard (0..<regular.count).contains(index) else { return isBold ? 611 : 556 }
        return Double(isBold ? bold[index] : regular[index])
    }

    /// `string`, or as much of its start and end as goes into `width` points with an ellipsis between.
    package static func shortened(_ string: String, toCharacters limit: Int) -> String {
        let scalars = Array(string.unicodeScalars.prefix(limit + 1))
        guard scalars.count > limit else { return string }
        let tail = Array(string.unicodeScalars.suffix(limit / 3))
        var result = String.UnicodeScalarView(scalars.prefix(limit - 1 - tail.count))
        result.append("…")
        result.append(contentsOf: tail)
        return String(result)
    }

    /// Characters 32 to 126 of Helvetica (Adobe's AFM file).
    private static let regular: [Int16] = [
        278, 278, 355, 556, 556, 889, 667, 191, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
        556, 556, 278, 278, 584, 584, 584, 556, 1015, 667, 667, 722, 722, 667, 611, 778, 722, 278, 500, 667, 556, 833, 722, 778,
        667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 278, 278, 278, 469, 556, 333, 556, 556, 500, 556, 556, 278, 556,
        556, 222, 222, 500, 222, 833, 556, 556, 556, 556, 333, 500, 278, 556, 500, 722, 500, 500, 500, 334, 260, 334, 584,
    ]

    /// Characters 32 to 126 of Helvetica Bold.
    private static let bold: [Int16] = [
        278, 333, 474, 556, 556, 889, 722, 238, 333, 333, 389, 584, 278, 333, 278, 278, 556, 556, 556, 556, 556, 556, 556, 556,
        556, 556, 333, 333, 584, 584, 584, 611, 975, 722, 722, 722, 722, 667, 611, 778, 722, 278, 556, 722, 611, 833, 722, 778,
        667, 778, 722, 667, 611, 722, 667, 944, 667, 667, 611, 333, 278, 333, 584, 556, 333, 556, 611, 556, 611, 556, 333, 611,
        611, 278, 278, 556, 278, 889, 611, 611, 611, 611, 389, 556, 333, 611, 556, 778, 556, 556, 500, 389, 280, 389, 584,
    ]
}
