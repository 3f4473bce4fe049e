internal import Synchronization

/// Tells things apart that are otherwise equal: layers (copies of a layer hold the same one), calls, snapshots of weights.
/// `serial` grows in the order in which they are made.
package final class Serial: Sendable, Hashable {
    package let serial: Int

    package init() { serial = Self.counter.wrappingAdd(1, ordering: .relaxed).newValue }

    package static func == (a: Serial, b: Serial) -> Bool { a === b }
    package func hash(into hasher: inout Hasher) { hasher.combine(ObjectIdentifier(self)) }

    private static let counter = Atomic<Int>(0)
}
