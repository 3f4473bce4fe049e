internal import Files
internal import KerasSpec
package import Tensors

/// Where a model is written.
package struct ModelDestination: Sendable {
    /// The file that is named first, and what it is.
    let output: String
    let kind: OutputKind
    /// Where the weights go beside an architecture.
    let weightsOutput: String?
    /// How many bytes of arrays each file of sharded weights may hold.
    let largestShard: Int

    /// Told by the endings. Throws 64 `output.kind`, `output.weights` when weights have no place there, `output.shards` for a
    /// size of shards that is none, or where there are none.
    ///
    /// - Parameter maxShardSize: in GiB, as Keras has it; 5 by default.
    package init(output: String, weightsOutput: String?, maxShardSize: Double? = nil) throws(LocatedError) {
        kind = try OutputKind(of: output)
        let bytes = (maxShardSize ?? 5) * 1_073_741_824
        guard bytes >= 1, bytes < 0x1p62 else {
            throw LocatedError(.usage, "output.shards", "expected a size of shards in GiB above 0, got \(maxShardSize ?? 0)")
        }
        largestShard = Int(bytes)
        guard maxShardSize == nil || kind == .shards || weightsOutput?.lowercased().hasSuffix(".weights.json") == true else {
            throw LocatedError(
                .usage, "output.shards", "expected a size of shards only for weights that end in .weights.json, got \(output)")
        }
        self.output = output
        self.weightsOutput = weightsOutput
        guard let weightsOutput else { return }
        guard kind == .architecture else {
            throw LocatedError(
                .usage, "output.weights", "expected --weights-out only beside an OUT that ends in .json, got \(output)")
        }
        let weightsKind = try OutputKind(of: weightsOutput)
        guard [.hdf5, .weights, .shards].contains(weightsKind) else {
            throw LocatedError(
                .usage, "output.weights", "expected a --weights-out that ends in .h5 or .weights.json, got \(weightsOutput)")
        }
    }

    /// Throws 64 `output.weights` unless the weights have a place.
    package func requirePlaceForWeights() throws(LocatedError) {
        guard kind == .architecture, weightsOutput == nil else { return }
        throw LocatedError(
            .usage, "output.weights", "expected --weights-out beside an OUT that ends in .json, got \(output) alone")
    }

    /// Throws 73 when the files can't be written there, so that long work isn't begun in vain.
    ///
    /// - Parameter companion: another file that will be written with the model.
    package func requireWritable(with companion: String? = nil) throws(LocatedError) {
        for path in [output, weightsOutput, companion].compactMap(\.self) { try AtomicFile.requireWritable(path) }
    }
}
