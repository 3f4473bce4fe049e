import KerasSpec

/// Meanings that are a version's or a backend's, not their generation's.
enum BackendRules {
    /// Says them in a model that was read.
    static func settle(_ spec: inout ModelSpec) {
        VarianceRules.settle(&spec)
        LeakRules.settle(&spec)
    }

    /// The same, without notes, for a model whose origin another one tells.
    static func settle(_ spec: inout ModelSpec, as provenance: Provenance) {
        VarianceRules.settle(&spec, as: provenance)
        LeakRules.settle(&spec, as: provenance)
    }
}
