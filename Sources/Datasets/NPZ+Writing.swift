import Files
public import Tensors
import ZipFiles

extension NPZ {
    /// How members are packed: `numpy.savez` stores, `numpy.savez_compressed` deflates.
    public enum Compression: Sendable {
        case stored, deflated
    }

    /// Writes named arrays in that order, each as the member `NAME.npy`. The same arrays give the same bytes: members
    /// are dated 1980-01-01.
    ///
    /// Throws 64 `npz.name` for two equal names or one that zip cannot hold, 69 `npy.dtype` for bfloat16, 73 and 74 when
    /// writing fails.
    public static func write(
        _ arrays: [(name: String, tensor: Tensor)], to path: String, compression: Compression = .stored
    ) throws(LocatedError) {
        var seen: Set<String> = []
        for (name, _) in arrays {
            guard seen.insert(name).inserted, name.utf8.count <= 60_000, !name.utf8.contains(0) else {
                throw LocatedError(
                    .usage, "npz.name", "expected different names without NUL, up to 60000 bytes, got \"\(name.prefix(100))\"",
                    at: [path])
            }
        }
        // Headers first, so that nothing is created for arrays that cannot be written.
        var members: [ZipWriter.Member] = []
        for (name, tensor) in arrays {
            if tensor.dtype == .string {
                let (header, payload) = NPY.encoded(tensor)
                members.append(ZipWriter.Member(name + ".npy", [.bytes(try header.bytes() + payload)]))
                continue
            }
            let header = try locating(path) { () throws(LocatedError) in
                try locating(name) { () throws(LocatedError) in try NPYHeader(dtype: tensor.dtype, shape: tensor.shape).bytes() }
            }
            members.append(ZipWriter.Member(name + ".npy", [.bytes(header), .tensor(tensor)]))
        }
        try AtomicFile.write(to: path) { (temporary) throws(LocatedError) in
            try ZipWriter.write(
                members, to: temporary, named: path, compression: compression == .stored ? .stored : .deflated)
        }
    }
}
