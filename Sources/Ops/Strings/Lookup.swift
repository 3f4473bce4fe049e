package import Graphs
package import Tensors

/// The place of each element in a vocabulary: strings or int32 give int32.
package struct Lookup: Op {
    /// What is looked up.
    package enum Table: Sendable {
        case strings(TokenTable)
        case integers([Int64: Int32])
    }

    /// What becomes of elements that aren't in the vocabulary.
    package enum Unknown: Hashable, Sendable {
        /// All have this index.
        case index(Int32)
        /// One of `count` indices from `start` on, by a hash.
        case hashed(StringHash, count: Int, start: Int32)
        /// One of `count` indices from `start` on, by the rest of a division.
        case remainder(count: Int, start: Int32)
    }

    package var table: Table
    /// The index of the vocabulary's first token.
    package var start: Int32
    package var unknown: Unknown
    /// An element with an index of its own, whether it is in the vocabulary or not.
    package var mask: (token: [UInt8], number: Int64, index: Int32)?

    package init(_ table: Table, start: Int32, unknown: Unknown, mask: (token: [UInt8], number: Int64, index: Int32)? = nil) {
        self.table = table
        self.start = start
        self.unknown = unknown
        self.mask = mask
    }

    package var name: String { "lookup" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        if case .strings = table { try require(name, inputs[0], is: .string) } else { try require(name, inputs[0], is: .int32) }
        return [ValueInfo(inputs[0].shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundLookup(op: self, elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: 30))
    }

    func index(_ bytes: UnsafeRawBufferPointer, in table: TokenTable) -> Int32 {
        if let mask, bytes.elementsEqual(mask.token) { return mask.index }
        if let place = table.place(of: bytes) { return start &+ Int32(truncatingIfNeeded: place) }
        switch unknown {
        case .index(let index): return index
        case .hashed(let hash, let count, let start): return start &+ Int32(truncatingIfNeeded: hash.bucket(bytes, of: count))
        case .remainder(_, let start): return start
        }
    }

    func index(_ number: Int64, in table: [Int64: Int32]) -> Int32 {
        if let mask, mask.number == number { return mask.index }
        if let place = table[number] { return start &+ place }
        switch unknown {
        case .index(let index): return index
        case .hashed(let hash, let count, let start): return start &+ Int32(truncatingIfNeeded: hash.bucket(number, of: count))
        case .remainder(let count, let start):
            let rest = number % Int64(count)
            return start &+ Int32(truncatingIfNeeded: rest < 0 ? rest + Int64(count) : rest)
        }
    }
}

private struct BoundLookup: BoundOp {
    let op: Lookup
    let elements: TileCut

    var cost: Double { 60 * Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
        switch op.table {
        case .strings(let table):
            for index in elements.range(tile) { output[index] = op.index(frame.string(0, index), in: table) }
        case .integers(let table):
            let numbers = frame.integers(0)
            for index in elements.range(tile) { output[index] = op.index(Int64(numbers[index]), in: table) }
        }
    }
}

/// The token at each place: int32 gives strings, or int32.
package struct TokenOfIndex: Op {
    package enum Table: Sendable {
        /// The last token stands for every place that has none.
        case strings(TokenTable)
        case integers([Int32])
    }

    package var table: Table

    package init(_ table: Table) { self.table = table }

    package var name: String { "token_of_index" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .int32)
        if case .strings = table { return [ValueInfo(inputs[0].shape, .string)] }
        return [ValueInfo(inputs[0].shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundTokenOfIndex(table: table, elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: 3))
    }
}

private struct BoundTokenOfIndex: BoundOp {
    let table: TokenOfIndex.Table
    let elements: TileCut

    var cost: Double { 4 * Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let indices = frame.integers(0)
        func place(_ index: Int32, _ count: Int) -> Int { index >= 0 && Int(index) < count - 1 ? Int(index) : count - 1 }
        switch table {
        case .strings(let table):
            let output = frame.outputs[0].assumingMemoryBound(to: UInt.self)
            for index in elements.range(tile) { output[index] = table.address(place(indices[index], table.count)) }
        case .integers(let tokens):
            let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
            for index in elements.range(tile) { output[index] = tokens[place(indices[index], tokens.count)] }
        }
    }
}

extension Lookup {
    /// The first element that has no index of its own: what a vocabulary without one for unknown tokens must refuse.
    package func firstUnknown(in tensor: Tensor) -> String? {
        tensor.withUnsafeBytes { bytes in
            switch table {
            case .strings(let table):
                guard tensor.dtype == .string else { return nil }
                let unknown = bytes.bindMemory(to: UInt.self).first { index(StringStore.bytes(at: $0), in: table) == -1 }
                return unknown.map { String(decoding: StringStore.bytes(at: $0), as: UTF8.self) }
            case .integers(let table):
                guard tensor.dtype == .int32 else { return nil }
                return bytes.bindMemory(to: Int32.self).first { index(Int64($0), in: table) == -1 }.map { "\($0)" }
            }
        }
    }
}
