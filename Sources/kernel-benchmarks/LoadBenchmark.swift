import Files
import Foundation
import KerasFormat
import KerasSpec
import Tensors

/// How long all arrays of a file take beside the bytes of the file alone, the best of alternating rounds, and the memory that they
/// take beside their size.
func benchmarkLoad(_ path: String) throws {
    func seconds(_ body: () throws -> Void) rethrows -> Double {
        let (seconds, attoseconds) = try ContinuousClock().measure(body).components
        return Double(seconds) + Double(attoseconds) * 1e-18
    }
    var bytes = 0
    func load() throws {
        let weights = try KerasFile.read(path).weights
        let tensors = try weights?.layers.flatMap(\.weights).map { try $0.tensor.load() } ?? []
        bytes = tensors.reduce(0) { $0 + $1.byteCount }
    }
    try load()
    // Before anything else takes memory.
    let peak = ProcessMemory.peak
    var loading = Double.infinity, reading = Double.infinity
    for _ in 0..<7 {
        reading = min(reading, try seconds { _ = try InputFile.readBytes(path) })
        loading = min(loading, try seconds(load))
    }
    func text(_ value: Double) -> String { String(format: "%.3f", value) }
    print(
        """
        \(path): \(text(Double(bytes) / 1e6)) MB of weights
        the file's bytes \(text(reading)) s, all weights \(text(loading)) s, ratio \(text(loading / reading))
        peak of the process \(text(Double(peak) / 1e6)) MB, ratio to the weights \(text(Double(peak) / Double(max(1, bytes))))
        """)
}
