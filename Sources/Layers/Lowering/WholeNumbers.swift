internal import Graphs
internal import KerasSpec
internal import Kernels
internal import Ops
internal import Tensors

#if canImport(Glibc)
    internal import Glibc
#elseif canImport(Musl)
    internal import Musl
#elseif canImport(Darwin)
    internal import Darwin
#endif

/// What Keras's type of whole numbers is, all of which are int32 in the graph, and how large they may get.
///
/// Of 64 bits, sums and products that 32 can't hold must not come out wrong. How large each result can get is followed as a
/// function of the largest magnitude in the model's inputs; before a run, inputs above what every result has room for are
/// refused, and at once what never has room. Numbers made of computed floats are taken to fit.
/// Of 8 and 16 bits, what overflows begins again at the other end, as in Keras.
struct WholeNumbers: Sendable {
    var dtype: DType
    /// The largest magnitude where the inputs have none above the argument; nil where nobody knows.
    var reach: Reach?
    /// The inputs of the graph that they are computed from.
    var inputs: Set<Int> = []

    typealias Reach = @Sendable (Double) -> Double

    var isNarrow: Bool { Self.bits[dtype] != nil }
    var isWide: Bool { [.int64, .uint32, .uint64].contains(dtype) }

    static let bits: [DType: (count: Int, isSigned: Bool)] = [
        .uint8: (8, false), .int8: (8, true), .uint16: (16, false), .int16: (16, true),
    ]

    /// What a result of two or more has. Python's numbers have no type of their own and aren't among them.
    static func joined(_ types: [DType]) -> DType? {
        let own = Set(types).subtracting([.bool])
        if own.count <= 1 { return own.first }
        if !own.isDisjoint(with: [.int64, .uint32, .uint64]) { return .int64 }
        return own.isSubset(of: [.uint8, .int8, .int16]) ? .int16 : .int32
    }
}

extension LoweringContext {
    /// A result that must have room in 32 bits, and the inputs of the graph that decide.
    struct Demand: Sendable {
        var reach: WholeNumbers.Reach
        var inputs: Set<Int>
        var label: String
    }

    private static let room = 2_147_483_647.0

    /// Follows Keras's types of whole numbers through a call of a layer: what it gives, brought back to a narrow type's range.
    func following(_ outputs: [Signal], of layer: any BuiltInLayer, _ arguments: CallArguments) throws(LocatedError) -> [Signal] {
        if let input = layer as? InputLayer {
            guard let signal = outputs.first, wholeNumbers[signal.value] == nil, case .input(let index) = builder.graph.origin(signal.value)
            else { return outputs }
            switch input.common.dtype {
            case "int64", "int32":
                wholeNumbers[signal.value] = WholeNumbers(
                    dtype: input.common.dtype == "int64" ? .int64 : .int32, reach: { $0 }, inputs: [index])
            case "uint8": wholeNumbers[signal.value] = WholeNumbers(dtype: .uint8, reach: { _ in 255 })
            default: break
            }
            return outputs
        }
        guard outputs.contains(where: { dtype($0.value) == .int32 }) else { return outputs }
        if let limit = categories(layer) {
            let most = Double(limit ?? 0)
            var reach: WholeNumbers.Reach?
            if limit != nil { reach = { (_: Double) -> Double in most } }
            for output in outputs where dtype(output.value) == .int32 {
                wholeNumbers[output.value] = WholeNumbers(dtype: .int64, reach: reach)
            }
            return outputs
        }
        let operation = layer as? OperationLayer
        let operands = Operands(arguments, self)
        let target = operation.flatMap { ["Cast", "Array", "ConvertToTensor"].contains($0.function) ? $0.type(arguments) : nil }
        guard target != nil || !operands.known.isEmpty else { return outputs }
        let name = operation?.function ?? type(of: layer).className
        guard let type = target ?? WholeNumbers.joined(operands.types), type != .float32, type != .bool else { return outputs }
        var results: [Signal] = []
        for output in outputs {
            // What is handed on as it is.
            guard dtype(output.value) == .int32, target != nil || wholeNumbers[output.value] == nil else {
                results.append(output)
                continue
            }
            results.append(try followed(output, name, type, operands, isCast: target != nil))
        }
        return results
    }

    private func followed(
        _ output: Signal, _ name: String, _ type: DType, _ operands: Operands, isCast: Bool
    ) throws(LocatedError) -> Signal {
        var numbers = WholeNumbers(dtype: type, reach: nil, inputs: operands.inputs)
        let counts = operands.counts, result = shape(output.value).count ?? 1
        let taken = max(1, Double(counts.max() ?? 1)), each = max(1, (taken / Double(max(result, 1))).rounded(.up))
        let exponent = operands.constants.max()
        var grows = true
        switch name {
        case "Add", "Subtract": numbers.reach = operands.reach { $0.reduce(0, +) }
        case "Multiply": numbers.reach = operands.reach { $0.reduce(1, *) }
        case "Matmul", "Dot", "Einsum", "Tensordot", "Inner", "Vdot", "Outer", "Kron", "Cross":
            numbers.reach = operands.reach { $0.reduce(taken, *) }
        case "Square": numbers.reach = operands.reach { $0.reduce(1) { $0 * $1 * $1 } }
        case "Power":
            guard let exponent else { break }
            numbers.reach = operands.reach(constants: false) { pow($0.max() ?? 0, exponent) }
        case "LeftShift", "BitwiseLeftShift":
            guard let exponent else { break }
            numbers.reach = operands.reach(constants: false) { ($0.max() ?? 0) * pow(2, exponent) }
        case "Negative", "Absolute", "BitwiseInvert", "BitwiseNot": numbers.reach = operands.reach { ($0.max() ?? 0) + 1 }
        case "Cumsum": numbers.reach = operands.reach { ($0.max() ?? 0) * taken }
        case "Cumprod": numbers.reach = operands.reach { pow(max($0.max() ?? 0, 1), taken) }
        case "Sum", "Trace", "Prod":
            // Of narrow types, the result has 32 bits.
            if numbers.isNarrow { return output }
            numbers.reach = operands.reach { name == "Prod" ? pow(max($0.max() ?? 0, 1), each) : ($0.max() ?? 0) * each }
        default:
            grows = false
            guard isCast || Self.moving.contains(name) else { return output }
            numbers.reach = operands.reach(constants: !Self.indexed.contains(name)) { $0.max() ?? 0 }
        }
        var value = output
        // A value has one type: a cast that changes nothing here does so there.
        if isCast, let known = wholeNumbers[output.value] {
            if known.dtype == type { return output }
            value = Signal(try apply(StopGradient(), output.value), mask: output.mask)
        }
        if let bits = WholeNumbers.bits[type] {
            if grows || isCast { value = Signal(try wrapped(value.value, bits.count, isSigned: bits.isSigned), mask: output.mask) }
            numbers.reach = { _ in Double((1 << bits.count) - 1) }
            numbers.inputs = []
        } else if grows, numbers.isWide, let reach = numbers.reach {
            guard reach(0) <= Self.room else {
                throw LocatedError(
                    .unsupported, "integers.size", "expected whole numbers of 64 bits that fit 32, got results up to \(reach(0))", at: [label])
            }
            demands.append(Demand(reach: reach, inputs: numbers.inputs, label: label))
        } else if grows, numbers.dtype == .int32 {
            // It may have begun again at the other end.
            if let reach = numbers.reach { numbers.reach = { min(reach($0), Self.room) } }
        }
        wholeNumbers[value.value] = numbers
        return value
    }

    /// In a type of so many bits.
    private func wrapped(_ x: Value, _ bits: Int, isSigned: Bool) throws(LocatedError) -> Value {
        let mask = scalar(Int32((1 << bits) - 1)), half = scalar(Int32(1 << (bits - 1)))
        guard isSigned else { return try apply(IntegerBinary(.and), x, mask) }
        let shifted = try apply(IntegerBinary(.and), try apply(IntegerBinary(.add), x, half), mask)
        return try apply(IntegerBinary(.subtract), shifted, half)
    }

    /// How many numbers a layer that gives indices of 64 bits has; nil for other layers, nil within for any number.
    private func categories(_ layer: any BuiltInLayer) -> Int?? {
        switch layer {
        case let layer as Hashing: .some(layer.numBins)
        case let layer as HashedCrossing: .some(layer.numBins)
        case let layer as StringLookup: .some(layer.lookup.size)
        case let layer as IntegerLookup: .some(layer.lookup.invert ? nil : layer.lookup.size)
        case let layer as TextVectorization: .some(layer.lookup.size)
        default: .none
        }
    }

    /// Refuses inputs that results of 64 bits have no room for.
    func settleDemands() {
        let most = Int(Self.room)
        guard demands.contains(where: { $0.reach(Self.room) > Self.room }) else { return }
        var (low, high) = (0, most)
        while low < high {
            let middle = low + (high - low + 1) / 2
            if demands.allSatisfy({ $0.reach(Double(middle)) <= Self.room }) { low = middle } else { high = middle - 1 }
        }
        for input in Set(demands.flatMap(\.inputs)).sorted() {
            let first = demands.first { $0.inputs.contains(input) }
            addMagnitudeCheck(input, low, first?.label ?? "")
        }
    }

    /// Layers and functions that give what they are given, or part of it.
    private static let moving: Set<String> = [
        "Reshape", "Flatten", "Permute", "RepeatVector", "Concatenate", "Identity", "Dropout", "Activation", "Masking", "Cropping1D",
        "Cropping2D", "Cropping3D", "ZeroPadding1D", "ZeroPadding2D", "ZeroPadding3D", "UpSampling1D", "UpSampling2D", "UpSampling3D",
        "ExpandDims", "Squeeze", "Ravel", "Transpose", "Swapaxes", "Moveaxis", "BroadcastTo", "Stack", "Hstack", "Vstack", "Dstack",
        "Append", "Split", "ArraySplit", "Hsplit", "Vsplit", "Dsplit", "GetItem", "Flip", "Fliplr", "Flipud", "Rot90", "Roll", "Tile",
        "Repeat", "Pad", "Take", "TakeAlongAxis", "Slice", "SliceUpdate", "Unstack", "Copy", "Array", "ConvertToTensor", "StopGradient",
        "Where", "Select", "Clip", "Maximum", "Minimum", "Max", "Min", "Amax", "Amin", "Sort", "Mod", "FloorDivide", "Rearrange", "Diag",
        "Diagonal", "Tril", "Triu", "BitwiseAnd", "RightShift", "BitwiseRightShift", "Meshgrid",
    ]
    /// Those whose constants are places.
    private static let indexed: Set<String> = ["Take", "TakeAlongAxis", "GetItem", "Repeat", "Tile"]
}

/// The numbers that a call is given.
private struct Operands {
    /// Of tensors that are whole numbers or masks.
    private(set) var types: [DType] = []
    private(set) var known: [WholeNumbers] = []
    private(set) var counts: [Int] = []
    /// Magnitudes.
    private(set) var constants: [Double] = []
    private var isKnown = true

    init(_ arguments: CallArguments, _ context: LoweringContext) {
        for argument in arguments.positional + arguments.keywords.values { add(argument, context) }
    }

    private mutating func add(_ argument: CallArguments.Argument, _ context: LoweringContext) {
        switch argument {
        case .signal(let signal):
            counts.append(context.shape(signal.value).count ?? 1)
            if let numbers = context.wholeNumbers[signal.value] {
                known.append(numbers)
                types.append(numbers.dtype)
                if numbers.reach == nil { isKnown = false }
            } else {
                let type = context.dtype(signal.value)
                types.append(type)
                if type == .int32 { isKnown = false }
            }
        case .list(let items): for item in items { add(item, context) }
        case .dictionary(let items): for item in items.values { add(item, context) }
        case .constant(let value): add(value)
        }
    }

    private mutating func add(_ value: ConfigValue) {
        if case .object(let object) = value, let name = object["config"]?.object?["dtype"]?.string, let type = DType(rawValue: name) {
            types.append(type)
        }
        add(numbers: OperationCall.plain(value))
    }

    private mutating func add(numbers value: ConfigValue) {
        switch value {
        case .array(let items): for item in items { add(numbers: item) }
        default: if let number = value.number { constants.append(abs(number)) }
        }
    }

    var inputs: Set<Int> { known.reduce(into: []) { $0.formUnion($1.inputs) } }

    /// How large a result gets whose rule, told how large each operand is, this is; nil where one isn't known.
    func reach(constants counted: Bool = true, _ rule: @escaping @Sendable ([Double]) -> Double) -> WholeNumbers.Reach? {
        guard isKnown else { return nil }
        let reaches = known.compactMap(\.reach), fixed = counted ? constants.max().map { [$0] } ?? [] : []
        return { inputs in rule(reaches.map { $0(inputs) } + fixed) }
    }
}
