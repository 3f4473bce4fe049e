/// How a layer's weights are quantized, as Keras 3's dtype policies and quantization configurations tell.
///
/// Source: keras/src/dtype_policies/dtype_policy.py, quantizers/quantization_config.py (3.15).
public enum QuantizationPolicy: Hashable, Sendable {
    /// Whole numbers of 8 bits with a scale for each output.
    case int8
    /// Two whole numbers in a byte; a scale for each output or, with a block size, for each block of inputs of each output.
    case int4(blockSize: Int?)
    /// Floats that are rounded to 8 bits on their way through; a history of so many greatest values decides the scale.
    case float8(historyLength: Int)
    /// Whole numbers of 2, 3, 4 or 8 bits in blocks with a scale and a zero point each; nil: one block.
    case gptq(bits: Int, groupSize: Int?)
    /// The same of 4 bits, with a scale for each input besides.
    case awq(groupSize: Int?)

    /// - Parameters:
    ///   - dtype: a layer's `dtype`: a serialized policy or its name.
    ///   - settings: its `quantization_config`.
    /// - Returns: nil for a policy of plain floats, and for one that isn't understood.
    public init?(dtype: ConfigValue?, settings: ConfigValue?) {
        let policy = dtype?.object
        guard let mode = policy.map({ $0["config"]?.object?["mode"]?.string }) ?? Self.mode(ofName: dtype?.string) else {
            return nil
        }
        let parts = mode.split(separator: "/", omittingEmptySubsequences: false)
        func size(_ text: Substring) -> Int?? {
            guard let size = Int(text), size == -1 || size >= 1, size < 1 << 31 else { return .none }
            return .some(size == -1 ? nil : size)
        }
        switch (parts[0], parts.count) {
        case ("int8", 1): self = .int8
        case ("int4", 1), ("int4", 2):
            let own = settings?.object
            if own?["class_name"] == "Int4QuantizationConfig" {
                switch own?["config"]?.object?["block_size"] {
                case nil, .null: self = .int4(blockSize: nil)
                case .integer(let number):
                    guard let blockSize = size("\(number)"[...]) else { return nil }
                    self = .int4(blockSize: blockSize)
                default: return nil
                }
            } else if parts.count == 2 {
                guard let blockSize = size(parts[1]) else { return nil }
                self = .int4(blockSize: blockSize)
            } else {
                self = .int4(blockSize: nil)
            }
        case ("float8", 1):
            let length = policy?["config"]?.object?["amax_history_length"]?.integer ?? 1024
            guard length >= 1, length < 1 << 24 else { return nil }
            self = .float8(historyLength: length)
        case ("gptq", 3):
            guard let bits = Int(parts[1]), [2, 3, 4, 8].contains(bits), let groupSize = size(parts[2]) else { return nil }
            self = .gptq(bits: bits, groupSize: groupSize)
        case ("awq", 3):
            guard parts[1] == "4", let groupSize = size(parts[2]) else { return nil }
            self = .awq(groupSize: groupSize)
        default: return nil
        }
    }

    /// Whether a `dtype` is of a quantized layer, understood or not.
    public static func isQuantized(_ dtype: ConfigValue?) -> Bool {
        if let name = dtype?.object?["class_name"]?.string {
            return name.hasSuffix("DTypePolicy") && name != "DTypePolicy" && name != "FloatDTypePolicy"
        }
        return mode(ofName: dtype?.string) != nil
    }

    /// The mode in `int8_from_float32`.
    private static func mode(ofName name: String?) -> String? {
        guard let name, let range = name.range(of: "_from_") else { return nil }
        return String(name[..<range.lowerBound])
    }
}

extension String {
    /// The first place of `text`.
    fileprivate func range(of text: String) -> Range<Index>? {
        var start = startIndex
        while start < endIndex {
            if self[start...].hasPrefix(text) { return start..<index(start, offsetBy: text.count) }
            start = index(after: start)
        }
        return nil
    }
}
