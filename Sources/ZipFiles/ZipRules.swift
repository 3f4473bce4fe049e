package import Tensors

/// What an archive of one kind may be, and what its errors are called.
package struct ZipRules: Sendable {
    /// What codes of errors begin with: `npz` of `npz.archive`.
    package var family: String
    /// More entries than this are refused.
    package var mostEntries = 100_000
    /// How many times its stored bytes a member may be. Deflate cannot shrink below 1/1032: what declares more lies, and would
    /// take memory for nothing.
    package var mostExpansion = 1040
    /// A member this small may be any number of times its stored bytes.
    package var smallMember = 1024
    /// Encrypted members are broken files to some formats, and merely not supported to others.
    package var encrypted = LocatedError.Category.unsupported
    /// Whether names that lead out of a folder, links and devices are refused, although nothing is ever unpacked to disk.
    package var refusesUnsafeNames = false

    /// NumPy's archives: members of any name, deflated as far as zlib goes.
    package static let npz = ZipRules(family: "npz")
    /// `.keras`: Keras stores its members, and itself refuses large ones that expand more than a hundredfold.
    package static let keras = ZipRules(
        family: "zip", mostExpansion: 100, smallMember: 1 << 20, encrypted: .invalid, refusesUnsafeNames: true)
    /// Archives of data sets.
    package static let archive = ZipRules(family: "zip", refusesUnsafeNames: true)
}
