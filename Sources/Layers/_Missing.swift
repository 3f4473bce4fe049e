package import Tensors

// Removed when the recurrent op is there.
extension BatchNormalization {
    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        throw LocatedError(.unsupported, "layer.pending", "BatchNormalization is not computed yet")
    }
}
extension LSTM {
    package func lower(_ inputs: [Signal], _ context: LoweringContext) throws(LocatedError) -> [Signal] {
        throw LocatedError(.unsupported, "layer.pending", "LSTM is not computed yet")
    }
}
