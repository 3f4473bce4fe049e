import ArgumentParser

/// `32,32,3`
struct IntegerList: ExpressibleByArgument {
    var values: [Int]

    init?(argument: String) {
        let parts = argument.split(separator: ",", omittingEmptySubsequences: false).map { Int($0) }
        guard !parts.isEmpty, parts.allSatisfy({ $0 != nil && $0! >= 0 }) else { return nil }
        values = parts.compactMap(\.self)
    }
}

/// `0.5`, `1/255`
struct Fraction: ExpressibleByArgument {
    var value: Double

    init?(argument: String) {
        let parts = argument.split(separator: "/", omittingEmptySubsequences: false).map { Double($0) }
        guard let first = parts.first ?? nil else { return nil }
        switch parts.count {
        case 1: value = first
        case 2:
            guard let second = parts[1], second != 0 else { return nil }
            value = first / second
        default: return nil
        }
    }
}
