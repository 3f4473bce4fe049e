internal import Engine
internal import Graphs
internal import Layers
internal import Synchronization
internal import Tensors

/// The plans that a model made lately, by what they are for. A plan serves one set of input shapes; fit and predict come with
/// two or three (whole batches and the rest), so a handful is enough.
final class PlanCache: Sendable {
    struct Key: Hashable {
        var inputs: [ConcreteInfo]
        var taps: [String]
        var weights: Serial
        var threads: Int
        /// Lengths that the inputs' text decides.
        var lengths: [String: Int] = [:]
    }

    private struct Entry {
        var key: Key
        var runner: Runner
    }

    private let entries = Mutex<[Entry]>([])
    private static let capacity = 4

    /// The runner for `key`, made by `make` when there is none. `make` runs outside the lock: two threads may make the same
    /// plan once, and one of them is dropped.
    func runner(for key: Key, make: () throws(LocatedError) -> Runner) throws(LocatedError) -> Runner {
        let cached = entries.withLock { entries -> Runner? in
            guard let index = entries.firstIndex(where: { $0.key == key }) else { return nil }
            let entry = entries.remove(at: index)
            entries.append(entry)
            return entry.runner
        }
        if let cached { return cached }
        let runner = try make()
        entries.withLock { entries in
            entries.removeAll { $0.key.weights != key.weights }
            entries.append(Entry(key: key, runner: runner))
            if entries.count > Self.capacity { entries.removeFirst() }
        }
        return runner
    }
}
