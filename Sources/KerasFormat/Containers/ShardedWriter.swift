import Files
package import KerasSpec
import OrderedCollections
package import Tensors

extension KerasWriter {
    /// Writes what `save_weights("x.weights.json", max_shard_size=…)` writes: `x_00000.weights.h5` and so on, and the map that
    /// says which object is where. All files are written, or none.
    ///
    /// Throws 69 `container.target` for a Keras before 3.10, 64 `shards.size` for an array that is larger than a file may be.
    ///
    /// - Parameter largest: how many bytes of arrays a file may hold.
    package static func writeShards(
        _ weights: ModelWeights, of spec: ModelSpec, optimizer: OptimizerArrayList? = nil, for target: KerasTarget, largest: Int,
        to path: String
    ) throws(LocatedError) {
        try ShardedWriter.requireShards(target)
        var stored = try ObjectNaming.place(weights, of: spec, for: target)
        if let optimizer { stored.layers.append(optimizer.object(for: target)) }
        try ShardedWriter(stored, largest: largest, path).write()
    }

    /// Writes weights that were never given a meaning: as their file of the same layout had them.
    package static func writeShards(
        _ weights: StoredWeights, for target: KerasTarget, largest: Int, to path: String
    ) throws(LocatedError) {
        try ShardedWriter.requireShards(target)
        try requireOwnLayout(weights)
        var weights = weights
        if let optimizer = OptimizerArrayList(in: weights) { weights.layers.append(optimizer.object(for: target)) }
        try ShardedWriter(weights, largest: largest, path).write()
    }
}

/// Cuts weights by objects into files.
///
/// Source: `ShardedH5IOStore` of `keras/src/saving/saving_lib.py` 3.15.1.
private struct ShardedWriter {
    /// Each file's objects; an object's arrays may be in several.
    private var shards: [[StoredWeights.Layer]] = [[]]
    /// The files of each object's group, in the order of writing.
    private var map: OrderedDictionary<String, [Int]> = [:]
    private var total = 0
    private let path: String
    private let stem: String

    /// More files than anybody wants, each of which stays open until the last is written.
    private static let mostShards = 1000
    /// Which Keras 3 reads them first.
    private static let first = 10

    static func requireShards(_ target: KerasTarget) throws(LocatedError) {
        guard target.dialect == .keras3, target.minor >= first else {
            throw LocatedError(
                .unsupported, "container.target", "expected a container that \(target) reads, got sharded weights of Keras 3.\(first)",
                hint: "Write .weights.h5 for it.")
        }
    }

    init(_ weights: StoredWeights, largest: Int, _ path: String) throws(LocatedError) {
        self.path = path
        let name = path.split(separator: "/").last.map(String.init) ?? path
        let ending = [".weights.json", ".json"].first(where: name.hasSuffix) ?? ""
        stem = String(name.dropLast(ending.count))
        var held = 0
        for object in weights.layers where !object.weights.isEmpty {
            for weight in object.weights {
                // Shapes come from files and from layers: both were checked to fit into memory.
                let size = weight.tensor.shape.count * weight.tensor.dtype.byteCount
                guard size <= largest else {
                    throw LocatedError(
                        .usage, "shards.size", "expected files of at least \(size) bytes, which one array takes, got at most \(largest)",
                        at: [path, object.name, weight.name])
                }
                if size > largest - held {
                    shards.append([])
                    held = 0
                }
                held += size
                total += size
                put(weight, of: object)
            }
        }
        guard shards.count <= Self.mostShards else {
            throw LocatedError(
                .usage, "shards.size", "expected a size that gives at most \(Self.mostShards) files, got one that gives \(shards.count)", at: [path])
        }
    }

    private mutating func put(_ weight: StoredWeights.Weight, of object: StoredWeights.Layer) {
        let shard = shards.count - 1
        if shards[shard].last?.name != object.name {
            shards[shard].append(StoredWeights.Layer(name: object.name, weights: [], label: object.label))
        }
        shards[shard][shards[shard].count - 1].weights.append(weight)
        map[object.name.isEmpty ? "/vars" : "/\(object.name)/vars", default: []].append(shard)
    }

    private func name(of shard: Int) -> String {
        let digits = String(shard)
        return "\(stem)_\(String(repeating: "0", count: max(0, 5 - digits.count)))\(digits).weights.h5"
    }

    func write() throws(LocatedError) {
        let places = map.mapValues { shards -> ConfigValue in
            // One array makes a name, several a list, be it of one file.
            shards.count == 1 ? .string(name(of: shards[0])) : .array(OrderedSet(shards).map { .string(name(of: $0)) })
        }
        let document: ConfigObject = ["metadata": ["total_size": .float(Double(total))], "weight_map": .object(places)]
        try AtomicFile.write(JSON.text(.object(document)), to: path) { () throws(LocatedError) in
            try write(from: 0)
        }
    }

    /// Each file takes its name once those behind it are whole.
    private func write(from shard: Int) throws(LocatedError) {
        guard shard < shards.count else { return }
        let folder = path.lastIndex(of: "/").map { String(path[...$0]) } ?? ""
        let file = folder + name(of: shard)
        try AtomicFile.write(to: file) { (temporary) throws(LocatedError) in
            try ObjectHDF5Writer.write(StoredWeights(layers: shards[shard], scheme: .objects), to: temporary, named: file)
            try write(from: shard + 1)
        }
    }
}
