internal import Tensors

/// A random matrix with orthonormal columns, or rows when there are fewer of these: the Q of a matrix of normal numbers, with
/// the signs that make R's diagonal positive, hence evenly spread over all such matrices.
struct OrthogonalMatrix {
    /// Row-major.
    let values: [Double]

    init(rows: Int, columns: Int, random: inout RandomStream) {
        let long = max(rows, columns)
        let short = min(rows, columns)
        // One vector after another, so that the inner loops run along memory.
        var vectors = [Double](repeating: 0, count: long * short)
        for index in vectors.indices { vectors[index] = random.normal() }
        vectors.withUnsafeMutableBufferPointer { Self.orthonormalize($0, length: long, count: short) }
        guard rows >= columns else {
            values = vectors
            return
        }
        var values = [Double](repeating: 0, count: rows * columns)
        for column in 0..<columns {
            for row in 0..<rows { values[row * columns + column] = vectors[column * long + row] }
        }
        self.values = values
    }

    /// Gram and Schmidt's procedure, each projection taken off twice: orthogonal to rounding.
    private static func orthonormalize(_ vectors: UnsafeMutableBufferPointer<Double>, length: Int, count: Int) {
        for index in 0..<count {
            let vector = UnsafeMutableBufferPointer(rebasing: vectors[index * length..<(index + 1) * length])
            for _ in 0..<2 {
                for earlier in 0..<index {
                    let other = UnsafeMutableBufferPointer(rebasing: vectors[earlier * length..<(earlier + 1) * length])
                    let projection = dot(vector, other)
                    for i in 0..<length { vector[i] -= projection * other[i] }
                }
            }
            let norm = dot(vector, vector).squareRoot()
            for i in 0..<length { vector[i] /= norm }
        }
    }

    private static func dot(_ a: UnsafeMutableBufferPointer<Double>, _ b: UnsafeMutableBufferPointer<Double>) -> Double {
        // Four sums, so that additions needn't wait for one another.
        var sums = SIMD4<Double>()
        var i = 0
        while i + 4 <= a.count {
            let x = SIMD4<Double>(a[i], a[i + 1], a[i + 2], a[i + 3])
            let y = SIMD4<Double>(b[i], b[i + 1], b[i + 2], b[i + 3])
            sums += x * y
            i += 4
        }
        var sum = sums.sum()
        while i < a.count {
            sum += a[i] * b[i]
            i += 1
        }
        return sum
    }
}
