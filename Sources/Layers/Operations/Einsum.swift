package import Graphs
internal import Ops
package import Tensors

/// Einstein's summation: `abc,cd->abd`, with `...` for any axes in front.
///
/// Two operands at a time are brought to stacks of matrices and multiplied.
package struct EinsumEquation: Hashable, Sendable {
    /// By operand, its labels; `...` is the label "…".
    package let operands: [[Character]]
    package let result: [Character]

    /// Throws for text that is no equation.
    package init(_ text: String) throws(LocatedError) {
        func wrong(_ expected: String) -> LocatedError {
            LocatedError(.invalid, "einsum.equation", "expected \(expected), got \"\(text)\"")
        }
        func labels(_ part: Substring) throws(LocatedError) -> [Character] {
            var result: [Character] = []
            var rest = part[...]
            while let next = rest.first {
                if rest.hasPrefix("...") {
                    rest = rest.dropFirst(3)
                    result.append("…")
                } else {
                    guard next.isLetter, next.isASCII else { throw wrong("letters, commas and one arrow") }
                    result.append(next)
                    rest = rest.dropFirst()
                }
            }
            guard result.count(where: { $0 == "…" }) <= 1 else { throw wrong("one ellipsis for each operand") }
            return result
        }
        let plain = text.filter { $0 != " " }
        var left = plain[...], right: Substring?
        if let arrow = plain.firstIndex(of: "-") {
            guard plain[arrow...].hasPrefix("->") else { throw wrong("an arrow ->") }
            left = plain[..<arrow]
            right = plain[plain.index(arrow, offsetBy: 2)...]
        }
        var operands: [[Character]] = []
        for part in left.split(separator: ",", omittingEmptySubsequences: false) { operands.append(try labels(part)) }
        self.operands = operands
        if let right {
            result = try labels(right)
            guard Set(result).count == result.count else { throw wrong("different letters in the result") }
        } else {
            let all = operands.flatMap(\.self)
            let once = Set(all).filter { letter in letter != "…" && all.count(where: { $0 == letter }) == 1 }.sorted()
            result = (all.contains("…") ? ["…"] : []) + once
        }
        let known = Set(operands.flatMap(\.self))
        guard result.allSatisfy({ known.contains($0) }) else { throw wrong("only letters of the operands in the result") }
    }

    /// The labels with ellipses spelled out for operands of these ranks.
    func spelled(_ ranks: [Int]) throws(LocatedError) -> (operands: [[Character]], result: [Character]) {
        guard ranks.count == operands.count else {
            throw LocatedError(.mismatch, "einsum.operands", "expected \(operands.count) operands, got \(ranks.count)")
        }
        var widest = 0
        var spelled: [[Character]] = []
        // Private letters, the last axis of every ellipsis the same.
        func letters(_ count: Int) -> [Character] {
            (0..<count).map { Character(Unicode.Scalar(0xE000 + UInt32(count - 1 - $0)) ?? "…") }
        }
        for (labels, rank) in zip(operands, ranks) {
            let named = labels.count(where: { $0 != "…" })
            guard labels.contains("…") ? rank >= named && rank - named < 1000 : rank == named else {
                throw LocatedError(.mismatch, "einsum.rank", "expected \(named) axes as \(String(labels)) has, got \(rank)")
            }
            widest = max(widest, rank - named)
            spelled.append(labels.flatMap { $0 == "…" ? letters(rank - named) : [$0] })
        }
        return (spelled, result.flatMap { $0 == "…" ? letters(widest) : [$0] })
    }
}

extension LoweringContext {
    /// Einstein's summation over any number of operands, in float32; of whole numbers alone in int32.
    package func einsum(_ equation: EinsumEquation, _ values: [Value]) throws(LocatedError) -> Value {
        var operands: [Labelled] = []
        let (labels, result) = try equation.spelled(values.map(rank))
        let type: DType = values.contains { dtype($0) == .float32 } ? .float32 : .int32
        for (value, labels) in zip(values, labels) { operands.append(try diagonalized(Labelled(value: try cast(value, to: type), labels: labels))) }
        guard var product = operands.first else {
            throw LocatedError(.mismatch, "einsum.operands", "expected operands, got none")
        }
        for (place, operand) in operands.enumerated().dropFirst() {
            let needed = Set(result).union(operands[(place + 1)...].flatMap(\.labels))
            product = try contracted(product, operand, keeping: needed)
        }
        product = try summed(product, keeping: Set(result))
        return try transposed(product.value, result.compactMap { product.labels.firstIndex(of: $0) })
    }

    package func einsum(_ equation: String, _ values: Value...) throws(LocatedError) -> Value {
        try einsum(try EinsumEquation(equation), values)
    }

    private struct Labelled {
        var value: Value
        var labels: [Character]
    }

    /// Letters that stand twice: the diagonal of their axes.
    private func diagonalized(_ x: Labelled) throws(LocatedError) -> Labelled {
        var x = x
        for letter in Set(x.labels).sorted() {
            while x.labels.count(where: { $0 == letter }) > 1, let first = x.labels.firstIndex(of: letter),
                let last = x.labels.lastIndex(of: letter)
            {
                x.value = try diagonal(x.value, axes: (first, last))
                x.labels.remove(at: last)
                x.labels.remove(at: first)
                x.labels.append(letter)
            }
        }
        return x
    }

    private func summed(_ x: Labelled, keeping needed: Set<Character>) throws(LocatedError) -> Labelled {
        let axes = x.labels.indices.filter { !needed.contains(x.labels[$0]) }
        if axes.isEmpty { return x }
        return Labelled(value: try reduce(.sum, x.value, axes: axes), labels: x.labels.filter { needed.contains($0) })
    }

    private func contracted(_ x: Labelled, _ y: Labelled, keeping needed: Set<Character>) throws(LocatedError) -> Labelled {
        let x = try summed(x, keeping: needed.union(y.labels)), y = try summed(y, keeping: needed.union(x.labels))
        let inX = Set(x.labels), inY = Set(y.labels)
        let batch = x.labels.filter { inY.contains($0) && needed.contains($0) }
        let inner = x.labels.filter { inY.contains($0) && !needed.contains($0) }
        let ownX = x.labels.filter { !inY.contains($0) }, ownY = y.labels.filter { !inX.contains($0) }
        func extent(_ operand: Labelled, _ letter: Character) -> Int? {
            operand.labels.firstIndex(of: letter).flatMap { shape(operand.value)[$0] }
        }
        /// (batch…, rows, columns), and whether the two last ones stand the other way round.
        func matrices(_ operand: Labelled, rows: [Character], columns: [Character]) throws(LocatedError) -> (Value, Bool) {
            let turned = operand.labels == batch + columns + rows && operand.labels != batch + rows + columns
            let order = turned ? operand.labels : batch + rows + columns
            var value = try transposed(operand.value, order.compactMap { operand.labels.firstIndex(of: $0) })
            // One operand may have extent 1 where the other has more.
            let other = operand.labels == x.labels ? y : x
            let wanted = order.map { letter -> Int? in
                let own = extent(operand, letter)
                return inner.contains(letter) && own == 1 ? extent(other, letter) ?? own : own
            }
            if wanted != shape(value).dims { value = try broadcasted(value, to: wanted) }
            func merged(_ letters: [Character]) -> Int? {
                letters.reduce(1 as Int?) { product, letter in
                    guard let product, let place = order.firstIndex(of: letter), let own = wanted[place] else { return nil }
                    return product.multipliedReportingOverflow(by: own).overflow ? nil : product * own
                }
            }
            let last = turned ? [merged(columns), merged(rows)] : [merged(rows), merged(columns)]
            return (try reshaped(value, to: Array(wanted.prefix(batch.count)) + last), turned)
        }
        let (a, turnsA) = try matrices(x, rows: ownX, columns: inner)
        let (b, turnsB) = try matrices(y, rows: inner, columns: ownY)
        let product: Value
        if dtype(a) == .int32 {
            let last = batch.count
            product = try wholeProduct(
                turnsA ? try transposed(a, Array(0..<last) + [last + 1, last]) : a,
                turnsB ? try transposed(b, Array(0..<last) + [last + 1, last]) : b)
        } else if batch.isEmpty, !turnsA, !turnsB {
            product = try apply(MatMul(hasBias: false), a, b)
        } else {
            product = try apply(BatchMatMul(transposingA: turnsA, transposingB: turnsB), a, b)
        }
        let lead = Array(shape(product).dims.prefix(batch.count))
        return Labelled(
            value: try reshaped(product, to: lead + ownX.map { extent(x, $0) } + ownY.map { extent(y, $0) }),
            labels: batch + ownX + ownY)
    }

    /// The diagonal of two axes, as a last axis; `offset` above 0 is above the main one.
    package func diagonal(_ x: Value, axes: (Int, Int) = (-2, -1), offset: Int = 0) throws(LocatedError) -> Value {
        let rank = rank(x)
        let (first, second) = (try axis(axes.0, rank: rank), try axis(axes.1, rank: rank))
        guard first != second else { throw LocatedError(.mismatch, "operation.axis", "expected two different axes, got \(axes)") }
        let others = (0..<rank).filter { $0 != first && $0 != second }
        let matrix = try transposed(x, others + [first, second])
        let dims = shape(matrix).dims
        guard let rows = dims[rank - 2], let columns = dims[rank - 1] else {
            throw LocatedError(.mismatch, "layer.unknownExtent", "expected matrices of known extents for a diagonal, got \(shape(matrix))")
        }
        let count = max(0, min(offset < 0 ? rows + offset : rows, offset > 0 ? columns - offset : columns))
        let flat = try reshaped(matrix, to: Array(dims.dropLast(2)) + [rows * columns])
        let start = offset < 0 ? -offset * columns : offset
        let places = (0..<count).map { start + $0 * (columns + 1) }
        return try apply(Rearrange(.take(places), axis: -1, rank: rank - 1), flat)
    }

    /// NumPy's matmul: vectors become matrices and lose the axis again; whole numbers stay what they are.
    package func matmul(_ x: Value, _ y: Value) throws(LocatedError) -> Value {
        let isWhole = dtype(x) != .float32 && dtype(y) != .float32
        var (a, b) = (try float(x), try float(y))
        let (isRow, isColumn) = (rank(a) == 1, rank(b) == 1)
        guard rank(a) >= 1, rank(b) >= 1 else {
            throw LocatedError(.mismatch, "matmul.shape", "expected arrays of at least one axis, got \(shape(a)) and \(shape(b))")
        }
        if isRow { a = try expanded(a, axes: [0]) }
        if isColumn { b = try expanded(b, axes: [1]) }
        var product = rank(b) == 2 ? try apply(MatMul(hasBias: false), a, b) : try apply(BatchMatMul(), a, b)
        if isColumn { product = try squeezed(product, axes: [-1]) }
        if isRow { product = try squeezed(product, axes: [isColumn ? -1 : -2]) }
        return isWhole ? try cast(product, to: .int32) : product
    }

    /// (…, m, k) by (…, k, n) of int32, which float32 couldn't hold.
    private func wholeProduct(_ a: Value, _ b: Value) throws(LocatedError) -> Value {
        let products = try multiply(try expanded(a, axes: [-1]), try expanded(b, axes: [-3]))
        if let count = shape(products).count, count > 1 << 26 {
            throw LocatedError(.unsupported, "matmul.size", "expected products of small matrices of whole numbers, got \(shape(a)) and \(shape(b))")
        }
        return try reduce(.sum, products, axes: [-2])
    }
}
