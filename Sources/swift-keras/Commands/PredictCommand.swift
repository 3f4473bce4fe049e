import ArgumentParser
import SwiftKeras

/// Runs a model on arrays or pictures.
struct PredictCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "predict", abstract: "Run a model on arrays, pictures or folders of pictures.",
        discussion: """
            Inputs: .npy (one array for each of the model's inputs), .npz (x0, x1…, x, or the model's input names), .csv \
            (a row is a sample), pictures (.png, .jpg) and folders of pictures. Pictures are resized to the model's \
            input and multiplied by 1/255 unless --rescale or --preprocess says otherwise; arrays are taken as they are.
            """)

    @OptionGroup var model: ModelOptions
    @Argument(help: "What to predict.", completion: .file())
    var inputs: [String]
    @OptionGroup var common: CommonOptions
    @OptionGroup var pictures: PictureOptions

    @Option(name: .long, help: "Write the outputs to this .npz as y0, y1…, layers as layer/<name>; a single output also to an .npy, or, a row a sample, to a .csv.", completion: .file())
    var output: String?

    @Option(name: .long, help: "Samples in a batch.")
    var batchSize = 32

    @Option(name: .long, help: "Threads; all cores by default.")
    var threads: Int?

    @Option(name: .long, help: "Also give the output of this layer; may be repeated.")
    var layer: [String] = []

    @Option(name: .long, help: "Names of the classes: cifar10, imagenet, or a file with a name a line.")
    var labels: String?

    @Option(name: .long, help: "How many of the best classes to show.")
    var top: Int?

    @Option(
        name: .long,
        help: "Prepare pictures (and arrays of 0 to 255) as this model of keras.applications wants them: ResNet50, mobilenet_v2, ….")
    var preprocess: String?

    @Option(name: .long, help: "Show so many of ImageNet's classes, with their names: --labels imagenet --top N.")
    var decode: Int?

    func validate() throws {
        if inputs.isEmpty { throw ValidationError("expected at least one INPUT") }
        if batchSize < 1 { throw ValidationError("--batch-size: expected at least 1, got \(batchSize)") }
        if let top, top < 1 { throw ValidationError("--top: expected at least 1, got \(top)") }
        if let decode, decode < 1 { throw ValidationError("--decode: expected at least 1, got \(decode)") }
        if decode != nil, labels != nil || top != nil {
            throw ValidationError("expected --decode or --labels and --top, got both")
        }
        if preprocess != nil, pictures.rescale != nil {
            throw ValidationError("expected --preprocess or --rescale, got both")
        }
    }

    func run() throws {
        let destination = try output.map { (path) throws(LocatedError) in try ArrayFile(path) }
        let model = try model.load(common)
        let labels = try (decode == nil ? labels : "imagenet").map { (name) throws(LocatedError) in try ClassLabels(named: name) }
        let preprocessing = try preprocess.map { (name) throws(LocatedError) in try ImageNet.Preprocessing(for: name) }
        let samples = try InputReader(model: model, pictures: pictures, preprocessing: preprocessing).read(inputs)
        let prediction = try model.predict(samples.tensors, taps: layer, batchSize: batchSize, threads: threads)
        if let destination {
            var arrays = prediction.outputs.enumerated().map { ("y\($0)", $1) }
            for name in layer { if let tensor = prediction.layers[name] { arrays.append(("layer/\(name)", tensor)) } }
            try destination.write(arrays)
            common.note("wrote \(arrays.map { "\($0.0) \($0.1.shape)" }.joined(separator: ", ")) to \(destination.path)")
        }
        let ranking = try ranking(prediction.outputs[0], labels)
        if common.json {
            Terminal.put(json: try document(prediction, model, ranking))
        } else if output == nil || ranking != nil {
            Terminal.put(text(prediction, samples, model, ranking))
        }
    }

    /// The best classes of each sample, when the first output is a row of scores and somebody asked.
    private func ranking(
        _ output: Tensor, _ labels: ClassLabels?
    ) throws(LocatedError) -> [[(label: String, score: Float)]]? {
        let top = top ?? decode
        guard labels != nil || top != nil else { return nil }
        guard output.shape.rank == 2 else {
            throw LocatedError(
                .mismatch, "predict.labels", "expected an output of shape (samples, classes) for --labels and --top, got \(output.shape)")
        }
        let classes = output.shape[1]
        if let labels, labels.names.count != classes {
            throw LocatedError(
                .mismatch, "predict.labels", "expected \(classes) class names, as the model has classes, got \(labels.names.count)")
        }
        let scores = output.floats
        return (0..<output.shape[0]).map { row in
            let best = (0..<classes).sorted { a, b in
                let (x, y) = (scores[row * classes + a], scores[row * classes + b])
                return x != y ? x > y : a < b
            }
            return best.prefix(top ?? 1).map { (labels?.names[$0] ?? String($0), scores[row * classes + $0]) }
        }
    }

    private func document(
        _ prediction: Prediction, _ model: Model, _ ranking: [[(label: String, score: Float)]]?
    ) throws(LocatedError) -> ConfigValue {
        func entry(_ name: String, _ tensor: Tensor) -> ConfigValue {
            ["name": .string(name), "shape": .integers(tensor.shape.dims), "values": tensor.nestedValues]
        }
        let names = try model.outputNames
        var document: ConfigObject = [
            "outputs": .array(zip(names, prediction.outputs).map(entry)),
            "top": .array(
                (ranking ?? []).map { .array($0.map { ["label": .string($0.label), "score": .float(Double($0.score))] }) }),
        ]
        if !layer.isEmpty {
            document["layers"] = .array(layer.compactMap { name in prediction.layers[name].map { entry(name, $0) } })
        }
        return .object(document)
    }

    private func text(
        _ prediction: Prediction, _ samples: InputReader.Samples, _ model: Model,
        _ ranking: [[(label: String, score: Float)]]?
    ) -> String {
        if let ranking {
            return zip(samples.names, ranking).map { name, best in
                "\(name): \(best.map { "\($0.label) \(Double($0.score * 100).fixed(1))%" }.joined(separator: ", "))\n"
            }.joined()
        }
        let width = prediction.outputs.count == 1 ? 0 : 1
        return prediction.outputs.enumerated().map { index, output in
            let rows = output.shape.rank == 0 ? 1 : output.shape[0]
            let values = output.floats
            let stride = rows == 0 ? 0 : values.count / rows
            return (0..<rows).map { row in
                let numbers = values[row * stride..<(row + 1) * stride].map { "\($0)" }.joined(separator: " ")
                let name = row < samples.names.count ? samples.names[row] : String(row)
                return "\(name)\(width == 1 ? " y\(index)" : ""): \(numbers)\n"
            }.joined()
        }.joined()
    }
}

extension Tensor {
    /// Lists within lists, as NumPy's `tolist` gives them.
    fileprivate var nestedValues: ConfigValue {
        let values = floats
        func nest(_ axis: Int, _ start: Int) -> ConfigValue {
            guard axis < shape.rank else { return .float(Double(values[start])) }
            let stride = shape.strides[axis]
            return .array((0..<shape[axis]).map { nest(axis + 1, start + $0 * stride) })
        }
        return nest(0, 0)
    }
}
