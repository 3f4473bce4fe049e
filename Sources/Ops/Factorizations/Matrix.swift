import Graphs
import Tensors

/// A matrix of doubles in working memory, seen with strides: what factorizations compute in.
struct Matrix {
    let base: UnsafeMutablePointer<Double>
    let rows: Int
    let columns: Int
    let rowStride: Int
    let columnStride: Int

    /// Row by row from `base` on.
    init(_ base: UnsafeMutablePointer<Double>, _ rows: Int, _ columns: Int) {
        self.init(base, rows, columns, rowStride: columns, columnStride: 1)
    }

    private init(_ base: UnsafeMutablePointer<Double>, _ rows: Int, _ columns: Int, rowStride: Int, columnStride: Int) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.rowStride = rowStride
        self.columnStride = columnStride
    }

    @inline(__always) subscript(_ row: Int, _ column: Int) -> Double {
        get { base[row * rowStride + column * columnStride] }
        nonmutating set { base[row * rowStride + column * columnStride] = newValue }
    }

    var transposed: Matrix { Matrix(base, columns, rows, rowStride: columnStride, columnStride: rowStride) }

    func columns(_ range: Range<Int>) -> Matrix {
        Matrix(base + range.lowerBound * columnStride, rows, range.count, rowStride: rowStride, columnStride: columnStride)
    }

    func take(_ source: UnsafePointer<Float>) {
        for row in 0..<rows { for column in 0..<columns { self[row, column] = Double(source[row * columns + column]) } }
    }

    /// The same of a gradient; nil is zero.
    func take(gradient source: UnsafePointer<Float>?) {
        if let source { take(source) } else { clear() }
    }

    func take(_ other: Matrix) {
        for row in 0..<rows { for column in 0..<columns { self[row, column] = other[row, column] } }
    }

    func give(_ target: UnsafeMutablePointer<Float>) {
        for row in 0..<rows { for column in 0..<columns { target[row * columns + column] = Float(self[row, column]) } }
    }

    func add(to target: UnsafeMutablePointer<Float>) {
        for row in 0..<rows { for column in 0..<columns { target[row * columns + column] += Float(self[row, column]) } }
    }

    func clear() {
        for row in 0..<rows { for column in 0..<columns { self[row, column] = 0 } }
    }

    /// Ones on the diagonal.
    func setIdentity() {
        clear()
        for index in 0..<min(rows, columns) { self[index, index] = 1 }
    }

    /// Overwrites this with a · b, or adds `scale` times that to it.
    func product(_ a: Matrix, _ b: Matrix, adding scale: Double? = nil) {
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = 0.0
                for index in 0..<a.columns { sum += a[row, index] * b[index, column] }
                if let scale { self[row, column] += scale * sum } else { self[row, column] = sum }
            }
        }
    }

    /// This · R⁻ᵀ in place, R an upper triangle.
    func divideByTransposed(ofUpper r: Matrix) {
        for row in 0..<rows {
            for column in (0..<columns).reversed() {
                var sum = self[row, column]
                for index in (column + 1)..<max(columns, column + 1) { sum -= self[row, index] * r[column, index] }
                self[row, column] = sum / r[column, column]
            }
        }
    }

    func swapColumns(_ a: Int, _ b: Int) {
        guard a != b else { return }
        for row in 0..<rows {
            let kept = self[row, a]
            self[row, a] = self[row, b]
            self[row, b] = kept
        }
    }

    var hasOnlyFinite: Bool {
        for row in 0..<rows { for column in 0..<columns where !self[row, column].isFinite { return false } }
        return true
    }

    var largestMagnitude: Double {
        var largest = 0.0
        for row in 0..<rows { for column in 0..<columns { largest = max(largest, abs(self[row, column])) } }
        return largest
    }
}

/// Reflections of Householder, with the signs that Eigen and LAPACK give them.
extension Matrix {
    /// Makes the reflection that leaves only the first number of column `column` from row `first` down: that number becomes β, what
    /// is below it the reflection's vector (whose first number is 1). Gives τ.
    func makeReflection(_ column: Int, from first: Int) -> Double {
        var tail = 0.0
        for row in (first + 1)..<max(rows, first + 1) { tail += self[row, column] * self[row, column] }
        let head = self[first, column]
        // NaN goes on.
        guard !(tail <= 0) else { return 0 }
        let length = (head * head + tail).squareRoot(), beta = head >= 0 ? -length : length
        for row in (first + 1)..<rows { self[row, column] /= head - beta }
        self[first, column] = beta
        return (beta - head) / beta
    }

    /// Applies the reflection that stands in a column of `source` from row `first` down to this matrix's columns `range`, from the
    /// left.
    func reflect(by source: Matrix, _ column: Int, from first: Int, _ tau: Double, columns range: Range<Int>) {
        guard tau != 0 else { return }
        for target in range {
            var sum = self[first, target]
            for row in (first + 1)..<max(rows, first + 1) { sum += source[row, column] * self[row, target] }
            sum *= tau
            self[first, target] -= sum
            for row in (first + 1)..<max(rows, first + 1) { self[row, target] -= source[row, column] * sum }
        }
    }

    /// Overwrites this with the first columns of Q, the product of the reflections that stand in the columns of `source`, each from
    /// its diagonal down.
    func setProduct(ofReflections source: Matrix, _ taus: UnsafePointer<Double>) {
        setIdentity()
        for column in (0..<min(source.rows, source.columns)).reversed() {
            reflect(by: source, column, from: column, taus[column], columns: 0..<columns)
        }
    }
}

/// Throws unless an input is a stack of matrices of float32.
func requireMatrices(_ op: String, _ input: ValueInfo, square: Bool = false) throws(LocatedError) {
    try require(op, input, is: .float32)
    let shape = input.shape
    guard shape.rank >= 2 else { throw mismatch(op, expected: "matrices", got: "\(shape)") }
    let (rows, columns) = (shape[shape.rank - 2], shape[shape.rank - 1])
    guard !square || rows == nil || columns == nil || rows == columns else {
        throw mismatch(op, expected: "square matrices", got: "\(shape)")
    }
}

/// Matrices of one shape in a stack, and how they are cut.
struct MatrixStack: Hashable, Sendable {
    let count: Int
    let rows: Int
    let columns: Int
    let tiles: TileCut
    let work: Double

    /// - Parameter work: multiplications for each matrix.
    init(_ shape: Shape, work: (_ rows: Int, _ columns: Int) -> Double) {
        rows = shape[shape.rank - 2]
        columns = shape[shape.rank - 1]
        count = shape.dims.dropLast(2).reduce(1, *)
        self.work = work(rows, columns)
        tiles = TileCut(count, nanosecondsPerUnit: self.work + 50)
    }
}

/// Working memory handed out matrix by matrix.
struct MatrixArea {
    private var next: UnsafeMutablePointer<Double>

    init(_ frame: Frame) { next = frame.workerScratch.assumingMemoryBound(to: Double.self) }

    mutating func numbers(_ count: Int) -> UnsafeMutablePointer<Double> {
        defer { next += count }
        return next
    }

    mutating func matrix(_ rows: Int, _ columns: Int) -> Matrix { Matrix(numbers(rows * columns), rows, columns) }
}
