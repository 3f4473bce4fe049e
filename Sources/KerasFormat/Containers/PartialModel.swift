package import KerasSpec
import OrderedCollections
package import Tensors

/// What could be read of a file, and what kept the rest from it.
package struct PartialModel: Sendable {
    package internal(set) var kind = KerasFile.Kind.architecture
    /// What the file is, in words, where `kind` says too little: `layers model of TensorFlow.js`.
    package internal(set) var container: String?
    /// What could be read. Weights that couldn't are left out.
    package internal(set) var model = StoredModel()
    /// Also told when the architecture can't be read.
    package internal(set) var dialect: Dialect?
    package internal(set) var kerasVersion: String?
    package internal(set) var backend: String?
    /// In the order in which they were met.
    package internal(set) var problems: [LocatedError] = []
    private let name: String
    /// More tell nobody more.
    private static let mostProblems = 100

    init(name: String) { self.name = name }

    /// Notes the error of a part that can't be read.
    mutating func attempt<Result>(_ body: () throws(LocatedError) -> Result) -> Result? {
        do throws(LocatedError) { return try KerasFile.naming(name, body) } catch {
            if problems.count < Self.mostProblems { problems.append(error) }
            return nil
        }
    }

    /// Takes a model that somebody else reads.
    mutating func attemptSpec(_ read: () throws(LocatedError) -> ModelSpec) {
        model.spec = attempt(read)
        if let dialect = model.spec?.provenance?.dialect { self.dialect = dialect }
    }

    /// Reads an architecture, or at least tells its dialect.
    mutating func readArchitecture(_ read: () throws(LocatedError) -> ConfigValue?) {
        guard var json = attempt(read) ?? nil as ConfigValue? else { return }
        if let text = json.string, let inner = attempt({ () throws(LocatedError) in try JSON.parse(text) }) { json = inner }
        if let document = json.object, document["class_name"] != nil {
            dialect = DialectDetector.dialect(of: document, version: kerasVersion)
            kerasVersion = document["keras_version"]?.string ?? kerasVersion
            backend = document["backend"]?.string ?? backend
        }
        let (version, backend) = (kerasVersion, backend)
        model.spec = attempt { () throws(LocatedError) in
            try ArchitectureReader.spec(from: json, version: version, backend: backend)
        }
    }
}
