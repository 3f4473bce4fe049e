import Foundation

/// An HTTP server for one test, on a port of its own of this machine: it gives files, whole or in ranges, and breaks off as it is told.
final class LoopbackServer: @unchecked Sendable {
    /// How an answer is given.
    struct Answer {
        var status = 200
        var content: [UInt8] = []
        /// Ranges are given as asked.
        var hasRanges = true
        /// The connection ends after so many bytes of the content.
        var cut: Int?
        /// No length is told.
        var hidesLength = false
        /// What is told as the beginning of the range, whatever is given.
        var falseStart: Int?
        var location: String?
    }

    let address: String
    private let socket: Int32
    private let lock = NSLock()
    private var answers: [String: [Answer]] = [:]
    private var requests: [String] = []

    init() throws {
        #if canImport(Darwin)
            let stream = SOCK_STREAM
        #else
            let stream = Int32(SOCK_STREAM.rawValue)
        #endif
        socket = Foundation.socket(AF_INET, stream, 0)
        var name = sockaddr_in()
        name.sin_family = sa_family_t(AF_INET)
        name.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let descriptor = socket
        let outcome = withUnsafeMutablePointer(to: &name) { name in
            name.withMemoryRebound(to: sockaddr.self, capacity: 1) { name in
                bind(descriptor, name, length) == 0 && listen(descriptor, 16) == 0 && getsockname(descriptor, name, &length) == 0
            }
        }
        guard outcome else { throw CocoaError(.fileReadUnknown) }
        address = "http://127.0.0.1:\(UInt16(bigEndian: name.sin_port))/"
        Thread.detachNewThread { [self] in serve() }
    }

    /// What the requests for a path get, one after another; the last answer is given again and again.
    func give(_ path: String, _ list: [Answer]) { lock.withLock { answers["/" + path] = list } }

    /// First lines and ranges of all requests.
    var log: [String] { lock.withLock { requests } }

    func stop() { shutdown(socket, Int32(SHUT_RDWR)); close(socket) }

    private func serve() {
        while true {
            let connection = accept(socket, nil, nil)
            guard connection >= 0 else { return }
            #if canImport(Darwin)
                var on: Int32 = 1
                setsockopt(connection, SOL_SOCKET, SO_NOSIGPIPE, &on, socklen_t(MemoryLayout<Int32>.size))
            #endif
            answer(connection)
            close(connection)
        }
    }

    private func answer(_ connection: Int32) {
        var text = ""
        var buffer = [UInt8](repeating: 0, count: 4096)
        while !text.contains("\r\n\r\n") {
            let count = recv(connection, &buffer, buffer.count, 0)
            guard count > 0 else { return }
            text += String(decoding: buffer[..<count], as: UTF8.self)
        }
        let lines = text.components(separatedBy: "\r\n")
        let path = lines[0].split(separator: " ").dropFirst().first.map { String($0.prefix { $0 != "?" }) } ?? ""
        let range = lines.first { $0.lowercased().hasPrefix("range: bytes=") }.flatMap { Int($0.dropFirst(13).prefix { $0 != "-" }) }
        let answer = lock.withLock { () -> Answer in
            requests.append(lines[0] + (range.map { " from \($0)" } ?? ""))
            guard var list = answers[path], let first = list.first else { return Answer(status: 404) }
            if list.count > 1 { list.removeFirst() }
            answers[path] = list
            return first
        }
        var status = answer.status
        var content = answer.content[...]
        var header = ""
        if status == 200, answer.hasRanges, let range {
            if range < content.count {
                status = 206
                header = "Content-Range: bytes \(answer.falseStart ?? range)-\(content.count - 1)/\(content.count)\r\n"
                content = content[range...]
            } else {
                status = 416
                content = []
            }
        }
        if let location = answer.location { header += "Location: \(location)\r\n" }
        if !answer.hidesLength { header += "Content-Length: \(content.count)\r\n" }
        send(connection, Array("HTTP/1.1 \(status) .\r\n\(header)Connection: close\r\n\r\n".utf8))
        send(connection, Array(content.prefix(answer.cut ?? .max)))
    }

    private func send(_ connection: Int32, _ bytes: [UInt8]) {
        #if canImport(Darwin)
            let flags: Int32 = 0
        #else
            let flags = Int32(MSG_NOSIGNAL)
        #endif
        var rest = bytes[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Foundation.send(connection, $0.baseAddress, $0.count, flags) }
            guard count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
