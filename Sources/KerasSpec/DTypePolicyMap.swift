/// Keras's policies by paths of layers, as a layer that holds others may be given them.
///
/// Source: keras.dtype_policies.DTypePolicyMap (3.15).
public struct DTypePolicyMap: Sendable {
    /// The policy's name where no path is meant.
    public let fallback: String
    /// Names of policies by path, or by regular expression.
    public let names: [String: String]
    /// A path whose policy quantizes; nil where none does.
    public let quantized: String?

    /// - Parameter dtype: a layer's `dtype`; nil for another policy.
    public init?(_ dtype: ConfigValue?) {
        guard let object = dtype?.object, object["class_name"] == "DTypePolicyMap", let config = object["config"]?.object,
            let map = config["policy_map"]?.object
        else { return nil }
        fallback = Self.name(config["default_policy"] ?? .null) ?? "float32"
        names = Dictionary(uniqueKeysWithValues: map.compactMap { path, policy in Self.name(policy).map { (path, $0) } })
        quantized = map.first { QuantizationPolicy.isQuantized($0.value) }?.key
    }

    private static func name(_ policy: ConfigValue) -> String? {
        policy.string ?? policy.object?["config"]?.object?["name"]?.string
    }
}
