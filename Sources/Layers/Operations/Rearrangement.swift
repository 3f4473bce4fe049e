internal import Graphs
internal import KerasSpec
internal import Ops
internal import Tensors

// keras.ops.einops.

extension Operation {
    static let einops: [Operation] = [
        Operation("Rearrange", "tensor pattern", takesAnyKeyword: true) { call in
            let context = call.context
            let x = try call.tensor("tensor")
            guard let pattern = try call.string("pattern"), let (from, to) = axisGroups(pattern), from.count == context.rank(x) else {
                throw call.wrong("pattern", "names of axes, two lists of them with -> between")
            }
            // Each name's extent: told, or what is left of its axis.
            var extents: [String: Int?] = [:]
            for (axis, group) in from.enumerated() {
                let whole = context.shape(x)[axis]
                guard group.count != 1 else {
                    extents[group[0]] = whole
                    continue
                }
                var product = 1, open: String?
                for name in group {
                    if let told = try call.integer(name) {
                        let (next, overflow) = product.multipliedReportingOverflow(by: told)
                        guard told > 0, !overflow else { throw call.wrong(name, "an extent of at least 1") }
                        product = next
                        extents[name] = told
                    } else if open == nil {
                        open = name
                    } else {
                        throw call.wrong("pattern", "such that at most one extent of each axis isn't told")
                    }
                }
                if let open { extents[open] = whole.map { $0 / product } }
            }
            let names = from.flatMap(\.self), order = to.flatMap(\.self)
            guard Set(names).count == names.count, Set(order) == Set(names), order.count == names.count else {
                throw call.wrong("pattern", "each axis once on both sides")
            }
            for key in call.arguments.keywords.keys where !names.contains(key) && !["tensor", "pattern"].contains(key) {
                throw call.wrong(key, "the name of an axis of \(pattern)")
            }
            let parts = try context.reshaped(x, to: names.map { extents[$0] ?? nil })
            let turned = try context.transposed(parts, order.map { names.firstIndex(of: $0) ?? 0 })
            let shape = to.map { group in
                group.reduce(1 as Int?) { product, name in product.flatMap { product in (extents[name] ?? nil).map { product * $0 } } }
            }
            return try context.reshaped(turned, to: shape)
        }
    ]

    /// `b (h1 h) -> b h1 h` as names in groups; nil where it isn't of that form.
    private static func axisGroups(_ pattern: String) -> (from: [[String]], to: [[String]])? {
        var sides: [[[String]]] = [[]]
        var word = "", group: [String]?
        func isWord(_ character: Character) -> Bool { character.isLetter || character.isNumber || character == "_" }
        func endWord() {
            guard !word.isEmpty else { return }
            if group != nil { group?.append(word) } else { sides[sides.count - 1].append([word]) }
            word = ""
        }
        var rest = pattern[...]
        while let character = rest.first {
            rest.removeFirst()
            if isWord(character) {
                word.append(character)
                continue
            }
            endWord()
            switch character {
            case " ": break
            case "(" where group == nil: group = []
            case ")":
                guard let names = group else { return nil }
                sides[sides.count - 1].append(names)
                group = nil
            case "-" where rest.first == ">" && group == nil:
                rest.removeFirst()
                sides.append([])
            default: return nil
            }
        }
        endWord()
        return sides.count == 2 && group == nil ? (sides[0], sides[1]) : nil
    }
}
