#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#else
import Darwin
#endif

/// What the engine asks of the operating system besides threads.
enum Platform {
    /// Processors this process may use, at least 1: those that are there, less what Linux's affinity mask or a container's
    /// quota takes away.
    static var processorCount: Int {
        var count = max(1, Int(sysconf(Int32(_SC_NPROCESSORS_ONLN))))
        #if os(Linux)
        if let allowed = allowedProcessors(status: read("/proc/self/status")) { count = min(count, allowed) }
        if let quota = processorQuota(cpuMax: read("/sys/fs/cgroup/cpu.max")) { count = min(count, quota) }
        #endif
        return count
    }

    /// The bits of the mask in the line `Cpus_allowed:	ff,ffffffff` of /proc/self/status; nil when there are none.
    static func allowedProcessors(status: String) -> Int? {
        for line in status.split(separator: "\n") where line.hasPrefix("Cpus_allowed:") {
            let bits = line.drop { $0 != ":" }.reduce(0) { $0 + ($1.hexDigitValue?.nonzeroBitCount ?? 0) }
            return bits > 0 ? bits : nil
        }
        return nil
    }

    /// Quota over period of a control group's `cpu.max` (`200000 100000`), rounded up; nil when it is `max`.
    static func processorQuota(cpuMax: String) -> Int? {
        let words = cpuMax.split(whereSeparator: \.isWhitespace).map { Int($0) }
        guard words.count == 2, let quota = words[0], let period = words[1], quota > 0, period > 0 else { return nil }
        return quota / period + (quota % period > 0 ? 1 : 0)
    }

    /// The first 4 KB of a small text file; empty when it cannot be read.
    private static func read(_ path: String) -> String {
        guard let file = fopen(path, "r") else { return "" }
        defer { fclose(file) }
        let bytes = [UInt8](unsafeUninitializedCapacity: 4096) { buffer, count in
            count = fread(buffer.baseAddress, 1, buffer.count, file)
        }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// Nanoseconds of a clock that only goes forward.
    static var nanoseconds: UInt64 {
        var time = timespec()
        clock_gettime(CLOCK_MONOTONIC, &time)
        return UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec)
    }
}
