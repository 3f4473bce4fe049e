import ArgumentParser
import SwiftKeras

/// Measures a model on data.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure loss and metrics on data.",
        discussion: """
            DATA: cifar10, mnist (from Keras's cache folder), an .npz with x and y (or x0…, y0…), a folder of CIFAR-10 \
            batches, or a folder with one folder of pictures for each class. Pictures, cifar10 and mnist are multiplied by \
            1/255 unless --rescale says otherwise.
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "What to measure on.", completion: .file())
    var data: String
    @OptionGroup var compile: CompileOptions
    @OptionGroup var pictures: PictureOptions
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "Samples in a batch.")
    var batchSize = 32

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    func run() throws {
        let model = try model.load(common)
        try compile.apply(to: model)
        let samples = try DataReader(model: model, pictures: pictures).read(data).evaluation
        let result = try model.evaluation(samples.x, samples.y, batchSize: batchSize, threads: threads)
        if common.json {
            Terminal.put(json: .object(ConfigObject(uniqueKeysWithValues: result.map { ($0.key, .float($0.value)) })))
        } else {
            Terminal.put(result.map { "\($0.key): \($0.value)\n" }.joined())
        }
    }
}
