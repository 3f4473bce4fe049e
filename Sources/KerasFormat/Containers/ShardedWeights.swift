import Files
import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors

/// The weights of Keras 3.10 and later in several HDF5 files, with a `.weights.json` that says which object is where.
///
/// Source: `ShardedH5IOStore` of `keras/src/saving/saving_lib.py` 3.15.1.
struct ShardedWeights {
    /// Where the map and the shards are, with the separator.
    let folder: String
    /// In the order of the map.
    let shards: [String]
    private let map: ConfigObject

    /// More files than anybody opens.
    private static let mostShards = 10_000

    /// Whether JSON is such a map.
    static func isMap(_ json: ConfigValue) -> Bool {
        json.object?["weight_map"]?.object != nil && json.object?["class_name"] == nil
    }

    /// - Parameter path: of the map; shards stand beside it.
    init(_ json: ConfigValue, at path: String) throws(LocatedError) {
        let slash = path.lastIndex(of: "/")
        folder = slash.map { String(path[...$0]) } ?? ""
        map = json.object?["weight_map"]?.object ?? [:]
        var shards: OrderedSet<String> = []
        for (object, value) in map {
            let names = value.array ?? [value]
            guard !names.isEmpty else { throw Self.wrong(value, object) }
            for name in names {
                guard let name = name.string else { throw Self.wrong(value, object) }
                // A map must not lead to files of other folders.
                guard !name.isEmpty, name != "..", !name.contains("/"), !name.contains("\\"), !name.utf8.contains(0) else {
                    throw LocatedError(
                        .invalid, "shards.name", "expected names of files beside the map, got \(name.debugDescription)",
                        at: ["weight_map", object])
                }
                shards.append(name)
            }
        }
        guard shards.count <= Self.mostShards else {
            throw LocatedError(.invalid, "shards.count", "expected at most \(Self.mostShards) files, got \(shards.count)")
        }
        self.shards = shards.elements
    }

    private static func wrong(_ value: ConfigValue, _ object: String) -> LocatedError {
        LocatedError(
            .invalid, "shards.map", "expected a file's name or a list of them, got \(value.summary)", at: ["weight_map", object])
    }

    /// The arrays of all files together; an object's may be in several.
    func contents() throws(LocatedError) -> ObjectHDF5.Contents {
        var tree = ObjectHDF5.Tree()
        var optimizer: [StoredWeights.Weight] = []
        var optimizerName: String?
        for shard in shards {
            let contents = try contents(of: shard)
            for object in contents.weights.layers {
                tree.touch(object.name, label: object.label)
                for weight in object.weights {
                    guard tree.add(weight, to: object.name) else { throw Self.duplicate(object.name + "/" + weight.name, shard) }
                }
            }
            optimizer += contents.optimizer
            optimizerName = optimizerName ?? contents.weights.optimizerName
        }
        var whole = tree.contents
        let names = Set(optimizer.map(\.name))
        guard names.count == optimizer.count else { throw Self.duplicate("optimizer", shards.last ?? "") }
        whole.optimizer = optimizer.sorted { NaturalOrder($0.name) < NaturalOrder($1.name) }
        whole.weights.optimizerName = optimizerName
        return whole
    }

    private func contents(of shard: String) throws(LocatedError) -> ObjectHDF5.Contents {
        let file = try HDF5File(reading: folder + shard)
        for (object, value) in map where (value.array ?? [value]).contains(.string(shard)) {
            guard try file.exists(object) == .group else {
                throw LocatedError(
                    .invalid, "shards.missing", "expected \(quoted(object)) in the file, as the map says, found none", at: [shard])
            }
        }
        return try ObjectHDF5(shard: file).contents()
    }

    private static func duplicate(_ name: String, _ shard: String) -> LocatedError {
        LocatedError(.invalid, "weights.duplicate", "expected every array once, got \(quoted(name)) again", at: [shard])
    }
}
