import CKernels
import TestSupport
import Testing

/// The kernels of every processor family that this one has, since ops only ever run one of them.
@Suite struct ProductTests {
    static let families: [ck_family] = {
        [CK_FAMILY_BASELINE, CK_FAMILY_AVX2, CK_FAMILY_AVX512].filter { $0.rawValue <= ck_family_at_hand().rawValue }
    }()

    private func values(_ random: inout TestRandom, _ count: Int) -> [Float] {
        (0..<count).map { _ in Float(random.next() >> 40) / 8_388_608 - 1 }
    }

    @Test(arguments: families, [1, 2, 3, 5, 6, 7, 8, 9, 16, 33])
    func blocksOfAllSizes(family: ck_family, rows: Int) {
        var random = TestRandom(UInt64(rows))
        for columns in [1, 4, 7, 8, 12, 15, 16, 17, 31, 32, 33, 48, 70] {
            let (segments, length, step) = (3, 5, 2)
            let a = values(&random, rows * 40 + 40)
            let b = values(&random, segments * length * columns)
            let bias = values(&random, columns)
            let before = values(&random, rows * columns)
            let panels = (columns + Int(CK_PANEL) - 1) / Int(CK_PANEL)
            var packed = [Float](repeating: .nan, count: panels * segments * length * Int(CK_PANEL))
            ck_pack_panels(b, columns, segments * length, columns, &packed, segments * length * Int(CK_PANEL))
            let extents = ck_product_extents(
                rows: 1, columns: rows, a_column: 40, c_column: columns, segments: segments, length: length, step: step,
                n: columns, b_panel: segments * length * Int(CK_PANEL), b_row: Int(CK_PANEL))
            let offsets = [0, 11, 23]
            for (adds, rectifies, biased) in [(false, false, false), (true, false, true), (true, true, true)] {
                var c = before
                let flags = UInt32((adds ? CK_PRODUCT_ADD : 0) | (rectifies ? CK_PRODUCT_RECTIFY : 0))
                if biased {
                    ck_product_by(family, extents, a, [0], offsets, packed, &c, [0], bias, flags)
                } else {
                    ck_product_by(family, extents, a, [0], offsets, packed, &c, [0], nil, flags)
                }
                for row in 0..<rows {
                    for column in 0..<columns {
                        var sum = (adds ? Double(before[row * columns + column]) : 0) + (biased ? Double(bias[column]) : 0)
                        for segment in 0..<segments {
                            for k in 0..<length {
                                sum += Double(a[row * 40 + offsets[segment] + k * step])
                                    * Double(b[(segment * length + k) * columns + column])
                            }
                        }
                        if rectifies { sum = max(sum, 0) }
                        if abs(Double(c[row * columns + column]) - sum) > 1e-5 {
                            Issue.record("\(columns) columns: (\(row), \(column)) is \(c[row * columns + column]), expected \(sum)")
                            return
                        }
                    }
                }
            }
        }
    }

    /// The inner sum is cut into passes.
    @Test(arguments: families, [(1, 3000), (70, 20), (3, 900)])
    func longSums(family: ck_family, cut: (segments: Int, length: Int)) {
        var random = TestRandom(9)
        let (rows, columns) = (5, 40)
        let depth = cut.segments * cut.length
        let a = values(&random, rows * depth), b = values(&random, depth * columns), bias = values(&random, columns)
        var packed = [Float](repeating: .nan, count: 2 * depth * Int(CK_PANEL))
        ck_pack_panels(b, columns, depth, columns, &packed, depth * Int(CK_PANEL))
        var c = [Float](repeating: .nan, count: rows * columns)
        ck_product_by(
            family,
            ck_product_extents(
                rows: rows, columns: 1, a_column: 0, c_column: 0, segments: cut.segments, length: cut.length, step: 1,
                n: columns, b_panel: depth * Int(CK_PANEL), b_row: Int(CK_PANEL)),
            a, (0..<rows).map { $0 * depth }, (0..<cut.segments).map { $0 * cut.length }, packed, &c,
            (0..<rows).map { $0 * columns }, bias, UInt32(CK_PRODUCT_RECTIFY))
        for row in 0..<rows {
            for column in 0..<columns {
                var sum = Double(bias[column])
                for k in 0..<depth { sum += Double(a[row * depth + k]) * Double(b[k * columns + column]) }
                #expect(abs(Double(c[row * columns + column]) - max(sum, 0)) < 1e-4)
            }
        }
    }

    @Test(arguments: families, [1, 3, 15, 64, 130, 300]) func oneRow(family: ck_family, columns: Int) {
        var random = TestRandom(11)
        let x = values(&random, 37), w = values(&random, 37 * (columns + 3))
        var y = [Float](repeating: .nan, count: columns)
        ck_row_product_by(family, x, w, columns + 3, 37, columns, &y)
        for column in 0..<columns {
            let sum = (0..<37).reduce(0.0) { $0 + Double(x[$1]) * Double(w[$1 * (columns + 3) + column]) }
            #expect(abs(Double(y[column]) - sum) < 1e-5)
        }
    }

    @Test(arguments: [false, true], [false, true]) func matrixProduct(transposesA: Bool, transposesB: Bool) {
        var random = TestRandom(12)
        for (m, n, k) in [(1, 1, 1), (9, 16, 5), (130, 70, 260), (40, 33, 600), (3, 200, 0), (5, 32, 7)] {
            let a = values(&random, m * k + 1), b = values(&random, k * n + 1), before = values(&random, m * n)
            let (lda, ldb) = (transposesA ? m : k, transposesB ? k : n)
            var workspace = [Float](repeating: .nan, count: Int(CK_MATRIX_WORKSPACE) + 16)
            for spacious in [false, true] {
                var c = before
                workspace.withUnsafeMutableBufferPointer { workspace in
                    ck_matrix_product(
                        transposesA ? 1 : 0, transposesB ? 1 : 0, m, n, k, a, lda, b, ldb, &c, n, nil, UInt32(CK_PRODUCT_ADD),
                        spacious ? workspace.baseAddress : nil)
                }
                for row in stride(from: 0, to: m, by: max(1, m / 13)) {
                    for column in stride(from: 0, to: n, by: max(1, n / 17)) {
                        var sum = Double(before[row * n + column])
                        for i in 0..<k {
                            sum += Double(a[transposesA ? i * lda + row : row * lda + i])
                                * Double(b[transposesB ? column * ldb + i : i * ldb + column])
                        }
                        #expect(abs(Double(c[row * n + column]) - sum) < 1e-4)
                    }
                }
            }
        }
    }
}
