internal import Datasets
internal import Files
package import Tensors

/// Where arrays are written: an `.npz` with their names, an `.npy` with one, a `.csv` with a row for each sample of one.
package struct ArrayFile: Sendable {
    package let path: String

    private enum Format: String, CaseIterable { case npz, npy, csv }
    private let format: Format

    /// Before anything is computed. Throws 64 `arrays.name` for an ending that says nothing, 73 where nothing can be written.
    package init(_ path: String) throws(LocatedError) {
        let plain = path.lowercased()
        guard let format = Format.allCases.first(where: { plain.hasSuffix("." + $0.rawValue) }) else {
            throw LocatedError(.usage, "arrays.name", "expected a name that ends in .npz, .npy or .csv, got \"\(path)\"")
        }
        try AtomicFile.requireWritable(path)
        self.path = path
        self.format = format
    }

    /// Throws 64 `arrays.count` for several arrays in a file that holds one.
    package func write(_ arrays: [(name: String, tensor: Tensor)]) throws(LocatedError) {
        if format == .npz { return try NPZ.write(arrays, to: path) }
        guard let tensor = arrays.first?.tensor, arrays.count == 1 else {
            throw LocatedError(
                .usage, "arrays.count", "expected one array for a .\(format.rawValue), got \(arrays.count)", at: [path],
                hint: "An .npz holds several.")
        }
        if format == .npy { return try NPY.write(tensor, to: path) }
        let rows = tensor.shape.rank == 0 ? 1 : tensor.shape[0]
        let values = tensor.floats
        let columns = rows == 0 ? 0 : values.count / rows
        let lines = (0..<rows).map { row in
            values[row * columns..<(row + 1) * columns].map { "\($0)" }.joined(separator: ",") + "\n"
        }
        try AtomicFile.write(lines.joined(), to: path)
    }
}
