import KerasSpec

/// Layers in the order of their calls, for a Keras that makes each layer's calls when it comes to the layer.
enum CallOrder {
    /// The same layers, each behind those whose outputs its calls take; as they stood where that is so already. Nil where a layer
    /// is called on what came of it.
    ///
    /// - Parameter layers: with `name` and `inbound_nodes`, in any dialect.
    static func sorted(_ layers: [ConfigValue]) -> [ConfigValue]? {
        let names = Set(layers.compactMap { $0.object?["name"]?.string })
        var waiting = layers.map { layer -> (layer: ConfigValue, name: String, sources: Set<String>) in
            let object = layer.object
            var sources: Set<String> = []
            if let nodes = object?["inbound_nodes"] { collect(nodes, names, &sources) }
            return (layer, object?["name"]?.string ?? "", sources)
        }
        var placed: Set<String> = []
        var result: [ConfigValue] = []
        while !waiting.isEmpty {
            var rest: [(layer: ConfigValue, name: String, sources: Set<String>)] = []
            for item in waiting {
                if item.sources.isSubset(of: placed) {
                    result.append(item.layer)
                    placed.insert(item.name)
                } else {
                    rest.append(item)
                }
            }
            guard rest.count < waiting.count else { return nil }
            waiting = rest
        }
        return result
    }

    /// Every `[layer, call, output, …]` within.
    private static func collect(_ value: ConfigValue, _ names: Set<String>, _ found: inout Set<String>) {
        switch value {
        case .array(let items):
            if items.count >= 3, let name = items[0].string, names.contains(name), items[1].integer != nil { found.insert(name) }
            for item in items { collect(item, names, &found) }
        case .object(let object): for item in object.values { collect(item, names, &found) }
        default: break
        }
    }
}
