import Files
import HDF5Files
import KerasSpec
import Tensors

/// Writes HDF5 as Keras 3 does: a group for every object, with or without arrays. One array is in memory at a time.
///
/// Source: `H5IOStore` of `keras/src/saving/saving_lib.py` 3.15.1.
enum ObjectHDF5Writer {
    /// - Parameters:
    ///   - temporary: where the file is made.
    ///   - path: what errors call it.
    ///   - optimizer: its arrays in their order, with its name; nil for none.
    static func write(
        _ weights: StoredWeights, optimizer: StoredWeights.Layer? = nil, to temporary: String, named path: String
    ) throws(LocatedError) {
        do throws(LocatedError) {
            let writer = try HDF5Writer(creating: temporary)
            for object in weights.layers + (optimizer.map { [$0] } ?? []) { try write(object, with: writer) }
            try writer.close()
        } catch {
            // The temporary file's name means nothing to anybody.
            guard error.location.first == temporary.split(separator: "/").last.map(String.init) else { throw error }
            var error = error
            error.location.removeFirst()
            throw error.within(path)
        }
    }

    private static func write(_ object: StoredWeights.Layer, with writer: HDF5Writer) throws(LocatedError) {
        let group = object.name.isEmpty ? "vars" : object.name + "/vars"
        try writer.createGroup(group)
        if let label = object.label {
            try writer.setAttribute("name", on: group, .string(HDF5String(label, kind: .variableUTF8)))
        }
        for weight in object.weights { try writer.writeDataset(group + "/" + weight.name, try weight.tensor.load()) }
    }
}
