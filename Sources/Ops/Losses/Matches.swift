package import Graphs
import Kernels
package import Tensors

/// Where predictions are right: 1 or 0 a row, or the share of a row. What accuracy is the mean of. Has no derivative.
///
/// Inputs: predictions (…, n), targets (…, n) or, when sparse, class numbers (…) or (…, 1) of type int32; output (…).
package struct Matches: Op {
    package enum Kind: String, Hashable, Sendable, CaseIterable {
        /// Both have their largest element at one place.
        case categorical
        /// The largest element is at the class's number.
        case sparse
        /// Elements that equal their target when rounded, halves to even: Keras 1 and 2.
        case rounded
        /// Elements that are above 1/2 just where the target is 1: tf.keras, Keras 3.
        case threshold
    }

    package var kind: Kind

    package init(_ kind: Kind) { self.kind = kind }

    package var name: String { "\(kind.rawValue)_matches" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        kind == .sparse ? try sparseLossOutputs(name, inputs) : try lossOutputs(name, inputs)
    }

    package func bound(to site: Site) -> any BoundOp {
        var site = site
        site.wantsGradient = site.wantsGradient.map { _ in false }
        return BoundRowLoss(Rows(kind: kind), site)
    }
}

private struct Rows: RowLoss {
    let kind: Matches.Kind
    var nanoseconds: Double { 1 }
    var statistics: Int { 0 }

    func forward(_ rows: LossRows) {
        let (x, matches) = (rows.predictions, rows.losses)
        switch kind {
        case .categorical: categoricalMatches(x, rows.floats, matches, rows: rows.count, columns: rows.columns)
        case .sparse: sparseMatches(x, rows.labels, matches, rows: rows.count, columns: rows.columns)
        case .rounded: binaryMatches(x, rows.floats, threshold: false, matches, rows: rows.count, columns: rows.columns)
        case .threshold: binaryMatches(x, rows.floats, threshold: true, matches, rows: rows.count, columns: rows.columns)
        }
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {}
}
