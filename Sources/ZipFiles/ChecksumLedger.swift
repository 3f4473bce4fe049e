internal import CKernels
internal import Files
import Foundation
package import Tensors

/// Compares a stored member's checksum while the member is read where it lies, piece by piece and in any order.
///
/// What is read is summed up while it is in the processor's cache; the little that wasn't asked for, headers and the like, is
/// read at the end. A member of which a large part is never read is never compared. Safe to use from several threads.
package final class ChecksumLedger: @unchecked Sendable {
    private struct Piece {
        var start: Int
        var count: Int
        var checksum: UInt32
    }

    private enum Outcome { case pending, sound, broken(LocatedError) }

    private let path: String
    private let member: String
    private let range: Range<Int>
    private let expected: UInt32
    private let family: String
    private let lock = NSLock()
    private var pieces: [Piece] = []
    /// Where pieces begin, so that what is read twice counts once.
    private var starts: Set<Int> = []
    private var covered = 0
    private var outcome = Outcome.pending

    /// Less than this is read at the end.
    private static let smallPiece = 4096
    /// So much may be read at the end, or this share of the member.
    private static let smallRest = 1 << 20
    private static let restShare = 16

    init(path: String, member: String, range: Range<Int>, expected: UInt32, family: String) {
        (self.path, self.member, self.range, self.expected, self.family) = (path, member, range, expected, family)
    }

    /// Takes note of bytes that were read.
    ///
    /// - Parameter offset: from the member's beginning.
    package func note(_ offset: Int, _ bytes: UnsafeRawBufferPointer) {
        guard bytes.count >= Self.smallPiece else { return }
        lock.lock()
        defer { lock.unlock() }
        guard case .pending = outcome, starts.insert(offset).inserted else { return }
        covered += bytes.count
        if let last = pieces.last, last.start + last.count == offset {
            pieces[pieces.count - 1].checksum = ck_crc32(last.checksum, bytes.baseAddress, bytes.count)
            pieces[pieces.count - 1].count += bytes.count
        } else {
            pieces.append(Piece(start: offset, count: bytes.count, checksum: ck_crc32(0, bytes.baseAddress, bytes.count)))
        }
    }

    /// Throws 65 `….data` when nearly all was read and isn't what the archive's checksum says; 74 when reading the rest fails.
    package func check() throws(LocatedError) {
        lock.lock()
        defer { lock.unlock() }
        switch outcome {
        case .sound: return
        case .broken(let error): throw error
        case .pending:
            guard range.count - covered <= max(Self.smallRest, range.count / Self.restShare) else { return }
            let found = try total()
            if found == expected {
                outcome = .sound
            } else {
                let error = LocatedError(
                    .invalid, "\(family).data", "expected sound member data, got bytes of another checksum", at: [path, member],
                    hint: "The file was damaged; take it from its source again.")
                outcome = .broken(error)
                throw error
            }
            (pieces, starts) = ([], [])
        }
    }

    /// The checksum of all, with what is missing read now.
    private func total() throws(LocatedError) -> UInt32 {
        let file = try InputFile(path)
        var (sum, position) = (UInt32(0), 0)
        var buffer = [UInt8](repeating: 0, count: 1 << 16)
        func read(to end: Int) throws(LocatedError) {
            while position < end {
                let count = min(buffer.count, end - position)
                try buffer.withUnsafeMutableBufferPointer { (bytes) throws(LocatedError) in
                    let part = UnsafeMutableRawBufferPointer(rebasing: UnsafeMutableRawBufferPointer(bytes)[..<count])
                    try file.read(into: part, at: range.lowerBound + position)
                    sum = ck_crc32(sum, part.baseAddress, count)
                }
                position += count
            }
        }
        for piece in pieces.sorted(by: { $0.start < $1.start }) where piece.start >= position {
            try read(to: piece.start)
            sum = ck_crc32_combine(sum, piece.checksum, UInt64(piece.count))
            position += piece.count
        }
        try read(to: range.count)
        return sum
    }
}

extension ZipArchive {
    /// What compares a stored member's checksum while it is read in place; nil for one that is compressed.
    package func ledger(of member: Member) throws(LocatedError) -> ChecksumLedger? {
        guard let range = try range(of: member) else { return nil }
        let details = try details(of: member)
        return ChecksumLedger(path: path, member: member.name, range: range, expected: details.checksum, family: family)
    }
}
