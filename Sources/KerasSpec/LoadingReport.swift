/// How weights are loaded where file and model aren't the same: the arguments of Keras's `load_weights`.
public struct LoadingOptions: Hashable, Sendable {
    /// Take the layers that both have, by name, and leave the others as they are; else all layers in order.
    public var byName: Bool
    /// Leave out what doesn't fit, instead of refusing the file.
    public var skipMismatch: Bool

    public init(byName: Bool = false, skipMismatch: Bool = false) {
        self.byName = byName
        self.skipMismatch = skipMismatch
    }

    /// Whether a file is refused unless all of it fits.
    public var isStrict: Bool { !byName && !skipMismatch }
}

/// What was loaded of a weights file, and what was not and why.
public struct LoadingReport: Sendable, CustomStringConvertible {
    /// Why something was not loaded.
    public enum Reason: String, Sendable, CaseIterable {
        case missingInFile = "missing in file"
        case missingInModel = "missing in model"
        /// A layer has so many arrays, the file so many.
        case counts = "number of weights"
        case shapes = "shape"
        /// It fits, but stands behind something of the same layer that doesn't: Keras 3 stops reading the layer there.
        case behindMismatch = "behind a mismatch"
    }

    /// One thing that was not loaded.
    public struct Item: Hashable, Sendable, CustomStringConvertible {
        /// A layer or weight of the model (`dense_1/kernel`); for what the model lacks, a group of the file.
        public var place: String
        public var reason: Reason
        /// A sentence: expected, got.
        public var description: String

        public init(_ place: String, _ reason: Reason, _ description: String) {
            self.place = place
            self.reason = reason
            self.description = description
        }
    }

    /// Weights of the model that were given values, by path: `dense_1/kernel`.
    public var loaded: [String]
    /// Weights of the model that kept what they had, by path.
    public var kept: [String]
    /// Why they did.
    public var notLoaded: [Item]
    /// What the file holds and nothing was loaded from.
    public var unread: [Item]

    public init(loaded: [String] = [], kept: [String] = [], notLoaded: [Item] = [], unread: [Item] = []) {
        self.loaded = loaded
        self.kept = kept
        self.notLoaded = notLoaded
        self.unread = unread
    }

    /// Whether every weight was loaded and nothing was left in the file.
    public var isComplete: Bool { kept.isEmpty && notLoaded.isEmpty && unread.isEmpty }

    /// A line for the whole, then one for each thing that was not loaded or not read.
    public var lines: [String] {
        let all = loaded.count + kept.count
        return ["loaded \(loaded.count) of \(all) weights"] + notLoaded.map { "not loaded: \($0)" } + unread.map { "not read: \($0)" }
    }

    public var description: String { lines.joined(separator: "\n") }
}
