import KerasSpec
import Tensors

/// Arrays of one owner between Keras 1's arrangement and later Keras's.
///
/// Sources: `preprocess_weights_for_loading` of `keras/engine/saving.py` 2.3.1; `build` of the layers of 1.2.2, which Keras 2.3.1
/// does not convert everywhere: not separable convolutions under `th`, and not rightly ConvLSTM2D under `th`.
enum Keras1Weights {
    static func upgraded(_ arrays: [LazyTensor], of owner: WeightOwner) throws(LocatedError) -> [LazyTensor] {
        if let gates = Keras1Layout.gates[owner.className], arrays.count == 3 * gates.count {
            return try joined(arrays, gates, of: owner)
        }
        var result = arrays
        for (index, variable) in owner.variables.enumerated() where index < arrays.count {
            if owner.className == "Conv1D", variable.name == "kernel" {
                result[index] = try convolution1D(arrays[index], of: owner)
            } else if let axes = kernelAxes(variable.name, of: owner) {
                try requireRank(axes.count, arrays[index], variable.name, of: owner)
                result[index] = arrays[index].transposed(axes)
            }
        }
        return result
    }

    static func downgraded(_ arrays: [LazyTensor], of owner: WeightOwner) throws(LocatedError) -> [LazyTensor] {
        if let gates = Keras1Layout.gates[owner.className],
            Keras1Layout.owner(owner).variables.count == 3 * gates.count, arrays.count == 3
        { return try split(arrays, gates, of: owner) }
        var result = arrays
        for (index, variable) in owner.variables.enumerated() where index < arrays.count {
            let array = arrays[index]
            if owner.className == "Conv1D", variable.name == "kernel" {
                try requireRank(3, array, variable.name, of: owner)
                let dims = array.shape.dims
                result[index] = array.reshaped(to: [dims[0], 1, dims[1], dims[2]])
            } else if let axes = kernelAxes(variable.name, of: owner) {
                try requireRank(axes.count, array, variable.name, of: owner)
                result[index] = array.transposed(inverse(axes))
            }
        }
        return result
    }

    // MARK: - Kernels

    /// Where each axis of later Keras's kernel stands in Keras 1's; nil where both agree.
    private static func kernelAxes(_ variable: String, of owner: WeightOwner) -> [Int]? {
        let isFirst = owner.config["data_format"] == "channels_first"
        switch (owner.className, variable) {
        case ("Conv2D", "kernel"), ("SeparableConv2D", "depthwise_kernel"), ("SeparableConv2D", "pointwise_kernel"):
            // (out, in, rows, cols) → (rows, cols, in, out)
            return isFirst ? [2, 3, 1, 0] : nil
        case ("Conv3D", "kernel"): return isFirst ? [2, 3, 4, 1, 0] : nil
        // → (rows, cols, out, in)
        case ("Conv2DTranspose", "kernel"): return isFirst ? [2, 3, 0, 1] : [0, 1, 3, 2]
        default: return nil
        }
    }

    private static func inverse(_ axes: [Int]) -> [Int] { axes.indices.map { place in axes.firstIndex(of: place) ?? place } }

    /// (length, 1, in, out), or (out, in, length, 1) before Keras 1.2, → (length, in, out).
    private static func convolution1D(_ kernel: LazyTensor, of owner: WeightOwner) throws(LocatedError) -> LazyTensor {
        try requireRank(4, kernel, "kernel", of: owner)
        let length = owner.config["kernel_size"]?.array?.first?.integer ?? owner.config["kernel_size"]?.integer
        let filters = owner.config["filters"]?.integer
        var kernel = kernel
        var dims = kernel.shape.dims
        if let length, let filters, dims[0] != length || dims[1] != 1 || dims[3] != filters {
            guard dims[0] == filters, dims[2] == length, dims[3] == 1 else {
                throw wrong(kernel, "kernel", "(\(length), 1, inputs, \(filters)) or (\(filters), inputs, \(length), 1)", of: owner)
            }
            kernel = kernel.transposed([2, 3, 1, 0])
            dims = kernel.shape.dims
        }
        guard dims[1] == 1 else { throw wrong(kernel, "kernel", "1 as the second extent", of: owner) }
        return kernel.reshaped(to: [dims[0], dims[2], dims[3]])
    }

    // MARK: - Gates

    private static func joined(
        _ arrays: [LazyTensor], _ gates: [(name: String, place: Int)], of owner: WeightOwner
    ) throws(LocatedError) -> [LazyTensor] {
        var result: [LazyTensor] = []
        for (kind, name) in ["kernel", "recurrent_kernel", "bias"].enumerated() {
            var parts = [LazyTensor](repeating: arrays[kind], count: gates.count)
            for (number, gate) in gates.enumerated() { parts[gate.place] = arrays[3 * number + kind] }
            for part in parts where part.shape != parts[0].shape || part.dtype != parts[0].dtype {
                throw wrong(part, name, "the shape \(parts[0].shape) for every gate", of: owner)
            }
            if let axes = gateAxes(name, of: owner) {
                for part in parts { try requireRank(axes.count, part, name, of: owner) }
                parts = parts.map { $0.transposed(axes) }
            } else {
                try requireRank(name == "bias" ? 1 : owner.className == "ConvLSTM2DCell" ? 4 : 2, parts[0], name, of: owner)
            }
            result.append(.joined(parts))
        }
        return result
    }

    private static func split(
        _ arrays: [LazyTensor], _ gates: [(name: String, place: Int)], of owner: WeightOwner
    ) throws(LocatedError) -> [LazyTensor] {
        for (array, name) in zip(arrays, ["kernel", "recurrent_kernel", "bias"]) {
            try requireRank(name == "bias" ? 1 : owner.className == "ConvLSTM2DCell" ? 4 : 2, array, name, of: owner)
            guard (array.shape.dims.last ?? 0) % gates.count == 0 else {
                throw wrong(array, name, "\(gates.count) gates of equal size", of: owner)
            }
        }
        return gates.flatMap { gate in
            zip(arrays, ["kernel", "recurrent_kernel", "bias"]).map { array, name in
                let part = array.part(gate.place, of: gates.count)
                return gateAxes(name, of: owner).map { part.transposed(inverse($0)) } ?? part
            }
        }
    }

    /// Of a ConvLSTM2D under `th`.
    private static func gateAxes(_ name: String, of owner: WeightOwner) -> [Int]? {
        guard owner.className == "ConvLSTM2DCell", name != "bias", owner.config["data_format"] == "channels_first" else { return nil }
        return [2, 3, 1, 0]
    }

    // MARK: - Errors

    static func requireRank(
        _ rank: Int, _ array: LazyTensor, _ name: String, of owner: WeightOwner
    ) throws(LocatedError) {
        guard array.shape.rank == rank else { throw wrong(array, name, "\(rank) axes", of: owner) }
    }

    static func wrong(_ array: LazyTensor, _ name: String, _ expected: String, of owner: WeightOwner) -> LocatedError {
        LocatedError(
            .mismatch, "weights.shape", "expected \(expected) for \(name), got the shape \(array.shape)",
            at: [(owner.layerPath + owner.path).joined(separator: "/")])
    }
}
