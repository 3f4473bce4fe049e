/// The extents of a dense array, outermost first, such as `(128, 32, 32, 3)`.
public struct Shape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The extents, outermost first.
    public var dims: [Int]

    /// A shape of these extents, none of which is negative.
    public init(_ dims: [Int]) { self.dims = dims }
    /// `[128, 32, 32, 3]`
    public init(arrayLiteral dims: Int...) { self.dims = dims }

    /// The number of axes; 0 for a scalar.
    public var rank: Int { dims.count }

    /// The number of elements; 1 for a scalar. Traps on overflow: extents that come from a file are checked with
    /// `checkedCount` first.
    public var count: Int { dims.reduce(1, *) }

    /// The number of elements, or nil when an extent is negative or the product of those above 0 leaves `Int`: as in NumPy, an
    /// array without elements must have strides too.
    public var checkedCount: Int? {
        var product = 1
        for dim in dims {
            guard dim >= 0 else { return nil }
            let (next, overflow) = product.multipliedReportingOverflow(by: max(dim, 1))
            if overflow { return nil }
            product = next
        }
        return dims.contains(0) ? 0 : product
    }

    /// Row-major strides in elements.
    public var strides: [Int] {
        var strides = [Int](repeating: 1, count: dims.count)
        for axis in dims.indices.dropLast().reversed() { strides[axis] = strides[axis + 1] * dims[axis + 1] }
        return strides
    }

    /// The extent of an axis, counted from 0.
    public subscript(axis: Int) -> Int {
        get { dims[axis] }
        set { dims[axis] = newValue }
    }

    /// As Python prints a tuple: `()`, `(3,)`, `(2, 3)`.
    public var description: String { pythonTuple(dims.map(String.init)) }
}

/// A shape some of whose extents are not known yet: `(None, 32, 32, 3)`.
public struct PartialShape: Hashable, Sendable, ExpressibleByArrayLiteral, CustomStringConvertible {
    /// The extents, outermost first; nil where one isn't known.
    public var dims: [Int?]

    /// A shape of these extents.
    public init(_ dims: [Int?]) { self.dims = dims }
    /// A shape all of whose extents are known.
    public init(_ shape: Shape) { self.dims = shape.dims }
    /// `[nil, 32, 32, 3]`
    public init(arrayLiteral dims: Int?...) { self.dims = dims }

    /// The number of axes.
    public var rank: Int { dims.count }

    /// The shape when every extent is known, else nil.
    public var concrete: Shape? {
        let known = dims.compactMap(\.self)
        return known.count == dims.count ? Shape(known) : nil
    }

    /// The number of elements, nil when an extent is unknown or the product leaves `Int`.
    public var count: Int? { concrete?.checkedCount }

    /// The extent of an axis, counted from 0; nil when it isn't known.
    public subscript(axis: Int) -> Int? {
        get { dims[axis] }
        set { dims[axis] = newValue }
    }

    /// Whether a concrete shape fits: same rank, and equal wherever an extent is known.
    public func admits(_ shape: Shape) -> Bool {
        rank == shape.rank && zip(dims, shape.dims).allSatisfy { $0 == nil || $0 == $1 }
    }

    /// As Keras prints it: `(None, 32, 32, 3)`.
    public var description: String { pythonTuple(dims.map { $0.map(String.init) ?? "None" }) }
}

private func pythonTuple(_ items: [String]) -> String {
    items.count == 1 ? "(\(items[0]),)" : "(\(items.joined(separator: ", ")))"
}
