/// Letters for pictures: a small typeface of our own, drawn in strokes, so that a PNG needs no font on the machine.
///
/// Holds printable ASCII and a few signs; for anything else there is an empty box. Coordinates are hundredths of the size, from
/// the base line up, within Helvetica's advance widths.
enum Glyphs {
    /// Thickness of the strokes, as a part of the size.
    static func thickness(isBold: Bool) -> Double { isBold ? 0.11 : 0.08 }

    /// The strokes of a character: lines from point to point, in parts of the size, y upwards.
    static func strokes(of scalar: Unicode.Scalar) -> [[Point]] {
        guard let code = table[scalar] else { return scalar.properties.isWhitespace ? [] : box }
        return code.split(separator: ";").map(stroke)
    }

    private static let box = [[Point(0.08, 0), Point(0.08, 0.7), Point(0.48, 0.7), Point(0.48, 0), Point(0.08, 0)]]

    /// Reads one stroke: `M x y` begins, `L x y` goes straight, `Q cx cy x y` bends, `O x y rx ry` is an ellipse and
    /// `A x y rx ry a b` its arc from a to b degrees, counterclockwise.
    private static func stroke(_ code: Substring) -> [Point] {
        var points: [Point] = []
        var command: Character = "M"
        var numbers: [Double] = []
        func count() -> Int {
            switch command {
            case "Q", "O": 4
            case "A": 6
            default: 2
            }
        }
        for word in code.split(separator: " ") {
            if let first = word.first, first.isLetter {
                command = first
                continue
            }
            guard let number = Int(word) else { continue }
            numbers.append(Double(number) / 100)
            guard numbers.count == count() else { continue }
            switch command {
            case "Q":
                let from = points[points.count - 1]
                let (control, end) = (Point(numbers[0], numbers[1]), Point(numbers[2], numbers[3]))
                for step in 1...8 {
                    let t = Double(step) / 8, s = 1 - t
                    points.append(from * (s * s) + control * (2 * s * t) + end * (t * t))
                }
            case "O", "A":
                let (from, to) = command == "O" ? (0, 360) : (Int(numbers[4] * 100), Int(numbers[5] * 100))
                let steps = max((to - from) / 12, 4)
                for step in 0...steps {
                    let angle = Double(from) + Double(to - from) * Double(step) / Double(steps)
                    let direction = Sine.direction(degrees: angle)
                    points.append(Point(numbers[0] + numbers[2] * direction.x, numbers[1] + numbers[3] * direction.y))
                }
            default: points.append(Point(numbers[0], numbers[1]))
            }
            numbers = []
        }
        return points
    }

    private static let table: [Unicode.Scalar: String] = [
        "!": "M 14 68 L 14 24;M 14 4 L 14 5", "\"": "M 11 68 L 11 50;M 25 68 L 25 50",
        "#": "M 21 68 L 13 4;M 42 68 L 34 4;M 7 47 L 51 47;M 4 25 L 48 25",
        "$": "M 46 54 Q 44 65 28 65 Q 10 65 10 52 Q 10 41 28 38 Q 48 34 48 21 Q 48 7 28 7 Q 9 7 7 22;M 28 74 L 28 -4",
        "%": "O 20 54 13 14;O 69 18 13 14;M 62 68 L 26 4",
        "&": "M 60 4 L 23 46 Q 15 56 20 63 Q 26 70 34 66 Q 42 60 36 50 Q 32 44 18 36 Q 6 28 8 17 Q 11 4 27 4 Q 50 5 56 34",
        "'": "M 10 68 L 10 50", "(": "M 25 73 Q 9 52 9 27 Q 9 2 25 -19", ")": "M 9 73 Q 25 52 25 27 Q 25 2 9 -19",
        "*": "M 19 70 L 19 46;M 9 64 L 29 52;M 29 64 L 9 52", "+": "M 29 48 L 29 6;M 8 27 L 50 27",
        ",": "M 14 5 L 14 2 Q 14 -6 9 -10", "-": "M 5 26 L 28 26", ".": "M 14 4 L 14 5", "/": "M 2 2 L 26 70",
        "0": "O 28 36 20 32", "1": "M 13 54 Q 28 56 32 68 L 32 4",
        "2": "M 8 48 Q 8 68 28 68 Q 47 68 47 50 Q 47 39 29 26 Q 8 13 8 4 L 48 4",
        "3": "M 9 52 Q 10 68 27 68 Q 45 68 45 53 Q 45 38 24 38;M 24 38 Q 48 38 48 21 Q 48 4 27 4 Q 8 4 7 21",
        "4": "M 39 4 L 39 68 L 6 21 L 51 21",
        "5": "M 45 68 L 14 68 L 10 36 Q 16 46 28 46 Q 48 46 48 25 Q 48 4 26 4 Q 10 4 7 17",
        "6": "O 28 25 20 21;M 45 56 Q 42 68 29 68 Q 8 68 8 26", "7": "M 7 68 L 49 68 Q 24 40 20 4",
        "8": "O 28 53 17 15;O 28 21 20 17", "9": "O 28 47 20 21;M 11 16 Q 14 4 27 4 Q 48 4 48 46",
        ":": "M 14 45 L 14 46;M 14 4 L 14 5", ";": "M 14 45 L 14 46;M 14 5 L 14 2 Q 14 -6 9 -10",
        "<": "M 50 48 L 9 27 L 50 6", "=": "M 8 37 L 50 37;M 8 17 L 50 17", ">": "M 8 48 L 49 27 L 8 6",
        "?": "M 9 52 Q 10 68 28 68 Q 46 68 46 52 Q 46 43 36 37 Q 28 32 28 22;M 28 4 L 28 5",
        "@": "O 50 28 21 20;M 71 48 L 66 16 Q 66 7 76 9 Q 94 14 94 38 Q 92 70 52 70 Q 8 68 8 26 Q 8 -16 54 -17 Q 70 -17 82 -10",
        "A": "M 6 4 L 33 68 L 61 4;M 15 26 L 52 26",
        "B": "M 11 4 L 11 68 L 35 68 Q 55 68 55 53 Q 55 38 35 38 L 11 38;M 35 38 Q 59 38 59 21 Q 59 4 36 4 L 11 4",
        "C": "A 38 36 30 32 42 318", "D": "M 11 4 L 11 68 L 32 68 Q 64 68 64 36 Q 64 4 32 4 L 11 4",
        "E": "M 59 68 L 11 68 L 11 4 L 60 4;M 11 38 L 55 38", "F": "M 57 68 L 11 68 L 11 4;M 11 37 L 51 37",
        "G": "A 39 36 31 32 42 330;M 43 33 L 69 33 L 69 4", "H": "M 11 68 L 11 4;M 61 68 L 61 4;M 11 38 L 61 38",
        "I": "M 14 68 L 14 4", "J": "M 39 68 L 39 22 Q 39 4 22 4 Q 6 4 6 22", "K": "M 11 68 L 11 4;M 58 68 L 11 24;M 27 39 L 60 4",
        "L": "M 11 68 L 11 4 L 52 4", "M": "M 11 4 L 11 68 L 41 8 L 72 68 L 72 4", "N": "M 11 4 L 11 68 L 61 4 L 61 68",
        "O": "O 39 36 31 32", "P": "M 11 4 L 11 68 L 37 68 Q 58 68 58 50 Q 58 32 37 32 L 11 32",
        "Q": "O 39 36 31 32;M 46 18 L 68 0", "R": "M 11 4 L 11 68 L 40 68 Q 60 68 60 52 Q 60 36 40 36 L 11 36;M 42 36 Q 57 34 58 19 Q 59 8 62 4",
        "S": "M 57 51 Q 56 68 34 68 Q 10 68 10 52 Q 10 40 33 37 Q 60 33 60 20 Q 60 4 34 4 Q 8 4 7 24",
        "T": "M 4 68 L 57 68;M 31 68 L 31 4", "U": "M 11 68 L 11 28 Q 11 4 36 4 Q 61 4 61 28 L 61 68", "V": "M 5 68 L 33 4 L 62 68",
        "W": "M 4 68 L 25 4 L 47 68 L 69 4 L 90 68", "X": "M 6 68 L 61 4;M 60 68 L 6 4", "Y": "M 4 68 L 33 33 L 63 68;M 33 33 L 33 4",
        "Z": "M 7 68 L 54 68 L 6 4 L 56 4", "[": "M 24 72 L 9 72 L 9 -18 L 24 -18", "\\": "M 2 70 L 26 2",
        "]": "M 4 72 L 19 72 L 19 -18 L 4 -18", "^": "M 7 34 L 23 68 L 40 34", "_": "M 1 -12 L 55 -12", "`": "M 9 70 L 18 58",
        "a": "M 10 38 Q 12 48 27 48 Q 43 48 43 34 L 43 12 Q 43 5 50 4;M 43 28 Q 8 29 8 15 Q 8 4 22 4 Q 39 4 43 19",
        "b": "M 9 68 L 9 4;O 28 26 19 22", "c": "A 27 26 19 22 42 318", "d": "M 46 68 L 46 4;O 27 26 19 22",
        "e": "M 8 27 L 47 27;A 27 26 20 22 2 318", "f": "M 12 4 L 12 57 Q 12 68 22 68 L 26 68;M 3 48 L 25 48",
        "g": "O 27 27 19 21;M 46 48 L 46 -3 Q 46 -18 28 -18 Q 14 -18 10 -10", "h": "M 9 68 L 9 4;M 9 31 Q 12 48 28 48 Q 46 48 46 32 L 46 4",
        "i": "M 11 48 L 11 4;M 11 67 L 11 68", "j": "M 11 48 L 11 -8 Q 11 -18 2 -18;M 11 67 L 11 68",
        "k": "M 9 68 L 9 4;M 43 48 L 9 18;M 21 29 L 45 4", "l": "M 11 68 L 11 4",
        "m": "M 9 48 L 9 4;M 9 32 Q 11 48 25 48 Q 41 48 41 33 L 41 4;M 41 32 Q 44 48 58 48 Q 74 48 74 33 L 74 4",
        "n": "M 9 48 L 9 4;M 9 31 Q 12 48 28 48 Q 46 48 46 32 L 46 4", "o": "O 28 26 20 22", "p": "M 9 48 L 9 -18;O 28 26 19 22",
        "q": "M 46 48 L 46 -18;O 27 26 19 22", "r": "M 9 48 L 9 4;M 9 28 Q 12 48 31 47",
        "s": "M 42 37 Q 40 48 25 48 Q 9 48 9 38 Q 9 29 25 27 Q 43 24 43 14 Q 43 4 25 4 Q 8 4 7 16",
        "t": "M 12 62 L 12 14 Q 12 4 24 5;M 3 48 L 25 48", "u": "M 9 48 L 9 20 Q 9 4 26 4 Q 43 4 46 21;M 46 48 L 46 4",
        "v": "M 5 48 L 25 4 L 45 48", "w": "M 4 48 L 20 4 L 36 48 L 52 4 L 68 48", "x": "M 6 48 L 44 4;M 44 48 L 6 4",
        "y": "M 5 48 L 25 5;M 45 48 L 23 -8 Q 19 -18 7 -17", "z": "M 8 48 L 42 48 L 7 4 L 43 4",
        "{": "M 27 72 Q 16 72 16 62 L 16 38 Q 16 28 7 27 Q 16 26 16 16 L 16 -8 Q 16 -18 27 -18", "|": "M 13 72 L 13 -18",
        "}": "M 7 72 Q 18 72 18 62 L 18 38 Q 18 28 27 27 Q 18 26 18 16 L 18 -8 Q 18 -18 7 -18",
        "~": "M 8 22 Q 14 34 24 30 L 35 24 Q 45 20 51 32", "…": "M 17 4 L 17 5;M 50 4 L 50 5;M 83 4 L 83 5",
        "×": "M 11 44 L 45 10;M 45 44 L 11 10", "·": "M 28 26 L 28 27", "–": "M 2 26 L 54 26",
    ]
}

/// Sine and cosine without a mathematical library: by the angle's halves.
enum Sine {
    /// The point of the unit circle at an angle.
    static func direction(degrees: Double) -> Point {
        let radians = degrees * .pi / 180 / 64
        // Six doublings of an angle below 0.1 from its series.
        let square = radians * radians
        var sine = radians * (1 - square / 6 * (1 - square / 20 * (1 - square / 42)))
        var cosine = 1 - square / 2 * (1 - square / 12 * (1 - square / 30))
        for _ in 0..<6 { (sine, cosine) = (2 * sine * cosine, cosine * cosine - sine * sine) }
        return Point(cosine, sine)
    }
}
