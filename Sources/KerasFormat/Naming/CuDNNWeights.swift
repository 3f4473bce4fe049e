import KerasSpec
import Tensors

/// Weights of CuDNNLSTM and CuDNNGRU, which the shape of the bias tells, as those of LSTM and GRU.
///
/// Source: `_convert_rnn_weights` of `keras/engine/saving.py` 2.3.1.
enum CuDNNWeights {
    /// - Parameter arrays: kernel, recurrent kernel and bias of a cell; others, and cells without a bias, pass.
    static func upgraded(_ arrays: [LazyTensor], of owner: WeightOwner) throws(LocatedError) -> [LazyTensor] {
        guard arrays.count == 3, owner.className == "LSTMCell" || owner.className == "GRUCell" else { return arrays }
        let gates = owner.className == "LSTMCell" ? 4 : 3
        for (array, name) in zip(arrays, ["kernel", "recurrent_kernel"]) {
            try Keras1Weights.requireRank(2, array, name, of: owner)
            guard array.shape.dims[1] % gates == 0 else {
                throw Keras1Weights.wrong(array, name, "\(gates) gates of equal size", of: owner)
            }
        }
        let (units, bias) = (arrays[1].shape.dims[0], arrays[2])
        guard arrays[1].shape.dims[1] == gates * units else {
            throw Keras1Weights.wrong(arrays[1], "recurrent_kernel", "(units, \(gates)·units)", of: owner)
        }
        if owner.className == "LSTMCell" {
            switch bias.shape.dims {
            case [4 * units]: return arrays
            case [8 * units]: return [kernel(arrays[0], gates), recurrent(arrays[1], gates), sum(bias)]
            default: throw Keras1Weights.wrong(bias, "bias", "(\(4 * units),), or (\(8 * units),) of a CuDNNLSTM", of: owner)
            }
        }
        let resets = owner.config["reset_after"]?.bool ?? owner.config["reset_after"]?.integer.map { $0 != 0 } ?? true
        switch (bias.shape.dims, resets) {
        case ([3 * units], false), ([2, 3 * units], true): return arrays
        case ([6 * units], true):
            return [kernel(arrays[0], gates), recurrent(arrays[1], gates), bias.reshaped(to: [2, 3 * units])]
        case (_, true):
            throw Keras1Weights.wrong(
                bias, "bias", "(2, \(3 * units)) of a GRU with reset_after, or (\(6 * units),) of a CuDNNGRU", of: owner)
        case (_, false): throw Keras1Weights.wrong(bias, "bias", "(\(3 * units),) of a GRU without reset_after", of: owner)
        }
    }

    /// Each gate's kernel lies column by column.
    private static func kernel(_ array: LazyTensor, _ gates: Int) -> LazyTensor {
        gatewise(array, gates) { row, column, rows, columns in
            // The element of this number in column order, at the place of that number in row order.
            let number = row + column * rows
            return (number / columns, number % columns)
        }
    }

    private static func recurrent(_ array: LazyTensor, _ gates: Int) -> LazyTensor {
        gatewise(array, gates) { row, column, _, _ in (column, row) }
    }

    /// - Parameter source: where in the same gate an element comes from.
    private static func gatewise(
        _ array: LazyTensor, _ gates: Int,
        _ source: @escaping @Sendable (_ row: Int, _ column: Int, _ rows: Int, _ columns: Int) -> (Int, Int)
    ) -> LazyTensor {
        let (rows, width) = (array.shape.dims[0], array.shape.dims[1])
        let columns = width / gates
        return array.map(shape: array.shape, dtype: .float32) { (tensor) throws(LocatedError) in
            let values = tensor.asType(.float32).array(as: Float.self)
            var result = values
            for gate in 0..<gates {
                for row in 0..<rows {
                    for column in 0..<columns {
                        let (fromRow, fromColumn) = source(row, column, rows, columns)
                        result[row * width + gate * columns + column] = values[fromRow * width + gate * columns + fromColumn]
                    }
                }
            }
            return Tensor(result, shape: tensor.shape)
        }
    }

    /// The biases of input and state, which are added anyway.
    private static func sum(_ bias: LazyTensor) -> LazyTensor {
        let half = bias.shape.count / 2
        return bias.map(shape: [half], dtype: .float32) { (tensor) throws(LocatedError) in
            let values = tensor.asType(.float32).array(as: Float.self)
            return Tensor((0..<half).map { values[$0] + values[half + $0] }, shape: [half])
        }
    }
}
