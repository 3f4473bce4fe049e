import KerasSpec

/// Names of losses as Keras 3 finds them in a whole-model `.h5`.
///
/// `losses.deserialize` of 3.0 to 3.15 looks short names up among the metrics and refuses them (`keras.metrics.mse`), even in
/// files that the same Keras wrote; the functions' own names it finds.
enum Keras3Losses {
    private static let shortNames: Set<String> = [
        "mse", "MSE", "mae", "MAE", "mape", "MAPE", "msle", "MSLE", "kld", "KLD", "bce", "BCE",
    ]

    /// Training settings for the attribute `training_config`, with losses by names that Keras 3 finds there.
    static func findable(_ training: TrainingSpec) -> TrainingSpec {
        guard training.dialect == .keras3, let loss = training.compileSettings["loss"] else { return training }
        var result = training
        result.compileSettings["loss"] = findable(loss)
        return result
    }

    private static func findable(_ loss: ConfigValue) -> ConfigValue {
        switch loss {
        case .string(let name) where shortNames.contains(name): LossNames.known(as: name).map { .string($0.function) } ?? loss
        case .array(let items): .array(items.map(findable))
        case .object(let object) where object["class_name"] == nil: .object(object.mapValues(findable))
        default: loss
        }
    }
}
