package import Datasets
internal import Graphs
package import KerasSpec
internal import Layers
internal import Tensors

extension Model {
    /// Names of the inputs, in order.
    public var inputNames: [String] { get throws(LocatedError) { try program().inputNames } }

    /// Names of the outputs, in order: the layers that make them.
    public var outputNames: [String] { get throws(LocatedError) { try program().outputNames } }

    /// How texts become the model's only input: sequences of numbers below the first Embedding's size where there is one, else rows with
    /// a column for each word. Throws 67 `input.words` for a model with another input.
    package func wordInput() throws(LocatedError) -> LabeledData.WordReading {
        guard let inputs = try program().declaredInputs, inputs.count == 1, inputs[0].shape.rank == 2 else {
            throw LocatedError(.mismatch, "input.words", "expected a model with one input of shape (None, length) for texts, got another")
        }
        let length = inputs[0].shape.dims[1]
        guard let embedding = spec.layers.first(where: { $0.className == "Embedding" }) else {
            return LabeledData.WordReading(.rows, words: length)
        }
        guard case .integer(let words)? = embedding.config["input_dim"] else { return LabeledData.WordReading(.sequences(length: length)) }
        return LabeledData.WordReading(.sequences(length: length), words: words)
    }

    /// The model's only input, taken for a picture.
    package func pictureInput() throws(LocatedError) -> PictureInput {
        let program = try program()
        guard let inputs = program.declaredInputs, inputs.count == 1, inputs[0].shape.rank == 4 else {
            throw LocatedError(
                .mismatch, "input.picture",
                "expected a model with one input of shape (None, rows, columns, channels) for pictures, got "
                    + (program.declaredInputs.map { $0.map(\.shape.description).joined(separator: ", ") } ?? "one that doesn't tell"))
        }
        let dims = inputs[0].shape.dims
        let channelsFirst = program.readsChannelsFirst
        let channels = channelsFirst ? dims[1] : dims[3]
        guard let channels else {
            throw LocatedError(
                .mismatch, "input.picture", "expected a model that tells the channels of its pictures, got \(inputs[0].shape)")
        }
        return PictureInput(
            rows: channelsFirst ? dims[2] : dims[1], columns: channelsFirst ? dims[3] : dims[2], channels: channels,
            channelsFirst: channelsFirst)
    }

    /// What `summary --json` tells.
    package func summaryDocument() throws(LocatedError) -> ConfigValue {
        let table = try SummaryTable(self)
        func entry(_ row: SummaryRow) -> ConfigValue {
            [
                "name": .string(row.name), "class_name": .string(row.className),
                "output_shapes": .array((row.outputs ?? []).map { .extents($0.dims) }),
                "params": .integer(row.parameters), "connected_to": .array(row.connections.map(ConfigValue.string)),
                "layers": .array(row.nested.map(entry)),
            ]
        }
        return [
            "name": .string(table.modelName), "layers": .array(table.rows.map(entry)),
            "total_params": .integer(table.trainable + table.nonTrainable),
            "trainable_params": .integer(table.trainable), "non_trainable_params": .integer(table.nonTrainable),
        ]
    }
}

/// A model's input as pictures see it.
package struct PictureInput: Sendable {
    /// nil: any.
    package var rows: Int?
    package var columns: Int?
    package var channels: Int
    package var channelsFirst: Bool
}
