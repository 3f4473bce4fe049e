package import Graphs
package import Tensors

/// How often each category is in a row: indices (rows, columns) of int32 give float32 (rows, `categories`); a second input
/// (rows, columns) of float32 counts instead of ones. Indices outside count for nothing.
package struct CategoryCounts: Op {
    package var categories: Int
    /// 1 where a category is there at all.
    package var binary: Bool

    package init(_ categories: Int, binary: Bool) {
        self.categories = categories
        self.binary = binary
    }

    package var name: String { "category_counts" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...2)
        try require(name, inputs[0], is: .int32, "indices")
        guard inputs[0].shape.rank == 2 else { throw mismatch(name, expected: "indices of two axes", got: "\(inputs[0].shape)") }
        if inputs.count == 2 {
            try require(name, inputs[1], is: .float32, "weights")
            guard inputs[1].shape.rank == 2, zip(inputs[0].shape.dims, inputs[1].shape.dims).allSatisfy({ $0 == nil || $1 == nil || $0 == $1 }) else {
                throw mismatch(name, expected: "weights of the indices' shape", got: "\(inputs[1].shape)")
            }
        }
        let result = PartialShape([inputs[0].shape[0], categories])
        guard result.concrete == nil || result.count != nil else {
            throw LocatedError(.unsupported, "\(name).size", "\(name) expected an output that can be counted, got \(result)")
        }
        return [ValueInfo(result)]
    }

    package func bound(to site: Site) -> any BoundOp {
        let shape = site.inputs[0].shape
        return BoundCategoryCounts(
            columns: shape[1], categories: categories, binary: binary, isWeighted: site.inputs.count == 2,
            rows: TileCut(shape[0], nanosecondsPerUnit: Double(shape[1]) * 2 + 0.2 * Double(categories) + 5))
    }
}

private struct BoundCategoryCounts: BoundOp {
    let columns: Int
    let categories: Int
    let binary: Bool
    let isWeighted: Bool
    let rows: TileCut

    var cost: Double { Double(rows.extent) * Double(columns + categories) }
    var forwardStages: [Int] { [rows.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let indices = frame.integers(0)
        for row in rows.range(tile) {
            let output = frame.output() + row * categories
            output.update(repeating: 0, count: categories)
            for place in row * columns..<(row + 1) * columns {
                let index = Int(indices[place])
                guard index >= 0 && index < categories else { continue }
                if binary { output[index] = 1 } else { output[index] += isWeighted ? frame.input(1)[place] : 1 }
            }
        }
    }
}

/// The number of the interval that each number is in: the count of boundaries at or below it. float32 gives int32.
package struct Bucketize: Op {
    /// In ascending order.
    package var boundaries: [Float]

    package init(_ boundaries: [Float]) { self.boundaries = boundaries }

    package var name: String { "bucketize" }

    package func outputs(for inputs: [ValueInfo]) throws(LocatedError) -> [ValueInfo] {
        try requireInputs(name, inputs, 1...1)
        try require(name, inputs[0], is: .float32)
        return [ValueInfo(inputs[0].shape, .int32)]
    }

    package func bound(to site: Site) -> any BoundOp {
        BoundBucketize(boundaries: boundaries, elements: TileCut(elements: site.inputs[0].shape.count, nanoseconds: 8))
    }
}

private struct BoundBucketize: BoundOp {
    let boundaries: [Float]
    let elements: TileCut

    var cost: Double { 10 * Double(elements.extent) }
    var forwardStages: [Int] { [elements.count] }
    func forward(_ frame: Frame, stage: Int, tile: Int) {
        let output = frame.outputs[0].assumingMemoryBound(to: Int32.self)
        boundaries.withUnsafeBufferPointer { boundaries in
            for index in elements.range(tile) {
                let x = frame.input(0)[index]
                var (low, high) = (0, boundaries.count)
                while low < high {
                    let middle = (low + high) / 2
                    if x < boundaries[middle] { high = middle } else { low = middle + 1 }
                }
                output[index] = Int32(truncatingIfNeeded: low)
            }
        }
    }
}
