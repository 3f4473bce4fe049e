package import Graphs
package import Tensors

/// How text is cut into tokens: Keras's TextVectorization.
///
/// A token is a stretch of the text, read through a filter (small letters, no punctuation), so that nothing is copied.
package struct TextRules: Hashable, Sendable {
    package enum Split: Hashable, Sendable {
        /// Each element is a token.
        case none
        /// At white space of ASCII.
        case whitespace
        /// After each character.
        case character
    }

    /// Letters of ASCII become small.
    package var lowers: Bool
    /// Punctuation of ASCII goes.
    package var strips: Bool
    package var split: Split
    /// Numbers of words that stand together, one after the other; empty: words alone.
    package var ngrams: [Int]

    package init(lowers: Bool, strips: Bool, split: Split, ngrams: [Int] = []) {
        self.lowers = lowers
        self.strips = strips
        self.split = split
        self.ngrams = ngrams
    }

    /// The most words of an n-gram.
    package static let mostWords = 16

    /// What a byte is read as; nil for what goes.
    @inline(__always) func filtered(_ byte: UInt8) -> UInt8? {
        switch byte {
        case 65...90: lowers ? byte + 32 : byte
        case 33...47, 58...64, 91...96, 123...126: strips ? nil : byte
        default: byte
        }
    }

    /// The end of the character that begins here; bytes that are no UTF-8 stand for themselves.
    private func end(of start: Int, in bytes: UnsafeRawBufferPointer) -> Int {
        let count = bytes[start] < 0x80 ? 1 : bytes[start] < 0xc2 ? 1 : bytes[start] < 0xe0 ? 2 : bytes[start] < 0xf0 ? 3 : bytes[start] < 0xf5 ? 4 : 1
        var end = start + 1
        while end < min(start + count, bytes.count), bytes[end] & 0xc0 == 0x80 { end += 1 }
        return end - start == count ? end : start + 1
    }

    /// The next token's stretch from `place` on, which goes on behind it; nil at the end of the text.
    func next(in bytes: UnsafeRawBufferPointer, _ place: inout Int) -> Range<Int>? {
        switch split {
        case .none:
            guard place == 0 else { return nil }
            place = bytes.count + 1
            return 0..<bytes.count
        case .whitespace:
            while place < bytes.count {
                while place < bytes.count, Self.isSpace(bytes[place]) { place += 1 }
                let start = place
                var isEmpty = true
                while place < bytes.count, !Self.isSpace(bytes[place]) {
                    if filtered(bytes[place]) != nil { isEmpty = false }
                    place += 1
                }
                if !isEmpty { return start..<place }
            }
            return nil
        case .character:
            while place < bytes.count {
                let start = place
                place = end(of: start, in: bytes)
                if filtered(bytes[start]) != nil { return start..<place }
            }
            return nil
        }
    }

    @inline(__always) private static func isSpace(_ byte: UInt8) -> Bool { byte == 32 || (9...13).contains(byte) }
}

/// Tokens of one sample, one after another: the elements of a row, each cut by the rules.
struct TokenReader {
    let rules: TextRules
    /// The addresses of the row's strings.
    let row: UnsafePointer<UInt>
    let count: Int
    private var element = 0
    private var place = 0

    init(_ rules: TextRules, _ row: UnsafePointer<UInt>, count: Int) {
        (self.rules, self.row, self.count) = (rules, row, count)
    }

    mutating func next() -> UnsafeRawBufferPointer? {
        while element < count {
            let bytes = StringStore.bytes(at: row[element])
            if let range = rules.next(in: bytes, &place) { return UnsafeRawBufferPointer(rebasing: bytes[range]) }
            element += 1
            place = 0
        }
        return nil
    }
}

extension TextRules {
    /// The bytes of words that stand together, with spaces between, through the filter.
    @inline(__always) func forEachByte(_ words: some Sequence<UnsafeRawBufferPointer>, _ body: (UInt8) -> Bool) -> Bool {
        var isFirst = true
        for word in words {
            if !isFirst, !body(32) { return false }
            isFirst = false
            for byte in word {
                if let byte = filtered(byte), !body(byte) { return false }
            }
        }
        return true
    }

    /// Every token of a row with the place of it in a vocabulary, in Keras's order.
    ///
    /// - Parameter window: room for the words of an n-gram.
    func forEachToken(
        _ row: UnsafePointer<UInt>, count: Int, window: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>,
        _ body: (UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.SubSequence) -> Bool
    ) {
        for width in ngrams.isEmpty ? [1] : ngrams {
            var reader = TokenReader(self, row, count: count)
            var held = 0
            while let word = reader.next() {
                if held == width {
                    for place in 1..<width { window[place - 1] = window[place] }
                    held -= 1
                }
                window[held] = word
                held += 1
                if held == width, !body(window[0..<width]) { return }
            }
        }
    }
}

/// Text to tokens to their indices in a vocabulary: strings (batch) or (batch, strings of a sample) give int32 (batch, `length`),
/// cut and filled with 0, or float32 (batch, `depth`): how often each index is there, or whether it is.
package struct TokenIndices: Op {
    package enum Result: Hashable, Sendable {
        /// An unknown length is settled before a plan is made.
        case indices(length: Int?)
        case counts(depth: Int, binary: Bool)
    }

    package var rules: TextRules
    package var lookup: Lookup
    package var result: Result

    package init(_ rules: TextRules, _ lookup: Lookup, _ result: Result) {
        self.rules = rules
        self.lookup = lookup
        self.result = result
    }

    package var name: String { "token_indices" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .string)
        guard (1...2).contains(inputs[0].shape.rank) else {
            throw mismatch(name, expected: "text of one or two axes", got: "\(inputs[0].shape)")
        }
        switch result {
        case .indices(let length): return [ValueInfo([inputs[0].shape[0], length], .int32)]
        case .counts(let depth, _): return [ValueInfo([inputs[0].shape[0], depth])]
        }
    }

    package func bound(to site: Site) -> any BoundOp {
        let rows = site.inputs[0].shape[0]
        return BoundTokenIndices(
            op: self, width: rows == 0 ? 0 : site.inputs[0].shape.count / rows, columns: site.outputs[0].shape[1],
            rows: TileCut(rows, nanosecondsPerUnit: 2000))
    }

    /// The most tokens that a sample has.
    package func longest(_ text: Tensor) -> Int {
        guard text.dtype == .string, text.shape.rank > 0, text.shape[0] > 0 else { return 0 }
        let width = text.count / text.shape[0]
        var longest = 0
        text.withUnsafeBytes { bytes in
            withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: TextRules.mostWords) { window in
                let strings = bytes.bindMemory(to: UInt.self)
                for row in 0..<text.shape[0] where width > 0 {
                    var count = 0
                    rules.forEachToken(strings.baseAddress! + row * width, count: width, window: window) { _ in
                        count += 1
                        return true
                    }
                    longest = max(longest, count)
                }
            }
        }
        return longest
    }
}

private struct BoundTokenIndices: BoundOp {
    let op: TokenIndices
    let width: Int
    let columns: Int
    let rows: TileCut

    var memory: WorkingMemory {
        WorkingMemory(workerScratch: TextRules.mostWords * MemoryLayout<UnsafeRawBufferPointer>.stride)
    }
    var cost: Double { 4000 * Double(rows.extent) }
    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        guard case .strings(let table) = op.lookup.table else { return }
        let window = UnsafeMutableBufferPointer(
            start: frame.workerScratch.bindMemory(to: UnsafeRawBufferPointer.self, capacity: TextRules.mostWords),
            count: TextRules.mostWords)
        let strings = UnsafePointer(frame.inputs[0].assumingMemoryBound(to: UInt.self))
        for row in rows.range(tile) {
            switch op.result {
            case .indices:
                let output = frame.outputs[0].assumingMemoryBound(to: Int32.self) + row * columns
                var filled = 0
                op.rules.forEachToken(strings + row * width, count: width, window: window) { words in
                    guard filled < columns else { return false }
                    output[filled] = index(words, table)
                    filled += 1
                    return true
                }
                for place in filled..<max(filled, columns) { output[place] = 0 }
            case .counts(_, let binary):
                let output = frame.output() + row * columns
                for place in 0..<columns { output[place] = 0 }
                op.rules.forEachToken(strings + row * width, count: width, window: window) { words in
                    let index = Int(index(words, table))
                    if index >= 0 && index < columns { output[index] = binary ? 1 : output[index] + 1 }
                    return true
                }
            }
        }
    }

    private func index(_ words: UnsafeMutableBufferPointer<UnsafeRawBufferPointer>.SubSequence, _ table: TokenTable) -> Int32 {
        var hash = TokenHash()
        var length = 0
        _ = op.rules.forEachByte(words) { byte in
            hash.take(byte)
            length += 1
            return true
        }
        func equals(_ bytes: UnsafeRawBufferPointer) -> Bool {
            guard bytes.count == length else { return false }
            var place = 0
            return op.rules.forEachByte(words) { byte in
                place += 1
                return bytes[place - 1] == byte
            }
        }
        if let mask = op.lookup.mask, mask.token.withUnsafeBytes({ equals($0) }) { return mask.index }
        if let place = table.place(hash, equals) { return op.lookup.start &+ Int32(truncatingIfNeeded: place) }
        // A TextVectorization has one index for what it doesn't know.
        if case .index(let index) = op.lookup.unknown { return index }
        return 0
    }
}

extension TextRules {
    /// The tokens of each sample as strings: for building a vocabulary.
    package func tokens(_ text: Tensor) -> [[[UInt8]]] {
        guard text.dtype == .string, text.shape.rank > 0, text.shape[0] > 0 else { return [] }
        let width = text.count / text.shape[0]
        return text.withUnsafeBytes { bytes in
            let strings = bytes.bindMemory(to: UInt.self)
            return (0..<text.shape[0]).map { row in
                var found: [[UInt8]] = []
                guard width > 0 else { return found }
                withUnsafeTemporaryAllocation(of: UnsafeRawBufferPointer.self, capacity: Self.mostWords) { window in
                    forEachToken(strings.baseAddress! + row * width, count: width, window: window) { words in
                        var token: [UInt8] = []
                        _ = forEachByte(words) { byte in
                            token.append(byte)
                            return true
                        }
                        found.append(token)
                        return true
                    }
                }
                return found
            }
        }
    }
}
