internal import Graphs
internal import KerasSpec
internal import Layers
internal import Tensors

/// What a summary tells of one layer, whatever its style.
struct SummaryRow {
    var name: String
    var className: String
    /// The output's shape, one for each output of the layer's last call; nil when nothing is known.
    var outputs: [PartialShape]?
    /// All calls give the same shapes.
    var uniform: Bool
    var parameters: Int
    /// `embedding_1[0][0]`, one for each tensor read.
    var connections: [String]
    /// Rows of a nested model.
    var nested: [SummaryRow]
}

/// What a summary tells of a model.
struct SummaryTable {
    var modelName: String
    var rows: [SummaryRow]
    /// One straight line of layers, each called once on one input: then connections aren't shown.
    var isStraight: Bool
    var trainable: Int
    var nonTrainable: Int

    /// Lowers the model for its declared input shapes. A model that declares none has rows without shapes and counts.
    init(_ model: Model) throws(LocatedError) {
        let program = try model.program()
        var lowered: LoweredModel?
        if let inputs = program.declaredInputs { lowered = try program.lower(inputs: inputs, training: false) }
        modelName = program.spec.name
        rows = Self.rows(program, lowered, prefix: "")
        isStraight = Self.isStraight(program)
        let slots = (lowered?.parameters.slots ?? []).filter(\.slot.isSaved)
        trainable = slots.filter(\.slot.trainable).reduce(0) { $0 + $1.slot.shape.count }
        nonTrainable = slots.filter { !$0.slot.trainable }.reduce(0) { $0 + $1.slot.shape.count }
    }

    private static func rows(_ program: ModelProgram, _ lowered: LoweredModel?, prefix: String) -> [SummaryRow] {
        program.visibleEntries.map { entry in
            let path = prefix + entry.name
            let calls = lowered?.calls.filter { $0.layer == path } ?? []
            let shapes = calls.map { $0.outputs.map(\.shape) }
            let parameters = (lowered?.parameters.slots ?? []).filter(\.slot.isSaved).filter {
                $0.layerPath.joined(separator: "/") == path || $0.layerPath.joined(separator: "/").hasPrefix(path + "/")
            }
            var nested: [SummaryRow] = []
            if case .model(let model) = entry.body { nested = rows(model.value, lowered, prefix: path + "/") }
            return SummaryRow(
                name: entry.name, className: entry.className, outputs: shapes.last,
                uniform: Set(shapes).count <= 1,
                parameters: parameters.reduce(0) { $0 + $1.slot.shape.count },
                connections: entry.calls.flatMap { call in
                    (call.arguments.flatMap(\.tensors) + call.keywords.values.flatMap(\.tensors)).map {
                        "\($0.layer)[\($0.node + base(of: $0.layer, in: program))][\($0.tensor)]"
                    }
                },
                nested: nested)
        }
    }

    /// A nested model's calls are counted from 1 in Keras: its own construction was the first.
    private static func base(of layer: String, in program: ModelProgram) -> Int {
        if case .model? = program.entry(named: layer)?.body { 1 } else { 0 }
    }

    /// Keras's rule (`print_summary`, keras/utils/layer_utils.py): no depth of the graph has more than one call, no call
    /// reads more than one layer, no layer is called twice.
    private static func isStraight(_ program: ModelProgram) -> Bool {
        guard program.spec.kind == .functional else { return true }
        var previous: String?
        for entry in program.entries {
            guard entry.calls.count == 1 else { return false }
            let read = entry.calls[0].arguments.flatMap(\.tensors)
            guard read.count == (previous == nil ? 0 : 1), read.first?.layer == previous else { return false }
            previous = entry.name
        }
        return true
    }
}
