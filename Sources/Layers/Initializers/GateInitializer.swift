internal import KerasSpec

/// Initializers that an LSTM makes of the ones it was given. They stand in weight slots only, never in a file.
enum GateInitializer {
    static let unitForgetBias = "swift-keras>UnitForgetBias"
    static let recurrentIdentity = "swift-keras>RecurrentIdentity"

    /// Ones for the forget gate (the second quarter of a vector), `initializer`'s values for the others.
    static func unitForgetBias(_ initializer: Initializer) -> ConfigValue {
        ["class_name": .string(unitForgetBias), "config": ["initializer": initializer.config]]
    }

    /// What a recurrent kernel's initializer means there: `Identity` is one identity matrix for each gate.
    static func recurrent(_ initializer: Initializer) -> ConfigValue {
        guard let serialized = Serialized(initializer.config),
            ["Identity", "IdentityInitializer", "identity"].contains(serialized.className)
        else { return initializer.config }
        return ["class_name": .string(recurrentIdentity), "config": .object(serialized.config)]
    }
}
