internal import Synchronization

/// Counts up, from any thread.
final class SerialCounter: Sendable {
    private let value = Atomic<Int>(0)

    func next() -> Int { value.wrappingAdd(1, ordering: .relaxed).newValue }
}
