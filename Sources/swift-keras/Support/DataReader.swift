import ArgumentParser
import SwiftKeras

/// How the DATA of evaluate and train is got.
struct DataOptions: ParsableArguments {
    @Flag(name: .long, help: "Don't download a data set that isn't in Keras's cache.")
    var noDownload = false

    @Option(name: .long, help: "Words of each text of imdb and reuters, the last ones; the model's input unless given, else the longest text's.")
    var sequenceLength: Int?

    func validate() throws {
        if let sequenceLength, sequenceLength < 1 { throw ValidationError("--sequence-length: expected 1 or more") }
    }
}

/// Reads the DATA of evaluate and train, as the model takes it.
struct DataReader {
    let model: Model
    let pictures: PictureOptions
    var options: DataOptions?

    /// What a command works on: samples, already rescaled.
    struct Samples {
        var x: [Tensor]
        var y: [Tensor]
    }

    func read(
        _ name: String
    ) throws(LocatedError) -> (training: Samples, evaluation: Samples, classNames: [String]?) {
        var reading = LabeledData.PictureReading(interpolation: pictures.interpolation)
        if let input = try? model.pictureInput() {
            if let rows = input.rows, let columns = input.columns { reading.targetSize = (rows, columns) }
            if input.channels == 1 { reading.colorMode = .grayscale }
            if input.channels == 4 { reading.colorMode = .rgba }
        }
        if let size = pictures.targetSize?.values { reading.targetSize = (size[0], size[1]) }
        var words = (try? model.wordInput()) ?? LabeledData.WordReading()
        if let length = options?.sequenceLength { words.form = .sequences(length: length) }
        let data = try LabeledData.load(
            name, pictures: reading, words: words, downloads: options?.noDownload == true ? .never : .automatic)
        let scale = pictures.rescale?.value ?? data.rescale
        func samples(_ part: LabeledData.Part) -> Samples {
            Samples(x: part.x.map { x in scale.map { x.rescaled(by: $0) } ?? x }, y: part.y)
        }
        return (samples(data.training), samples(data.evaluation), data.classNames)
    }
}

extension Tensor {
    /// Times a factor; divided where the factor is one by a whole number, as `x / 255` is.
    func rescaled(by factor: Double) -> Tensor {
        let inverse = (1 / factor).rounded()
        return factor != 0 && inverse * factor == 1 ? self / inverse : self * factor
    }
}
