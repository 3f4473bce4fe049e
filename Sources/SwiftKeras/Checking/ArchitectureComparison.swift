internal import KerasFormat
internal import KerasSpec

/// Two architectures, layer by layer and key by key, by what they mean.
struct ArchitectureComparison {
    private(set) var differences: [ModelComparison.Difference] = []
    private(set) var notes: [String] = []
    private(set) var pairing = LayerPairing()
    private let a: ModelSpec
    private let b: ModelSpec
    private let ranksA: LayerRanks
    private let ranksB: LayerRanks
    /// Whether both files speak one generation's language, so that what it can't say must be the same.
    private let isOneDialect: Bool
    /// Layers whose rules differ only because the generations' do, by key.
    private var ruled: [String: [String]] = [:]

    init(_ a: ModelSpec, _ b: ModelSpec) {
        self.a = a
        self.b = b
        (ranksA, ranksB) = (LayerRanks(a), LayerRanks(b))
        isOneDialect = a.provenance?.dialect == b.provenance?.dialect
    }

    mutating func run() {
        if a.name != b.name {
            if Self.tellsName(a), Self.tellsName(b) {
                add(.model, "", "name", a.name, b.name)
            } else {
                notes.append("the model is called \(a.name) in A, \(b.name) in B; one of the files tells no name")
            }
        }
        compare(a, b, [], [])
        for (key, layers) in ruled.sorted(by: { $0.key < $1.key }) {
            let what =
                switch key {
                case LegacyName.varianceRule: "the moving variance is updated"
                case LegacyName.leakRule: "SReLU is limited"
                default: "masks are joined"
                }
            notes.append("\(what) by another rule in each of the files' generations or backends: \(Self.list(layers))")
        }
    }

    private mutating func add(
        _ part: ModelComparison.Difference.Part, _ place: String, _ key: String, _ a: String?, _ b: String?
    ) {
        differences.append(ModelComparison.Difference(part, place, key, a: a, b: b))
    }

    private mutating func compare(_ a: ModelSpec, _ b: ModelSpec, _ pathA: [String], _ pathB: [String]) {
        let place = pathA.joined(separator: "/")
        if a.kind != b.kind { add(.model, place, "kind", a.kind.rawValue, b.kind.rawValue) }
        if a.trainable != b.trainable { add(.model, place, "trainable", "\(a.trainable)", "\(b.trainable)") }
        let isSequential = a.kind == .sequential && b.kind == .sequential
        // The input of a Sequential has no name of its own in files before Keras 3.
        let (inputsA, layersA) = isSequential ? Self.split(a.layers) : ([], a.layers)
        let (inputsB, layersB) = isSequential ? Self.split(b.layers) : ([], b.layers)
        switch (inputsA.first, inputsB.first) {
        case (let x?, let y?): compare(x, y, pathA, pathB, comparesNames: false)
        case (let x?, nil): add(.model, place, "input", Self.shape(x), nil)
        case (nil, let y?): add(.model, place, "input", nil, Self.shape(y))
        case (nil, nil): break
        }
        let pairs = LayerPairing.match(layersA, layersB)
        for (x, y) in pairs { compare(layersA[x], layersB[y], pathA, pathB, comparesNames: true) }
        let (takenA, takenB) = (Set(pairs.map(\.a)), Set(pairs.map(\.b)))
        for (index, layer) in layersA.enumerated() where !takenA.contains(index) {
            add(.layer, (pathA + [layer.name]).joined(separator: "/"), "", layer.className, nil)
        }
        for (index, layer) in layersB.enumerated() where !takenB.contains(index) {
            add(.layer, (pathB + [layer.name]).joined(separator: "/"), "", nil, layer.className)
        }
        if zip(pairs, pairs.dropFirst()).contains(where: { $0.b > $1.b }) {
            let text = "layers come in another order"
            if isSequential {
                add(.model, place, "order", Self.list(layersA.map(\.name)), Self.list(layersB.map(\.name)))
            } else {
                notes.append(place.isEmpty ? text : "\(place): \(text)")
            }
        }
        if a.kind == .functional, b.kind == .functional {
            compareConnections(a, b, pairs, place, pathA)
        }
    }

    // MARK: - Layers

    private mutating func compare(
        _ a: LayerSpec, _ b: LayerSpec, _ outerA: [String], _ outerB: [String], comparesNames: Bool
    ) {
        let (pathA, pathB) = (outerA + [a.name], outerB + [b.name])
        pairing.pair(pathA, pathB)
        let place = pathA.joined(separator: "/")
        if comparesNames, a.name != b.name { add(.layer, place, "name", a.name, b.name) }
        if let x = a.model?.value, let y = b.model?.value { return compare(x, y, pathA, pathB) }
        let (classA, classB) = (ConfigMeaning.className(a.className), ConfigMeaning.className(b.className))
        guard classA == classB, (a.model == nil) == (b.model == nil) else {
            return add(.layer, place, "class", a.className, b.className)
        }
        let rank = ranksA[pathA] ?? ranksB[pathB]
        let (configA, configB) = (LayerRanks.plain(a.config, of: classA, rank: rank), LayerRanks.plain(b.config, of: classA, rank: rank))
        for (key, x, y) in ConfigMeaning.differences(of: classA, configA, configB) {
            add(.layer, place, key, x.map { ConfigMeaning.text($0) } ?? "absent", y.map { ConfigMeaning.text($0) } ?? "absent")
        }
        for key in [LegacyName.varianceRule, LegacyName.maskRule, LegacyName.leakRule] where a.config[key] != b.config[key] {
            // Within a generation backends have their own rules of the variance, of which files keep nothing but their name.
            if isOneDialect, key == LegacyName.maskRule {
                add(
                    .layer, place, key, a.config[key].map { ConfigMeaning.text($0) } ?? "Keras 3's",
                    b.config[key].map { ConfigMeaning.text($0) } ?? "Keras 3's")
            } else {
                ruled[key, default: []].append(place)
            }
        }
    }

    // MARK: - Connections

    private mutating func compareConnections(
        _ a: ModelSpec, _ b: ModelSpec, _ pairs: [(a: Int, b: Int)], _ place: String, _ path: [String]
    ) {
        let names = Dictionary(
            pairs.map { (a.layers[$0.a].name, b.layers[$0.b].name) }, uniquingKeysWith: { first, _ in first })
        for (x, y) in pairs {
            let (layerA, layerB) = (a.layers[x], b.layers[y])
            let place = (path + [layerA.name]).joined(separator: "/")
            if layerA.calls.count != layerB.calls.count {
                add(.connection, place, "calls", "\(layerA.calls.count)", "\(layerB.calls.count)")
                continue
            }
            for (number, (callA, callB)) in zip(layerA.calls, layerB.calls).enumerated() {
                let (readA, readB) = (CallMeaning(callA, renaming: names), CallMeaning(callB, renaming: [:]))
                let key = layerA.calls.count == 1 ? "inputs" : "inputs of call \(number)"
                if readA.tensors != readB.tensors {
                    add(.connection, place, key, CallMeaning(callA, renaming: [:]).tensors.text, readB.tensors.text)
                }
                if readA.constants != readB.constants {
                    add(.connection, place, "arguments", "\(readA.constants)", "\(readB.constants)")
                }
            }
        }
        func ends(_ nest: Nest, _ names: [String: String]) -> [TensorReference] {
            nest.tensors.map { $0.renamed(by: names) }
        }
        if ends(a.inputs, names) != ends(b.inputs, [:]) {
            add(.connection, place, "inputs", a.inputs.tensors.text, b.inputs.tensors.text)
        }
        if ends(a.outputs, names) != ends(b.outputs, [:]) {
            add(.connection, place, "outputs", a.outputs.tensors.text, b.outputs.tensors.text)
        }
    }

    // MARK: - Words

    private static func split(_ layers: [LayerSpec]) -> (inputs: [LayerSpec], others: [LayerSpec]) {
        guard let first = layers.first, first.className == "InputLayer" else { return ([], layers) }
        return ([first], Array(layers.dropFirst()))
    }

    private static func shape(_ input: LayerSpec) -> String { ConfigMeaning.text(input.config["batch_shape"] ?? .null) }

    private static func list(_ names: [String]) -> String {
        names.prefix(6).joined(separator: ", ") + (names.count > 6 ? "… (\(names.count))" : "")
    }

    /// Whether a model's file says its name: a Sequential of Keras 1 and 2.0 doesn't.
    private static func tellsName(_ spec: ModelSpec) -> Bool {
        guard let document = spec.provenance?.document?.object else { return true }
        return document["config"]?.object?["name"]?.string != nil
    }
}

/// What a call reads, whether by position or by keyword.
private struct CallMeaning {
    var tensors: [TensorReference]
    /// Arguments that aren't tensors, by position or keyword, sorted; those that say nothing are left out.
    var constants: [String]

    init(_ call: LayerCall, renaming names: [String: String]) {
        tensors = (call.arguments.flatMap(\.tensors) + call.keywords.values.flatMap(\.tensors)).map { $0.renamed(by: names) }
        var constants: [String] = []
        func add(_ nest: Nest, _ name: String) {
            switch nest {
            case .tensor, .constant(.null): break
            case .constant(let value): constants.append("\(name)=\(ConfigMeaning.text(value))")
            case .list(let items): for (index, item) in items.enumerated() { add(item, "\(name)[\(index)]") }
            case .dictionary(let items): for (key, item) in items { add(item, "\(name).\(key)") }
            }
        }
        for (index, argument) in call.arguments.enumerated() { add(argument, "\(index)") }
        for (key, value) in call.keywords where key != "training" || value != .constant(false) { add(value, key) }
        self.constants = constants.sorted()
    }
}

extension TensorReference {
    fileprivate func renamed(by names: [String: String]) -> TensorReference {
        TensorReference(layer: names[layer] ?? layer, node: node, tensor: tensor)
    }
}

extension [TensorReference] {
    /// `dense_1, lstm_1[0][1]`: calls and outputs are told where they aren't the first.
    fileprivate var text: String {
        isEmpty ? "none" : map { $0.node == 0 && $0.tensor == 0 ? $0.layer : $0.description }.joined(separator: ", ")
    }
}
