internal import Graphs
internal import KerasSpec
internal import Ops
internal import Tensors

/// Places before and behind each spatial axis, as the layers that pad and crop write them: `[[1, 1], [0, 2]]`, over one axis
/// `[1, 1]`.
struct SpatialMargins: Hashable, Sendable {
    var before: [Int]
    var after: [Int]

    init(_ pairs: [(Int, Int)]) {
        before = pairs.map(\.0)
        after = pairs.map(\.1)
    }

    /// - Parameter rank: the number of spatial axes. A single number stands for all margins; over several axes, a number stands
    ///   for both margins of its axis.
    init(
        _ config: inout ConfigReader, _ key: String, rank: Int, default fallback: Int
    ) throws(LocatedError) {
        let value = config.value(key) ?? .integer(fallback)
        let expected = rank == 1 ? "a number or a pair of numbers of 0 or above" : "\(rank) pairs of numbers of 0 or above"
        func margin(_ value: ConfigValue) -> Int? {
            guard case .integer(let number) = value, (0...1 << 31).contains(number) else { return nil }
            return number
        }
        func pair(_ item: ConfigValue) -> (Int, Int)? {
            if let both = margin(item) { return (both, both) }
            guard let items = item.array, items.count == 2, let first = margin(items[0]), let second = margin(items[1]) else {
                return nil
            }
            return (first, second)
        }
        var pairs: [(Int, Int)] = []
        if let all = margin(value) {
            pairs = [(Int, Int)](repeating: (all, all), count: rank)
        } else if rank == 1 {
            pairs = pair(value).map { [$0] } ?? []
        } else {
            pairs = value.array?.compactMap(pair) ?? []
            if value.array?.count != pairs.count { pairs = [] }
        }
        guard pairs.count == rank else { throw config.wrong(key, expected, value) }
        self.init(pairs)
    }

    var config: ConfigValue {
        let pairs = zip(before, after).map { ConfigValue.integers([$0, $1]) }
        return pairs.count == 1 ? pairs[0] : .array(pairs)
    }

    var pairs: [(Int, Int)] { Array(zip(before, after)) }

    /// Adds the margins, or takes them off.
    func apply(
        to input: Value, _ format: DataFormat, cropping: Bool, _ context: LoweringContext
    ) throws(LocatedError) -> Value {
        let info = try [context.info(input)].single(rank: before.count + 2)
        let sign = cropping ? -1 : 1
        let first = format == .channelsLast ? 1 : 2
        if cropping {
            for axis in before.indices {
                guard let extent = info.shape[first + axis], extent <= before[axis] + after[axis] else { continue }
                throw LocatedError(
                    .mismatch, "layer.inputShape",
                    "expected more than \(before[axis] + after[axis]) places on axis \(first + axis), got the shape \(info.shape)",
                    at: [context.label])
            }
        }
        func whole(_ margins: [Int]) -> [Int] {
            let outer = [Int](repeating: 0, count: first)
            return outer + margins.map { $0 * sign } + (format == .channelsLast ? [0] : [])
        }
        return try context.apply(Pad(before: whole(before), after: whole(after)), input)
    }
}
