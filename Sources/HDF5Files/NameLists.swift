/// How Keras splits a list of names that doesn't fit an object header: NumPy's `array_split` into the least number of
/// parts that fit, written as `name0`, `name1`…
///
/// Source: `save_attributes_to_hdf5_group` in keras/engine/saving.py (2.3.1) and keras/src/legacy/saving/legacy_h5_format.py.
enum NameLists {
    /// Keras's `HDF5_OBJECT_HEADER_LIMIT`: bytes of one attribute.
    static let limit = 64512

    /// Bytes of one name in NumPy's array of all names, which is what is measured and cut: the longest name's.
    static func width(of names: [String]) -> Int { max(names.map(\.utf8.count).max() ?? 0, 1) }

    /// Ranges of the parts in order, one when the list fits; nil when a single name is beyond the limit.
    static func parts(_ names: [String]) -> [Range<Int>]? {
        let width = width(of: names)
        guard width <= limit else { return nil }
        let perPart = limit / width
        // The first parts are the largest ones, so they decide.
        var count = 1
        while (names.count + count - 1) / count > perPart { count += 1 }
        let (size, larger) = names.count.quotientAndRemainder(dividingBy: count)
        var start = 0
        return (0..<count).map { index in
            let end = start + size + (index < larger ? 1 : 0)
            defer { start = end }
            return start..<end
        }
    }

    /// Whether the list fits one attribute as references to the heap, 16 bytes each.
    static func fitsReferences(_ names: [String]) -> Bool { names.count <= limit / 16 }
}
