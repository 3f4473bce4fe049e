import Graphs
import Tensors

/// New values of parameters, written at the end of a run.
struct Updates {
    private struct Update {
        var parameter: Int
        var value: Int
        var byteCount: Int
        /// The piece of the arena where the value waits, because it is another parameter's memory that may be written first.
        var staging: Int?
    }

    private var updates: [Update]

    init(_ graph: Graph, _ liveness: Liveness, _ infos: [ConcreteInfo]) {
        let updated = Set(graph.updates.map(\.parameter))
        updates = graph.updates.map { parameter, value in
            var update = Update(parameter: parameter, value: value.id, byteCount: infos[value.id].byteCount)
            if case .parameter(let source) = graph.origins[liveness.root[value.id]], updated.contains(source) {
                update.staging = -1
            }
            return update
        }
    }

    mutating func reserveStaging(in pieces: inout [Piece], at time: Int) {
        for index in updates.indices where updates[index].staging != nil {
            updates[index].staging = pieces.count
            pieces.append(Piece(updates[index].byteCount, Interval(time, time)))
        }
    }

    func steps(
        _ layout: inout FrameLayout, _ locations: [Location?], _ arena: ArenaLayout, target: (Int) -> Location
    ) -> [Step] {
        var first: [Step] = []
        var second: [Step] = []
        for update in updates {
            var source = layout.slot(locations[update.value])
            if let staging = update.staging {
                let waiting = layout.slot(.arena(arena.offsets[staging]))
                first.append(.copy(from: source, to: waiting, byteCount: update.byteCount))
                source = waiting
            }
            second.append(.copy(from: source, to: layout.slot(target(update.parameter)), byteCount: update.byteCount))
        }
        return first + second
    }
}
