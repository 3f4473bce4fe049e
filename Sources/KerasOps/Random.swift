internal import Graphs
internal import Ops
package import Tensors

extension ops {
    /// Sets a share of the elements to zero and scales the others up.
    ///
    /// - Parameter stream: tells this place of a model from others.
    package static func dropout(_ x: Symbol, rate: Double, stream: UInt64) throws(LocatedError) -> Symbol {
        try x.floating().applying(Dropout(rate: Float(rate), stream: stream))
    }
}
