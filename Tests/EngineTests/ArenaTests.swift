import Engine
import TestSupport
import Tensors
import Testing

@Suite struct ArenaTests {
    @Test(arguments: 0..<20) func contemporariesNeverOverlap(_ seed: UInt64) throws {
        var random = TestRandom(seed)
        let pieces = (0..<60).map { _ in
            let start = Int.random(in: 0..<50, using: &random)
            return Piece(Int.random(in: 0...2000, using: &random), Interval(start, start + Int.random(in: 0...8, using: &random)))
        }
        let layout = try ArenaLayout(pieces)
        for (a, piece) in pieces.enumerated() where piece.byteCount > 0 {
            #expect(layout.offsets[a] % 64 == 0)
            #expect(layout.offsets[a] + piece.byteCount <= layout.byteCount)
            for b in pieces.indices.dropFirst(a + 1)
            where pieces[b].byteCount > 0 && pieces[b].interval.overlaps(piece.interval) {
                let apart = layout.offsets[a] + piece.byteCount <= layout.offsets[b]
                    || layout.offsets[b] + pieces[b].byteCount <= layout.offsets[a]
                #expect(apart)
            }
        }
        // No less than what lives at the busiest time, and not much more.
        let busiest = (0..<60).map { time in
            pieces.reduce(0) { $1.interval.overlaps(Interval(time, time)) ? $0 + ($1.byteCount + 63) / 64 * 64 : $0 }
        }.max()!
        #expect(layout.byteCount >= busiest)
        #expect(Double(layout.byteCount) <= 1.35 * Double(busiest))
    }

    @Test func takesTheSmallestGapThatFits() throws {
        // Leaves gaps of 128 (at 896) and 64 (at 2560) bytes at time 1.
        let pieces = [
            Piece(1024, Interval(0, 0)), Piece(896, Interval(1, 1)), Piece(832, Interval(0, 2)),
            Piece(768, Interval(0, 0)), Piece(704, Interval(1, 1)), Piece(640, Interval(0, 2)),
        ]
        let layout = try ArenaLayout(pieces + [Piece(64, Interval(1, 1))])
        #expect(layout.offsets == [0, 0, 1024, 1856, 1856, 2624, 2560])
        #expect(layout.byteCount == 3264)
        #expect(try ArenaLayout(pieces + [Piece(65, Interval(1, 1))]).offsets.last == 896)
    }

    @Test func refusesWhatCannotBeAddressed() {
        #expect(throws: LocatedError.self) { try ArenaLayout([Piece(.max, Interval(0, 0))]) }
        #expect(throws: LocatedError.self) {
            try ArenaLayout([Piece(.max / 2, Interval(0, 0)), Piece(.max / 2, Interval(0, 0)), Piece(.max / 2, Interval(0, 1))])
        }
    }
}
