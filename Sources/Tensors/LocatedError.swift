/// The one error type of the house: what went wrong, where, what was expected and got, what to try.
///
/// `code` is stable (scripts and tests rely on it), `category` decides the exit status, `location` is a breadcrumb from
/// the outside in: `["model.h5", "conv1", "config/padding"]`. Inner code throws with the inner crumb; outer code adds its
/// own with `within(_:)`.
public struct LocatedError: Error, Hashable, Sendable, CustomStringConvertible {
    /// Families of errors. The raw value is the exit status of the command line (sysexits.h).
    public enum Category: Int, Hashable, Sendable {
        /// The command line or the API was called wrongly.
        case usage = 64
        /// A file or data is broken.
        case invalid = 65
        /// A file is not there.
        case notFound = 66
        /// File and model, or data and model, disagree.
        case mismatch = 67
        /// Sound, but not supported.
        case unsupported = 69
        /// Our own bug.
        case bug = 70
        /// An output cannot be created.
        case cannotCreate = 73
        /// Reading or writing failed half way.
        case io = 74
    }

    /// The family, and so the exit status.
    public var category: Category
    /// Stable, lower-case, dotted: `hdf5.truncated`, `config.type`, `weights.shape`.
    public var code: String
    /// From the outside in.
    public var location: [String]
    /// One sentence or more: what was expected and what was got.
    public var message: String
    /// What to try, when there is something.
    public var hint: String?

    /// - Parameters:
    ///   - message: what was expected and what was got.
    ///   - location: crumbs from the outside in.
    ///   - hint: what to try, as a sentence.
    public init(
        _ category: Category, _ code: String, _ message: String, at location: [String] = [], hint: String? = nil
    ) {
        self.category = category
        self.code = code
        self.message = message
        self.location = location
        self.hint = hint
    }

    /// The same error seen from one step further out.
    public func within(_ crumb: String) -> LocatedError {
        var error = self
        error.location.insert(crumb, at: 0)
        return error
    }

    /// `model.h5 › conv1 › config/padding: expected …, got …. Try …`
    public var description: String {
        let place = location.isEmpty ? "" : location.joined(separator: " › ") + ": "
        guard let hint else { return place + message }
        let isSentence = message.last.map { ".!?".contains($0) } ?? true
        return place + message + (isSentence ? " " : ". ") + hint
    }
}

/// Runs `body` and puts `crumb` in front of the location of whatever it throws.
public func locating<Result>(
    _ crumb: @autoclosure () -> String, _ body: () throws(LocatedError) -> Result
) throws(LocatedError) -> Result {
    do { return try body() } catch { throw error.within(crumb()) }
}
