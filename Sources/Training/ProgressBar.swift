#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif
internal import OrderedCollections

/// Keras 2.3's progress bar, as text: what it would write to standard output, byte for byte. Writes nothing itself and knows no
/// clock.
///
/// Source: `Progbar` of keras/utils/generic_utils.py (2.3.1).
package struct ProgressBar: Sendable {
    /// How much is shown: nothing, a bar that moves, one line at the end.
    package enum Verbosity: Int, Hashable, Sendable, CaseIterable {
        case silent = 0
        case bar = 1
        case line = 2
    }

    /// The last step; nil when nobody knows.
    package private(set) var target: Int?
    package let verbosity: Verbosity
    /// Characters of the bar itself.
    package let width: Int
    /// Seconds between two bars; the last one is always shown.
    package let interval: Double
    /// Names that are shown as they are; others are averaged over steps.
    package let statefulMetrics: Set<String>
    /// Whether a bar is written over the last one (a terminal) or below it.
    package let isDynamic: Bool

    private let start: Double
    private var lastUpdate: Double?
    private var shownWidth = 0
    private var seen = 0
    private var values: OrderedDictionary<String, (sum: Double, count: Double)> = [:]

    /// - Parameter now: the time in seconds.
    package init(
        target: Int?, verbosity: Verbosity = .bar, width: Int = 30, interval: Double = 0.05, statefulMetrics: Set<String> = [],
        isDynamic: Bool, now: Double
    ) {
        self.target = target
        self.verbosity = verbosity
        self.width = width
        self.interval = interval
        self.statefulMetrics = statefulMetrics
        self.isDynamic = isDynamic
        start = now
    }

    /// Says which step is the last, where nobody knew.
    package mutating func end(at step: Int) { if target == nil { target = step } }

    /// What to write when `current` steps are done.
    package mutating func update(_ current: Int, _ news: [(name: String, value: Double)] = [], now: Double) -> String {
        for (name, value) in news {
            if statefulMetrics.contains(name) {
                values[name] = (value, 1)
            } else {
                let steps = Double(current - seen)
                let old = values[name] ?? (0, 0)
                values[name] = (old.sum + value * steps, old.count + steps)
            }
        }
        seen = current
        switch verbosity {
        case .silent: return ""
        case .bar:
            if let target, let lastUpdate, now - lastUpdate < interval, current < target { return "" }
            lastUpdate = now
            return bar(current, now)
        case .line:
            guard isDone(current) else { return "" }
            var text = " - \(Self.fixed(now - start, 0))s"
            for (name, value) in values {
                let mean = value.sum / max(1, value.count)
                text += " - \(name): \(mean > 1e-3 ? Self.fixed(mean, 4) : Self.scientific(mean))"
            }
            return text + "\n"
        }
    }

    private func isDone(_ current: Int) -> Bool { target.map { current >= $0 } ?? true }

    private mutating func bar(_ current: Int, _ now: Double) -> String {
        let before = shownWidth
        var text = isDynamic ? String(repeating: "\u{8}", count: before) + "\r" : "\n"
        let elapsed = now - start

        let bar: String
        if let target {
            let digits = String(target)
            let number = String(current)
            var line = String(repeating: " ", count: max(0, digits.count - number.count)) + number + "/" + digits + " ["
            let done = Int(Double(width) * (Double(current) / Double(target)))
            if done > 0 { line += String(repeating: "=", count: done - 1) + (current < target ? ">" : "=") }
            bar = line + String(repeating: ".", count: max(0, width - done)) + "]"
        } else {
            let number = String(current)
            bar = String(repeating: " ", count: max(0, 7 - number.count)) + number + "/Unknown"
        }
        shownWidth = bar.count
        text += bar

        let perStep = current == 0 ? 0 : elapsed / Double(current)
        var info = " - \(Self.fixed(elapsed, 0))s"
        if let target, current < target {
            info = " - ETA: \(Self.remaining(perStep * Double(target - current)))"
        } else if perStep >= 1 {
            info += " \(Self.fixed(perStep, 0))s/step"
        } else if perStep >= 1e-3 {
            info += " \(Self.fixed(perStep * 1e3, 0))ms/step"
        } else {
            info += " \(Self.fixed(perStep * 1e6, 0))us/step"
        }
        for (name, value) in values {
            let mean = value.sum / max(1, value.count)
            info += " - \(name): \(abs(mean) > 1e-3 ? Self.fixed(mean, 4) : Self.scientific(mean))"
        }
        shownWidth += info.count
        if before > shownWidth { info += String(repeating: " ", count: before - shownWidth) }
        if target != nil, isDone(current) { info += "\n" }
        return text + info
    }

    // MARK: Numbers

    /// `12s`, `1:05`, `2:00:09`.
    private static func remaining(_ seconds: Double) -> String {
        let whole = Int(max(0, min(seconds, 1e15)))
        func two(_ number: Int) -> String { number < 10 ? "0\(number)" : "\(number)" }
        if seconds > 3600 { return "\(whole / 3600):\(two(whole % 3600 / 60)):\(two(whole % 60))" }
        if seconds > 60 { return "\(whole / 60):\(two(whole % 60))" }
        return "\(whole)s"
    }

    /// C's and Python's `%.nf`.
    package static func fixed(_ value: Double, _ digits: Int) -> String { formatted("%.\(digits)f", value) }

    /// C's and Python's `%.4e`.
    package static func scientific(_ value: Double) -> String { formatted("%.4e", value) }

    private static func formatted(_ format: String, _ value: Double) -> String {
        // A sign on NaN is no business of Python's.
        if value.isNaN { return "nan" }
        // 1.8e308 has 309 digits before the point.
        var buffer = [CChar](repeating: 0, count: 400)
        let length = withVaList([value]) { vsnprintf(&buffer, buffer.count, format, $0) }
        return String(decoding: buffer.prefix(max(0, Int(length))).map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }
}
