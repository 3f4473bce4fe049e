package import KerasSpec
package import Tensors

/// What a weight's size adds to the loss: l1·Σ|w| + l2·Σw².
package struct WeightRegularizer: Hashable, Sendable {
    package var l1: Double
    package var l2: Double

    package init(l1: Double = 0, l2: Double = 0) {
        self.l1 = l1
        self.l2 = l2
    }

    /// From Keras's serialized form; nil for null and where both factors are zero.
    package init?(config value: ConfigValue) throws(LocatedError) {
        if value.isNull { return nil }
        // Keras 1 may have left out the class: a pair of factors is one all the same.
        let settings = value.object?["config"]?.object ?? (value.object?["class_name"] == nil ? value.object : nil) ?? [:]
        let name = value.string ?? value.object?["class_name"]?.string ?? (settings["l1"] != nil || settings["l2"] != nil ? "L1L2" : "")
        let plain = name.lowercased().filter { $0 != "_" }
        guard ["l1", "l2", "l1l2", "weightregularizer"].contains(plain) else {
            throw LocatedError(
                .unsupported, "regularizer.unsupported",
                "expected L1, L2 or L1L2, got \(name.isEmpty ? value.summary : "\"\(name)\"")")
        }
        var reader = ConfigReader(settings)
        // A bare name stands for Keras's default of that function, the class's is zero.
        let isFunction = value.string != nil && name == name.lowercased()
        let l1 = try reader.optionalNumber("l1") ?? (plain == "l1" || (isFunction && plain == "l1l2") ? 0.01 : 0)
        let l2 = try reader.optionalNumber("l2") ?? (plain == "l2" || (isFunction && plain == "l1l2") ? 0.01 : 0)
        reader.ignore("name")
        try reader.finish()
        if l1 == 0 && l2 == 0 { return nil }
        self.init(l1: l1, l2: l2)
    }
}
