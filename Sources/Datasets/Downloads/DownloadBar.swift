import Foundation

/// The bar that Keras 2.3 shows while it downloads, on standard error where that is a terminal.
final class DownloadBar: @unchecked Sendable {
    private let lock = NSLock()
    private var origin: String?
    private var start = Date()
    private var shown = Date.distantPast

    /// A report for downloads one after another; nil where nobody looks.
    static func reporter() -> (@Sendable (Downloads.Progress) -> Void)? {
        guard isatty(STDERR_FILENO) == 1 else { return nil }
        let bar = DownloadBar()
        return { bar.show($0) }
    }

    private func show(_ progress: Downloads.Progress) {
        lock.lock()
        defer { lock.unlock() }
        var text = ""
        let now = Date()
        if origin != progress.origin {
            origin = progress.origin
            (start, shown) = (now, .distantPast)
            text = "Downloading data from \(progress.origin)\n"
        }
        let isWhole = progress.received == progress.total
        guard isWhole || now.timeIntervalSince(shown) > 0.05 else { return }
        shown = now
        text += "\r" + DownloadBar.line(progress.received, progress.total, seconds: now.timeIntervalSince(start)) + (isWhole ? "\n" : "")
        if isWhole { origin = nil }
        FileHandle.standardError.write(Data(text.utf8))
    }

    /// `  65536/1048576 [>.............................] - ETA: 15s`
    static func line(_ received: Int, _ total: Int?, seconds: Double) -> String {
        guard let total, total > 0 else { return "\(received)/Unknown - \(time(seconds))" }
        let width = 30
        let filled = min(width, width * received / total)
        var bar = String(repeating: "=", count: max(0, filled - 1))
        if filled > 0 { bar += received < total ? ">" : "=" }
        bar += String(repeating: ".", count: width - filled)
        let digits = String(total).count
        let count = String(repeating: " ", count: max(0, digits - String(received).count)) + "\(received)/\(total)"
        let left = received > 0 ? seconds / Double(received) * Double(total - received) : 0
        return "\(count) [\(bar)] - " + (received < total ? "ETA: \(time(left))" : time(seconds)) + "  "
    }

    private static func time(_ seconds: Double) -> String {
        let whole = Int(min(max(seconds, 0), 1e6))
        func padded(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if whole > 3600 { return "\(whole / 3600):\(padded(whole % 3600 / 60)):\(padded(whole % 60))" }
        return whole > 60 ? "\(whole / 60):\(padded(whole % 60))" : "\(whole)s"
    }
}
