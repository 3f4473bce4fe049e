import CKernels

/// Attention of one head: softmax(factor · Q Kᵀ) V, a block of queries at a time, so that their scores stay in a cache.
///
/// Rows of Q, K, V and of the outputs may lie anywhere at one distance, as those of one head among others do.
package struct HeadAttentionKernel: Hashable, Sendable {
    /// Steps that are attended to.
    package let steps: Int
    /// Elements of a query and a key; of a value.
    package let width: Int
    package let valueWidth: Int
    /// What scores are multiplied by, above 0.
    package let factor: Float

    package init(steps: Int, width: Int, valueWidth: Int, factor: Float) {
        self.steps = steps
        self.width = width
        self.valueWidth = valueWidth
        self.factor = factor
    }

    /// Which steps queries see: an array of bytes, 0 or 1.
    package struct Mask {
        package var start: UnsafePointer<UInt8>
        /// From a query to the next, and from a step to the next (0 or 1).
        package var rowStep: Int
        package var columnStep: Int

        package init(_ start: UnsafePointer<UInt8>, rowStep: Int, columnStep: Int) {
            self.start = start
            self.rowStep = rowStep
            self.columnStep = columnStep
        }
    }

    private var keys: PackedMatrix { PackedMatrix(k: width, n: steps) }
    private var values: PackedMatrix { PackedMatrix(k: steps, n: valueWidth) }
    /// From a row of scores to the next.
    private var pitch: Int { (steps + 15) / 16 * 16 }
    /// Queries whose scores are made at once: 128 KB of them.
    private var block: Int { min(128, max(8, 32768 / max(1, pitch) / 8 * 8)) }
    private var scoresCount: Int { block * pitch }

    /// Elements of workspace for `forward`, and for `backward`; 64-byte aligned.
    package var forwardWorkspace: Int { keys.count + values.count + scoresCount + block }
    package var backwardWorkspace: Int { sgemmWorkspace + keys.count + 2 * scoresCount + block }

    /// The least score of a step that the mask leaves out, before `factor`: as Keras has it, 0.7 of the largest number.
    private var hidden: Float { -0.7 * Float.greatestFiniteMagnitude }

    /// Weights of `rows` queries, each divided by `sums`, from packed keys.
    private func weigh(
        _ rows: Int, _ q: UnsafePointer<Float>, stride: Int, keys packed: UnsafePointer<Float>, mask: Mask?,
        to weights: UnsafeMutablePointer<Float>, inverse: UnsafeMutablePointer<Float>
    ) {
        keys.product(rows, q, lda: stride, packed: packed, to: weights, ldc: pitch, accumulate: false)
        if let mask {
            ck_attention_mask(weights, rows, steps, pitch, mask.start, mask.rowStep, mask.columnStep, hidden)
        }
        ck_attention_weights(weights, rows, steps, pitch, factor, inverse)
    }

    /// - Parameters:
    ///   - count: queries.
    ///   - strides: from a row to the next: of queries, keys, values and outputs.
    package func forward(
        _ count: Int, _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, mask: Mask?,
        strides: (q: Int, k: Int, v: Int, output: Int), to output: UnsafeMutablePointer<Float>,
        workspace: UnsafeMutablePointer<Float>
    ) {
        let packedKeys = workspace, packedValues = packedKeys + keys.count
        let weights = packedValues + values.count, inverse = weights + scoresCount
        keys.packTransposed(k, stride: strides.k, to: packedKeys)
        values.pack(v, stride: strides.v, to: packedValues)
        var first = 0
        while first < count {
            let rows = min(block, count - first)
            var part = mask
            part?.start += first * (mask?.rowStep ?? 0)
            weigh(rows, q + first * strides.q, stride: strides.q, keys: packedKeys, mask: part, to: weights, inverse: inverse)
            let y = output + first * strides.output
            values.product(rows, weights, lda: pitch, packed: packedValues, to: y, ldc: strides.output, accumulate: false)
            ck_scale_rows(y, rows, valueWidth, strides.output, inverse)
            first += rows
        }
    }

    /// Where a gradient goes, rows at one distance; nil when nobody wants it.
    package struct Target {
        package var start: UnsafeMutablePointer<Float>
        package var stride: Int
        package var accumulates: Bool

        package init?(_ start: UnsafeMutablePointer<Float>?, offset: Int, stride: Int, accumulates: Bool) {
            guard let start else { return nil }
            self.start = start + offset
            self.stride = stride
            self.accumulates = accumulates
        }
    }

    /// Gradients from the outputs' gradient `dy`, whose rows lie as the outputs'; weights are made anew.
    package func backward(
        _ count: Int, _ q: UnsafePointer<Float>, _ k: UnsafePointer<Float>, _ v: UnsafePointer<Float>, mask: Mask?,
        strides: (q: Int, k: Int, v: Int, output: Int), _ dy: UnsafePointer<Float>, dq: Target?, dk: Target?, dv: Target?,
        workspace: UnsafeMutablePointer<Float>
    ) {
        let packedKeys = workspace + sgemmWorkspace, weights = packedKeys + keys.count
        let slopes = weights + scoresCount, inverse = slopes + scoresCount
        keys.packTransposed(k, stride: strides.k, to: packedKeys)
        var first = 0
        while first < count {
            let rows = min(block, count - first)
            let queries = q + first * strides.q, gradient = dy + first * strides.output
            var part = mask
            part?.start += first * (mask?.rowStep ?? 0)
            weigh(rows, queries, stride: strides.q, keys: packedKeys, mask: part, to: weights, inverse: inverse)
            ck_scale_rows(weights, rows, steps, pitch, inverse)
            if let dv {
                sgemm(
                    transposeA: true, steps, valueWidth, rows, weights, lda: pitch, gradient, ldb: strides.output, dv.start,
                    ldc: dv.stride, accumulate: dv.accumulates || first > 0, workspace: workspace)
            }
            if dq != nil || dk != nil {
                sgemm(
                    transposeB: true, rows, steps, valueWidth, gradient, lda: strides.output, v, ldb: strides.v, slopes,
                    ldc: pitch, workspace: workspace)
                for row in 0..<rows {
                    let slope = slopes + row * pitch
                    ck_softmax_rows_gradient(weights + row * pitch, slope, slope, 1, steps, false)
                }
                if let part { ck_attention_mask(slopes, rows, steps, pitch, part.start, part.rowStep, part.columnStep, 0) }
                for row in 0..<rows { (inverse + row).pointee = factor }
                ck_scale_rows(slopes, rows, steps, pitch, inverse)
            }
            if let dq {
                sgemm(
                    rows, width, steps, slopes, lda: pitch, k, ldb: strides.k, dq.start + first * dq.stride, ldc: dq.stride,
                    accumulate: dq.accumulates, workspace: workspace)
            }
            if let dk {
                sgemm(
                    transposeA: true, steps, width, rows, slopes, lda: pitch, queries, ldb: strides.q, dk.start,
                    ldc: dk.stride, accumulate: dk.accumulates || first > 0, workspace: workspace)
            }
            first += rows
        }
    }
}
