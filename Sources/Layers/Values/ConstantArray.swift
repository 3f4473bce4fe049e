internal import KerasSpec
internal import Tensors

/// Numbers that stand in a configuration: one, a list of lists, or Keras 3's `__numpy__` object. Kept as they stand.
struct ConstantArray: Sendable {
    let config: ConfigValue
    let tensor: Tensor

    /// Nil for what is no array of numbers: rows of different lengths, other words.
    init?(_ value: ConfigValue) {
        config = value
        var value = value
        if let object = value.object {
            guard object["class_name"] == "__numpy__", let inner = object["config"]?.object?["value"] else { return nil }
            value = inner
        }
        var extents: [Int] = []
        var first = value
        while let items = first.array {
            extents.append(items.count)
            guard let next = items.first else { break }
            first = next
        }
        var numbers: [Float] = []
        guard Self.collect(value, extents[...], &numbers) else { return nil }
        tensor = Tensor(numbers, shape: Shape(extents))
    }

    init(_ number: Double) {
        config = Int(exactly: number).map(ConfigValue.integer) ?? .float(number)
        tensor = Tensor([Float(number)], shape: [])
    }

    init(_ numbers: [Double]) {
        config = .array(numbers.map(ConfigValue.float))
        tensor = Tensor(numbers.map { Float($0) }, shape: [numbers.count])
    }

    private static func collect(_ value: ConfigValue, _ extents: ArraySlice<Int>, _ numbers: inout [Float]) -> Bool {
        guard let extent = extents.first else {
            guard let number = value.number else { return false }
            numbers.append(Float(number))
            return true
        }
        guard let items = value.array, items.count == extent else { return false }
        return items.allSatisfy { collect($0, extents.dropFirst(), &numbers) }
    }
}

extension ConfigReader {
    /// An array of numbers; nil for null or an absent key.
    mutating func constantArray(_ key: String) throws(LocatedError) -> ConstantArray? {
        guard let value = value(key), !value.isNull else { return nil }
        guard let array = ConstantArray(value) else { throw wrong(key, "a number or lists of numbers", value) }
        return array
    }
}
