import Engine
package import Graphs
package import Ops
import Tensors

/// What an optimizer makes of the gradient of a table whose rows are looked up.
///
/// TensorFlow keeps such a gradient lookup by lookup (`tf.IndexedSlices`) where a table's every use is a lookup, and Keras's
/// arithmetic tells it from an array: values are limited lookup by lookup, norms are taken of the lookups (a row that was looked
/// up twice counts twice, not its sum once), Keras 3's second moments follow the squares of lookups, and most of OptimizerV2's
/// rules leave rows alone that weren't looked up.
/// Source: tensorflow/python/ops/clip_ops.py, keras/optimizer_v2/*.py (`_resource_apply_sparse`) of 2.4,
/// keras/src/backend/tensorflow/sparse.py of 3.15; held against genuine Keras in `LookupTraceTests`.
package struct LookupRule: Hashable, Sendable {
    /// Each lookup's gradient is limited to −limit … limit.
    package var limit: Float?
    package var ledgers: [Embed.Ledger] = []

    /// nil: as of any other gradient.
    package init?(_ optimizer: any BuiltInOptimizer, _ generation: TrainingGeneration) {
        let settings = optimizer.settings
        let norm = max(settings.clipnorm ?? 0, generation.isStandalone ? 0 : settings.globalClipnorm ?? 0)
        // Sums of gradients over batches are arrays.
        let isArray = generation == .keras1 || (generation == .keras3 && settings.gradientAccumulationSteps != nil)
        guard !isArray else { return nil }
        if let value = settings.clipvalue, value > 0, generation.isBefore211 || norm <= 0 { limit = Float(value) }
        switch generation {
        case .keras1, .keras2: break
        case .tfKerasLegacy:
            if norm > 0 { ledgers.append(.squares) }
            if Self.leavesRowsAlone(optimizer) { ledgers.append(.count) }
        case .tfKeras: if norm > 0 { ledgers.append(.squares) }
        case .keras3:
            let own = Self.ledger(of: optimizer)
            if norm > 0 { ledgers.append(.squares) }
            if let own, !ledgers.contains(own) { ledgers.append(own) }
        }
        if limit == nil, ledgers.isEmpty { return nil }
    }

    /// Whether OptimizerV2's step for lookups differs from its step for arrays.
    private static func leavesRowsAlone(_ optimizer: any BuiltInOptimizer) -> Bool {
        switch optimizer {
        case let sgd as SGD: sgd.momentum != 0
        case let rmsprop as RMSprop: rmsprop.momentum != 0
        case is Adadelta, is Adamax, is Ftrl, is Nadam: true
        default: false
        }
    }

    /// What Keras 3's step isn't linear in.
    private static func ledger(of optimizer: any BuiltInOptimizer) -> Embed.Ledger? {
        switch optimizer {
        case is SGD, is Lion: nil
        case is Adamax: .magnitudes
        default: .squares
        }
    }
}

/// A graph whose lookups keep the ledgers of a rule.
package struct LookupGradients: Sendable {
    package let rule: LookupRule
    /// With the ledgers as its last inputs: those of the first table, then of the second. Their values are never read.
    package private(set) var graph: Graph
    /// Parameters of the graph of which every use is a lookup.
    package private(set) var tables: [Int] = []

    /// nil when nothing is looked up.
    ///
    /// - Parameters:
    ///   - graph: with losses.
    ///   - trained: parameters that are changed.
    package init?(_ graph: Graph, trained: [Int], rule: LookupRule) {
        self.rule = rule
        self.graph = graph
        let trained = Set(trained)
        var others = Set(graph.outputs + graph.updates.map(\.value))
        for node in graph.nodes { others.formUnion(node.op is Embed ? node.inputs.dropFirst() : node.inputs[...]) }
        var ledgers: [Value: [Value]] = [:]
        for node in graph.nodes where node.op is Embed {
            let table = node.inputs[0]
            guard ledgers[table] == nil, case .parameter(let index) = graph.origin(table), trained.contains(index),
                !others.contains(table)
            else { continue }
            tables.append(index)
            let shape = graph.info(table).shape
            ledgers[table] = rule.ledgers.map { self.graph.addInput(ValueInfo($0 == .count ? PartialShape([shape[0]]) : shape)) }
        }
        if tables.isEmpty { return nil }
        for index in self.graph.nodes.indices {
            guard self.graph.nodes[index].op is Embed, let own = ledgers[self.graph.nodes[index].inputs[0]] else { continue }
            self.graph.nodes[index].op = Embed(limit: rule.limit ?? .infinity, ledgers: rule.ledgers)
            self.graph.nodes[index].inputs += own
        }
    }

    /// What the last backward of a session noted of a table's lookups.
    func ledgers(ofTable table: Int, in session: TrainingSession) -> StepMemory.Lookups {
        var known = StepMemory.Lookups(isLimited: rule.limit != nil)
        for kind in 0..<rule.ledgers.count {
            let place = table * rule.ledgers.count + kind
            let ledger = UnsafePointer(session.inputGradients[place].assumingMemoryBound(to: Float.self))
            switch rule.ledgers[kind] {
            case .count: known.counts = ledger
            case .squares: known.squares = ledger
            case .magnitudes: known.terms = ledger
            }
        }
        known.terms = known.terms ?? known.squares
        return known
    }

    /// The places of the ledgers among the graph's inputs.
    package var ledgerInputs: [Int] { Array(graph.inputs.indices.suffix(tables.count * rule.ledgers.count)) }
}
