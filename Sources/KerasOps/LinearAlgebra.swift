internal import Graphs
internal import Ops
public import Tensors

// Products of matrices. Source: keras/src/ops/numpy.py (3.15).

extension ops {
    /// (…, K) times (K, N).
    public static func matmul(_ x: Symbol, _ w: Symbol) throws(LocatedError) -> Symbol {
        try x.floating().applying(MatMul(hasBias: false), try w.floating())
    }
}
