@testable import Engine
import Synchronization
import Testing

/// Counts how often each tile was called, and by which workers: in plain memory, which a tile has to itself and which the
/// caller may read when `run` has returned.
private final class Tally: @unchecked Sendable {
    private let tiles: Int
    fileprivate let counts: UnsafeMutablePointer<Int>
    fileprivate let calls: UnsafeMutablePointer<Int>

    init(_ tiles: Int) {
        self.tiles = tiles
        counts = .allocate(capacity: tiles)
        counts.initialize(repeating: 0, count: tiles)
        calls = .allocate(capacity: 64)
        calls.initialize(repeating: 0, count: 64)
    }

    deinit {
        counts.deallocate()
        calls.deallocate()
    }

    func run(_ pool: ThreadPool) {
        pool.run(
            tiles: tiles,
            { job, tile, worker in
                let tally = Unmanaged<Tally>.fromOpaque(job).takeUnretainedValue()
                tally.counts[tile] += 1
                tally.calls[worker] += 1
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    var isComplete: Bool { (0..<tiles).allSatisfy { counts[$0] == 1 } }
    var workers: [Int] { (0..<64).filter { calls[$0] > 0 } }
}

@Suite struct ThreadPoolTests {
    @Test(arguments: [1, 2, 3, 7], [0, 1, 2, 5, 100]) func callsEachTileOnce(_ threads: Int, _ tiles: Int) {
        let pool = ThreadPool(threads: threads)
        #expect(pool.threads == threads)
        for _ in 0..<30 {
            let tally = Tally(tiles)
            tally.run(pool)
            #expect(tally.isComplete)
            #expect(tally.workers.allSatisfy { $0 < threads })
        }
    }

    /// Two tiles that wait for each other: one worker alone would never be done.
    @Test(.timeLimit(.minutes(1))) func tilesRunAtTheSameTime() {
        final class Meeting: Sendable { let present = Atomic<Int>(0) }
        let pool = ThreadPool(threads: 2)
        for _ in 0..<5 {
            let meeting = Meeting()
            pool.run(
                tiles: 2,
                { job, _, _ in
                    let meeting = Unmanaged<Meeting>.fromOpaque(job).takeUnretainedValue()
                    meeting.present.add(1, ordering: .relaxed)
                    while meeting.present.load(ordering: .relaxed) < 2 {}
                }, Unmanaged.passUnretained(meeting).toOpaque())
            #expect(meeting.present.load(ordering: .relaxed) == 2)
        }
    }

    @Test func wakesSleepers() async throws {
        let pool = ThreadPool(threads: 3)
        for _ in 0..<5 {
            try await Task.sleep(for: .milliseconds(3))
            let tally = Tally(50)
            tally.run(pool)
            #expect(tally.isComplete)
        }
    }

    @Test func aTileMayRunTiles() {
        struct Nested {
            var pool: Unmanaged<ThreadPool>
            var inner: Unmanaged<Tally>
        }
        let pool = ThreadPool(threads: 2)
        let inner = Tally(20)
        var nested = Nested(pool: .passUnretained(pool), inner: .passUnretained(inner))
        pool.run(
            tiles: 3,
            { job, tile, _ in
                let nested = job.assumingMemoryBound(to: Nested.self).pointee
                if tile == 1 { nested.inner.takeUnretainedValue().run(nested.pool.takeUnretainedValue()) }
            }, &nested)
        #expect(inner.isComplete)
        #expect(inner.workers == [0])
        withExtendedLifetime((pool, inner)) {}
    }

    @Test func manyCallersShareOnePool() async {
        let pool = ThreadPool(threads: 3)
        let allComplete = await withTaskGroup(of: Bool.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    (0..<200).allSatisfy { _ in
                        let tally = Tally(9)
                        tally.run(pool)
                        return tally.isComplete
                    }
                }
            }
            return await group.reduce(true) { $0 && $1 }
        }
        #expect(allComplete)
    }

    @Test func readsWhatLinuxAllows() {
        #expect(Platform.allowedProcessors(status: "Name:\tx\nCpus_allowed:\tff,00000003\nCpus_allowed_list:\t0-1\n") == 10)
        #expect(Platform.allowedProcessors(status: "") == nil)
        #expect(Platform.processorQuota(cpuMax: "150000 100000\n") == 2)
        #expect(Platform.processorQuota(cpuMax: "max 100000\n") == nil)
        #expect(Platform.processorQuota(cpuMax: "") == nil)
        #expect(Platform.processorCount >= 1)
    }
}
