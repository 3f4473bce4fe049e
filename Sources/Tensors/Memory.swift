#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// Whether this machine has the memory that a file, a model or a user asks for. Asked before such an array is made, since
/// making one that doesn't fit ends the process.
package enum Memory {
    /// What the machine has, in bytes.
    private static let physical: Int = {
        let (bytes, overflow) = Int(sysconf(Int32(_SC_PHYS_PAGES))).multipliedReportingOverflow(by: Int(getpagesize()))
        return overflow || bytes <= 0 ? .max : bytes
    }()

    /// Below this, an allocation is not tried out first.
    private static let small = 64 << 20

    /// Whether so many bytes can be had at once.
    package static func holds(byteCount: Int) -> Bool {
        guard byteCount > small else { return true }
        guard byteCount <= physical, let bytes = malloc(byteCount) else { return false }
        free(bytes)
        return true
    }

    /// Whether an array of this shape can be had.
    package static func holds(_ shape: Shape, dtype: DType = .float32) -> Bool {
        guard let count = shape.checkedCount else { return false }
        let (bytes, overflow) = count.multipliedReportingOverflow(by: dtype.byteCount)
        return !overflow && holds(byteCount: bytes)
    }

    /// Throws 69 `memory.size` unless an array of this shape can be had.
    ///
    /// - Parameter purpose: what the array is for, in the plural or with an article: "the outputs".
    package static func require(_ shape: Shape, dtype: DType = .float32, for purpose: String) throws(LocatedError) {
        guard holds(shape, dtype: dtype) else {
            throw LocatedError(
                .unsupported, "memory.size",
                "expected \(purpose) to fit in this machine's memory, got \(dtype.rawValue) of shape \(shape)")
        }
    }

    /// From this size on, memory is asked for in huge pages.
    private static let large = 4 << 20
    private static let hugePage = 2 << 20

    /// Memory that is not set, aligned to 64 bytes at least; nil when there is none.
    ///
    /// Large memory is laid on boundaries of huge pages, and Linux is asked for such pages (macOS has none to ask for): weights that are
    /// read once in a run, and values too large for a cache, then cost fewer walks through page tables, and a five hundredth of the faults when
    /// they are first written. Only whole huge pages are asked for, so that no more memory is taken than without.
    package static func allocate(byteCount: Int) -> UnsafeMutableRawPointer? {
        var pointer: UnsafeMutableRawPointer?
        #if os(Linux)
        if byteCount >= large {
            guard posix_memalign(&pointer, hugePage, byteCount) == 0, let start = pointer else { return nil }
            // A kernel without huge pages says no, which changes nothing.
            _ = madvise(start, byteCount & ~(hugePage - 1), MADV_HUGEPAGE)
            return start
        }
        #endif
        return posix_memalign(&pointer, 64, max(64, byteCount)) == 0 ? pointer : nil
    }

    /// Gives back what `allocate` gave.
    package static func deallocate(_ pointer: UnsafeMutableRawPointer) { free(pointer) }
}
