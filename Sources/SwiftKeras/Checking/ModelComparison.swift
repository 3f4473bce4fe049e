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
    ///   - tolerance: exact unless given.
    /// - Throws: what reading throws; 69 `compare.weights` for two weights files that arrange weights differently, where
    ///   neither names nor shapes tell which belong together.
    public init(
        _ a: String, _ b: String, weightsA: String? = nil, weightsB: String? = nil, backendA: String? = nil,
        backendB: String? = nil, tolerance: Tolerance = Tolerance()
    ) throws(LocatedError) {
        let (a, b) = (
            try Side(a, weights: weightsA, backend: backendA), try Side(b, weights: weightsB, backend: backendB)
        )
        var pairing: LayerPairing?
        switch (a.stored.spec, b.stored.spec) {
        case (let x?, let y?):
            var architecture = ArchitectureComparison(x, y)
            architecture.run()
            differences = architecture.differences
            notes = architecture.notes
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
                let meantA = try locating(a.weightsName) { () throws(LocatedError) in try WeightBinding.resolve(x, in: specA) }
                let meantB = try locating(b.weightsName) { () throws(LocatedError) in try WeightBinding.resolve(y, in: specB) }
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
        switch (a.stored.training, b.stored.training) {
        case (nil, nil): return
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
}

extension ModelComparison {
    /// One of the two files.
    struct Side {
        var stored: StoredModel
        /// Whether a file of this kind has room for compile settings.
        var holdsTraining: Bool
        /// The file that the weights came from, for errors.
        var weightsName: String

        init(_ path: String, weights: String?, backend: String?) throws(LocatedError) {
            stored = try KerasFile.read(path, backend: backend)
            if let weights { stored.weights = try KerasFile.readWeights(weights, backend: backend) }
            holdsTraining = stored.spec != nil && stored.weights != nil && weights == nil
            weightsName = (weights ?? path).split(separator: "/").last.map(String.init) ?? path
        }
    }
}

extension ModelComparison.Difference {
    init(_ part: Part, _ place: String, _ key: String = "", a: String? = nil, b: String? = nil) {
        self.init(part: part, place: place, key: key, a: a, b: b)
    }
}
