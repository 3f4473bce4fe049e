import KerasSpec

extension Nest {
    /// The same with tensors of other layers.
    func renaming(_ names: [String: String]) -> Nest {
        switch self {
        case .tensor(var reference):
            reference.layer = names[reference.layer] ?? reference.layer
            return .tensor(reference)
        case .constant: return self
        case .list(let items): return .list(items.map { $0.renaming(names) })
        case .dictionary(let items): return .dictionary(items.mapValues { $0.renaming(names) })
        }
    }
}
