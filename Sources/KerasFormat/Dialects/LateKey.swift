import KerasSpec

/// A constructor's key that came with a version, and the values that say nothing an older version doesn't do anyway.
struct LateKey: Sendable {
    /// The second number of the version: 9 of 3.9.
    let minor: Int
    let neutral: [ConfigValue]
}
