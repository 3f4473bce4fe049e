import CZlib
import Files
import Tensors

/// Bytes from front to back.
protocol ByteStream: AnyObject {
    /// Fills `buffer` as far as there are bytes; fewer than asked for only at the end.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws(LocatedError) -> Int
}

extension ByteStream {
    /// `count` bytes; nil at the end. Throws 65 `archive.truncated` when the end is in between.
    func bytes(_ count: Int) throws(LocatedError) -> [UInt8]? {
        guard let bytes = try piece(count) else { return nil }
        guard bytes.count == count else { throw truncated(count, bytes.count) }
        return bytes
    }

    func truncated(_ expected: Int, _ got: Int) -> LocatedError {
        LocatedError(.invalid, "archive.truncated", "expected \(expected) more bytes, got the end after \(got)")
    }
}

/// The bytes of a file.
final class FileStream: ByteStream {
    private let file: InputFile
    private var position = 0

    init(_ file: InputFile) { self.file = file }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(LocatedError) -> Int {
        let count = min(buffer.count, file.size - position)
        try file.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[..<count]), at: position)
        position += count
        return count
    }
}

/// What gzip packed, unpacked while it is read: one or several members one after another, whose checksums are compared.
///
/// Throws 65 `gzip.data`, `gzip.truncated`, `gzip.too_large`.
final class GzipStream: ByteStream {
    /// What gzip files begin with.
    static let signature: [UInt8] = [0x1f, 0x8b]

    private let source: any ByteStream
    private let state: UnsafeMutablePointer<z_stream>
    private let input: UnsafeMutablePointer<UInt8>
    private let room = 1 << 16
    private var limit: Int
    private let most: Int
    private var isBetweenMembers = false
    private var isAtEnd = false

    /// - Parameter limit: the most bytes that are unpacked.
    init(_ source: any ByteStream, limit: Int) throws(LocatedError) {
        self.source = source
        self.limit = limit
        most = limit
        state = .allocate(capacity: 1)
        state.initialize(to: z_stream())
        input = .allocate(capacity: 1 << 16)
        // 16 more than the window's bits: gzip alone.
        guard inflateInit2_(state, 15 + 16, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw LocatedError(.bug, "gzip.setup", "expected zlib to begin, got a refusal")
        }
    }

    deinit {
        inflateEnd(state)
        state.deallocate()
        input.deallocate()
    }

    func read(into buffer: UnsafeMutableRawBufferPointer) throws(LocatedError) -> Int {
        var done = 0
        while done < buffer.count, !isAtEnd {
            if state.pointee.avail_in == 0 {
                let count = try source.read(into: UnsafeMutableRawBufferPointer(start: input, count: room))
                state.pointee.next_in = input
                state.pointee.avail_in = UInt32(count)
                if count == 0 {
                    guard isBetweenMembers else {
                        throw LocatedError(
                            .invalid, "gzip.truncated", "expected more packed bytes, got the end of the file",
                            hint: "The file was cut off; get it again.")
                    }
                    isAtEnd = true
                    break
                }
            }
            if isBetweenMembers {
                // Padding by zeros is passed over, as gzip does; anything else begins another member.
                while state.pointee.avail_in > 0, state.pointee.next_in.pointee == 0 {
                    state.pointee.next_in += 1
                    state.pointee.avail_in -= 1
                }
                if state.pointee.avail_in == 0 { continue }
                inflateReset(state)
                isBetweenMembers = false
            }
            let asked = min(buffer.count - done, 1 << 30)
            state.pointee.next_out = buffer.baseAddress!.assumingMemoryBound(to: UInt8.self) + done
            state.pointee.avail_out = UInt32(asked)
            let outcome = inflate(state, Z_NO_FLUSH)
            let made = asked - Int(state.pointee.avail_out)
            guard made <= limit else {
                throw LocatedError(.invalid, "gzip.too_large", "expected at most \(most) unpacked bytes, got more")
            }
            limit -= made
            done += made
            switch outcome {
            case Z_OK: break
            case Z_STREAM_END: isBetweenMembers = true
            default:
                let got = state.pointee.msg.map { String(cString: $0) } ?? "error \(outcome)"
                throw LocatedError(.invalid, "gzip.data", "expected sound gzip data, got: \(got)")
            }
        }
        return done
    }
}

extension ByteStream {
    /// The next bytes, at most `count`; nil at the end.
    func piece(_ count: Int) throws(LocatedError) -> [UInt8]? {
        var failure: LocatedError?
        let bytes = [UInt8](unsafeUninitializedCapacity: count) { buffer, initialized in
            do throws(LocatedError) { initialized = try read(into: UnsafeMutableRawBufferPointer(buffer)) } catch { failure = error }
        }
        if let failure { throw failure }
        return bytes.isEmpty ? nil : bytes
    }
}
