public import Tensors
import ZipFiles

/// NumPy's archive of named arrays, `.npz`: a zip file with one `.npy` member for each.
///
/// Reads what `numpy.savez` and `numpy.savez_compressed` write, one array at a time, when it is asked for. Members that
/// are not called `….npy` are left out, as they are no arrays. An archive that contradicts itself is refused: two members
/// of one name, members that overlap, headers that disagree, sizes that cannot be.
public final class NPZ: Sendable {
    /// The arrays in the order of the archive, without the members' `.npy`.
    public let names: [String]
    private let archive: ZipArchive
    private let members: [String: ZipArchive.Member]

    /// Opens the archive and reads its table of contents.
    ///
    /// Throws 66 when there is no such file, 65 `npz.archive`, `npz.duplicate`, `npz.entries` for a broken one, 74 when
    /// reading fails.
    public init(reading path: String) throws(LocatedError) {
        archive = try ZipArchive(reading: path, rules: .npz)
        let arrays = archive.members.filter { $0.name.hasSuffix(".npy") }
        names = arrays.map { String($0.name.dropLast(4)) }
        members = Dictionary(zip(names, arrays)) { first, _ in first }
    }

    /// The array of that name.
    ///
    /// Throws 67 `npz.name` when there is none, 65 `npy.…`, `npz.data`, `npz.ratio` for a broken member, 69 `npy.dtype`,
    /// `npz.method`, `npz.encrypted` for what is not supported.
    public func tensor(_ name: String) throws(LocatedError) -> Tensor {
        try member(name) { (size, next) throws(LocatedError) in try NPY.read(fileSize: size, next) }
    }

    /// Shape and element type of the array of that name now, elements when they are loaded. Throws as `tensor` does.
    public func lazyTensor(_ name: String) throws(LocatedError) -> LazyTensor {
        let header = try member(name) { (size, next) throws(LocatedError) in try NPYHeader.read(fileSize: size, next) }
        if case .objects = header.text { return LazyTensor(try tensor(name)) }
        return LazyTensor(shape: header.shape, dtype: header.dtype) { () throws(LocatedError) in try self.tensor(name) }
    }

    func member<Result>(
        _ name: String,
        _ body: (Int, (UnsafeMutableRawBufferPointer) throws(LocatedError) -> Void) throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        guard let member = members[name] else {
            let known = names.prefix(20).joined(separator: ", ") + (names.count > 20 ? ", …" : "")
            throw LocatedError(
                .mismatch, "npz.name", "expected an array named \"\(name)\", got only: \(known.isEmpty ? "none" : known)",
                at: [archive.path])
        }
        return try locating(archive.path) { () throws(LocatedError) in
            try locating(name) { () throws(LocatedError) in try archive.read(member, body) }
        }
    }
}
