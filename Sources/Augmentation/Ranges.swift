extension ImageDataGenerator {
    /// How far pictures are shifted, as Keras tells the kinds apart by Python's types.
    public enum ShiftRange: Sendable, Hashable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
        /// Uniform from minus this to this: a part of the extent when below 1, else pixels.
        case value(Double)
        /// Whole pixels: one of 0 to below this, with either sign.
        case pixels(Int)
        /// One of these, with either sign: parts of the extent when all are below 1, else pixels.
        case list([Double])

        public init(floatLiteral value: Double) { self = .value(value) }
        public init(integerLiteral value: Int) { self = .pixels(value) }
        public init(arrayLiteral elements: Double...) { self = .list(elements) }

        var numbers: [Double] {
            switch self {
            case .value(let value): [value]
            case .pixels(let pixels): [Double(pixels)]
            case .list(let list): list
            }
        }

        /// Whether anything is drawn: Python's truth of a number or a list.
        var isSet: Bool {
            switch self {
            case .value(let value): value != 0
            case .pixels(let pixels): pixels != 0
            case .list(let list): !list.isEmpty
            }
        }
    }

    /// How far pictures are zoomed.
    public enum ZoomRange: Sendable, Hashable, ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral, ExpressibleByArrayLiteral {
        /// From 1 - this to 1 + this.
        case value(Double)
        /// From the lower to the upper.
        case range(Double, Double)
        /// Something else, which is refused.
        case other([Double])

        public init(floatLiteral value: Double) { self = .value(value) }
        public init(integerLiteral value: Int) { self = .value(Double(value)) }
        public init(arrayLiteral elements: Double...) {
            self = elements.count == 2 ? .range(elements[0], elements[1]) : .other(elements)
        }
    }

    /// What is put where a transformed picture has no pixels. Keras's and SciPy's words.
    public enum FillMode: String, Sendable, CaseIterable {
        /// `cval`.
        case constant
        /// The border's pixel: aaaa|abcd|dddd.
        case nearest
        /// Mirrored: dcba|abcd|dcba.
        case reflect
        /// Repeated; as SciPy 1.5 does it, the last pixel falls on the first: bcd|abcd|bcd.
        case wrap
    }

    /// Where the channels stand in a picture's shape.
    public enum DataFormat: String, Sendable, CaseIterable {
        case channelsLast = "channels_last"
        case channelsFirst = "channels_first"
    }

    /// Which samples of those that `validationSplit` divides.
    public enum Subset: String, Sendable, CaseIterable {
        case training, validation
    }
}
