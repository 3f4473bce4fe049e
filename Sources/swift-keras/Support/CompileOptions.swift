import ArgumentParser
import SwiftKeras

/// Compile settings on the command line, in place of those in the file.
struct CompileOptions: ParsableArguments {
    @Option(name: .long, help: "Keras's name of the loss, such as categorical_crossentropy.")
    var loss: String?

    @Option(name: .long, help: "Names of metrics, with commas between: accuracy.")
    var metrics: String?

    /// Compiles the model when something was given; keeps what the file says otherwise.
    ///
    /// - Parameter optimizer: the optimizer that was asked for.
    /// - Returns: what people should know.
    @discardableResult
    func apply(to model: Model, optimizer: (any Optimizer)? = nil) throws(LocatedError) -> [String] {
        guard loss != nil || metrics != nil || optimizer != nil else { return [] }
        var settings = try model.compileSettings()
        if let loss {
            let value = try locating("--loss") { () throws(LocatedError) in try Loss(named: loss) }
            settings = CompileSettings(
                optimizer: settings?.optimizer ?? RMSprop(), loss: .all(value), metrics: settings?.metrics ?? .all([]))
        }
        guard var settings else {
            throw LocatedError(
                .usage, "model.notCompiled", "expected compile settings in the file or --loss, got neither",
                at: ["--loss"])
        }
        if let metrics {
            var list: [Metric] = []
            for name in metrics.split(separator: ",") {
                list.append(try locating("--metrics") { () throws(LocatedError) in try Metric(named: String(name)) })
            }
            settings.metrics = .all(list)
        }
        if let optimizer { settings.optimizer = optimizer }
        let isStateLost = try model.recompile(settings)
        return isStateLost ? ["another optimizer than the file's: its state is not gone on from"] : []
    }
}
