import CKernels
import Foundation
import Testing

@testable import Kernels

/// The passes of attention, by each family of processors that is at hand.
struct AttentionKernelTests {
    static let families: [ck_family] = [CK_FAMILY_BASELINE, CK_FAMILY_AVX2, CK_FAMILY_AVX512].filter {
        $0.rawValue <= ck_family_at_hand().rawValue
    }

    @Test(arguments: [1, 2, 7, 16, 31, 32, 33, 64, 100, 129]) func weights(_ columns: Int) {
        let (rows, stride) = (5, 160)
        var scores = [Float](repeating: 5, count: rows * stride)
        for index in scores.indices { scores[index] = Float(index * 7919 % 2003) / 100 - 10 }
        for family in Self.families {
            var weights = scores
            var inverse = [Float](repeating: .nan, count: rows)
            ck_attention_weights_by(family, &weights, rows, columns, stride, 0.6, &inverse)
            for row in 0..<rows {
                let x = scores[row * stride..<row * stride + columns].map(Double.init)
                let top = x.max()!, sum = x.reduce(0) { $0 + exp(Double(Float(0.6)) * ($1 - top)) }
                for (column, value) in x.enumerated() {
                    let distance = Double(Float(0.6)) * (value - top)
                    let exact = exp(distance) / sum
                    let error = abs(Double(weights[row * stride + column]) * Double(inverse[row]) - exact)
                    #expect(error <= 1e-7 * (4 + abs(distance)) * exact)
                }
                // What lies behind a row stays.
                for column in columns..<stride { #expect(weights[row * stride + column] == scores[row * stride + column]) }
            }
        }
    }

    @Test func extremes() {
        let low = -0.7 * Float.greatestFiniteMagnitude
        let rows: [[Float]] = [
            [Float](repeating: low, count: 40), [3] + [Float](repeating: low, count: 39), [Float](repeating: 0, count: 39) + [.nan],
            [Float](repeating: -.infinity, count: 40), [1] + [Float](repeating: -.infinity, count: 39),
        ]
        for family in Self.families {
            var scores = rows.flatMap { $0 }
            var inverse = [Float](repeating: .nan, count: rows.count)
            ck_attention_weights_by(family, &scores, rows.count, 40, 40, 0.5, &inverse)
            let weights = scores.enumerated().map { $1 * inverse[$0 / 40] }
            let areEqual = weights[..<40].allSatisfy { abs($0 - 1 / 40) < 1e-8 }
            let vanish = (weights[41..<80] + weights[161...]).allSatisfy { $0 < 1e-37 }
            let areNaN = weights[80..<160].allSatisfy { $0.isNaN }
            #expect(areEqual && vanish && areNaN)
            #expect(weights[40] == 1 && weights[160] == 1)
        }
    }

    @Test(arguments: [1, 3, 16, 40, 128, 5000]) func normalizing(_ columns: Int) {
        let rows = 3
        let x = (0..<rows * columns).map { Float($0 * 7919 % 2003) / 500 + 3 }
        let scale = (0..<columns).map { Float($0 % 7) - 2 }, shift = (0..<columns).map { Float($0 % 5) }
        for family in Self.families {
            for kind in [CK_NORM_LAYER, CK_NORM_VARIANCE, CK_NORM_RMS, CK_NORM_UNIT] {
                var (mean, factor) = ([Float](repeating: 0, count: rows), [Float](repeating: 0, count: rows))
                var plain = [Float](repeating: .nan, count: x.count), y = plain
                ck_normalize_rows(kind, x, &plain, &mean, &factor, rows, columns, 1e-3)
                ck_normalize_rows_affine_by(family, kind, x, nil, nil, &y, rows, columns, 1e-3)
                for (a, b) in zip(y, plain) { #expect(abs(a - b) <= 5e-6 * max(1, abs(b))) }
                ck_normalize_rows_affine_by(family, kind, x, scale, shift, &y, rows, columns, 1e-3)
                for index in y.indices {
                    let expected = plain[index] * scale[index % columns] + shift[index % columns]
                    #expect(abs(y[index] - expected) <= 1e-5 * max(1, abs(expected)))
                }
            }
        }
    }
}
