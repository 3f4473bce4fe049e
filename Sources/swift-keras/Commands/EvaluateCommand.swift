import ArgumentParser
import SwiftKeras

/// Measures a model on data.
struct EvaluateCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "evaluate", abstract: "Measure loss and metrics on data.",
        discussion: """
            DATA: mnist, fashion_mnist, cifar10, cifar100, imdb, reuters, boston_housing, california_housing (from Keras's \
            cache folder, downloaded when absent), an .npz with x and y (or x0…, y0…), CIFAR's files as a folder or an \
            archive, or a folder with one folder of pictures for each class. Pictures are multiplied by 1/255 unless \
            --rescale says otherwise.

            --report DIR writes what is told of each class: report.json, report.txt, classes.csv (precision, recall, F1, \
            samples), confusion.csv, confusion.svg and confusion.png. --groups FILE.csv has a line for each sample under a \
            line of names: how the model does on each group of samples, and how far groups are apart.
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "What to measure on.", completion: .file())
    var data: String
    @OptionGroup var compile: CompileOptions
    @OptionGroup var pictures: PictureOptions
    @OptionGroup var source: DataOptions
    @OptionGroup var common: CommonOptions

    @Option(name: .long, help: "Samples in a batch.")
    var batchSize = 32

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    @Option(name: .long, help: "A folder for tables and pictures of what is told of each class.", completion: .directory)
    var report: String?

    @Option(name: .long, help: "Names of the classes: cifar10, imagenet, or a file with a name a line.", completion: .file())
    var labels: String?

    @Option(name: .long, help: "A .csv with a group for each sample in each column, and names of the columns.", completion: .file())
    var groups: String?

    @Option(name: .long, help: "Groups of fewer samples are marked, and left out of the gaps.")
    var smallestGroup = 30

    func run() throws {
        let groups = try groups.map { (path) throws(LocatedError) in try SampleGroups(contentsOf: path) }
        let folder = try report.map { (path) throws(LocatedError) in try ReportFolder(path) }
        let names = try labels.map { (name) throws(LocatedError) in try ClassLabels(named: name).names }
        let model = try model.load(common)
        try compile.apply(to: model)
        let data = try DataReader(model: model, pictures: pictures, options: source).read(data)
        let samples = data.evaluation
        let progress = common.quiet || !Terminal.isInteractive ? [] : [TestProgressLogger.toStandardError()]
        let result = try model.evaluation(
            samples.x, samples.y, batchSize: batchSize, callbacks: progress, threads: threads)
        var document = ConfigObject(uniqueKeysWithValues: result.map { ($0.key, .float($0.value)) })
        var text = result.map { "\($0.key): \($0.value)\n" }.joined()
        if let folder {
            // Names that the data tell are taken as far as they fit.
            let reports = try model.classReports(samples.x, samples.y, labels: names, batchSize: batchSize, threads: threads)
                .mapValues { names == nil ? $0.named(data.classNames) : $0 }
            let objects = reports.mapValues(\.json)
            document["report"] = objects.count == 1 ? objects.first?.value : .object(ConfigObject(uniqueKeysWithValues: objects.sorted { $0.key < $1.key }))
            for (output, report) in reports.sorted(by: { $0.key < $1.key }) {
                text += "\n" + (reports.count > 1 ? "\(output)\n" : "") + report.text
                try folder.write(report, metrics: result, in: reports.count > 1 ? output : nil)
            }
        }
        if let groups {
            let reports = try model.groupReports(
                samples.x, samples.y, groups: groups, smallest: smallestGroup, batchSize: batchSize, threads: threads)
            document["groups"] = .array(reports.map(\.json))
            let table = reports.map { "\n" + $0.text }.joined()
            text += table
            try folder?.write([("groups.json", ConfigValue.array(reports.map(\.json)).jsonText + "\n"), ("groups.txt", String(table.dropFirst()))])
        }
        if common.json { Terminal.put(json: .object(document)) } else { Terminal.put(text) }
    }
}
