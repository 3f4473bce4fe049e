import Files
import Foundation
import HDF5Files
package import KerasSpec
import OrderedCollections
package import Tensors

/// Reads files of Keras, told by their content, not their name.
package enum KerasFile {
    /// What kind of file something is.
    package enum Kind: String, Hashable, Sendable {
        /// `to_json()`.
        case architecture
        /// Legacy HDF5: architecture, weights, training.
        case wholeModel
        /// Legacy HDF5: `save_weights`.
        case weights
        /// `.keras`, zipped or as a folder: architecture, weights, training.
        case archive
        /// `.weights.h5`, in one file or in shards.
        case objectWeights
    }

    /// Everything that a file holds: an architecture, weights, or both with the training state.
    ///
    /// Nothing in the file is run, imported or followed out of it; weights are read when they are asked for. Throws 66 for a
    /// file that isn't there, 65 for a broken one, 69 `container.unsupported`, `dialect.unsupported` for what is recognised
    /// and not read yet.
    ///
    /// - Parameter backend: whose kernels these are where the file doesn't say, as Keras 1's never do: `theano` turns them.
    package static func read(_ path: String, backend: String? = nil) throws(LocatedError) -> StoredModel {
        try naming(path) { () throws(LocatedError) in
            var model = switch try content(path) {
            case .architecture(let json): StoredModel(spec: try ArchitectureReader.spec(from: json, backend: backend))
            case .tensorFlowJS(let model): try model.model()
            case .legacy(let file): try Self.model(in: file, backend)
            case .objects(let file): StoredModel(weights: try file.contents().weights)
            case .shards(let shards): StoredModel(weights: try shards.contents().weights)
            case .archive(let archive): try archive.model()
            }
            try AdaptedBoundaries.settle(&model)
            return model
        }
    }

    /// The same with the weights of another file in place of its own. What an architecture is silent about and its weights tell (the
    /// bins of an adapted Discretization) is found there.
    package static func read(_ path: String, weights: String?, backend: String? = nil) throws(LocatedError) -> StoredModel {
        let model = try read(path, backend: backend)
        guard let weights else { return model }
        return try join(try readWeights(weights, backend: backend), to: model, named: weights)
    }

    /// A model with these weights, which stand in a file of that name.
    package static func join(_ weights: StoredWeights, to model: StoredModel, named path: String) throws(LocatedError) -> StoredModel {
        var model = model
        model.weights = weights
        try naming(path) { () throws(LocatedError) in try AdaptedBoundaries.settle(&model) }
        return model
    }

    private static func model(in file: LegacyHDF5, _ backend: String?) throws(LocatedError) -> StoredModel {
        var model = try file.model()
        guard let backend else { return model }
        if model.weights?.backend == nil { model.weights?.backend = backend }
        // What the optimizer keeps of a kernel is turned as the kernel is.
        if var spec = model.spec, spec.provenance?.backend == nil {
            spec.provenance?.backend = backend
            BackendRules.settle(&spec)
            model.spec = spec
        }
        return model
    }

    /// Like `read`, for callers that need an architecture: throws 65 `model.no_architecture` when there is none.
    package static func readModel(_ path: String, backend: String? = nil) throws(LocatedError) -> StoredModel {
        let model = try read(path, backend: backend)
        guard model.spec != nil else {
            throw LocatedError(
                .invalid, "model.no_architecture", "expected a model with its architecture (model_config), got weights only",
                at: [path], hint: "Give the architecture's .json file, and this one as the weights (--weights).")
        }
        return model
    }

    /// What can be told of a file that `read` may refuse: of another dialect, broken in one place, or sound.
    ///
    /// Throws only when nothing can be told.
    package static func inspect(_ path: String) throws(LocatedError) -> PartialModel {
        try naming(path) { () throws(LocatedError) in
            var partial = PartialModel(name: path.split(separator: "/").last.map(String.init) ?? path)
            switch try content(path) {
            case .architecture(let json):
                partial.readArchitecture { () throws(LocatedError) in json }
            case .tensorFlowJS(let model):
                partial.kind = model.hasTopology ? .wholeModel : .weights
                partial.container = "layers model of TensorFlow.js"
                model.inspect(&partial)
            case .legacy(let file):
                partial.kind = file.kind == .wholeModel ? .wholeModel : .weights
                file.inspect(&partial)
            case .objects(let file):
                partial.kind = .objectWeights
                partial.model.weights = file.inspect(&partial)?.weights
            case .shards(let shards):
                partial.kind = .objectWeights
                partial.model.weights = partial.attempt { () throws(LocatedError) in try shards.contents().weights }
            case .archive(let archive):
                partial.kind = .archive
                archive.inspect(&partial)
            }
            return partial
        }
    }

    /// What `read` would find, without reading it whole.
    package static func kind(_ path: String) throws(LocatedError) -> Kind {
        try naming(path) { () throws(LocatedError) in
            switch try content(path) {
            case .architecture: .architecture
            case .tensorFlowJS(let model): model.hasTopology ? .wholeModel : .weights
            case .legacy(let file): file.kind == .wholeModel ? .wholeModel : .weights
            case .objects, .shards: .objectWeights
            case .archive: .archive
            }
        }
    }

    /// Only the weights of a weights or whole-model file, as `load_weights` takes them: the architecture in it may be of any
    /// dialect.
    ///
    /// - Parameter backend: whose kernels these are where the file doesn't say.
    package static func readWeights(_ path: String, backend: String? = nil) throws(LocatedError) -> StoredWeights {
        try naming(path) { () throws(LocatedError) in
            switch try content(path) {
            case .architecture: throw Self.withoutWeights
            case .tensorFlowJS(let model): return try model.weights()
            case .legacy(let file):
                var weights = try file.weights()
                if weights.backend == nil { weights.backend = backend }
                return weights
            case .objects(let file): return try file.contents().weights
            case .shards(let shards): return try shards.contents().weights
            case .archive(let archive): return try archive.weights()
            }
        }
    }

    private static var withoutWeights: LocatedError {
        LocatedError(.invalid, "weights.none", "expected a file of weights, got an architecture without weights")
    }

    /// Runs `body` and puts the file's path, as it was given, in front of the location of what it throws, instead of the name that an
    /// inner room may have put there.
    static func naming<Result>(
        _ path: String, _ body: () throws(LocatedError) -> Result
    ) throws(LocatedError) -> Result {
        let name = path.split(separator: "/").last.map(String.init) ?? path
        do { return try body() } catch {
            var error = error
            if let first = error.location.first, first == name || first == path { error.location.removeFirst() }
            throw error.within(path)
        }
    }

    /// The generation of a Keras version: `2.3.1`, `2.2.4-tf`; nil for what is no version.
    package static func dialect(ofVersion version: String) -> Dialect? { DialectDetector.dialect(ofVersion: version) }

    // MARK: - Sniffing

    private enum Bytes {
        case json([UInt8])
        /// `to_yaml()` of Keras 1 and 2.
        case yaml([UInt8])
        case hdf5
        case zip
        case folder
    }

    /// What a file is, ready to be read.
    private enum Content {
        case architecture(ConfigValue)
        case tensorFlowJS(TensorFlowJS)
        case legacy(LegacyHDF5)
        case objects(ObjectHDF5)
        case shards(ShardedWeights)
        case archive(KerasArchive)
    }

    private static func content(_ path: String) throws(LocatedError) -> Content {
        switch try sniff(path) {
        case .json(let bytes):
            let json = try JSON.parse(bytes)
            if TensorFlowJS.recognises(json) { return .tensorFlowJS(try TensorFlowJS(json, path: path)) }
            return ShardedWeights.isMap(json) ? .shards(try ShardedWeights(json, at: path)) : .architecture(json)
        case .yaml(let bytes): return .architecture(try YAML.parse(bytes))
        case .hdf5:
            let file = try HDF5File(reading: path)
            let names = try file.stringList("layer_names", of: "")
            let config = try file.attribute("model_config", of: "")
            if names == nil, config == nil, let objects = try ObjectHDF5(file) { return .objects(objects) }
            return .legacy(try LegacyHDF5(file))
        case .zip: return .archive(try KerasArchive(zip: path))
        case .folder:
            guard KerasArchive.isUnpacked(path) else { throw folder(path) }
            return .archive(KerasArchive(folder: path))
        }
    }

    private static func sniff(_ path: String) throws(LocatedError) -> Bytes {
        var isFolder: ObjCBool = false
        if FileManager.default.fileExists(atPath: path, isDirectory: &isFolder), isFolder.boolValue { return .folder }
        // An archive may hold HDF5 where a file with a user block has it.
        if isZip(path) { return .zip }
        if HDF5Sniff.isHDF5(path) { return .hdf5 }
        let bytes = try contents(path)
        let start = bytes.drop { $0 == 0x20 || $0 == 0x0A || $0 == 0x0D || $0 == 0x09 }
        switch start.first {
        case nil: throw LocatedError(.invalid, "file.empty", "expected a file of Keras, got an empty file")
        case UInt8(ascii: "{"), UInt8(ascii: "["), UInt8(ascii: "\""): return .json(bytes)
        case 0xEF where start.starts(with: [0xEF, 0xBB, 0xBF]), 0xFE where start.starts(with: [0xFE, 0xFF]),
            0xFF where start.starts(with: [0xFF, 0xFE]):
            return .json(bytes)
        case _ where (try? JSON.parse(bytes)) != nil: return .json(bytes)  // a number or a word
        case _ where YAML.begins(start): return .yaml(bytes)
        default: throw unknown(start)
        }
    }

    /// The bytes of what may be JSON; only the first of what can't be.
    private static func contents(_ path: String) throws(LocatedError) -> [UInt8] {
        do throws(LocatedError) { return try InputFile.readBytes(path, limit: JSON.largestDocument) } catch {
            guard error.code == "file.too_large" else { throw error }
            let head = try InputFile(path).bytes(at: 0, count: 4096)
            guard let first = head.first(where: { $0 > 0x20 }), first == UInt8(ascii: "{") else { return head }
            throw error
        }
    }

    /// A first member, or the end of a table of contents without members.
    static func isZip(_ path: String) -> Bool {
        guard let file = try? InputFile(path), file.size >= 4, let head = try? file.bytes(at: 0, count: 4) else { return false }
        return head == [0x50, 0x4B, 0x03, 0x04] || head == [0x50, 0x4B, 0x05, 0x06]
    }

    private static func folder(_ path: String) -> LocatedError {
        let has = { (name: String) in FileManager.default.fileExists(atPath: path + "/" + name) }
        if has("saved_model.pb") || has("saved_model.pbtxt") {
            return unsupported("a SavedModel of TensorFlow", hint: "Save the model as HDF5 from TensorFlow.")
        }
        if has("model.json") {
            return LocatedError(
                .invalid, "folder.unknown", "expected a file of Keras, got a folder of TensorFlow.js's files",
                hint: "Give the model.json in it.")
        }
        return LocatedError(.invalid, "folder.unknown", "expected a file of Keras, got a folder of other files")
    }

    private static func unknown(_ start: ArraySlice<UInt8>) -> LocatedError {
        let damaged: [[UInt8]] = [
            [0x89, 0x48, 0x44, 0x46, 0x0A], [0x89, 0x48, 0x44, 0x46, 0x0D, 0x0D], [0xEF, 0xBF, 0xBD, 0x48, 0x44, 0x46],
            [0xC2, 0x89, 0x48, 0x44, 0x46], [0x3F, 0x48, 0x44, 0x46],
        ]
        if damaged.contains(where: start.starts(with:)) {
            return LocatedError(
                .invalid, "file.text_conversion", "expected an HDF5 file, got one that was damaged by a conversion of text",
                hint: "Copy it again in binary; mark *.h5 as binary where a version control or a transfer converts line ends.")
        }
        if let name = ForeignFormat.name(of: start) {
            return LocatedError(
                .invalid, "file.unknown", "expected JSON or HDF5 of Keras, or a .keras archive, got \(name)", hint: ForeignFormat.hint(for: name))
        }
        let head = start.prefix(8).map { byte in
            let digits = String(byte, radix: 16)
            return digits.count < 2 ? "0" + digits : digits
        }
        return LocatedError(
            .invalid, "file.unknown",
            "expected JSON or HDF5 of Keras, or a .keras archive, got a file that begins with the bytes \(head.joined(separator: " "))")
    }

    private static func unsupported(_ what: String, hint: String? = nil) -> LocatedError {
        LocatedError(.unsupported, "container.unsupported", "recognised as \(what), not supported yet", hint: hint)
    }
}
