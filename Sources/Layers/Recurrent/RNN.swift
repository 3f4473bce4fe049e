package import KerasSpec
package import Tensors

/// A recurrent layer of any cell, or of a stack of cells.
///
/// Formula: the cell's, for each step. Shapes: (batch, steps, inputs) → (batch, units) of the (last) cell, with
/// `return_sequences` (batch, steps, units); with `return_state` then the states of all cells. Further inputs: the states to
/// begin with. Masks as in `LSTM`.
/// Weights: the cell's, under `cell`.
/// Config: `cell`, `return_sequences`, `return_state`, `go_backwards`, `stateful`, `unroll`, `zero_output_for_mask`; `time_major` as
/// tf.keras has it. Differs from Keras: constants (`num_constants`) are refused.
/// Source: keras/src/layers/rnn/rnn.py (3.15).
@dynamicMemberLookup
public struct RNN: RecurrentLayer {
    public static let className = "RNN"
    public var common: LayerCommon
    public var settings: RecurrentSettings
    package var innerCell: any RecurrentCell
    package var inputRank: Int? { nil }

    /// - Parameter cell: an `LSTMCell`, a `GRUCell`, a `SimpleRNNCell` or `StackedRNNCells`.
    public init(
        _ cell: any Layer, returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false,
        stateful: Bool = false, unroll: Bool = false, zeroOutputForMask: Bool = false, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) throws {
        common = LayerCommon(name: name, trainable: trainable, inputShape: inputShape)
        settings = RecurrentSettings(
            returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards, stateful: stateful,
            unroll: unroll, zeroOutputForMask: zeroOutputForMask)
        innerCell = try StackedRNNCells.cells([cell])[0]
    }

    /// Of several cells, one on top of the other.
    public init(
        _ cells: [any Layer], returnSequences: Bool = false, returnState: Bool = false, goBackwards: Bool = false,
        stateful: Bool = false, unroll: Bool = false, zeroOutputForMask: Bool = false, inputShape: [Int?]? = nil,
        name: String? = nil, trainable: Bool = true
    ) throws {
        try self.init(
            StackedRNNCells(cells), returnSequences: returnSequences, returnState: returnState, goBackwards: goBackwards,
            stateful: stateful, unroll: unroll, zeroOutputForMask: zeroOutputForMask, inputShape: inputShape, name: name,
            trainable: trainable)
    }

    package init(config: inout ConfigReader, common: LayerCommon) throws(LocatedError) {
        self.common = common
        settings = try RecurrentSettings(&config)
        innerCell = try config.cell("cell")
    }

    package func encode(into config: inout ConfigObject) {
        settings.encode(into: &config)
        config["cell"] = InnerLayer.encode(innerCell)
    }

    public subscript<Member>(dynamicMember path: WritableKeyPath<RecurrentSettings, Member>) -> Member {
        get { settings[keyPath: path] }
        set { settings[keyPath: path] = newValue }
    }
}
