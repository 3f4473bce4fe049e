internal import Graphs
internal import Ops
internal import Tensors

extension LoweringContext {
    /// A mask (1, rows, columns) of the places near or below the diagonal: column ≤ row, |row − column| < width.
    ///
    /// - Parameters:
    ///   - causal: whether what stands above the diagonal is left out.
    ///   - width: how far from the diagonal a place may be, nil for no limit.
    ///   - scores: an array whose last two axes are rows and columns; read only where their extents aren't known.
    func bandMask(causal: Bool, width: Int?, like scores: ScoreShape) throws(LocatedError) -> Value {
        let (rows, columns): (Int, Int)
        switch scores {
        case .known(let height, let width): (rows, columns) = (height, width)
        case .value(let scores):
            let extents = shape(scores).dims.suffix(2)
            if let first = extents.first ?? nil, let last = extents.last ?? nil {
                (rows, columns) = (first, last)
                break
            }
            var mask = try apply(Fill(1, .bool), scores)
            if causal { mask = try apply(Triangle(lower: true), mask) }
            if let width {
                mask = try apply(Triangle(lower: true, diagonal: width - 1), mask)
                mask = try apply(Triangle(lower: false, diagonal: 1 - width), mask)
            }
            return mask
        }
        var flags = [Bool](repeating: true, count: rows * columns)
        for row in 0..<rows {
            for column in 0..<columns where (causal && column > row) || width.map({ abs(row - column) >= $0 }) ?? false {
                flags[row * columns + column] = false
            }
        }
        return constant(Tensor(flags, shape: [1, rows, columns]))
    }
}

extension CallArguments {
    /// The masks that a call gives by keyword as a list, or nil when it gives none.
    func masks(_ position: Int, _ keyword: String) -> [Value?]? {
        guard let argument = argument(position, keyword) else { return nil }
        switch argument {
        case .signal(let signal): return [signal.value]
        case .list(let items):
            return items.map { item in
                if case .signal(let signal) = item { signal.value } else { nil }
            }
        default: return nil
        }
    }
}
