import Graphs
import Tensors

extension Tensor {
    /// A copy of bytes that lie elsewhere.
    init(copying bytes: UnsafeRawPointer, _ info: ConcreteInfo) {
        self.init(uninitialized: info.shape, dtype: info.dtype)
        withUnsafeMutableBytes { $0.baseAddress?.copyMemory(from: bytes, byteCount: $0.count) }
    }

    /// Where the bytes are for as long as this tensor, or a copy of it, is kept and nobody writes it.
    var address: UnsafeRawPointer {
        withUnsafeBytes { $0.baseAddress } ?? UnsafeRawPointer(bitPattern: 64)!
    }

    /// Where the bytes of a tensor that nobody shares are, for as long as it is kept and not copied.
    mutating func mutableAddress() -> UnsafeMutableRawPointer {
        withUnsafeMutableBytes { $0.baseAddress } ?? UnsafeMutableRawPointer(bitPattern: 64)!
    }

    func copyBytes(to target: UnsafeMutableRawPointer) {
        withUnsafeBytes { source in
            if let base = source.baseAddress { target.copyMemory(from: base, byteCount: source.count) }
        }
    }
}

extension ConcreteInfo {
    /// Throws `code` when a tensor has another shape or type.
    func require(_ tensor: Tensor, _ code: String, at place: String) throws(LocatedError) {
        guard tensor.shape == shape, tensor.dtype == dtype else {
            throw LocatedError(
                .mismatch, code,
                "expected \(dtype.rawValue) of shape \(shape), got \(tensor.dtype.rawValue) of shape \(tensor.shape)",
                at: [place])
        }
    }
}
