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

/// `0=1,1=5.5`: what samples of each class count for.
struct ClassWeights: ExpressibleByArgument {
    var values: [Int: Double] = [:]

    init?(argument: String) {
        for part in argument.split(separator: ",", omittingEmptySubsequences: false) {
            let sides = part.split(separator: "=", omittingEmptySubsequences: false)
            guard sides.count == 2, let label = Int(sides[0]), let weight = Double(sides[1]), weight >= 0, weight.isFinite,
                values.updateValue(weight, forKey: label) == nil
            else { return nil }
        }
    }
}
