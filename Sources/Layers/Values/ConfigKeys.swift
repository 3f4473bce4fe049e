internal import KerasSpec
internal import Tensors

extension ConfigObject {
    /// Keras 3 writes an activity regularizer with the keys that all layers have, and leaves it out there when there is none.
    mutating func setActivityRegularizer(_ regularizer: Regularizer?) {
        if let regularizer { self["activity_regularizer"] = regularizer.config }
    }
}

extension ConfigReader {
    /// A list of extents of at least 1, nil where an extent is null; nil for null or an absent key.
    mutating func optionalExtents(_ key: String) throws(LocatedError) -> [Int?]? {
        guard let value = value(key), !value.isNull else { return nil }
        guard let items = value.array else { throw wrong(key, "a list of extents or null", value) }
        var extents: [Int?] = []
        for item in items {
            switch item {
            case .null: extents.append(nil)
            case .integer(let extent) where extent >= 1 && extent < 1 << 40: extents.append(extent)
            default: throw wrong(key, "extents of at least 1 or null", item)
            }
        }
        return extents
    }
}
