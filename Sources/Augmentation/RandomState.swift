import Synchronization
public import Tensors

/// NumPy's legacy generator as `numpy.random` hands it around: the same seed gives the same numbers, draw for draw.
///
/// `RandomState.global` is what `numpy.random.seed(…)` seeds, and what Keras draws from; unseeded, it begins anywhere.
public final class RandomState: Sendable {
    /// The one that all generators draw from unless told otherwise.
    public static let global = RandomState(seed: .random(in: 0 ... .max))

    private let numbers: Mutex<NumPyRandom>

    /// As `numpy.random.RandomState(seed)`.
    public init(seed: UInt32) { numbers = Mutex(NumPyRandom(seed: seed)) }

    /// Begins anew, as `numpy.random.seed(seed)`. Throws 64 `random.seed` unless the seed is from 0 to 2³² - 1.
    public func seed(_ seed: Int) throws(LocatedError) {
        let fresh = NumPyRandom(seed: try RandomState.checked(seed))
        numbers.withLock { $0 = fresh }
    }

    static func checked(_ seed: Int) throws(LocatedError) -> UInt32 {
        guard let seed = UInt32(exactly: seed) else {
            throw LocatedError(.usage, "random.seed", "expected a seed from 0 to 4294967295, got \(seed)")
        }
        return seed
    }

    /// Several draws that nobody else's come between.
    func draw<Result>(_ body: (inout NumPyRandom) throws(LocatedError) -> Result) throws(LocatedError) -> Result {
        let result: Swift.Result<Result, LocatedError> = numbers.withLock { random in
            do throws(LocatedError) { return .success(try body(&random)) } catch { return .failure(error) }
        }
        return try result.get()
    }

    // MARK: - Numbers

    /// A number in [0, 1), as `random_sample()`.
    public func randomSample() -> Double { numbers.withLock { $0.randomSample() } }

    /// A number in [low, high), as `uniform(low, high)`.
    public func uniform(_ low: Double = 0, _ high: Double = 1) -> Double { numbers.withLock { $0.uniform(low, high) } }

    /// A number of the standard normal distribution, as `standard_normal()` and `randn()`.
    public func standardNormal() -> Double { numbers.withLock { $0.standardNormal() } }

    /// A whole number in the range, as `randint(low, high)`. Throws 64 `random.range` when it is empty.
    public func randint(_ range: Range<Int>) throws(LocatedError) -> Int {
        guard !range.isEmpty else {
            throw LocatedError(.usage, "random.range", "expected a range with numbers in it, got \(range)")
        }
        return numbers.withLock { $0.randint(range) }
    }

    /// 0 to `count` - 1 in random order, as `permutation(count)`.
    public func permutation(_ count: Int) -> [Int] { numbers.withLock { $0.permutation(max(0, count)) } }
}
