internal import Graphs
package import KerasSpec
package import OrderedCollections
package import Tensors

/// What one call of a layer was given: Python's arguments, with signals where the file names tensors.
///
/// Most layers read only the flat list of signals that `lower` takes: those of the positional arguments, from left to right,
/// then those of the keywords. Layers and operations that take constants, optional tensors or containers look here.
package struct CallArguments: Sendable {
    /// One argument.
    package indirect enum Argument: Sendable {
        case signal(Signal)
        case constant(ConfigValue)
        case list([Argument])
        case dictionary(OrderedDictionary<String, Argument>)

        /// All signals, from left to right; those of a dictionary in the order of its keys, as Keras flattens it.
        package var signals: [Signal] {
            switch self {
            case .signal(let signal): [signal]
            case .constant: []
            case .list(let items): items.flatMap(\.signals)
            case .dictionary(let items): items.sorted { $0.key < $1.key }.flatMap(\.value.signals)
            }
        }

        /// The same without the masks that go with its tensors.
        var unmasked: Argument {
            switch self {
            case .signal(let signal): .signal(Signal(signal.value))
            case .constant: self
            case .list(let items): .list(items.map(\.unmasked))
            case .dictionary(let items): .dictionary(items.mapValues(\.unmasked))
            }
        }

        /// What it is, for messages.
        package var kindName: String {
            switch self {
            case .signal: "a tensor"
            case .constant(let value): value.summary
            case .list(let items): "a list of \(items.count)"
            case .dictionary(let items): "a dictionary of \(items.keys.joined(separator: ", "))"
            }
        }

        /// Whether nothing is said: Python's `None`.
        package var isNull: Bool {
            if case .constant(.null) = self { true } else { false }
        }
    }

    package var positional: [Argument]
    package var keywords: OrderedDictionary<String, Argument>

    package init(positional: [Argument] = [], keywords: OrderedDictionary<String, Argument> = [:]) {
        self.positional = positional
        self.keywords = keywords
    }

    /// A call on one tensor, or on a list of several.
    package init(_ signals: [Signal]) {
        self.init(positional: signals.count == 1 ? [.signal(signals[0])] : [.list(signals.map(Argument.signal))])
    }

    /// The same without the masks that go with its tensors.
    var unmasked: CallArguments { CallArguments(positional: positional.map(\.unmasked), keywords: keywords.mapValues(\.unmasked)) }

    package var signals: [Signal] { positional.flatMap(\.signals) + keywords.values.flatMap(\.signals) }

    /// The argument that stands at `position` or is called `keyword`; nil when it is absent or `None`.
    package func argument(_ position: Int, _ keyword: String) -> Argument? {
        let argument = position < positional.count ? positional[position] : keywords[keyword]
        return argument.flatMap { $0.isNull ? nil : $0 }
    }

    /// A tensor by position or keyword; nil when it is absent or `None`. Throws for a constant or a container.
    package func signal(_ position: Int, _ keyword: String) throws(LocatedError) -> Signal? {
        switch argument(position, keyword) {
        case nil: return nil
        case .signal(let signal): return signal
        case .list(let items) where items.count == 1: if case .signal(let signal) = items[0] { return signal }
        default: break
        }
        throw wrong("\(keyword) to be one tensor", argument(position, keyword))
    }

    /// True or false by position or keyword; nil when it is absent or `None`.
    package func flag(_ position: Int, _ keyword: String) throws(LocatedError) -> Bool? {
        guard position < positional.count else { return try flag(keyword) }
        return try CallArguments(keywords: [keyword: positional[position]]).flag(keyword)
    }

    /// True or false by keyword, which layers take as `training` and `use_causal_mask`; nil when it is absent or `None`.
    package func flag(_ keyword: String) throws(LocatedError) -> Bool? {
        switch keywords[keyword] {
        case nil, .constant(.null): return nil
        case .constant(let value):
            if let flag = value.bool { return flag }
            if let number = value.integer { return number != 0 }
        default: break
        }
        throw wrong("\(keyword) to be true or false", keywords[keyword])
    }

    private func wrong(_ expected: String, _ found: Argument?) -> LocatedError {
        LocatedError(.unsupported, "call.argument", "expected \(expected), got \(found?.kindName ?? "nothing")")
    }
}

/// One call of a layer, with what Keras lets every call say taken out of its arguments: `training`, and `mask` for a layer
/// of one input.
struct SettledCall: Sendable {
    /// Keywords that every layer's call takes.
    static let common: Set<String> = ["training", "mask"]

    var arguments: CallArguments
    /// nil: as the model runs.
    var training: Bool?

    init(_ arguments: CallArguments, of body: ModelProgram.Entry.Body, _ context: LoweringContext) throws(LocatedError) {
        self.arguments = arguments
        var own: Set<String>? = []
        if case .layer(let layer) = body { own = layer.callKeywords }
        guard let own else { return }
        if !own.contains("training") {
            training = try arguments.flag("training")
            self.arguments.keywords["training"] = nil
        }
        if !own.contains("mask"), let mask = self.arguments.keywords.removeValue(forKey: "mask") {
            if mask.isNull { return }
            guard self.arguments.positional.count == 1 else {
                throw LocatedError(
                    .unsupported, "call.mask", "expected a mask with one argument, got \(self.arguments.positional.count) arguments")
            }
            self.arguments.positional[0] = try Self.masked(self.arguments.positional[0], by: mask, context)
        }
    }

    /// An argument with masks that a call was told beside it: one for a tensor, several in the same container as the tensors.
    private static func masked(
        _ argument: CallArguments.Argument, by mask: CallArguments.Argument, _ context: LoweringContext
    ) throws(LocatedError) -> CallArguments.Argument {
        switch (argument, mask) {
        case (_, .constant(.null)): return argument
        case (.signal(let input), .signal(let mask)):
            let info = context.info(mask.value)
            guard info.dtype == .bool else {
                throw LocatedError(.unsupported, "call.mask", "expected a mask of type bool, got \(info)")
            }
            return .signal(Signal(input.value, mask: mask.value))
        case (.list(let items), .list(let masks)) where items.count == masks.count:
            var result: [CallArguments.Argument] = []
            for (item, mask) in zip(items, masks) { result.append(try masked(item, by: mask, context)) }
            return .list(result)
        case (.dictionary(let items), .dictionary(let masks)) where items.keys.elementsEqual(masks.keys):
            var result = items
            for (key, item) in items { result[key] = try masked(item, by: masks[key] ?? .constant(.null), context) }
            return .dictionary(result)
        default:
            throw LocatedError(
                .unsupported, "call.mask", "expected masks as the inputs are, \(argument.kindName), got \(mask.kindName)")
        }
    }

    init(_ signals: [Signal] = []) { arguments = CallArguments(signals) }
}
