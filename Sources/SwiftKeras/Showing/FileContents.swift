internal import KerasFormat
package import KerasSpec
public import Tensors

/// What a file or folder holds as its format tells it, without giving it a meaning: `inspect --tree`.
public struct FileContents: Sendable {
    private let tree: RawTree

    /// Reads no array and follows no link. Throws 66 for a file that isn't there, 69 `tree.format` for another format.
    public init(of path: String) throws(LocatedError) { tree = try RawTree(of: path) }

    /// For people: a line for each object, its attributes below it.
    public var text: String { tree.text }

    /// For programs.
    package var document: ConfigValue { tree.document }
}
