package import KerasSpec
package import Tensors

/// `lora_rank` and `lora_alpha`: a kernel that is adapted by a product of two small matrices.
///
/// Keras's files hold the adapted kernel, and both matrices start from 0 when one is loaded: the product adds nothing, has no
/// gradient, and the kernel isn't trained.
package struct LowRankAdaptation: Hashable, Sendable {
    private var rank: Int
    private var alpha: ConfigValue

    /// nil for a layer without.
    package init?(_ config: inout ConfigReader) throws(LocatedError) {
        let alpha = config.value("lora_alpha")
        guard let value = config.value("lora_rank"), !value.isNull else { return nil }
        guard let rank = value.integer, rank >= 1 else { throw config.wrong("lora_rank", "an integer of at least 1", value) }
        self.rank = rank
        self.alpha = alpha ?? .integer(rank)
    }

    package func encode(into config: inout ConfigObject) {
        config["lora_rank"] = .integer(rank)
        config["lora_alpha"] = alpha
    }
}
