import Files
import Foundation
package import KerasSpec
import OrderedCollections
package import Tensors
import ZipFiles

extension KerasWriter {
    /// Writes what `model.save("x.keras")` writes: metadata, architecture with compile settings, weights with the optimizer's.
    ///
    /// The same model gives the same bytes: dates are SOURCE_DATE_EPOCH's when it is set, else 1980-01-01.
    ///
    /// - Parameter training: in any dialect; converted after the architecture, whose refusals say more.
    /// - Throws: 69 `architecture.inexpressible` before anything is written, 73 and 74 when writing fails.
    package static func writeArchive(
        _ weights: ModelWeights, of spec: ModelSpec, training: TrainingSpec?, assets: [StoredAsset] = [],
        for target: KerasTarget, to path: String, _ notes: inout [UpgradeNote]
    ) throws(LocatedError) {
        try requireObjects(target)
        var config = try target.dialect.architecture.archiveConfig(of: spec, for: target, &notes)
        guard config["module"] != nil else {
            throw LocatedError(
                .unsupported, "archive.config", "expected an architecture as \(target.dialect.title) puts it into archives, got one of to_json()",
                hint: "Write .h5, or .keras for keras-3.")
        }
        let training = try training.map { (training) throws(LocatedError) in
            try TrainingConversion.converted(training, of: spec, weights: weights, to: target, as: .compileConfig, notes: &notes)
        }
        if let training { config["compile_config"] = .object(training.compileSettings) }
        let seconds = ProcessInfo.processInfo.environment["SOURCE_DATE_EPOCH"].flatMap { Int($0) }
        let metadata: ConfigObject = [
            "keras_version": .string(target.version), "date_saved": .string(dateText(seconds ?? 315_532_800)),
        ]
        let (stored, places) = try ObjectNaming.placed(weights, of: spec, for: target)
        let files = try assets.map { (asset) throws(LocatedError) in
            let place = ["assets"] + (places[asset.layerPath].map { [$0] } ?? []) + asset.path
            return ZipWriter.Member(place.joined(separator: "/"), [.bytes(try asset.load())])
        }
        let optimizer = training.flatMap { OptimizerArrayList(of: $0) }?.object(for: target)
        try AtomicFile.write(to: path) { (temporary) throws(LocatedError) in
            // Named as what a kill leaves of libzip's own writing, so that it is swept away too.
            let weightsFile = temporary + ".weight"
            defer { unlink(weightsFile) }
            try ObjectHDF5Writer.write(stored, optimizer: optimizer, to: weightsFile, named: path)
            let members = [
                ZipWriter.Member(KerasArchive.metadataName, [.bytes(Array(JSON.text(.object(metadata)).utf8))]),
                ZipWriter.Member(KerasArchive.configName, [.bytes(Array(JSON.text(.object(config)).utf8))]),
                ZipWriter.Member(KerasArchive.weightsName, [.file(try InputFile(weightsFile))]),
            ] + files
            let date = seconds.map(ZipWriter.Date.init(secondsSince1970:)) ?? ZipWriter.Date()
            try ZipWriter.write(members, to: temporary, named: path, date: date, permissions: 0o600)
        }
    }

    /// Writes what `save_weights("x.weights.h5")` writes.
    ///
    /// - Parameter optimizer: its arrays in the target's order; nil for none.
    package static func writeObjectWeights(
        _ weights: ModelWeights, of spec: ModelSpec, optimizer: OptimizerArrayList? = nil, for target: KerasTarget, to path: String
    ) throws(LocatedError) {
        try requireObjects(target)
        let stored = try ObjectNaming.place(weights, of: spec, for: target)
        try AtomicFile.write(to: path) { (temporary) throws(LocatedError) in
            try ObjectHDF5Writer.write(stored, optimizer: optimizer?.object(for: target), to: temporary, named: path)
        }
    }

    /// Writes weights that were never given a meaning: as their file of the same layout had them.
    ///
    /// Throws 69 `weights.layout` for weights of another layout, whose places only an architecture tells.
    package static func writeObjectWeights(
        _ weights: StoredWeights, for target: KerasTarget, to path: String
    ) throws(LocatedError) {
        try requireObjects(target)
        try requireOwnLayout(weights)
        try AtomicFile.write(to: path) { (temporary) throws(LocatedError) in
            let optimizer = OptimizerArrayList(in: weights)?.object(for: target)
            try ObjectHDF5Writer.write(weights, optimizer: optimizer, to: temporary, named: path)
        }
    }

    /// Only an architecture tells how weights of another layout are laid out anew.
    static func requireOwnLayout(_ weights: StoredWeights) throws(LocatedError) {
        let isOld = weights.layers.contains { $0.name.split(separator: "/").contains { $0 == ObjectHDF5.oldContainer } }
        guard weights.scheme == .objects, !isOld else {
            throw LocatedError(
                .unsupported, "weights.layout", "expected weights in Keras 3's layout, got another layout without an architecture",
                hint: "Give the architecture, and this file as its weights.")
        }
    }

    /// Only Keras 3 and tf.keras from 2.13 on read files by objects.
    static func requireObjects(_ target: KerasTarget) throws(LocatedError) {
        guard target.dialect == .keras3 || (target.dialect == .tfKeras && target.minor >= TfKerasVersions.archives) else {
            throw LocatedError(
                .unsupported, "container.target", "expected a container that \(target) reads, got one of Keras 3's",
                hint: "Write .h5 for it.")
        }
    }

    /// `2026-11-23@09:36:12`, in UTC.
    private static func dateText(_ seconds: Int) -> String {
        var time = time_t(seconds)
        var parts = tm()
        gmtime_r(&time, &parts)
        func two(_ number: Int32) -> String { number < 10 ? "0\(number)" : String(number) }
        let day = "\(parts.tm_year + 1900)-\(two(parts.tm_mon + 1))-\(two(parts.tm_mday))"
        return "\(day)@\(two(parts.tm_hour)):\(two(parts.tm_min)):\(two(parts.tm_sec))"
    }
}
