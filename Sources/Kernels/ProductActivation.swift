import CKernels

/// What products and convolutions do with their results before they write them.
package enum ProductActivation: Hashable, Sendable {
    case none
    /// max(·, 0).
    case rectifier
    /// min(max(·, 0), 6).
    case rectifierToSix

    /// `activation` as far as a product can do it; `.none` for all others, which come afterwards.
    package init(_ activation: Activation) {
        switch activation {
        case .rectifier: self = .rectifier
        case .relu(negativeSlope: 0, maxValue: 6, threshold: 0): self = .rectifierToSix
        default: self = .none
        }
    }

    func flags(accumulate: Bool) -> UInt32 {
        productFlags(accumulate: accumulate, rectify: self != .none)
            | (self == .rectifierToSix ? UInt32(CK_PRODUCT_SIX) : 0)
    }
}
