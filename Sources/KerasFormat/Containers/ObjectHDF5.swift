import HDF5Files
import KerasSpec
import OrderedCollections
import Tensors

/// The HDF5 layout of Keras 3 and of tf.keras from 2.12 on: a group for every object that has variables, by the attributes
/// that lead to it, with the arrays in its group `vars`, numbered from 0.
///
/// Source: `saving_lib.py` of 2.13.1, tf-keras 2.21, Keras 3.0.5 and 3.15.1 (`_save_state`, `H5IOStore`).
struct ObjectHDF5 {
    private let file: any HDF5Reading

    /// More arrays than any network has; a file beyond is an attack.
    private static let mostArrays = 1_000_000
    /// What `layers` is called in files of tf.keras 2.12 to 2.14.
    static let oldContainer = "_layer_checkpoint_dependencies"

    /// Nil for a file of another layout.
    init?(_ file: any HDF5Reading) throws(LocatedError) {
        self.file = file
        for name in ["layers", "vars", Self.oldContainer] where try file.exists(name) == .group { return }
        // Saved on Windows: back-slashes between the parts of a name.
        for link in try file.links(of: "") where link.kind == .group {
            if link.name.hasPrefix("layers\\") || link.name.hasPrefix(Self.oldContainer + "\\") { return }
        }
        return nil
    }

    /// A part of the weights, which may hold the optimizer's alone.
    init(shard file: any HDF5Reading) { self.file = file }

    /// What a file of this layout holds.
    struct Contents {
        var weights = StoredWeights(layers: [], scheme: .objects)
        /// In the order of their numbers.
        var optimizer: [StoredWeights.Weight] {
            get { weights.optimizer }
            set { weights.optimizer = newValue }
        }
    }

    /// Every array of the file; nothing is read but headers.
    func contents() throws(LocatedError) -> Contents {
        var failure: LocatedError?
        let contents = try collect { error in
            if failure == nil { failure = error }
        }
        if let failure { throw failure }
        return contents
    }

    /// Goes on where an array is broken.
    func inspect(_ partial: inout PartialModel) -> Contents? {
        var problems: [LocatedError] = []
        let contents = partial.attempt { () throws(LocatedError) in try collect { problems.append($0) } }
        for problem in problems { _ = partial.attempt { () throws(LocatedError) -> Void in throw problem } }
        return contents
    }

    private func collect(_ report: (LocatedError) -> Void) throws(LocatedError) -> Contents {
        var tree = Tree()
        try file.walk { (path, link) throws(LocatedError) in
            let name = path.replacing("\\", with: "/")
            switch link.kind {
            case .group:
                guard let object = Self.object(ofGroup: name) else { return }
                do throws(LocatedError) {
                    tree.touch(object, label: try file.attribute("name", of: path)?.text)
                } catch { report(error) }
            case .dataset:
                guard tree.count < Self.mostArrays else {
                    throw LocatedError(.invalid, "weights.count", "expected at most \(Self.mostArrays) arrays, got more")
                }
                let (object, number) = Self.place(ofArray: name)
                do throws(LocatedError) {
                    let tensor = try file.weight(path)
                    guard tree.add(StoredWeights.Weight(name: number, tensor: tensor), to: object) else {
                        throw LocatedError(
                            .invalid, "weights.duplicate", "expected every array once, got \(quoted(name)) again", at: [path])
                    }
                } catch { report(error) }
            case .namedType: return
            case .softLink, .externalLink, .userDefinedLink:
                report(
                    LocatedError(
                        .invalid, "hdf5.link", "expected the object itself, got a link to another, which is not followed",
                        at: [path]))
            }
        }
        return tree.contents
    }

    /// The object whose arrays a group holds, nil for a group of objects. The model itself is "".
    private static func object(ofGroup path: String) -> String? {
        if path == "vars" { return "" }
        guard path.hasSuffix("/vars") else { return nil }
        return String(path.dropLast(5))
    }

    /// The object that an array belongs to, and what it is called there.
    private static func place(ofArray path: String) -> (object: String, name: String) {
        var parts = path.split(separator: "/").map(String.init)
        guard let vars = parts.firstIndex(of: "vars"), vars < parts.count - 1 else {
            let name = parts.popLast() ?? ""
            return (parts.joined(separator: "/"), name)
        }
        return (parts[..<vars].joined(separator: "/"), parts[(vars + 1)...].joined(separator: "/"))
    }

    /// Objects as they are found.
    struct Tree {
        private var objects: OrderedDictionary<String, StoredWeights.Layer> = [:]
        private var names: Set<[String]> = []
        private(set) var count = 0

        /// Notes that there is an object, with or without arrays.
        mutating func touch(_ object: String, label: String?) {
            let known = objects[object]
            objects[object, default: StoredWeights.Layer(name: object, weights: [])].label = label ?? known?.label
        }

        /// False when the object has an array of that name.
        mutating func add(_ weight: StoredWeights.Weight, to object: String) -> Bool {
            guard names.insert([object, weight.name]).inserted else { return false }
            objects[object, default: StoredWeights.Layer(name: object, weights: [])].weights.append(weight)
            count += 1
            return true
        }

        /// Objects and arrays in the order of their numbers, which HDF5's order of names isn't.
        var contents: Contents {
            var contents = Contents()
            for var object in objects.values.sorted(by: { NaturalOrder($0.name) < NaturalOrder($1.name) }) {
                object.weights.sort { NaturalOrder($0.name) < NaturalOrder($1.name) }
                let parts = object.name.split(separator: "/")
                switch parts.first {
                case "optimizer":
                    let inner = parts.dropFirst().map { $0 + "/" }.joined()
                    contents.optimizer += object.weights.map { StoredWeights.Weight(name: inner + $0.name, tensor: $0.tensor) }
                    if parts.count == 1 { contents.weights.optimizerName = object.label }
                case "metrics", "compiled_metrics", "compiled_loss", "_compile_metrics", "_loss_tracker", "loss_tracker":
                    // What metrics have counted is no part of the model.
                    continue
                default: contents.weights.layers.append(object)
                }
            }
            return contents
        }
    }
}

extension HDF5Reading {
    /// A dataset of numbers. One of strings or records is sound HDF5, but no weight.
    func weight(_ path: String) throws(LocatedError) -> LazyTensor {
        do throws(LocatedError) { return try dataset(path) } catch {
            guard error.code == "hdf5.type" else { throw error }
            var error = error
            error.category = .invalid
            throw error
        }
    }
}

/// `dense_2` before `dense_10`.
struct NaturalOrder: Comparable {
    private let parts: [(text: Substring, number: Int)]

    init(_ name: String) {
        parts = name.split(separator: "/").map { part in
            var text = part
            var digits = part.suffix(while: { $0.isASCII && $0.isNumber })
            // Without its leading zeros, and no longer than a number.
            if digits.count > 18 { digits = digits.suffix(0) }
            text.removeLast(digits.count)
            return (text, Int(digits) ?? -1)
        }
    }

    static func == (a: NaturalOrder, b: NaturalOrder) -> Bool { !(a < b) && !(b < a) }

    static func < (a: NaturalOrder, b: NaturalOrder) -> Bool {
        for (x, y) in zip(a.parts, b.parts) where x != y {
            return x.text == y.text ? x.number < y.number : x.text < y.text
        }
        return a.parts.count < b.parts.count
    }
}

extension Substring {
    fileprivate func suffix(while holds: (Character) -> Bool) -> Substring {
        self[(lastIndex { !holds($0) }.map { index(after: $0) } ?? startIndex)...]
    }
}
