@testable import Engine
import Synchronization
import Testing

/// Counts how often each tile was called, and which workers came.
private final class Tally: Sendable {
    let counts: Mutex<[Int]>
    let workers = Mutex<Set<Int>>([])

    init(_ tiles: Int) { counts = Mutex([Int](repeating: 0, count: tiles)) }

    func run(_ pool: ThreadPool, function: TileFunction = tallyTile) {
        let tiles = counts.withLock { $0.count }
        pool.run(tiles: tiles, function, Unmanaged.passUnretained(self).toOpaque())
    }

    var isComplete: Bool { counts.withLock { $0.allSatisfy { $0 == 1 } } }
}

private let tallyTile: TileFunction = { job, tile, worker in
    let tally = Unmanaged<Tally>.fromOpaque(job).takeUnretainedValue()
    tally.counts.withLock { $0[tile] += 1 }
    tally.workers.withLock { _ = $0.insert(worker) }
}

@Suite struct ThreadPoolTests {
    @Test(arguments: [1, 2, 3, 7], [0, 1, 2, 5, 100]) func callsEachTileOnce(_ threads: Int, _ tiles: Int) {
        let pool = ThreadPool(threads: threads)
        #expect(pool.threads == threads)
        for _ in 0..<30 {
            let tally = Tally(tiles)
            tally.run(pool)
            #expect(tally.isComplete)
            #expect(tally.workers.withLock { $0.allSatisfy { (0..<threads).contains($0) } })
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
        #expect(inner.workers.withLock { $0 } == [0])
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
