package import Tensors

/// `ImageDataGenerator`'s options as they are written on a command line, in Keras's words.
package struct AugmentationOptions: Sendable {
    /// A word, what its value may be and what it means.
    package struct Word: Sendable {
        package let name: String
        package let value: String
        package let help: String
    }

    /// All words, in the order of Keras's arguments.
    package static let words: [Word] = [
        Word(name: "featurewise_center", value: "true", help: "minus the data's mean, by channel"),
        Word(name: "samplewise_center", value: "true", help: "minus the picture's mean"),
        Word(name: "featurewise_std_normalization", value: "true", help: "over the data's deviation, by channel"),
        Word(name: "samplewise_std_normalization", value: "true", help: "over the picture's deviation"),
        Word(name: "zca_whitening", value: "true", help: "whiten by the data's principal components"),
        Word(name: "zca_epsilon", value: "NUMBER", help: "added to their variances (1e-6)"),
        Word(name: "rotation_range", value: "DEGREES", help: "turn by up to so much"),
        Word(name: "width_shift_range", value: "NUMBER|[…]", help: "a part below 1, pixels, whole pixels (3), one of a list"),
        Word(name: "height_shift_range", value: "NUMBER|[…]", help: "likewise"),
        Word(name: "brightness_range", value: "[LOW,HIGH]", help: "factors"),
        Word(name: "shear_range", value: "DEGREES", help: "shear by up to so much"),
        Word(name: "zoom_range", value: "NUMBER|[LOW,HIGH]", help: "0.2 is [0.8,1.2]"),
        Word(name: "channel_shift_range", value: "NUMBER", help: "add up to so much"),
        Word(name: "fill_mode", value: "nearest|constant|reflect|wrap", help: "what lies outside (nearest)"),
        Word(name: "cval", value: "NUMBER", help: "what lies outside with constant (0)"),
        Word(name: "horizontal_flip", value: "true", help: "mirror half of the pictures"),
        Word(name: "vertical_flip", value: "true", help: "turn half of the pictures upside down"),
        Word(name: "rescale", value: "NUMBER|1/255", help: "multiply by it"),
        Word(name: "data_format", value: "channels_last|channels_first", help: "where the channels stand"),
        Word(name: "validation_split", value: "PART", help: "the first samples, set apart"),
        Word(name: "interpolation_order", value: "0…5", help: "of the spline (1)"),
        Word(name: "dtype", value: "float32|float64", help: "of what fit computes"),
    ]

    private var values: [String: String] = [:]

    package init() {}

    /// Whether nothing was set.
    package var isEmpty: Bool { values.isEmpty }

    /// Options as `rotation=40,width_shift=0.2,horizontal_flip,zoom=[0.8,1.5]`: `_range` may be left out, and `=true`.
    ///
    /// Throws 64 `augment.option` for words that Keras hasn't, `augment.value` for a value that the word doesn't take.
    package init(parsing text: String) throws(LocatedError) {
        for item in Self.items(text, separator: ",") {
            let parts = item.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            try set(String(parts[0]), parts.count > 1 ? String(parts[1]) : "true")
        }
    }

    /// Parts at the commas that stand outside brackets.
    private static func items(_ text: String, separator: Character) -> [String] {
        var items: [String] = [""]
        var depth = 0
        for character in text where !character.isWhitespace {
            if character == separator, depth == 0 {
                items.append("")
                continue
            }
            if "[(".contains(character) { depth += 1 }
            if "])".contains(character) { depth -= 1 }
            items[items.count - 1].append(character)
        }
        return items.filter { !$0.isEmpty }
    }

    /// Sets one option. Throws 64 `augment.option`, `augment.value`.
    package mutating func set(_ word: String, _ value: String) throws(LocatedError) {
        let plain = word.lowercased().map { $0 == "-" ? "_" : String($0) }.joined()
        guard let name = [plain, plain + "_range"].first(where: { name in Self.words.contains { $0.name == name } }) else {
            throw LocatedError(
                .usage, "augment.option", "expected one of \(Self.words.map(\.name).joined(separator: ", ")), got \(word)",
                hint: NearestName.hint(for: plain, in: Self.words.map { $0.name.hasSuffix("_range") ? String($0.name.dropLast(6)) : $0.name }))
        }
        values[name] = value.filter { !$0.isWhitespace }
        // Values are looked at at once, so that errors name the word.
        _ = try generator()
    }

    /// Whether an option was set.
    package func has(_ word: String) -> Bool { values[word] != nil }

    /// The same without what varies pictures: for those that are only measured.
    package var withoutVariation: AugmentationOptions {
        let kept = [
            "featurewise_center", "samplewise_center", "featurewise_std_normalization", "samplewise_std_normalization",
            "zca_whitening", "zca_epsilon", "rescale", "data_format", "dtype",
        ]
        var options = self
        options.values = values.filter { kept.contains($0.key) }
        return options
    }

    // MARK: - Values

    private func bad(_ name: String, _ expected: String) -> LocatedError {
        LocatedError(.usage, "augment.value", "expected \(expected), got \(values[name] ?? "")", at: [name])
    }

    private func flag(_ name: String) throws(LocatedError) -> Bool {
        switch values[name]?.lowercased() {
        case nil, "false", "0", "no": return false
        case "true", "1", "yes": return true
        default: throw bad(name, "true or false")
        }
    }

    private static func number(_ text: String) -> Double? {
        let parts = text.split(separator: "/", omittingEmptySubsequences: false)
        let numbers = parts.compactMap { Double($0) }
        guard numbers.count == parts.count else { return nil }
        switch numbers.count {
        case 1: return numbers[0]
        case 2 where numbers[1] != 0: return numbers[0] / numbers[1]
        default: return nil
        }
    }

    private func number(_ name: String) throws(LocatedError) -> Double? {
        guard let text = values[name] else { return nil }
        guard let number = Self.number(text) else { throw bad(name, "a number") }
        return number
    }

    /// The numbers in brackets; nil where there are no brackets.
    private func list(_ name: String) throws(LocatedError) -> [Double]? {
        guard let text = values[name], text.hasPrefix("[") || text.hasPrefix("(") else { return nil }
        let items = text.dropFirst().dropLast().split(separator: ",").map { Self.number(String($0)) }
        let numbers = items.compactMap { $0 }
        guard text.hasSuffix("]") || text.hasSuffix(")"), numbers.count == items.count else { throw bad(name, "numbers in brackets") }
        return numbers
    }

    private func shift(_ name: String) throws(LocatedError) -> ImageDataGenerator.ShiftRange {
        if let list = try list(name) { return .list(list) }
        if let text = values[name], let pixels = Int(text) { return .pixels(pixels) }
        return .value(try number(name) ?? 0)
    }

    private func choice<Choice: RawRepresentable & CaseIterable>(
        _ name: String, _ otherwise: Choice
    ) throws(LocatedError) -> Choice where Choice.RawValue == String {
        guard let text = values[name] else { return otherwise }
        guard let choice = Choice(rawValue: text) else {
            throw bad(name, Choice.allCases.map(\.rawValue).joined(separator: ", "))
        }
        return choice
    }

    /// The generator with these options. Throws 64 `augment.value` and what `ImageDataGenerator` throws.
    package func generator(
        random: RandomState = .global, threads: Int? = nil, preprocessingFunction: (@Sendable (Tensor) throws -> Tensor)? = nil
    ) throws(LocatedError) -> ImageDataGenerator {
        let brightness = try list("brightness_range")
        if values["brightness_range"] != nil, brightness?.count != 2 { throw bad("brightness_range", "two numbers in brackets") }
        let zoom: ImageDataGenerator.ZoomRange
        if let list = try list("zoom_range") {
            zoom = list.count == 2 ? .range(list[0], list[1]) : .other(list)
        } else {
            zoom = .value(try number("zoom_range") ?? 0)
        }
        let order = try number("interpolation_order") ?? 1
        guard let wholeOrder = Int(exactly: order) else { throw bad("interpolation_order", "an order from 0 to 5") }
        return try ImageDataGenerator(
            featurewiseCenter: flag("featurewise_center"), samplewiseCenter: flag("samplewise_center"),
            featurewiseStdNormalization: flag("featurewise_std_normalization"),
            samplewiseStdNormalization: flag("samplewise_std_normalization"), zcaWhitening: flag("zca_whitening"),
            zcaEpsilon: number("zca_epsilon") ?? 1e-6, rotationRange: number("rotation_range") ?? 0,
            widthShiftRange: shift("width_shift_range"), heightShiftRange: shift("height_shift_range"),
            brightnessRange: brightness.map { ($0[0], $0[1]) }, shearRange: number("shear_range") ?? 0, zoomRange: zoom,
            channelShiftRange: number("channel_shift_range") ?? 0, fillMode: choice("fill_mode", .nearest), cval: number("cval") ?? 0,
            horizontalFlip: flag("horizontal_flip"), verticalFlip: flag("vertical_flip"), rescale: number("rescale"),
            preprocessingFunction: preprocessingFunction, dataFormat: choice("data_format", .channelsLast),
            validationSplit: number("validation_split") ?? 0, interpolationOrder: wholeOrder, dtype: choice("dtype", .float32),
            random: random, threads: threads)
    }
}
