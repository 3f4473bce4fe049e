import Graphs
import Tensors

/// The values of a graph that no node makes: where they lie, and what a plan must know of them.
struct PlanLeaves {
    /// By value; nil for what nodes make.
    var locations: [Location?]
    var constants: [Tensor] = []
    /// The parameters that the graph reads or updates, by index in the model's table.
    var parameters: [Int: ConcreteInfo] = [:]

    /// - Parameter states: offsets of the parameters that the session keeps itself.
    init(_ graph: Graph, _ infos: [ConcreteInfo], states: [Int: Int] = [:]) {
        locations = [Location?](repeating: nil, count: infos.count)
        for update in graph.updates { parameters[update.parameter] = infos[update.value.id] }
        for (id, origin) in graph.origins.enumerated() {
            switch origin {
            case .input(let index): locations[id] = .input(index)
            case .parameter(let index):
                locations[id] = states[index].map(Location.state) ?? .parameter(index)
                parameters[index] = infos[id]
            case .constant(let tensor):
                locations[id] = .constant(constants.count)
                constants.append(tensor)
            case .node: break
            }
        }
    }
}

extension Location {
    /// The index of an input; for the places that every run patches.
    var input: Int? { if case .input(let index) = self { index } else { nil } }
    var output: Int? { if case .output(let index) = self { index } else { nil } }
    var cotangent: Int? { if case .cotangent(let place) = self { place } else { nil } }
}

extension [Piece] {
    /// Appends a piece and returns its index.
    mutating func append(_ byteCount: Int, _ interval: Interval) -> Int {
        append(Piece(byteCount, interval))
        return count - 1
    }
}
