import Files
import Foundation
import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors
import ZipFiles

/// A `.keras` archive, or a folder with what was in one: `metadata.json`, `config.json`, `model.weights.h5`, `assets/`.
///
/// Stored members, which is how Keras writes them, are read where they lie in the archive; compressed ones are inflated into
/// memory. Nothing is unpacked to disk.
///
/// Source: `save_model`, `load_model` of `keras/src/saving/saving_lib.py` 3.15.1 and tf-keras 2.21.
struct KerasArchive {
    private enum Place {
        case zip(ZipArchive)
        case folder(String)
    }

    private let place: Place

    static let metadataName = "metadata.json"
    static let configName = "config.json"
    static let weightsName = "model.weights.h5"
    static let arraysName = "model.weights.npz"

    /// Opens a zip archive. Throws 65 `zip.…` for a broken or hostile one, `archive.not_keras` for another kind of content.
    init(zip path: String) throws(LocatedError) {
        let archive = try ZipArchive(reading: path, rules: .keras)
        place = .zip(archive)
        guard archive.member(Self.configName) != nil else {
            throw LocatedError(
                .invalid, "archive.not_keras", "expected an archive of Keras, with config.json, got \(ForeignFormat.name(ofArchiveWith: archive.members.map(\.name)) ?? "one without it")", at: [path])
        }
    }

    /// A folder that holds `config.json`.
    init(folder path: String) { place = .folder(path) }

    /// Whether a folder is what a `.keras` archive unpacks to.
    static func isUnpacked(_ path: String) -> Bool {
        InputFile.exists(path + "/" + configName)
            && [metadataName, weightsName, arraysName].contains { InputFile.exists(path + "/" + $0) }
    }

    // MARK: - Reading

    func model() throws(LocatedError) -> StoredModel {
        let metadata = try metadata()
        let (config, compileSettings) = try split(try config())
        var model = StoredModel()
        model.spec = try locating(Self.configName) { () throws(LocatedError) in
            try ArchitectureReader.spec(from: config, version: metadata.version, backend: metadata.backend)
        }
        let contents = try weightContents(metadata)
        model.weights = contents.weights
        model.training = training(compileSettings, config, metadata, contents.optimizer)
        if let spec = model.spec {
            model.assets = assets(of: spec)
            model.spec?.attach(model.assets)
        }
        return model
    }

    func weights() throws(LocatedError) -> StoredWeights { try weightContents(try metadata()).weights }

    /// Reads member by member, and goes on where one is broken.
    func inspect(_ partial: inout PartialModel) {
        let metadata = partial.attempt { () throws(LocatedError) in try self.metadata() } ?? Metadata()
        partial.kerasVersion = metadata.version
        partial.backend = metadata.backend
        let parts = partial.attempt { () throws(LocatedError) in try split(try config()) }
        if let parts { partial.readArchitecture { () throws(LocatedError) in parts.config } }
        guard let store = partial.attempt({ () throws(LocatedError) in try weightStore() }) else { return }
        let found: ObjectHDF5.Contents? =
            switch store {
            case .hdf5(let file, _):
                partial.attempt({ () throws(LocatedError) in try Self.objects(in: file) })?.inspect(&partial)
            case .arrays(let arrays): partial.attempt { () throws(LocatedError) in try Self.contents(of: arrays) }
            }
        guard var contents = found else { return }
        contents.weights.kerasVersion = metadata.version
        partial.model.weights = contents.weights
        if let parts {
            partial.model.training = training(parts.compileSettings, parts.config, metadata, contents.optimizer)
        }
    }

    private struct Metadata {
        var version: String?
        var backend: String?
    }

    /// Who wrote the archive; an archive without metadata is nobody's.
    private func metadata() throws(LocatedError) -> Metadata {
        guard let bytes = try bytes(of: Self.metadataName) else { return Metadata() }
        return try locating(Self.metadataName) { () throws(LocatedError) in
            let json = try JSON.parse(bytes)
            guard let object = json.object else {
                throw LocatedError(.invalid, "archive.metadata", "expected an object, got \(json.summary)")
            }
            return Metadata(version: object["keras_version"]?.string, backend: object["backend"]?.string)
        }
    }

    private func config() throws(LocatedError) -> ConfigValue {
        guard let bytes = try bytes(of: Self.configName) else {
            throw LocatedError(.invalid, "archive.not_keras", "expected config.json in an archive of Keras, got none")
        }
        return try locating(Self.configName) { () throws(LocatedError) in try JSON.parse(bytes) }
    }

    /// The architecture, and how it is compiled.
    private func split(
        _ config: ConfigValue
    ) throws(LocatedError) -> (config: ConfigValue, compileSettings: ConfigObject?) {
        guard var document = config.object else { return (config, nil) }
        // What says that nothing was compiled stays, so that it is written again.
        guard let compile = document["compile_config"], !compile.isNull, compile.object?.isEmpty != true else {
            return (config, nil)
        }
        guard let settings = compile.object else {
            throw LocatedError(
                .invalid, "training.config", "expected an object, got \(compile.summary)", at: [Self.configName, "compile_config"])
        }
        document.removeValue(forKey: "compile_config")
        return (.object(document), settings)
    }

    private func training(
        _ settings: ConfigObject?, _ config: ConfigValue, _ metadata: Metadata, _ optimizer: [StoredWeights.Weight]
    ) -> TrainingSpec? {
        guard var settings, !settings.isEmpty else { return nil }
        // `save("x.h5")` of Keras 3 takes the optimizer out of the settings that a later `save("x.keras")` writes; `compile`
        // then takes its default.
        if settings["optimizer"] == nil, settings["optimizer_config"] == nil { settings["optimizer"] = "rmsprop" }
        // tf.keras 2.12 and later write modules as Keras 3 does: the version decides.
        let dialect =
            metadata.version.flatMap(DialectDetector.dialect(ofVersion:))
            ?? DialectDetector.dialect(of: config.object ?? [:])
        return TrainingSpec(compileSettings: settings, dialect: dialect, optimizerWeights: optimizer)
    }

    private func weightContents(_ metadata: Metadata) throws(LocatedError) -> ObjectHDF5.Contents {
        var contents: ObjectHDF5.Contents
        switch try weightStore() {
        case .hdf5(let file, let ledger): contents = try Self.objects(in: file).contents().checked(by: ledger)
        case .arrays(let archive): contents = try Self.contents(of: archive)
        }
        contents.weights.kerasVersion = metadata.version
        contents.weights.backend = metadata.backend
        return contents
    }

    private static func contents(of arrays: ZipArchive) throws(LocatedError) -> ObjectHDF5.Contents {
        try locating(arraysName) { () throws(LocatedError) in try ObjectNPZ(arrays).contents() }
    }

    private static func objects(in file: HDF5File) throws(LocatedError) -> ObjectHDF5 {
        guard let reader = try ObjectHDF5(file) else {
            throw LocatedError(
                .invalid, "hdf5.not_keras", "expected weights in Keras 3's layout, with vars or layers, got another", at: [weightsName])
        }
        return reader
    }

    // MARK: - Assets

    /// More bytes than any vocabulary has.
    private static let largestAsset = 1 << 30
    private static let assetsName = "assets"

    /// The files of layers, read when they are asked for.
    private func assets(of spec: ModelSpec) -> [StoredAsset] {
        let prefix = Self.assetsName + "/"
        let places: [String]
        switch place {
        case .zip(let archive): places = archive.members.map(\.name).filter { $0.hasPrefix(prefix) && !$0.hasSuffix("/") }.map { String($0.dropFirst(prefix.count)) }
        case .folder(let path): places = Self.files(below: path + "/" + Self.assetsName)
        }
        return places.map { name in
            let (layerPath, path) = AssetNaming.owner(of: name, among: places, in: spec)
            return StoredAsset(layerPath: layerPath, path: path) { () throws(LocatedError) in try asset(prefix + name) }
        }
    }

    private func asset(_ name: String) throws(LocatedError) -> [UInt8] {
        switch place {
        case .folder(let path): return try InputFile.readBytes(path + "/" + name, limit: Self.largestAsset)
        case .zip(let archive):
            guard let member = archive.member(name) else { return [] }
            return try archive.bytes(of: member, limit: Self.largestAsset)
        }
    }

    /// Regular files in a folder and those within, by their paths from it on, sorted; links are not followed.
    private static func files(below root: String) -> [String] {
        func type(of path: String) -> FileAttributeType? { (try? FileManager.default.attributesOfItem(atPath: path))?[.type] as? FileAttributeType }
        guard type(of: root) == .typeDirectory else { return [] }
        var (files, pending) = ([String](), [""])
        while let folder = pending.popLast(), files.count < 100_000 {
            for name in (try? FileManager.default.contentsOfDirectory(atPath: root + "/" + folder)) ?? [] {
                let path = folder.isEmpty ? name : folder + "/" + name
                switch type(of: root + "/" + path) {
                case .typeDirectory: pending.append(path)
                case .typeRegular: files.append(path)
                default: continue
                }
            }
        }
        return files.sorted()
    }

    // MARK: - Members

    /// What the weights are kept in.
    private enum Store {
        /// With what compares its checksum while it is read in place.
        case hdf5(HDF5File, ChecksumLedger?)
        /// `.npz`
        case arrays(ZipArchive)
    }

    /// The weights, in place or inflated.
    private func weightStore() throws(LocatedError) -> Store {
        switch place {
        case .folder(let path):
            let (file, arrays) = (path + "/" + Self.weightsName, path + "/" + Self.arraysName)
            if InputFile.exists(file) { return .hdf5(try HDF5File(reading: file), nil) }
            guard InputFile.exists(arrays) else { throw Self.withoutWeights }
            return .arrays(try ZipArchive(reading: arrays, rules: .npz))
        case .zip(let archive):
            guard let member = archive.member(Self.weightsName) else {
                guard let arrays = archive.member(Self.arraysName) else { throw Self.withoutWeights }
                return .arrays(try ZipArchive(arrays, of: archive, rules: .npz))
            }
            if let range = try archive.range(of: member) {
                let ledger = try archive.ledger(of: member)
                return .hdf5(
                    try HDF5File(reading: archive.path, range: range, name: Self.weightsName) { ledger?.note($0, $1) }, ledger)
            }
            return .hdf5(
                try HDF5File(name: Self.weightsName, byteCount: try archive.size(of: member)) { (buffer) throws(LocatedError) in
                    try locating(Self.weightsName) { () throws(LocatedError) in
                        try archive.read(member) { (_, next) throws(LocatedError) in try next(buffer) }
                    }
                }, nil)
        }
    }

    private static var withoutWeights: LocatedError {
        LocatedError(.invalid, "archive.weights", "expected \(weightsName) in an archive of Keras, got none")
    }

    /// A small member's bytes, nil when there is none of that name.
    private func bytes(of name: String) throws(LocatedError) -> [UInt8]? {
        switch place {
        case .folder(let path):
            guard InputFile.exists(path + "/" + name) else { return nil }
            return try InputFile.readBytes(path + "/" + name, limit: JSON.largestDocument)
        case .zip(let archive):
            guard let member = archive.member(name) else { return nil }
            return try archive.bytes(of: member, limit: JSON.largestDocument)
        }
    }
}

extension ObjectHDF5.Contents {
    /// The same, whose arrays also tell when the file's checksum is another than its archive's.
    fileprivate func checked(by ledger: ChecksumLedger?) -> ObjectHDF5.Contents {
        guard let ledger else { return self }
        func checked(_ weight: StoredWeights.Weight) -> StoredWeights.Weight {
            var weight = weight
            weight.tensor = weight.tensor.map(shape: weight.tensor.shape, dtype: weight.tensor.dtype) { (tensor) throws(LocatedError) in
                try ledger.check()
                return tensor
            }
            return weight
        }
        var contents = self
        for layer in contents.weights.layers.indices { contents.weights.layers[layer].weights = contents.weights.layers[layer].weights.map(checked) }
        contents.optimizer = contents.optimizer.map(checked)
        return contents
    }
}
