import COpenBLAS

/// Symmetric matrices in double precision, by rows, of which only the upper triangle is read.
package enum SymmetricMatrix {
    /// c += aᵀ a, of which the upper triangle is written: a is rows × order, c order × order.
    package static func addProduct(
        _ a: UnsafePointer<Double>, rows: Int, order: Int, to c: UnsafeMutablePointer<Double>
    ) {
        guard rows > 0, order > 0 else { return }
        cblas_dsyrk(
            CblasRowMajor, CblasUpper, CblasTrans, blasint(order), blasint(rows), 1, a, blasint(order), 1, c, blasint(order))
    }

    /// Eigenvalues, the smallest first; the matrix becomes the eigenvectors, a row for each. LAPACK's divide and conquer.
    ///
    /// - Returns: nil where LAPACK finds none, as when there are elements that are not finite.
    package static func eigenvalues(of matrix: inout [Double], order: Int) -> [Double]? {
        precondition(order >= 0 && matrix.count == order * order)
        guard order > 0 else { return [] }
        var n = blasint(order), info: blasint = 0
        var values = [Double](repeating: 0, count: order)
        // LAPACK's columns are our rows, so our upper triangle is its lower.
        func call(_ work: inout [Double], _ integers: inout [blasint]) {
            var workCount = blasint(work.count == 1 ? -1 : work.count)
            var integerCount = blasint(integers.count == 1 ? -1 : integers.count)
            dsyevd_("V", "L", &n, &matrix, &n, &values, &work, &workCount, &integers, &integerCount, &info)
        }
        var work = [0.0]
        var integers: [blasint] = [0]
        call(&work, &integers)
        guard info == 0 else { return nil }
        work = [Double](repeating: 0, count: max(2, Int(work[0])))
        integers = [blasint](repeating: 0, count: max(2, Int(integers[0])))
        call(&work, &integers)
        return info == 0 && values.allSatisfy(\.isFinite) ? values : nil
    }
}
