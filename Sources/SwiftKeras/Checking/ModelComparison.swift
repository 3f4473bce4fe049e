internal import KerasFormat
internal import KerasSpec
public import Tensors

/// What two model files have in common and where they differ, by meaning: files of different generations, containers and
/// spellings are equal when they describe the same model with the same weights.
///
/// What only tells how a file is written (seeds, `GlorotUniform` or `VarianceScaling`, dtype policies, keys at their defaults)
/// is no difference. Where two generations train the same model by different rules, a note says so.
public struct ModelComparison: Sendable {
    /// One thing that isn't the same.
    public struct Difference: Sendable, CustomStringConvertible {
        public enum Part: String, Sendable, CaseIterable {
            case model, layer, connection, weight, training, optimizer
        }

        public var part: Part
        /// A layer's path, a weight's (`encoder/conv2d_1/kernel`), empty for the model.
        public var place: String
        /// What of it: a key of the configuration, `name`, `class`, `shape`, `values`.
        public var key: String
        /// As the first file has it; nil where it has none.
        public var a: String?
        /// As the second file has it; nil where it has none.
        public var b: String?
        /// Of values: the largest |a − b|.
        public var maxAbsoluteDifference: Double?
        /// Of values: where the difference is largest.
        public var index: [Int]?

        /// One line, as the command prints it.
        public var description: String {
            let subject = place.isEmpty ? part.rawValue : "\(part.rawValue) \(place)"
            let what = key.isEmpty ? "" : ": \(key)"
            if let maxAbsoluteDifference, let index {
                return "\(subject)\(what): differ by up to \(Float(maxAbsoluteDifference)), at \(index): \(a ?? "") in A, \(b ?? "") in B"
            }
            switch (a, b) {
            case (let a?, let b?): return "\(subject)\(what): \(a) in A, \(b) in B"
            case (let a?, nil): return "\(subject)\(what): in A only\(a.isEmpty ? "" : " (\(a))")"
            case (nil, let b?): return "\(subject)\(what): in B only\(b.isEmpty ? "" : " (\(b))")"
            case (nil, nil): return "\(subject)\(what)"
            }
        }
    }

    /// How far values may be apart: |a − b| ≤ absolute + relative · |b|.
    public struct Tolerance: Sendable {
        public var relative: Double
        public var absolute: Double

        public init(relative: Double = 0, absolute: Double = 0) {
            self.relative = relative
            self.absolute = absolute
        }
    }

    public internal(set) var differences: [Difference] = []
    /// What people should know and what makes no difference, or could not be compared.
    public internal(set) var notes: [String] = []
    /// Pairs of layers that were held against each other, those of nested models included.
    public internal(set) var layersCompared = 0
    /// Pairs of weights that were held against each other.
    public internal(set) var weightsCompared = 0

    public var isEqual: Bool { differences.isEmpty }

    /// Compares two files of any container and generation: whole models, architectures, weights.
    ///
    /// Weights alone are compared with what a model in the other file means by its own. One pair of arrays is in memory at a
    /// time.
    ///
    /// - Parameters:
    ///   - a: architecture, weights or whole model.
    ///   - b: another.
    ///   - weightsA: weights for an architecture `a`.
    ///   - weightsB: weights for an architecture `b`.
    ///   - backendA: `theano` or `tensorflow`: what trained `a`, where it doesn't tell, as Keras 1's files never do.
    ///   - backendB: the same of `b`.
    ///   - loading: how `weightsA` and `weightsB` are taken where they aren't all the model's. What isn't loaded keeps what the
    ///     model's own file holds; where that holds nothing it isn't compared, and a note says so. The layers must be computed.
    ///   - tolerance: exact unless given.
    /// - Throws: what reading throws; 69 `compare.weights` for two weights files that arrange weights differently, where
    ///   neither names nor shapes tell which belong together.
    public init(
        _ a: String, _ b: String, weightsA: String? = nil, weightsB: String? = nil, backendA: String? = nil,
        backendB: String? = nil, loading: LoadingOptions = LoadingOptions(), tolerance: Tolerance = Tolerance()
    ) throws(LocatedError) {
        let (a, b) = (
            try Side(a, weights: weightsA, backend: backendA, loading), try Side(b, weights: weightsB, backend: backendB, loading)
        )
        for (name, side) in [("A", a), ("B", b)] { notes += side.report.map { "\(name): \($0)" } }
        for (name, side) in [("a", a), ("b", b)] {
            guard let note = UntoldBackend.note(side.stored.weights, side.stored.spec?.provenance?.dialect) else { continue }
            notes.append("\(name.uppercased()): \(note.description.replacing("--backend", with: "--backend-\(name)"))")
        }
        var pairing: LayerPairing?
        switch (a.stored.spec, b.stored.spec) {
        case (let x?, let y?):
            var architecture = ArchitectureComparison(x, y)
            architecture.run()
            differences = architecture.differences
            notes += architecture.notes
            layersCompared = architecture.pairing.count
            pairing = architecture.pairing
        case (.some, nil): notes.append("B holds weights alone: the architecture was not compared")
        case (nil, .some): notes.append("A holds weights alone: the architecture was not compared")
        case (nil, nil): break
        }
        try compareWeights(a, b, pairing, tolerance)
        try compareTraining(a, b, pairing, tolerance)
    }

    private mutating func compareWeights(
        _ a: Side, _ b: Side, _ pairing: LayerPairing?, _ tolerance: Tolerance
    ) throws(LocatedError) {
        var comparison = WeightComparison(tolerance: tolerance)
        switch (a.stored.weights, b.stored.weights) {
        case (nil, nil): return
        case (.some, nil): notes.append("B holds an architecture alone: weights were not compared")
        case (nil, .some): notes.append("A holds an architecture alone: weights were not compared")
        case (let x?, let y?):
            if let specA = a.stored.spec ?? b.stored.spec, let specB = b.stored.spec ?? a.stored.spec {
                var meantA = try a.meaning(of: x, in: specA)
                var meantB = try b.meaning(of: y, in: specB)
                let unknown = a.unknown.union(b.unknown)
                if !unknown.isEmpty {
                    meantA.weights.removeAll { unknown.contains($0.outline.name) }
                    meantB.weights.removeAll { unknown.contains($0.outline.name) }
                }
                try comparison.run(meantA, meantB, pairing ?? LayerPairing(identical: specA))
            } else {
                try comparison.run(x, y)
            }
        }
        differences += comparison.differences
        notes += comparison.notes
        weightsCompared = comparison.compared
    }

    private mutating func compareTraining(
        _ a: Side, _ b: Side, _ pairing: LayerPairing?, _ tolerance: Tolerance
    ) throws(LocatedError) {
        var (a, b) = (a, b)
        // Weights alone hold an optimizer's state without its settings: they are the other file's.
        if a.stored.training == nil, b.stored.training != nil { try a.borrow(from: b, &notes) }
        if b.stored.training == nil, a.stored.training != nil { try b.borrow(from: a, &notes) }
        switch (a.stored.training, b.stored.training) {
        case (nil, nil): try compareStates(a, b, tolerance)
        case (.some, nil) where b.holdsTraining: differences.append(Difference(.training, "", a: ""))
        case (nil, .some) where a.holdsTraining: differences.append(Difference(.training, "", b: ""))
        case (.some, nil): notes.append("B is a file that holds no training settings: they were not compared")
        case (nil, .some): notes.append("A is a file that holds no training settings: they were not compared")
        case (.some, .some):
            var comparison = TrainingComparison(a, b, pairing, tolerance)
            try comparison.run()
            differences += comparison.differences
            notes += comparison.notes
        }
    }

    /// State of optimizers of which nothing more is known, array by array in their order.
    private mutating func compareStates(_ a: Side, _ b: Side, _ tolerance: Tolerance) throws(LocatedError) {
        switch (a.state, b.state) {
        case (nil, nil): return
        case (.some, nil) where b.holdsState: differences.append(Difference(.optimizer, "", "state", a: ""))
        case (nil, .some) where a.holdsState: differences.append(Difference(.optimizer, "", "state", b: ""))
        case (.some, nil): notes.append("B is a file that holds no optimizer state: it was not compared")
        case (nil, .some): notes.append("A is a file that holds no optimizer state: it was not compared")
        case (var x?, var y?):
            if StateConversion.dialect(of: x) != StateConversion.dialect(of: y) {
                // tf-keras's order is what both can be said in.
                let spec = a.stored.spec ?? b.stored.spec
                var unsaid: [UpgradeNote] = []
                func spoken(_ list: OptimizerArrayList, _ side: Side) throws(LocatedError) -> OptimizerArrayList? {
                    guard let spec, let stored = side.stored.weights else { return nil }
                    return try StateConversion.list(
                        list, in: spec, weights: try WeightBinding.resolve(stored, in: side.stored.spec ?? spec), for: .tfKeras, notes: &unsaid)
                }
                guard let p = try spoken(x, a), let q = try spoken(y, b) else {
                    return notes.append("the optimizers' states are of different generations and were not compared: only an architecture tells how")
                }
                (x, y) = (p, q)
            }
            if x.arrays.count != y.arrays.count {
                differences.append(Difference(.optimizer, "", "arrays", a: "\(x.arrays.count)", b: "\(y.arrays.count)"))
            }
            var comparison = WeightComparison(tolerance: tolerance)
            for (number, (p, q)) in zip(x.arrays, y.arrays).enumerated() {
                try comparison.compare("\(number)", p.tensor, q.tensor, as: .optimizer)
            }
            differences += comparison.differences
        }
    }
}

extension ModelComparison {
    /// One of the two files.
    struct Side {
        var stored: StoredModel
        /// Whether a file of this kind has room for compile settings.
        var holdsTraining: Bool
        /// The file that the weights came from, for errors.
        var weightsName: String
        /// The optimizer's state beside the weights, where nothing tells its settings.
        var state: OptimizerArrayList?
        /// The model's weights where they were loaded in part.
        var loaded: ModelWeights?
        /// Weights by path that nothing gave a value.
        var unknown: Set<String> = []
        /// What was loaded and what was not, where that isn't all.
        var report: [String] = []
        /// Whether the weights stand in a file that has room for an optimizer's state.
        var holdsState: Bool

        init(_ path: String, weights: String?, backend: String?, _ loading: LoadingOptions) throws(LocatedError) {
            stored = try KerasFile.read(path, backend: backend)
            if let weights {
                let hasOwn = stored.weights != nil
                stored = try KerasFile.join(try KerasFile.readWeights(weights, backend: backend), to: stored, named: weights)
                if !loading.isStrict, stored.spec != nil {
                    let model = try Model(
                        contentsOf: path, weights: weights, backend: backend, byName: loading.byName, skipMismatch: loading.skipMismatch)
                    loaded = try model.currentWeights()
                    if let found = model.loadingReport, !found.isComplete {
                        report = found.lines
                        if !hasOwn { unknown = Set(found.kept) }
                    }
                }
            }
            holdsTraining = stored.spec != nil && stored.weights != nil && weights == nil
            weightsName = weights ?? path
            holdsState = stored.weights?.scheme == .objects || holdsTraining
            let own = stored.weights.flatMap(OptimizerArrayList.init)
            if stored.training == nil { state = own }
            guard weights != nil, let own, let training = stored.training, let spec = stored.spec, let values = stored.weights else { return }
            // As Keras loads weights into a compiled model.
            var unsaid: [UpgradeNote] = []
            let meant = try meaning(of: values, in: spec)
            if let settled = try StateConversion.training(training, with: own, in: spec, weights: meant, notes: &unsaid) { stored.training = settled }
        }

        /// The model's weights; those that were loaded in part are what they are.
        func meaning(of values: StoredWeights, in spec: ModelSpec) throws(LocatedError) -> ModelWeights {
            if let loaded { return loaded }
            return try locating(weightsName) { () throws(LocatedError) in try WeightBinding.resolve(values, in: spec) }
        }

        /// Takes another file's training settings for the state that stands beside these weights.
        mutating func borrow(from other: Side, _ notes: inout [String]) throws(LocatedError) {
            guard let state, let settings = other.stored.training, let spec = stored.spec ?? other.stored.spec, let values = stored.weights
            else { return }
            var unsaid: [UpgradeNote] = []
            let meant = try WeightBinding.resolve(values, in: spec)
            stored.training = try StateConversion.training(settings, with: state, in: spec, weights: meant, notes: &unsaid)
            stored.spec = spec
            notes += unsaid.map { $0.description.replacing("was left out", with: "was not compared") }
        }
    }
}

extension ModelComparison.Difference {
    init(_ part: Part, _ place: String, _ key: String = "", a: String? = nil, b: String? = nil) {
        self.init(part: part, place: place, key: key, a: a, b: b)
    }
}
