package import Graphs
import Kernels
package import Tensors

/// The mean over the last axis of (x − t)², or of |x − t|.
///
/// Inputs: predictions (…, n), targets (…, n); output (…).
package struct MeanError: Op {
    package enum Kind: String, Hashable, Sendable, CaseIterable { case squared, absolute }

    package var kind: Kind

    package init(_ kind: Kind) { self.kind = kind }

    package var name: String { "mean_\(kind.rawValue)_error" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] { try lossOutputs(name, inputs) }

    package func bound(to site: Site) -> any BoundOp { BoundRowLoss(Rows(kind: kind), site) }
}

private struct Rows: RowLoss {
    let kind: MeanError.Kind
    var nanoseconds: Double { 0.4 }
    var statistics: Int { 0 }

    func forward(_ rows: LossRows) {
        let function = kind == .squared ? meanSquaredError : meanAbsoluteError
        function(rows.predictions, rows.floats, rows.losses, rows.count, rows.columns)
    }

    func backward(_ rows: LossRows, arriving: UnsafePointer<Float>) {
        guard let gradient = rows.gradient else { return }
        let function = kind == .squared ? meanSquaredErrorGradient : meanAbsoluteErrorGradient
        function(rows.predictions, rows.floats, arriving, gradient, rows.count, rows.columns, rows.accumulates)
    }
}
