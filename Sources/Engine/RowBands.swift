import Graphs
import Tensors

/// A chain of ops on one sample, each of which reads its predecessor's output as input 0, run for a few rows at a time from the first to the
/// last: what lies between is never whole, so it stays in a cache.
///
/// A tile is a range of the last output's rows. Within it the rows that neighbouring bands both read are kept; between tiles they are
/// computed twice.
struct RowBands: Op {
    /// One op of the chain.
    struct Link: Sendable {
        var op: any Op
        /// Behind input 0, which is the predecessor's output (or the chain's input): places among the inputs of the chain.
        var others: [Int]
        var output: ConcreteInfo
    }

    let links: [Link]
    let extent: BandExtent

    var name: String { "bands" }

    func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        links.suffix(1).map { ValueInfo($0.output.shape, $0.output.dtype) }
    }

    func bound(to site: Site) -> any BoundOp { BoundRowBands(links, extent, site) }
}

/// How much a band and a tile of bands take.
package struct BandExtent: Sendable {
    /// Bytes that lie between the ops of a chain at a time: a part of a core's second-level cache, which holds weights and inputs, too.
    package var wantedBytes = 393_216
    /// Rows of a tile, at least: what two tiles both read is computed twice.
    package var leastRows = 14

    package init() {}
}

/// Inputs: the first op's input 0, then what the others read besides their predecessors.
private struct BoundRowBands: BoundOp {
    private struct Link: Sendable {
        var op: any BoundOp
        var rows: any RowWise
        var others: [Int]
        /// Bytes of a row of the output.
        var rowBytes: Int
        var prepared: Int
        /// In the worker's memory: the output's rows (of all but the last), and the addresses of inputs and output.
        var buffer = 0
        var table = 0
    }

    private let links: [Link]
    private let tiles: TileRows
    private let bandRows: Int
    let algorithm: String?
    let inPlaceInputs: [Int]
    let memory: WorkingMemory
    private let scratchStart: Int
    private let rangesStart: Int

    init(_ chain: [RowBands.Link], _ extent: BandExtent, _ site: Site) {
        var links: [Link] = []
        var prepared = 0, scratch = 0
        var input = site.inputs[0]
        for link in chain {
            let inner = Site(
                phase: .inference, inputs: [input] + link.others.map { site.inputs[$0] }, outputs: [link.output],
                constantInputs: [false] + link.others.map { site.constantInputs[$0] }, wantsGradient: link.others.map { _ in false } + [false])
            let op = link.op.bound(to: inner)
            guard let rows = op.rowWise else { preconditionFailure("\(link.op.name) can't be computed row by row") }
            let shape = link.output.shape
            links.append(
                Link(op: op, rows: rows, others: link.others, rowBytes: link.output.byteCount / max(1, shape[1]), prepared: prepared))
            prepared = roundedUp(prepared + op.memory.prepared)
            scratch = max(scratch, op.memory.workerScratch)
            input = link.output
        }
        let count = chain.last.map { $0.output.shape[1] } ?? 0
        let tiles = TileRows(count, least: extent.leastRows)
        let largest = tiles.range(0).count
        let sizes = links.map(\.rowBytes)
        let steps = links.map(\.rows)
        func capacities(_ band: Int) -> [Int] {
            var capacities = [Int](repeating: 0, count: steps.count)
            for tile in 0..<tiles.count {
                Walk.forEachBand(of: tiles.range(tile), band) { rows in
                    var todo = rows
                    for index in steps.indices.dropLast().reversed() {
                        todo = steps[index + 1].rowsRead(for: todo)
                        capacities[index] = max(capacities[index], todo.count)
                    }
                }
            }
            return capacities
        }
        func bytes(_ band: Int) -> Int { zip(capacities(band), sizes).reduce(0) { $0 + $1.0 * $1.1 } }
        let band = (1...max(1, largest)).last { bytes($0) <= extent.wantedBytes } ?? 1
        let bands = max(1, (largest + band - 1) / band)
        let bandRows = (largest + bands - 1) / bands
        var offset = 0
        for (index, capacity) in capacities(bandRows).enumerated() {
            links[index].buffer = offset
            offset = roundedUp(offset + capacity * links[index].rowBytes)
        }
        scratchStart = offset
        offset = roundedUp(offset + scratch)
        rangesStart = offset
        offset = roundedUp(offset + 2 * links.count * MemoryLayout<Range<Int>>.stride)
        for index in links.indices {
            links[index].table = offset
            offset += (links[index].others.count + 2) * MemoryLayout<UnsafeMutableRawPointer>.stride
        }
        memory = WorkingMemory(prepared: prepared, workerScratch: offset)
        let names = zip(chain, links).map { link, bound in bound.op.algorithm.map { "\(link.op.name) \($0)" } ?? link.op.name }
        algorithm = "\(tiles.count) × \(bandRows) rows [\(names.joined(separator: ", "))]"
        (self.links, self.tiles, self.bandRows) = (links, tiles, bandRows)
        // The memory of an input that the last op may overwrite and no other op reads: rows go in step there.
        let read = [0] + links.dropLast().flatMap(\.others)
        let others = links.last?.others ?? []
        inPlaceInputs = (links.last?.op.inPlaceInputs ?? []).compactMap { place in
            guard place > 0 else { return nil }
            let input = others[place - 1]
            return read.contains(input) || others.filter { $0 == input }.count > 1 ? nil : input
        }
    }

    var cost: Double { links.reduce(0) { $0 + $1.op.cost } }
    var forwardStages: [Int] { [tiles.count] }

    func prepare(_ frame: Frame) {
        // Nothing but weights is read: the output is not there yet.
        for link in links { link.op.prepare(self.frame(of: link, frame, input: frame.inputs[0], output: frame.prepared)) }
    }

    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let ranges = (frame.workerScratch + rangesStart).bindMemory(to: Range<Int>.self, capacity: 2 * links.count)
        // By op: the rows in its buffer, and those to compute now.
        let (held, todo) = (ranges, ranges + links.count)
        for index in links.indices { (held + index).initialize(to: 0..<0) }
        Walk.forEachBand(of: tiles.range(tile), bandRows) { rows in
            let last = links.count - 1
            (todo + last).initialize(to: rows)
            for index in (0..<last).reversed() {
                let wanted = links[index + 1].rows.rowsRead(for: todo[index + 1])
                let kept = wanted.clamped(to: held[index])
                if kept.isEmpty || kept.lowerBound != wanted.lowerBound {
                    (todo + index).initialize(to: wanted)
                } else {
                    let (buffer, size) = (frame.workerScratch + links[index].buffer, links[index].rowBytes)
                    if kept.lowerBound > held[index].lowerBound {
                        buffer.copyMemory(
                            from: buffer + (kept.lowerBound - held[index].lowerBound) * size, byteCount: kept.count * size)
                    }
                    (todo + index).initialize(to: kept.upperBound..<wanted.upperBound)
                }
                held[index] = wanted
            }
            for index in 0...last where !todo[index].isEmpty {
                let input = index == 0 ? frame.inputs[0] : rowZero(of: index - 1, held, frame)
                let output = index == last ? frame.outputs[0] : rowZero(of: index, held, frame)
                links[index].rows.forward(self.frame(of: links[index], frame, input: input, output: output), rows: todo[index])
            }
        }
    }

    /// Where row 0 of an op's output would be, if it were in the buffer.
    private func rowZero(of index: Int, _ held: UnsafePointer<Range<Int>>, _ frame: Frame) -> UnsafeMutableRawPointer {
        frame.workerScratch + links[index].buffer - held[index].lowerBound * links[index].rowBytes
    }

    private func frame(
        of link: Link, _ frame: Frame, input: UnsafeMutableRawPointer, output: UnsafeMutableRawPointer
    ) -> Frame {
        let count = link.others.count + 2
        let table = (frame.workerScratch + link.table).bindMemory(to: UnsafeMutableRawPointer.self, capacity: count)
        table.initialize(to: input)
        for (place, other) in link.others.enumerated() { (table + place + 1).initialize(to: frame.inputs[other]) }
        (table + count - 1).initialize(to: output)
        return Frame(
            inputs: UnsafePointer(table), outputs: UnsafePointer(table + count - 1), inputGradients: frame.inputGradients,
            outputGradients: frame.outputGradients, accumulates: frame.accumulates, saved: frame.saved,
            prepared: frame.prepared + link.prepared, scratch: frame.scratch, workerScratch: frame.workerScratch + scratchStart,
            seed: frame.seed, step: frame.step)
    }
}

/// Rows cut into an even number of equal tiles, so that two threads get as much each.
private struct TileRows: Sendable {
    let rows: Int
    let count: Int

    init(_ rows: Int, least: Int) {
        self.rows = rows
        let most = rows / max(1, least)
        count = rows == 0 ? 0 : max(1, most > 1 ? most / 2 * 2 : min(2, rows))
    }

    func range(_ tile: Int) -> Range<Int> { count == 0 ? 0..<0 : tile * rows / count..<(tile + 1) * rows / count }
}

private enum Walk {
    @inline(__always) static func forEachBand(of rows: Range<Int>, _ size: Int, _ body: (Range<Int>) -> Void) {
        var start = rows.lowerBound
        while start < rows.upperBound {
            let end = min(rows.upperBound, start + size)
            body(start..<end)
            start = end
        }
    }
}

private func roundedUp(_ bytes: Int) -> Int { (bytes + 63) & ~63 }
